//! Listings and deletions of many.

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use lakebed_core::storage::Entry;

use crate::stores::{keys, on_every_store, put, wait};

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

/// Servers list a thousand objects at most in one reply, and delete as many by one request.
#[test]
fn folders_of_more_than_a_page_are_listed_and_deleted() {
    const OBJECTS: usize = 1_003;
    on_every_store("pages", |store| {
        put(store, "many.txt", b"beside");
        let names: Vec<String> = (0..OBJECTS).map(|n| format!("many/{}/{n:04}", n % 3)).collect();
        let puts = stream::iter(names.clone())
            .map(|key| async move { store.put(&key, Bytes::from(key.clone())).await })
            .buffer_unordered(32);
        wait(puts.try_collect::<()>()).unwrap();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(keys(store, "many"), sorted);
        assert_eq!(keys(store, "").len(), OBJECTS + 1);
        let listed = wait(store.list("many/1")).unwrap();
        assert_eq!(listed.len(), OBJECTS / 3);
        assert!(listed.iter().all(|entry| entry.size == 11));
        wait(store.delete(&sorted)).unwrap();
        assert_eq!(keys(store, ""), ["many.txt"]);
    });
}
