//! One suite that every kind of store passes: local folders and memory always, S3 when a server is
//! named by `LAKEBED_TEST_S3_ENDPOINT` and `LAKEBED_TEST_S3_BUCKET` with keys in
//! `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use bytes::Bytes;
use lakebed_core::engine::{Engine, NeverInterrupted};
use lakebed_core::storage::{
    AwsAccess, AwsSecret, CredentialCache, Entry, S3Config, SecretSource, Store,
};
use lakebed_core::{Kind, Result};

struct Fixed(AwsSecret);

impl SecretSource for Fixed {
    fn fetch(&self) -> Result<AwsSecret> {
        Ok(self.0.clone())
    }
}

fn wait<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    Engine::current()?.block_on(future, &NeverInterrupted)
}

fn kind<T>(future: impl Future<Output = Result<T>>) -> Option<Kind> {
    wait(future).err().map(|error| error.kind())
}

/// The S3 settings of the environment with this access key, if a server is named.
fn s3(prefix: &str, change: impl FnOnce(&mut S3Config, &mut AwsSecret)) -> Option<Store> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut config = S3Config {
        access: AwsAccess {
            endpoint_url: Some(variable("LAKEBED_TEST_S3_ENDPOINT")?),
            ..AwsAccess::default()
        },
        bucket: variable("LAKEBED_TEST_S3_BUCKET")?,
        prefix: format!("conformance-{}/{prefix}", std::process::id()),
    };
    let mut secret = AwsSecret {
        access_key: variable("AWS_ACCESS_KEY_ID")?,
        secret_key: variable("AWS_SECRET_ACCESS_KEY")?,
        session_token: None,
        expires_unix: None,
    };
    change(&mut config, &mut secret);
    config.access.credentials = Some(Arc::new(CredentialCache::new(Arc::new(Fixed(secret)))));
    Some(Store::s3(config).unwrap())
}

/// Runs one part of the suite on every store there is, each of them empty.
fn on_every_store(name: &str, part: impl Fn(&Store)) {
    let folder = tempfile::tempdir().unwrap();
    part(&Store::local(&folder.path().join("root")));
    part(&Store::memory(&format!("conformance/{name}")));
    if let Some(store) = s3(name, |_, _| ()) {
        part(&store);
        let keys: Vec<String> =
            wait(store.list("")).unwrap().into_iter().map(|entry| entry.key).collect();
        wait(store.delete(&keys)).unwrap();
        assert!(!wait(store.has_any()).unwrap());
    }
}

fn put(store: &Store, key: &str, bytes: &'static [u8]) {
    wait(store.put(key, Bytes::from_static(bytes))).unwrap();
}

fn keys(store: &Store, prefix: &str) -> Vec<String> {
    wait(store.list(prefix)).unwrap().into_iter().map(|entry| entry.key).collect()
}

#[test]
fn what_is_put_can_be_read() {
    on_every_store("read", |store| {
        put(store, "a/b.bin", b"0123456789");
        assert_eq!(wait(store.get("a/b.bin")).unwrap(), "0123456789");
        assert_eq!(wait(store.get_optional("a/b.bin")).unwrap().unwrap(), "0123456789");
        assert_eq!(wait(store.size("a/b.bin")).unwrap(), 10);
        put(store, "a/b.bin", b"new");
        assert_eq!(wait(store.get("a/b.bin")).unwrap(), "new");
        put(store, "empty", b"");
        assert_eq!(wait(store.get("empty")).unwrap(), "");
        assert_eq!(wait(store.size("empty")).unwrap(), 0);
        assert_eq!(wait(store.get_range("empty", 0..5)).unwrap(), "");
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
            (0..u64::MAX, "0123456789"),
            (10..20, ""),
            (50..60, ""),
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

#[test]
fn one_of_many_creators_wins() {
    on_every_store("create", |store| {
        let create = |number: u8| {
            let store = store.clone();
            async move { store.put_new("lock", Bytes::from(vec![number; 100])).await }
        };
        let all = futures::future::try_join_all((0..8).map(create));
        let winners: Vec<bool> = wait(all).unwrap();
        assert_eq!(winners.iter().filter(|won| **won).count(), 1);
        let winner = winners.iter().position(|won| *won).unwrap();
        assert_eq!(wait(store.get("lock")).unwrap(), vec![u8::try_from(winner).unwrap(); 100]);
        assert!(!wait(create(9)).unwrap());
        assert_eq!(keys(store, ""), ["lock"]);
    });
}

#[test]
fn deleting_is_complete_and_idempotent() {
    on_every_store("delete", |store| {
        for key in ["a/1", "a/b/2", "c"] {
            put(store, key, b"x");
        }
        let gone = ["a/b/2".to_owned(), "a/nothing".to_owned(), "no/such/folder".to_owned()];
        wait(store.delete(&gone)).unwrap();
        assert_eq!(keys(store, ""), ["a/1", "c"]);
        wait(store.delete(&gone)).unwrap();
        wait(store.delete(&[])).unwrap();
        // A folder is no object.
        wait(store.delete(&["a".to_owned()])).unwrap();
        assert_eq!(keys(store, ""), ["a/1", "c"]);
        wait(store.delete(&["a/1".to_owned(), "c".to_owned()])).unwrap();
        assert!(!wait(store.has_any()).unwrap());
    });
}

#[test]
fn listings_are_recursive_sorted_and_by_folder() {
    on_every_store("list", |store| {
        assert!(!wait(store.has_any()).unwrap());
        assert_eq!(keys(store, ""), Vec::<String>::new());
        for key in ["b/2", "b/1", "b/c/3", "bb/4", "a"] {
            put(store, key, b"12");
        }
        assert!(wait(store.has_any()).unwrap());
        assert_eq!(keys(store, ""), ["a", "b/1", "b/2", "b/c/3", "bb/4"]);
        assert_eq!(keys(store, "b"), ["b/1", "b/2", "b/c/3"]);
        assert_eq!(keys(store, "b/"), ["b/1", "b/2", "b/c/3"]);
        assert_eq!(keys(store, "nothing"), Vec::<String>::new());
        let expected = vec![Entry { key: "b/c/3".into(), size: 2 }];
        assert_eq!(wait(store.list("b/c")).unwrap(), expected);
    });
}

#[test]
fn unusual_keys_stay_themselves() {
    on_every_store("keys", |store| {
        let unusual =
            ["a b", "ü/ö", "100%", "a%2Fb", "a+b", "a#b", "a?b=c&d", "~x", "[y]{z}", "a'b\"c"];
        for key in unusual {
            wait(store.put(key, Bytes::from(key))).unwrap();
        }
        for key in unusual {
            assert_eq!(wait(store.get(key)).unwrap(), key);
        }
        let mut sorted = unusual.map(str::to_owned).to_vec();
        sorted.sort_unstable();
        assert_eq!(keys(store, ""), sorted);
    });
}

#[test]
fn keys_that_would_change_are_refused() {
    on_every_store("refuse", |store| {
        for key in ["", "/x", "x/", "a//b", "..", "a/../../b", "./a", "a\0b"] {
            assert_eq!(kind(store.get(key)), Some(Kind::InvalidInput), "{key:?}");
            assert_eq!(kind(store.put(key, Bytes::new())), Some(Kind::InvalidInput), "{key:?}");
            assert_eq!(kind(store.delete(&[key.to_owned()])), Some(Kind::InvalidInput), "{key:?}");
        }
        let error = wait(store.get("a//b")).unwrap_err();
        assert!(error.message().contains("keys cannot hold '//'"), "{error}");
        assert!(!wait(store.has_any()).unwrap());
    });
}

/// Datasets with such names exist on disks; http requests cannot name them.
#[test]
fn control_characters_are_kept_or_refused_never_changed() {
    on_every_store("control", |store| {
        let key = "a\nb\u{7f}/c";
        if store.is_remote() {
            assert_eq!(kind(store.get(key)), Some(Kind::InvalidInput));
            return;
        }
        put(store, key, b"1");
        put(store, "anb/c", b"2");
        assert_eq!(wait(store.get(key)).unwrap(), "1");
        assert_eq!(keys(store, ""), [key, "anb/c"]);
    });
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

/// What each refusal of a real S3 server means.
#[test]
fn s3_refusals_are_told_apart() {
    let Some(good) = s3("refusals", |_, _| ()) else { return };
    put(&good, "x", b"1");
    let wrong_secret = s3("refusals", |_, secret| secret.secret_key = "wrong".into()).unwrap();
    let wrong_key = s3("refusals", |_, secret| secret.access_key = "UNKNOWNKEY00".into()).unwrap();
    let no_bucket = s3("refusals", |config, _| config.bucket = "no-such-bucket".into()).unwrap();
    for (store, expected) in [
        (&wrong_secret, Kind::Authentication),
        (&wrong_key, Kind::Authentication),
        (&no_bucket, Kind::BucketNotFound),
    ] {
        let errors = [
            wait(store.get("x")).unwrap_err(),
            wait(store.get_range("x", 0..1)).unwrap_err(),
            wait(store.size("x")).unwrap_err(),
            wait(store.put("y", Bytes::from_static(b"1"))).unwrap_err(),
            wait(store.put_new("y", Bytes::from_static(b"1"))).unwrap_err(),
            wait(store.list("")).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), expected, "{error}");
            for secret in ["wrong", "adminsecret", "X-Amz", "Signature=", "http"] {
                let text = error.message();
                assert!(!text.contains(secret), "{text}");
            }
        }
    }
    // Not asked of a missing bucket: SeaweedFS takes a bulk delete there as done.
    for store in [&wrong_secret, &wrong_key] {
        assert_eq!(kind(store.delete(&["x".to_owned()])), Some(Kind::Authentication));
    }
    wait(good.delete(&["x".to_owned()])).unwrap();
}

/// A user with the right to read is told so when it writes.
#[test]
fn s3_readers_may_not_write() {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (Some(access_key), Some(secret_key)) =
        (variable("LAKEBED_TEST_S3_READER_KEY"), variable("LAKEBED_TEST_S3_READER_SECRET"))
    else {
        return;
    };
    let Some(good) = s3("reader", |_, _| ()) else { return };
    put(&good, "x", b"1");
    let reader = s3("reader", |_, secret| {
        secret.access_key = access_key;
        secret.secret_key = secret_key;
    })
    .unwrap();
    assert_eq!(wait(reader.get("x")).unwrap(), "1");
    assert_eq!(kind(reader.get("y")), Some(Kind::ObjectNotFound));
    for error in [
        wait(reader.put("y", Bytes::from_static(b"1"))).unwrap_err(),
        wait(reader.put_new("y", Bytes::from_static(b"1"))).unwrap_err(),
        wait(reader.delete(&["x".to_owned()])).unwrap_err(),
    ] {
        assert_eq!(error.kind(), Kind::Authorization, "{error}");
    }
    wait(good.delete(&["x".to_owned()])).unwrap();
}
