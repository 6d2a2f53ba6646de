//! Datasets that name what is not theirs, and batches that 32-bit tables cannot count.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use bytes::Bytes;
use lakebed_core::dataset::{
    Column, ColumnInput, Dataset, OpenOptions, ReadMode, SampleInput, Samples, Settle, TensorSpec,
};
use lakebed_core::engine::{Engine, NeverInterrupted};
use lakebed_core::format::limits::MAX_CHUNK_SAMPLES;
use lakebed_core::format::{ChunkBuilder, ChunkHeader, DatasetMeta, Reason};
use lakebed_core::storage::Store;
use lakebed_core::{Kind, Result};

fn wait<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    Engine::current()?.block_on(future, &NeverInterrupted)
}

fn spec() -> TensorSpec {
    TensorSpec { dtype: Some("uint8".into()), verify: true, ..TensorSpec::default() }
}

fn extend(dataset: &Dataset, name: &str, samples: Samples<'_>) -> Result<()> {
    let column = ColumnInput { samples, settle: Settle::default(), info: None };
    dataset.extend(vec![(name.to_owned(), column)], &NeverInterrupted)
}

fn write() -> OpenOptions {
    OpenOptions { read_only: Some(false), ..OpenOptions::default() }
}

/// Runs a test on a dataset with the tensor `x`, in memory and in a folder beside `other`.
fn on_both_stores(name: &str, test: impl Fn(&Store)) {
    let folder = tempfile::tempdir().unwrap();
    for store in [Store::memory(name), Store::local(&folder.path().join("ds"))] {
        let dataset = Dataset::create(store.clone(), &write(), &NeverInterrupted).unwrap();
        dataset.create_tensor("x", &spec(), &NeverInterrupted).unwrap();
        extend(&dataset, "x", Samples::Dense { shape: vec![2, 1], data: &[1, 2] }).unwrap();
        dataset.close(&NeverInterrupted).unwrap();
        test(&store);
    }
}

fn name_tensor(store: &Store, name: &str, key: &str) {
    let file = "dataset_meta.json";
    let mut meta = DatasetMeta::parse(&wait(store.get(file)).unwrap()).unwrap();
    meta.tensors.push(key.to_owned());
    meta.tensor_names.insert(name.to_owned(), key.to_owned());
    wait(store.put(file, Bytes::from(meta.to_bytes()))).unwrap();
}

#[test]
fn keys_that_climb_are_refused_when_they_are_touched() {
    on_both_stores("climbing", |store| {
        for (name, key) in [("up", "../other/x"), ("root", "/etc/x"), ("odd", "a/./x"), ("e", "")] {
            name_tensor(store, name, key);
        }
        let dataset = Dataset::open(store.clone(), &write(), &NeverInterrupted).unwrap();
        for (name, key) in [("up", "../other/x"), ("root", "/etc/x"), ("odd", "a/./x"), ("e", "")] {
            let read = dataset.read(name, &[0], ReadMode::Stack, &NeverInterrupted).unwrap_err();
            let write = extend(&dataset, name, Samples::Each(vec![SampleInput::None]));
            for error in [read, write.unwrap_err(), dataset.num_samples(name).unwrap_err()] {
                assert_eq!(error.kind(), Kind::Corrupt, "{error}");
                assert_eq!(error.context().tensor.as_deref(), Some(key));
            }
        }
        // The others are read and written, and what is not ours to judge stays in the meta.
        extend(&dataset, "x", Samples::Dense { shape: vec![1, 1], data: &[3] }).unwrap();
        dataset.create_tensor("y", &spec(), &NeverInterrupted).unwrap();
        dataset.close(&NeverInterrupted).unwrap();
        let dataset = Dataset::open(store.clone(), &write(), &NeverInterrupted).unwrap();
        let read = dataset.read("x", &[0, 1, 2], ReadMode::Stack, &NeverInterrupted).unwrap();
        let Column::Stack { data, .. } = read else { panic!("{read:?}") };
        assert_eq!(*data, [1, 2, 3]);
        assert_eq!(dataset.tensor_names(true).len(), 6);
        dataset.close(&NeverInterrupted).unwrap();
    });
}

/// Names that the reference takes and we do not: they lie inside, so they are read.
#[test]
fn odd_names_inside_of_the_root_are_read() {
    on_both_stores("odd names", |store| {
        let files = wait(store.list("x")).unwrap();
        for name in ["a:b", "a,b", "a\nb", "versions", "a\\b", "..."] {
            name_tensor(store, name, name);
            for file in &files {
                let to = format!("{name}{}", file.key.strip_prefix('x').unwrap());
                wait(store.put(&to, wait(store.get(&file.key)).unwrap())).unwrap();
            }
        }
        let dataset = Dataset::open(store.clone(), &write(), &NeverInterrupted).unwrap();
        for name in ["a:b", "a,b", "a\nb", "versions", "a\\b", "..."] {
            extend(&dataset, name, Samples::Dense { shape: vec![1, 1], data: &[9] }).unwrap();
            let read = dataset.read(name, &[0, 2], ReadMode::Stack, &NeverInterrupted).unwrap();
            let Column::Stack { data, .. } = read else { panic!("{read:?}") };
            assert_eq!(*data, [1, 9], "{name:?}");
        }
        dataset.close(&NeverInterrupted).unwrap();
    });
}

#[test]
fn a_chunk_is_full_before_its_tables_overflow() {
    let mut chunk = ChunkBuilder::new();
    chunk.push_run(&[0], MAX_CHUNK_SAMPLES - 1, &[]).unwrap();
    assert_eq!((chunk.room_samples(), chunk.is_full()), (1, false));
    assert_eq!(chunk.push_run(&[0], 2, &[]).unwrap_err().reason, Reason::Limit);
    chunk.push(&[0], &[]).unwrap();
    assert!(chunk.is_full());
    let before = chunk.clone();
    assert_eq!(chunk.push(&[0], &[]).unwrap_err().reason, Reason::Limit);
    assert_eq!(chunk.push_none(None).unwrap_err().reason, Reason::Limit);
    assert_eq!(chunk, before);
    let header = ChunkHeader::parse(&chunk.to_bytes(&[])).unwrap();
    assert_eq!(header.num_samples(), MAX_CHUNK_SAMPLES);
}

/// More samples than a chunk can count go into the next one; samples without bytes take no memory.
#[test]
fn a_chunk_whose_tables_are_full_is_followed_by_another() {
    let store = Store::memory("full");
    let dataset = Dataset::create(store.clone(), &write(), &NeverInterrupted).unwrap();
    dataset.create_tensor("x", &spec(), &NeverInterrupted).unwrap();
    let most = u64::from(u32::MAX);
    for count in [most - 1, 4] {
        extend(&dataset, "x", Samples::Dense { shape: vec![count, 0], data: &[] }).unwrap();
    }
    assert_eq!(dataset.num_samples("x").unwrap(), most + 3);
    dataset.close(&NeverInterrupted).unwrap();
    let dataset = Dataset::open(store.clone(), &write(), &NeverInterrupted).unwrap();
    extend(&dataset, "x", Samples::Dense { shape: vec![1, 0], data: &[] }).unwrap();
    let shapes = dataset.shapes("x", &[0, most - 1, most, most + 3], &NeverInterrupted).unwrap();
    assert_eq!(shapes, [[0], [0], [0], [0]]);
    dataset.close(&NeverInterrupted).unwrap();
    assert_eq!(wait(store.list("x/chunks")).unwrap().len(), 2);
}

/// The user's own limit does not lift the format's: refused before anything is changed.
#[test]
fn samples_that_a_chunk_cannot_hold_are_refused_whatever_the_limit() {
    let mut options = write();
    options.limits.max_sample_bytes = u64::MAX;
    let store = Store::memory("large");
    let dataset = Dataset::create(store, &options, &NeverInterrupted).unwrap();
    dataset.create_tensor("x", &spec(), &NeverInterrupted).unwrap();
    // Pages of zeros that nobody touches cost nothing.
    let data = vec![0; (1 << 32) + (1 << 16)];
    let shape = vec![1, 1 << 16, (1 << 16) + 1];
    for samples in [
        Samples::Dense { shape, data: &data },
        Samples::Each(vec![SampleInput::Array {
            shape: vec![1 << 16, 1 << 16],
            data: &data[1 << 16..],
        }]),
    ] {
        let error = extend(&dataset, "x", samples).unwrap_err();
        assert_eq!(error.kind(), Kind::LimitExceeded, "{error}");
        assert!(error.message().contains("over the 4294967295 that a chunk"), "{error}");
    }
    let axis = vec![1, 1 << 32, 0, 1];
    let error = extend(&dataset, "x", Samples::Dense { shape: axis, data: &[] }).unwrap_err();
    assert_eq!(error.kind(), Kind::LimitExceeded, "{error}");
    extend(&dataset, "x", Samples::Dense { shape: vec![1, 1, 1], data: &[7] }).unwrap();
    dataset.close(&NeverInterrupted).unwrap();
}
