//! What is special about folders and memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use lakebed_core::Kind;
use lakebed_core::engine::{Engine, Interrupt};
use lakebed_core::storage::Store;

use crate::stores::{keys, long_key, put, wait};

#[test]
fn local_folders_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let store = Store::local(&root);
    put(&store, "a/b/c", b"1");
    put(&store, "a/b/d", b"1");
    assert!(wait(store.put_new("a/b/e", Bytes::new())).unwrap());
    assert_eq!(std::fs::read_dir(root.join("a/b")).unwrap().count(), 3);
    wait(store.delete(&["a/b/c", "a/b/d", "a/b/e"].map(str::to_owned))).unwrap();
    assert!(!root.exists() && folder.path().exists());
    put(&store, "again", b"1");
    let error = wait(store.put("again/below", Bytes::new())).unwrap_err();
    assert_eq!(error.kind(), Kind::Storage, "{error}");
}

#[test]
fn memory_stores_live_as_long_as_somebody_holds_them() {
    let first = Store::memory("weak");
    put(&first, "x", b"1");
    let second = Store::memory("weak");
    drop(first);
    assert!(wait(second.has_any()).unwrap());
    drop(second);
    assert!(!wait(Store::memory("weak").has_any()).unwrap());
}

#[test]
fn names_that_no_file_can_have_are_refused_by_the_rule() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::local(folder.path());
    let long = "x".repeat(300);
    for error in [
        wait(store.put(&long, Bytes::new())).unwrap_err(),
        wait(store.put(&format!("a/{long}"), Bytes::new())).unwrap_err(),
        wait(store.put(&format!("{long}/a"), Bytes::new())).unwrap_err(),
        wait(store.get(&long)).unwrap_err(),
    ] {
        assert_eq!(error.kind(), Kind::InvalidInput, "{error}");
        assert!(error.message().contains("no name as long as that"), "{error}");
    }
    put(&store, &long_key(1024), b"1");
    assert_eq!(keys(&store, ""), [long_key(1024)]);
}

#[cfg(unix)]
#[test]
fn links_are_objects_where_they_end_inside() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::create_dir_all(root.join("sub")).unwrap();
    std::fs::write(root.join("sub/file"), "inside").unwrap();
    std::fs::write(folder.path().join("secret"), "secret").unwrap();
    symlink("sub/file", root.join("near")).unwrap();
    symlink(root.join("sub/file"), root.join("absolute")).unwrap();
    symlink("sub", root.join("folder")).unwrap();
    symlink("../secret", root.join("out")).unwrap();
    symlink("nothing", root.join("dangling")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    let store = Store::local(&root);
    assert_eq!(keys(&store, ""), ["absolute", "near", "sub/file"]);
    let found = wait(store.list_all("")).unwrap();
    assert_eq!(found.odd, ["dangling", "folder", "loop", "out"]);
    assert_eq!(keys(&store, "folder"), ["folder/file"]);
    for key in ["near", "absolute", "folder/file"] {
        assert_eq!(wait(store.get(key)).unwrap(), "inside", "{key}");
    }
    let error = wait(store.get("out")).unwrap_err();
    assert_eq!(error.kind(), Kind::Storage);
    assert!(error.message().contains("root/out is a link that leads out"), "{error}");
    assert!(error.hint().is_some());
    // Written in its place, not through it.
    put(&store, "out", b"mine");
    assert_eq!(std::fs::read(folder.path().join("secret")).unwrap(), b"secret");
    assert_eq!(wait(store.get("out")).unwrap(), "mine");
    let error = wait(store.delete(&["folder/file".to_owned()])).unwrap_err();
    assert!(error.message().contains("nothing is removed through links"), "{error}");
    assert_eq!(wait(store.get("near")).unwrap(), "inside");
}

/// While another thread swaps a folder for a link to one outside, again and again.
#[cfg(target_os = "linux")]
#[test]
fn nobody_leads_a_read_out_in_the_middle() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    for (place, text) in [("root/sub", "inside"), ("outside", "secret")] {
        std::fs::create_dir_all(folder.path().join(place)).unwrap();
        std::fs::write(folder.path().join(place).join("file"), text).unwrap();
    }
    std::os::unix::fs::symlink("../outside", root.join("other")).unwrap();
    let store = Store::local(&root);
    let ended = Arc::new(AtomicBool::new(false));
    let (end, place) = (Arc::clone(&ended), root.clone());
    let swapping = std::thread::spawn(move || {
        while !end.load(Ordering::Acquire) {
            let [sub, other, aside] = ["sub", "other", "aside"].map(|name| place.join(name));
            for (from, to) in [(&sub, &aside), (&other, &sub), (&aside, &other)] {
                std::fs::rename(from, to).unwrap();
            }
        }
    });
    let (mut inside, mut refused) = (0, 0);
    while inside < 200 || refused < 200 {
        assert!(!swapping.is_finished());
        match wait(store.get("sub/file")) {
            Ok(bytes) => {
                assert_eq!(bytes, "inside");
                inside += 1;
            }
            Err(_) => refused += 1,
        }
    }
    ended.store(true, Ordering::Release);
    swapping.join().unwrap();
}

/// Says stop when it is asked for the second time.
struct Soon(AtomicBool);

impl Interrupt for Soon {
    fn stop_requested(&self) -> bool {
        self.0.swap(true, Ordering::AcqRel)
    }
}

/// A writer that was given up must not reach its object later, over what was put there since.
#[cfg(unix)]
#[test]
fn a_write_that_was_given_up_does_not_come_late() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::local(folder.path());
    put(&store, "x", b"first");
    let (_, version) = wait(store.get_versioned("x")).unwrap().unwrap();
    // Nobody may replace what others compare.
    let held = std::fs::File::open(folder.path()).unwrap();
    held.lock().unwrap();
    let replace = store.put_if_unchanged("x", Bytes::from_static(b"late"), &version);
    let engine = Engine::current().unwrap();
    let error = engine.block_on(replace, &Soon(AtomicBool::new(false))).unwrap_err();
    assert_eq!(error.kind(), Kind::Interrupted);
    held.unlock().unwrap();
    // As long as a writer would take to find the folder free, many times over.
    for _ in 0..20 {
        assert_eq!(wait(store.get("x")).unwrap(), "first");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
