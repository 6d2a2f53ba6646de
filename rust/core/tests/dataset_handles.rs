//! Several handles of one process on one dataset: the later writer takes over, and nothing is lost.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::sync::Barrier;

use lakebed_core::dataset::{
    Column, ColumnInput, Dataset, OpenOptions, ReadMode, Samples, Settle, TensorSpec,
};
use lakebed_core::engine::NeverInterrupted;
use lakebed_core::storage::{AwsAccess, S3Config, Store};
use lakebed_core::{Kind, Result};

const LOCK: &str = "dataset_lock.lock";

fn create(folder: &Path) -> Dataset {
    let store = Store::local(folder);
    let dataset = Dataset::create(store, &OpenOptions::default(), &NeverInterrupted).unwrap();
    let spec = TensorSpec {
        htype: Some("generic".to_owned()),
        dtype: Some("uint8".to_owned()),
        verify: true,
        ..TensorSpec::default()
    };
    dataset.create_tensor("x", &spec, &NeverInterrupted).unwrap();
    dataset.flush(&NeverInterrupted).unwrap();
    dataset
}

fn append(dataset: &Dataset, data: &[u8]) -> Result<()> {
    let samples = Samples::Dense { shape: vec![data.len() as u64], data };
    let column = ColumnInput { samples, settle: Settle::default(), info: None };
    dataset.extend(vec![("x".to_owned(), column)], &NeverInterrupted)
}

fn open_with(folder: &Path, options: &OpenOptions) -> Result<Dataset> {
    Dataset::open(Store::local(folder), options, &NeverInterrupted)
}

fn open(folder: &Path) -> Dataset {
    open_with(folder, &OpenOptions::default()).unwrap()
}

fn read(dataset: &Dataset) -> Vec<u8> {
    let index: Vec<u64> = (0..dataset.num_samples("x").unwrap()).collect();
    match dataset.read("x", &index, ReadMode::Stack, &NeverInterrupted).unwrap() {
        Column::Stack { data, .. } => data.to_vec(),
        other => panic!("not a stack: {other:?}"),
    }
}

#[test]
fn the_later_writer_has_what_waited_in_the_earlier_one() {
    let folder = tempfile::tempdir().unwrap();
    let first = create(folder.path());
    append(&first, &[1, 2]).unwrap();
    let second = open(folder.path());
    assert_eq!(read(&second), [1, 2]);
    assert!(first.read_only() && !second.read_only());
    let refused = append(&first, &[3]).unwrap_err();
    assert_eq!(refused.kind(), Kind::ReadOnly);
    assert!(refused.message().contains(folder.path().to_str().unwrap()), "{refused}");
    append(&second, &[4]).unwrap();
    second.flush(&NeverInterrupted).unwrap();
    assert_eq!(read(&first), [1, 2], "it reads on, what was there when it was taken over");
    first.close(&NeverInterrupted).unwrap();
    assert!(folder.path().join(LOCK).exists(), "the lock is the second's");
    second.close(&NeverInterrupted).unwrap();
    assert!(!folder.path().join(LOCK).exists());
    assert_eq!(read(&open(folder.path())), [1, 2, 4]);
}

#[test]
fn the_lock_goes_over_without_a_gap_or_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let first = create(folder.path());
    let before = std::fs::read(folder.path().join(LOCK)).unwrap();
    let second = open(folder.path());
    assert_eq!(std::fs::read(folder.path().join(LOCK)).unwrap(), before);
    let unlocked = OpenOptions { lock_enabled: false, ..OpenOptions::default() };
    let third = open_with(folder.path(), &unlocked).unwrap();
    assert!(!folder.path().join(LOCK).exists(), "the third wants none");
    let fourth = open(folder.path());
    assert!(folder.path().join(LOCK).exists());
    assert!(first.read_only() && second.read_only() && third.read_only() && !fourth.read_only());
}

#[test]
fn an_opening_that_fails_leaves_the_writer_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let first = create(folder.path());
    append(&first, &[1]).unwrap();
    first.flush(&NeverInterrupted).unwrap();
    let meta = folder.path().join("x/tensor_meta.json");
    let whole = std::fs::read(&meta).unwrap();
    std::fs::remove_file(&meta).unwrap();
    let failed = open_with(folder.path(), &OpenOptions::default()).unwrap_err();
    assert_eq!(failed.kind(), Kind::Corrupt);
    std::fs::write(&meta, whole).unwrap();
    assert!(folder.path().join(LOCK).exists());
    append(&first, &[2]).unwrap();
    first.close(&NeverInterrupted).unwrap();
    assert!(!folder.path().join(LOCK).exists());
    assert_eq!(read(&open(folder.path())), [1, 2]);
}

#[test]
fn readers_take_nothing_over() {
    let folder = tempfile::tempdir().unwrap();
    let writer = create(folder.path());
    let reading = OpenOptions { read_only: Some(true), ..OpenOptions::default() };
    let reader = open_with(folder.path(), &reading).unwrap();
    let second = open(folder.path());
    append(&second, &[7]).unwrap();
    second.flush(&NeverInterrupted).unwrap();
    assert!(reader.read_only() && reader.notice().is_none());
    assert!(writer.notice().is_some());
}

/// Each thread appends with a handle of its own until another thread's ends its writing.
#[test]
fn openings_at_once_leave_one_writer_and_every_sample() {
    const THREADS: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    create(folder.path()).close(&NeverInterrupted).unwrap();
    let (started, opened) = (Barrier::new(THREADS), Barrier::new(THREADS));
    let outcomes: Vec<(bool, usize)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    started.wait();
                    let handle = open(folder.path());
                    let mut appended = 0;
                    while appended < 200 && append(&handle, &[1]).is_ok() {
                        appended += 1;
                    }
                    opened.wait();
                    let writes = !handle.read_only();
                    handle.close(&NeverInterrupted).unwrap();
                    (writes, appended)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|(writes, _)| *writes).count(), 1, "{outcomes:?}");
    let appended: usize = outcomes.iter().map(|(_, appended)| appended).sum();
    assert!(!folder.path().join(LOCK).exists());
    assert_eq!(read(&open(folder.path())).len(), appended);
}

#[test]
fn closing_during_changes_loses_none_that_was_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let handle = create(folder.path());
    let confirmed: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let outcomes = std::iter::repeat_with(|| append(&handle, &[1]));
                    let (done, refused): (Vec<_>, Vec<_>) = outcomes
                        .scan(false, |over, outcome| {
                            (!std::mem::replace(over, outcome.is_err())).then_some(outcome)
                        })
                        .partition(Result::is_ok);
                    assert!(
                        refused
                            .iter()
                            .flat_map(|r| r.as_ref().err())
                            .all(|error| { error.kind() == Kind::Closed })
                    );
                    done.len()
                })
            })
            .collect();
        while handle.num_samples("x").unwrap() < 50 {
            std::thread::yield_now();
        }
        handle.close(&NeverInterrupted).unwrap();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(confirmed >= 50);
    assert_eq!(read(&open(folder.path())).len(), confirmed);
}

#[test]
fn ending_writing_keeps_the_handle_for_reading() {
    let folder = tempfile::tempdir().unwrap();
    let handle = create(folder.path());
    append(&handle, &[1, 2]).unwrap();
    handle.end_writing(&NeverInterrupted).unwrap();
    handle.end_writing(&NeverInterrupted).unwrap();
    assert!(!folder.path().join(LOCK).exists());
    assert_eq!(append(&handle, &[3]).unwrap_err().kind(), Kind::ReadOnly);
    assert_eq!(read(&handle), [1, 2]);
    assert_eq!(read(&open(folder.path())), [1, 2]);
}

#[test]
fn a_process_that_ends_stores_what_waits_and_lets_its_threads_read() {
    let folder = tempfile::tempdir().unwrap();
    let handle = create(folder.path());
    append(&handle, &[1, 2]).unwrap();
    handle.abandon(&NeverInterrupted).unwrap();
    assert!(!folder.path().join(LOCK).exists());
    assert!(handle.read_only() && !handle.is_closed());
    assert_eq!(read(&handle), [1, 2]);
    assert_eq!(read(&open(folder.path())), [1, 2]);
}

#[test]
fn a_handle_that_cannot_store_is_closed_and_says_what_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("ds");
    let handle = create(&place);
    append(&handle, &[1, 2, 3]).unwrap();
    std::fs::remove_dir_all(&place).unwrap();
    std::fs::write(&place, "a file where the folder was").unwrap();
    let second = open_with(&place, &OpenOptions::default()).unwrap_err();
    assert_eq!(second.kind(), Kind::DatasetNotFound);
    let failed = handle.close(&NeverInterrupted).unwrap_err();
    assert!(failed.message().contains("3 samples are lost"), "{failed}");
    assert_eq!(failed.context().path.as_deref(), place.to_str());
    assert!(handle.is_closed());
    handle.close(&NeverInterrupted).unwrap();
}

#[test]
fn the_same_url_on_two_servers_is_two_places() {
    let at = |endpoint: &str| S3Config {
        bucket: "b".to_owned(),
        prefix: "x".to_owned(),
        access: AwsAccess { endpoint_url: Some(endpoint.to_owned()), ..AwsAccess::default() },
    };
    let places = ["http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:1/"]
        .map(|endpoint| Store::s3(at(endpoint)).unwrap());
    assert_eq!(places[0].url(), places[1].url());
    assert_ne!(places[0].identity(), places[1].identity());
    assert_eq!(places[0].identity(), places[2].identity());
}
