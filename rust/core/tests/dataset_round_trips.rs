//! Random histories of appends, flushes and reopenings against a plain list of samples.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::path::Path;

use lakebed_core::dataset::{
    Column, ColumnInput, Dataset, OpenOptions, ReadMode, SampleInput, Samples, Settle, TensorSpec,
};
use lakebed_core::engine::NeverInterrupted;
use lakebed_core::storage::Store;
use lakebed_core::{Dtype, Kind};
use proptest::prelude::*;

/// A sample of the model: `None`, or rows, columns and the first of its counted-up elements.
type Sample = Option<(u8, u8, i16)>;

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Sample>),
    Flush,
    Reopen,
}

fn sample() -> impl Strategy<Value = Sample> {
    prop_oneof![
        1 => Just(None),
        5 => (0_u8..5, 0_u8..5, any::<i16>()).prop_map(Some),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => prop::collection::vec(sample(), 0..9).prop_map(Step::Append),
        1 => Just(Step::Flush),
        1 => Just(Step::Reopen),
    ]
}

fn shape(sample: Sample) -> Vec<u64> {
    sample.map_or(vec![0, 0], |(rows, columns, _)| vec![rows.into(), columns.into()])
}

fn elements(sample: Sample) -> Vec<u8> {
    let Some((rows, columns, seed)) = sample else { return Vec::new() };
    let count = i16::from(rows) * i16::from(columns);
    (0..count).flat_map(|at| seed.wrapping_add(at).to_le_bytes()).collect()
}

fn spec(compression: Option<&str>, chunk_compression: Option<&str>) -> TensorSpec {
    TensorSpec {
        htype: Some("generic".to_owned()),
        dtype: Some("int16".to_owned()),
        sample_compression: compression.map(str::to_owned),
        chunk_compression: chunk_compression.map(str::to_owned),
        max_chunk_size: Some(120),
        verify: true,
        shape_companion: true,
        id_companion: true,
        ..TensorSpec::default()
    }
}

/// Thousands of flushes need no disk.
fn options() -> OpenOptions {
    OpenOptions { fsync: false, ..OpenOptions::default() }
}

fn create(folder: &Path, compression: Option<&str>, chunk_compression: Option<&str>) -> Dataset {
    let store = Store::local(folder);
    let dataset = Dataset::create(store, &options(), &NeverInterrupted).unwrap();
    dataset.create_tensor("x", &spec(compression, chunk_compression), &NeverInterrupted).unwrap();
    dataset
}

fn open(folder: &Path) -> Dataset {
    let options = OpenOptions { read_only: Some(false), ..options() };
    Dataset::open(Store::local(folder), &options, &NeverInterrupted).unwrap()
}

fn extend(dataset: &Dataset, samples: &[Sample]) -> lakebed_core::Result<()> {
    let data: Vec<Vec<u8>> = samples.iter().map(|sample| elements(*sample)).collect();
    let inputs = samples.iter().zip(&data).map(|(sample, data)| match sample {
        None => SampleInput::None,
        Some(_) => SampleInput::Array { shape: shape(*sample), data },
    });
    extend_inputs(dataset, inputs.collect())
}

fn extend_inputs(dataset: &Dataset, inputs: Vec<SampleInput<'_>>) -> lakebed_core::Result<()> {
    let column =
        ColumnInput { samples: Samples::Each(inputs), settle: Settle::default(), info: None };
    dataset.extend(vec![("x".to_owned(), column)], &NeverInterrupted)
}

/// Compares every sample, forwards and backwards, and the shapes.
fn check(dataset: &Dataset, model: &[Sample]) {
    assert_eq!(dataset.num_samples("x").unwrap(), model.len() as u64);
    let ranked = model.iter().any(Option::is_some);
    let forward: Vec<u64> = (0..model.len() as u64).collect();
    let backward: Vec<u64> = forward.iter().rev().copied().collect();
    for index in [&forward, &backward] {
        let read = dataset.read("x", index, ReadMode::List, &NeverInterrupted);
        if !ranked && !model.is_empty() {
            assert_eq!(read.unwrap_err().kind(), Kind::EmptyTensor);
            continue;
        }
        let Column::List(arrays) = read.unwrap() else { panic!("not a list") };
        for (array, at) in arrays.iter().zip(index) {
            let sample = model[*at as usize];
            assert_eq!((array.dtype, &array.shape), (Dtype::Int16, &shape(sample)), "{at}");
            assert_eq!(*array.data, *elements(sample), "sample {at}");
        }
    }
    if ranked {
        let shapes = dataset.shapes("x", &forward, &NeverInterrupted).unwrap();
        for (stored, sample) in shapes.iter().zip(model) {
            let expected: u64 = shape(*sample).iter().product();
            assert_eq!(stored.iter().product::<u64>(), expected);
        }
    }
}

fn run(steps: &[Step], compression: Option<&str>, chunk_compression: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let mut dataset = create(folder.path(), compression, chunk_compression);
    let mut model: Vec<Sample> = Vec::new();
    for step in steps {
        match step {
            Step::Append(samples) => {
                extend(&dataset, samples).unwrap();
                model.extend(samples);
            }
            Step::Flush => dataset.flush(&NeverInterrupted).unwrap(),
            Step::Reopen => {
                dataset.close(&NeverInterrupted).unwrap();
                dataset = open(folder.path());
            }
        }
        check(&dataset, &model);
    }
    dataset.close(&NeverInterrupted).unwrap();
    check(&open(folder.path()), &model);
    assert_eq!(stored_chunks(folder.path()), named_chunks(folder.path()));
}

/// Names of the chunk files, sorted.
fn stored_chunks(folder: &Path) -> Vec<String> {
    let Ok(files) = std::fs::read_dir(folder.join("x/chunks")) else { return Vec::new() };
    let mut names: Vec<_> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Chunks that the stored index names, sorted: none is left behind, none is missing.
fn named_chunks(folder: &Path) -> Vec<String> {
    let index = std::fs::read(folder.join("x/chunks_index/unsharded")).unwrap();
    let index = lakebed_core::format::ChunkIds::parse(&index).unwrap();
    let mut names: Vec<_> = index.rows().iter().map(|row| row.id.name()).collect();
    names.sort();
    names
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn ragged_samples_come_back(steps in prop::collection::vec(step(), 1..12)) {
        run(&steps, None, None);
    }

    #[test]
    fn lz4_samples_come_back(steps in prop::collection::vec(step(), 1..8)) {
        run(&steps, Some("lz4"), None);
    }

    #[test]
    fn lz4_chunks_come_back(steps in prop::collection::vec(step(), 1..8)) {
        run(&steps, None, Some("lz4"));
    }
}

#[test]
fn a_bad_sample_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = create(folder.path(), None, None);
    extend(&dataset, &[Some((2, 3, 7))]).unwrap();
    let data = [0; 6];
    let inputs = vec![
        SampleInput::Array { shape: vec![1, 3], data: &data },
        SampleInput::Array { shape: vec![1, 1, 3], data: &data },
    ];
    let error = extend_inputs(&dataset, inputs).unwrap_err();
    assert_eq!(error.kind(), Kind::ShapeMismatch);
    assert_eq!(error.context().tensor.as_deref(), Some("x"));
    assert_eq!(error.context().index, Some(2));
    check(&dataset, &[Some((2, 3, 7))]);
}

#[test]
fn a_second_writable_handle_ends_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let first = create(folder.path(), None, None);
    extend(&first, &[Some((1, 1, 5))]).unwrap();
    let second = open(folder.path());
    check(&second, &[Some((1, 1, 5))]);
    assert_eq!(extend(&first, &[None]).unwrap_err().kind(), Kind::ReadOnly);
    extend(&second, &[None]).unwrap();
}

#[test]
fn an_index_out_of_range_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = create(folder.path(), None, None);
    extend(&dataset, &[Some((1, 1, 5))]).unwrap();
    let error = dataset.read("x", &[0, 1], ReadMode::List, &NeverInterrupted).unwrap_err();
    assert_eq!(error.kind(), Kind::IndexOutOfRange);
    assert_eq!(error.context().index, Some(1));
}
