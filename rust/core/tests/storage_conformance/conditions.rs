//! Creating what is not there, and replacing what has not changed.

use bytes::Bytes;
use lakebed_core::Result;
use lakebed_core::storage::Store;

use crate::stores::{decides, keys, on_every_store, put, wait};

const WRITERS: u8 = 8;

#[test]
fn what_is_there_is_not_created_again() {
    on_every_store("create-only", |store| {
        assert!(wait(store.put_new("a/lock", Bytes::from_static(b"first"))).unwrap());
        assert!(!wait(store.put_new("a/lock", Bytes::from_static(b"second"))).unwrap());
        assert_eq!(wait(store.get("a/lock")).unwrap(), "first");
        wait(store.delete(&["a/lock".to_owned()])).unwrap();
        assert!(wait(store.put_new("a/lock", Bytes::from_static(b"third"))).unwrap());
        assert_eq!(wait(store.get("a/lock")).unwrap(), "third");
    });
}

#[test]
fn one_of_many_creators_wins() {
    on_every_store("create", |store| {
        let create =
            |number: u8| async move { store.put_new("lock", Bytes::from(vec![number; 100])).await };
        let all = futures::future::try_join_all((0..WRITERS).map(create));
        only_the_winner_was_told(store, &wait(all).unwrap());
        assert!(!wait(create(9)).unwrap());
        assert_eq!(keys(store, ""), ["lock"]);
    });
}

#[test]
fn what_has_changed_is_not_replaced() {
    on_every_store("update", |store| {
        put(store, "a/x", b"one");
        let (bytes, one) = wait(store.get_versioned("a/x")).unwrap().unwrap();
        assert_eq!(bytes, "one");
        let replace = |bytes: &'static [u8], was| {
            wait(store.put_if_unchanged("a/x", Bytes::from_static(bytes), was)).unwrap()
        };
        assert!(replace(b"two", &one));
        assert!(!replace(b"three", &one));
        assert_eq!(wait(store.get("a/x")).unwrap(), "two");
        let (_, two) = wait(store.get_versioned("a/x")).unwrap().unwrap();
        // As long as before: the content counts, not the size.
        put(store, "a/x", b"owt");
        assert!(!replace(b"three", &two));
        assert_eq!(wait(store.get("a/x")).unwrap(), "owt");
        let (_, three) = wait(store.get_versioned("a/x")).unwrap().unwrap();
        wait(store.delete(&["a/x".to_owned()])).unwrap();
        assert!(!replace(b"four", &three));
        assert_eq!(wait(store.get_optional("a/x")).unwrap(), None);
        assert_eq!(keys(store, ""), Vec::<String>::new());
    });
}

#[test]
fn one_of_many_that_replace_wins() {
    on_every_store("replace", |store| {
        put(store, "lock", b"old");
        let (_, version) = wait(store.get_versioned("lock")).unwrap().unwrap();
        let version = &version;
        let replace = |number: u8| async move {
            store.put_if_unchanged("lock", Bytes::from(vec![number; 100]), version).await
        };
        let all = futures::future::try_join_all((0..WRITERS).map(replace));
        only_the_winner_was_told(store, &wait(all).unwrap());
    });
}

/// Where the store does not decide, the last one was told; perhaps those that it overwrote, too.
fn only_the_winner_was_told(store: &Store, told: &[bool]) {
    let bytes = wait(store.get("lock")).unwrap();
    assert_eq!(bytes, vec![bytes[0]; 100]);
    assert!(told[usize::from(bytes[0])], "{told:?}");
    if decides(store) {
        assert_eq!(told.iter().filter(|won| **won).count(), 1, "{told:?}");
    }
}

#[test]
fn nothing_is_lost_between_reading_and_replacing() {
    on_every_store("counter", |store| {
        if !decides(store) {
            return;
        }
        put(store, "counter", b"");
        let add = |number: u8| async move {
            for _ in 0..3 {
                add_one(store, number).await?;
            }
            Ok(())
        };
        wait(futures::future::try_join_all((0..4).map(add))).unwrap();
        let mut bytes = wait(store.get("counter")).unwrap().to_vec();
        bytes.sort_unstable();
        assert_eq!(bytes, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
    });
}

async fn add_one(store: &Store, number: u8) -> Result<()> {
    loop {
        let (bytes, version) = store.get_versioned("counter").await?.unwrap();
        let longer = [bytes.as_ref(), &[number]].concat();
        if store.put_if_unchanged("counter", longer.into(), &version).await? {
            return Ok(());
        }
    }
}
