//! Whole objects: put, read, overwritten, by one and by many.

use bytes::Bytes;
use lakebed_core::Kind;
use lakebed_core::storage::Store;

use crate::stores::{keys, kind, on_every_store, put, wait};

#[test]
fn what_is_put_can_be_read() {
    on_every_store("read", |store| {
        put(store, "a/b.bin", b"0123456789");
        assert_eq!(wait(store.get("a/b.bin")).unwrap(), "0123456789");
        assert_eq!(wait(store.get_optional("a/b.bin")).unwrap().unwrap(), "0123456789");
        assert_eq!(wait(store.size("a/b.bin")).unwrap(), 10);
        put(store, "a/b.bin", b"new");
        assert_eq!(wait(store.get("a/b.bin")).unwrap(), "new");
        wait(store.sync(&["a/b.bin".to_owned(), "a/nothing".to_owned()])).unwrap();
        assert_eq!(wait(store.get("a/b.bin")).unwrap(), "new");
    });
}

#[test]
fn objects_may_be_empty() {
    on_every_store("empty", |store| {
        put(store, "a/empty", b"");
        assert_eq!(wait(store.get("a/empty")).unwrap(), "");
        assert_eq!(wait(store.get_optional("a/empty")).unwrap().unwrap(), "");
        assert_eq!(wait(store.size("a/empty")).unwrap(), 0);
        assert_eq!(wait(store.get_range("a/empty", 0..5)).unwrap(), "");
        assert_eq!(keys(store, ""), ["a/empty"]);
        assert!(wait(store.put_new("new", Bytes::new())).unwrap());
        assert!(!wait(store.put_new("a/empty", Bytes::from_static(b"1"))).unwrap());
        assert_eq!(wait(store.size("a/empty")).unwrap(), 0);
        put(store, "a/empty", b"full");
        put(store, "a/empty", b"");
        assert_eq!(wait(store.get("a/empty")).unwrap(), "");
    });
}

#[test]
fn ranges_give_what_is_there() {
    on_every_store("range", |store| {
        put(store, "x", b"0123456789");
        for (range, part) in [
            (0..4, "0123"),
            (9..10, "9"),
            (4..100, "456789"),
            (0..10, "0123456789"),
            (0..u64::MAX, "0123456789"),
            (9..u64::MAX, "9"),
            (10..20, ""),
            (50..60, ""),
            (u64::MAX - 1..u64::MAX, ""),
            (3..3, ""),
        ] {
            assert_eq!(wait(store.get_range("x", range.clone())).unwrap(), part, "{range:?}");
        }
    });
}

#[test]
fn missing_objects_are_told_from_failures() {
    on_every_store("missing", |store| {
        put(store, "folder/x", b"1");
        for key in ["nothing", "folder/nothing", "folder"] {
            assert_eq!(kind(store.get(key)), Some(Kind::ObjectNotFound), "{key}");
            assert_eq!(kind(store.get_range(key, 0..1)), Some(Kind::ObjectNotFound), "{key}");
            assert_eq!(kind(store.size(key)), Some(Kind::ObjectNotFound), "{key}");
            assert_eq!(wait(store.get_optional(key)).unwrap(), None, "{key}");
            assert!(wait(store.get_versioned(key)).unwrap().is_none(), "{key}");
            let error = wait(store.open_read(key)).unwrap_err();
            assert_eq!(error.kind(), Kind::ObjectNotFound);
            assert_eq!(error.context().file.as_deref(), Some(key));
        }
    });
}

#[test]
fn the_size_is_known_before_the_body() {
    on_every_store("open", |store| {
        wait(store.put("big", Bytes::from(vec![7; 3_000_000]))).unwrap();
        let read = async {
            let incoming = store.open_read("big").await?;
            assert_eq!(incoming.size, 3_000_000);
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            incoming.read().await
        };
        let bytes = wait(read).unwrap();
        assert!(bytes.len() == 3_000_000 && bytes.iter().all(|byte| *byte == 7));
    });
}

/// Buckets get it in parts of 8 MiB.
#[test]
fn large_objects_arrive_whole() {
    const PART: usize = 8 << 20;
    let mut bytes: Vec<u8> = (0..=250).cycle().take(4 * PART + 1).collect();
    bytes[PART..PART + 4].copy_from_slice(b"here");
    let bytes = Bytes::from(bytes);
    on_every_store("parts", |store| {
        put(store, "large", b"what was there");
        wait(store.put("large", bytes.clone())).unwrap();
        assert_eq!(wait(store.size("large")).unwrap(), bytes.len() as u64);
        let at = PART as u64;
        assert_eq!(wait(store.get_range("large", at..at + 4)).unwrap(), "here");
        assert!(wait(store.get("large")).unwrap() == bytes);
        assert_eq!(keys(store, ""), ["large"]);
        // One that was put in parts has a version, too.
        let (_, version) = wait(store.get_versioned("large")).unwrap().unwrap();
        assert!(wait(store.put_if_unchanged("large", Bytes::new(), &version)).unwrap());
        assert_eq!(wait(store.size("large")).unwrap(), 0);
    });
}

#[test]
fn of_many_writers_the_last_one_wins_as_a_whole() {
    on_every_store("overwrite", |store| {
        let write = |number: u8| async move {
            for _ in 0..3 {
                store
                    .put("shared", Bytes::from(vec![number; 200_000 + usize::from(number)]))
                    .await?;
            }
            Ok(())
        };
        let read = async {
            for _ in 0..12 {
                whole(store).await?;
            }
            Ok(())
        };
        wait(store.put("shared", Bytes::from(vec![9; 200_009]))).unwrap();
        wait(async {
            let writers = futures::future::try_join_all((0..8).map(write));
            futures::future::try_join(writers, read).await
        })
        .unwrap();
        let last = wait(whole(store)).unwrap();
        assert!(last < 8);
        assert_eq!(keys(store, ""), ["shared"]);
    });
}

/// Reads what one of the writers wrote; says which.
async fn whole(store: &Store) -> lakebed_core::Result<u8> {
    let bytes = store.get("shared").await?;
    let number = bytes[0];
    assert_eq!(bytes.len(), 200_000 + usize::from(number));
    assert!(bytes.iter().all(|byte| *byte == number));
    Ok(number)
}

#[test]
fn requests_and_bytes_are_counted() {
    on_every_store("count", |store| {
        let before = store.counters();
        put(store, "x", b"12345");
        wait(store.get("x")).unwrap();
        wait(store.get_range("x", 1..3)).unwrap();
        let after = store.counters();
        assert_eq!(after.requests - before.requests, 3);
        assert_eq!(after.bytes_written - before.bytes_written, 5);
        assert_eq!(after.bytes_read - before.bytes_read, 7);
    });
}
