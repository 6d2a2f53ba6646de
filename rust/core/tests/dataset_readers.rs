//! Readers beside a writer: handles that were opened before a publish, or in the middle of one.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::time::Duration;

use lakebed_core::Kind;
use lakebed_core::dataset::{
    Column, ColumnInput, Dataset, OpenOptions, ReadMode, Samples, Settle, TensorSpec,
};
use lakebed_core::engine::NeverInterrupted;
use lakebed_core::storage::Store;

fn create(folder: &Path) -> Dataset {
    let store = Store::local(folder);
    let dataset = Dataset::create(store, &OpenOptions::default(), &NeverInterrupted).unwrap();
    let spec = TensorSpec {
        htype: Some("generic".to_owned()),
        dtype: Some("uint8".to_owned()),
        verify: true,
        id_companion: true,
        ..TensorSpec::default()
    };
    dataset.create_tensor("x", &spec, &NeverInterrupted).unwrap();
    dataset
}

fn append(dataset: &Dataset, data: &[u8]) {
    let samples = Samples::Dense { shape: vec![data.len() as u64], data };
    let column = ColumnInput { samples, settle: Settle::default(), info: None };
    dataset.extend(vec![("x".to_owned(), column)], &NeverInterrupted).unwrap();
    dataset.flush(&NeverInterrupted).unwrap();
}

fn open(folder: &Path) -> lakebed_core::Result<Dataset> {
    let options = OpenOptions { read_only: Some(true), ..OpenOptions::default() };
    Dataset::open(Store::local(folder), &options, &NeverInterrupted)
}

fn read(dataset: &Dataset) -> lakebed_core::Result<Vec<u8>> {
    let index: Vec<u64> = (0..dataset.num_samples("x")?).collect();
    match dataset.read("x", &index, ReadMode::Stack, &NeverInterrupted)? {
        Column::Stack { data, .. } => Ok(data.to_vec()),
        other => panic!("not a stack: {other:?}"),
    }
}

/// Copies what is below `from` and has `part` in its path.
fn copy(from: &Path, to: &Path, part: &str) {
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, target) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            copy(&path, &target, part);
        } else if path.to_str().unwrap().contains(part) {
            std::fs::create_dir_all(to).unwrap();
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn an_open_reader_survives_the_replacement_of_its_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let writer = create(folder.path());
    append(&writer, &[1, 2, 3]);
    let reader = open(folder.path()).unwrap();
    append(&writer, &[4]);
    assert_eq!(read(&reader).unwrap(), [1, 2, 3]);
    assert_eq!(read(&open(folder.path()).unwrap()).unwrap(), [1, 2, 3, 4]);
}

#[test]
fn opening_in_the_middle_of_a_publish_waits_for_its_end() {
    let (source, reader) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let writer = create(source.path());
    append(&writer, &[1, 2, 3]);
    copy(source.path(), reader.path(), "");
    append(&writer, &[4]);
    copy(source.path(), reader.path(), "chunks");
    let opened = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(200));
            copy(source.path(), reader.path(), "tensor_meta");
        });
        open(reader.path())
    });
    assert_eq!(read(&opened.unwrap()).unwrap(), [1, 2, 3, 4]);
}

#[test]
fn lengths_that_stay_apart_are_damage() {
    let (source, reader) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let writer = create(source.path());
    append(&writer, &[1, 2, 3]);
    copy(source.path(), reader.path(), "");
    append(&writer, &[4]);
    copy(source.path(), reader.path(), "chunks_index");
    assert_eq!(open(reader.path()).unwrap_err().kind(), Kind::Corrupt);
}
