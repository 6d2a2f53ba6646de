//! The write lock: taken, renewed, respected, released, and noticed when it is lost.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lakebed_core::Kind;
use lakebed_core::dataset::{Dataset, OpenOptions, TensorSpec};
use lakebed_core::engine::NeverInterrupted;
use lakebed_core::format::LockFile;
use lakebed_core::storage::Store;

const LOCK: &str = "dataset_lock.lock";

fn options() -> OpenOptions {
    OpenOptions {
        read_only: Some(false),
        lock_renewal: Duration::from_millis(20),
        ..OpenOptions::default()
    }
}

fn create(folder: &Path) -> Dataset {
    Dataset::create(Store::local(folder), &options(), &NeverInterrupted).unwrap()
}

fn open(folder: &Path, options: &OpenOptions) -> lakebed_core::Result<Dataset> {
    Dataset::open(Store::local(folder), options, &NeverInterrupted)
}

fn lock_of(folder: &Path) -> Option<LockFile> {
    std::fs::read(folder.join(LOCK)).ok().map(|bytes| LockFile::parse(&bytes).unwrap())
}

/// Another program's lock, good for so many seconds from now.
fn write_foreign_lock(folder: &Path, seconds: f64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let lock = LockFile { node_id: [1, 2, 3, 4, 5, 6], expires: now + seconds, tag: 7 };
    std::fs::write(folder.join(LOCK), lock.to_bytes("")).unwrap();
}

fn wait_until(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(10), "it did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_lock_is_taken_renewed_and_released() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = create(folder.path());
    let first = lock_of(folder.path()).unwrap();
    assert_eq!(first.tag, std::process::id());
    wait_until(|| lock_of(folder.path()).is_some_and(|lock| lock.expires > first.expires));
    dataset.close(&NeverInterrupted).unwrap();
    assert_eq!(lock_of(folder.path()), None);
}

#[test]
fn a_dropped_handle_gives_its_lock_back() {
    let folder = tempfile::tempdir().unwrap();
    drop(create(folder.path()));
    wait_until(|| lock_of(folder.path()).is_none());
}

#[test]
fn a_live_lock_of_another_is_respected() {
    let folder = tempfile::tempdir().unwrap();
    create(folder.path()).close(&NeverInterrupted).unwrap();
    write_foreign_lock(folder.path(), 100.0);
    assert_eq!(open(folder.path(), &options()).unwrap_err().kind(), Kind::Locked);
    let fallback = open(folder.path(), &OpenOptions { read_only: None, ..options() }).unwrap();
    assert!(fallback.read_only());
    assert!(fallback.notice().unwrap().message.contains("locked by"));
    let spec = TensorSpec::default();
    let error = fallback.create_tensor("x", &spec, &NeverInterrupted).unwrap_err();
    assert_eq!(error.kind(), Kind::ReadOnly);
    let reader = open(folder.path(), &OpenOptions { read_only: Some(true), ..options() }).unwrap();
    assert_eq!(reader.notice(), None);
}

#[test]
fn an_expired_or_cut_lock_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    create(folder.path()).close(&NeverInterrupted).unwrap();
    write_foreign_lock(folder.path(), -1.0);
    open(folder.path(), &options()).unwrap().close(&NeverInterrupted).unwrap();
    std::fs::write(folder.path().join(LOCK), b"cut").unwrap();
    open(folder.path(), &options()).unwrap();
}

#[test]
fn a_lock_that_runs_out_while_waiting_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    create(folder.path()).close(&NeverInterrupted).unwrap();
    write_foreign_lock(folder.path(), 0.5);
    let patient = OpenOptions { lock_timeout: None, ..options() };
    assert!(!open(folder.path(), &patient).unwrap().read_only());
}

#[test]
fn a_lost_lock_stops_publishing() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = create(folder.path());
    write_foreign_lock(folder.path(), 100.0);
    let spec = TensorSpec { verify: true, ..TensorSpec::default() };
    dataset.create_tensor("x", &spec, &NeverInterrupted).unwrap();
    // The renewal finds out; until then a flush may still go through.
    let tries = Cell::new(0);
    wait_until(|| {
        tries.set(tries.get() + 1);
        dataset.create_group(&format!("g{}", tries.get()), &NeverInterrupted).unwrap();
        dataset.flush(&NeverInterrupted).is_err_and(|error| error.kind() == Kind::Conflict)
    });
    // What is another's stays.
    assert_eq!(lock_of(folder.path()).unwrap().tag, 7);
}

#[test]
fn a_handle_on_a_removed_dataset_does_not_write_into_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("ds");
    // One that does not put its lock back while the folder goes.
    let old =
        Dataset::create(Store::local(&place), &OpenOptions::default(), &NeverInterrupted).unwrap();
    std::fs::remove_dir_all(&place).unwrap();
    let new = create(&place);
    assert!(old.read_only());
    drop(old);
    new.create_group("g", &NeverInterrupted).unwrap();
    new.flush(&NeverInterrupted).unwrap();
    assert_eq!(lock_of(&place).unwrap().tag, std::process::id());
}
