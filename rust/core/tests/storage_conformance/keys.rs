//! Keys stay themselves, or are refused: none is read as another one.

use bytes::Bytes;
use lakebed_core::Kind;
use lakebed_core::storage::Store;

use crate::stores::{keys, kind, long_key, on_every_store, put, variable, wait};

/// Characters that mean something to URLs, XML, shells, file systems or Unicode.
const UNUSUAL: &[&str] = &[
    "a b",
    " lead",
    "tail ",
    "a  b",
    "100%",
    "%",
    "%%20",
    "%zz",
    "a%2Fb",
    "a%2fb",
    "a%20b",
    "a+b",
    "a#b",
    "a?b=c&d",
    "a;b",
    "a=b",
    "a&b",
    "&amp;",
    "<x>",
    "a,b",
    "~x",
    "[y]{z}",
    "(p)",
    "a'b\"c",
    "a\\b",
    "*",
    "a*b",
    "a|b",
    "a^b",
    "`x`",
    "$HOME",
    "!",
    "a:b",
    "a@b",
    "...",
    "a..b",
    "..a",
    "x.",
    ".hidden",
    "p/.q/r",
    "p/ /r",
    "ü/ö",
    "ü/o\u{308}",
    "日本/語",
    "🦀",
    "\u{e000}",
    "\u{feff}bom",
    "\u{200b}",
    "A",
    "CON",
    "key-61",
];

/// Those that the store keeps.
fn unusual(store: &Store) -> Vec<String> {
    let changed = variable("LAKEBED_TEST_CHANGED_CHARACTERS").filter(|_| store.is_remote());
    let is_changed =
        |key: &str| changed.as_ref().is_some_and(|changed| key.contains(|c| changed.contains(c)));
    UNUSUAL.iter().filter(|key| !is_changed(key)).map(|key| (*key).to_owned()).collect()
}

#[test]
fn unusual_keys_stay_themselves() {
    on_every_store("keys", |store| {
        let mut unusual = unusual(store);
        // Buckets take 1,024 bytes with what stands before the key.
        unusual.push(long_key(1024 - "conformance-4000000/keys/".len()));
        unusual.sort_unstable();
        for key in &unusual {
            wait(store.put(key, Bytes::from(key.clone()))).unwrap();
        }
        assert_eq!(keys(store, ""), unusual);
        for key in &unusual {
            assert_eq!(wait(store.get(key)).unwrap(), *key);
            assert_eq!(wait(store.get_range(key, 0..1)).unwrap(), key.as_bytes()[..1]);
            assert_eq!(wait(store.size(key)).unwrap(), key.len() as u64, "{key:?}");
        }
        assert_eq!(keys(store, "ü"), ["ü/o\u{308}", "ü/ö"]);
        assert_eq!(keys(store, "p/ "), ["p/ /r"]);
        for (number, key) in unusual.iter().enumerate() {
            wait(store.delete(std::slice::from_ref(key))).unwrap();
            assert_eq!(wait(store.get_optional(key)).unwrap(), None, "{key:?}");
            if number % 10 == 0 {
                assert_eq!(keys(store, ""), unusual[number + 1..]);
            }
        }
    });
}

#[test]
fn many_unusual_keys_are_deleted_at_once() {
    on_every_store("delete-keys", |store| {
        let unusual = unusual(store);
        for key in &unusual {
            put(store, key, b"1");
        }
        put(store, "stays", b"1");
        wait(store.delete(&unusual)).unwrap();
        assert_eq!(keys(store, ""), ["stays"]);
    });
}

#[test]
fn keys_that_would_change_are_refused() {
    on_every_store("refuse", |store| {
        put(store, "a/b", b"1");
        let (_, version) = wait(store.get_versioned("a/b")).unwrap().unwrap();
        for (key, rule) in [
            ("", "empty"),
            ("/", "start with '/'"),
            ("/a/b", "start with '/'"),
            ("a/b/", "end with '/'"),
            ("a//b", "hold '//'"),
            (".", "'.' and '..'"),
            ("..", "'.' and '..'"),
            ("a/./b", "'.' and '..'"),
            ("./a/b", "'.' and '..'"),
            ("x/../a/b", "'.' and '..'"),
            ("a/../../b", "'.' and '..'"),
            ("a\0b", "hold"),
        ] {
            let bytes = || Bytes::from_static(b"2");
            let errors = [
                wait(store.get(key)).unwrap_err(),
                wait(store.get_range(key, 0..1)).unwrap_err(),
                wait(store.size(key)).unwrap_err(),
                wait(store.put(key, bytes())).unwrap_err(),
                wait(store.put_new(key, bytes())).unwrap_err(),
                wait(store.put_if_unchanged(key, bytes(), &version)).unwrap_err(),
                wait(store.delete(&["a/b".to_owned(), key.to_owned()])).unwrap_err(),
            ];
            for error in errors {
                assert_eq!(error.kind(), Kind::InvalidInput, "{key:?}: {error}");
                assert!(error.message().contains(rule), "{key:?}: {error}");
                assert!(error.message().contains(store.url()), "{key:?}: {error}");
            }
        }
        for prefix in ["/a", "a//b", "..", "a/.."] {
            assert_eq!(kind(store.list(prefix)), Some(Kind::InvalidInput), "{prefix:?}");
        }
        assert_eq!(keys(store, ""), ["a/b"]);
        assert_eq!(wait(store.get("a/b")).unwrap(), "1");
    });
}

/// Datasets with such names exist on disks; http requests cannot name them.
#[test]
fn control_characters_are_kept_or_refused_never_changed() {
    on_every_store("control", |store| {
        let key = "a\nb\u{7f}/c";
        if store.is_remote() {
            let error = wait(store.get(key)).unwrap_err();
            assert_eq!(error.kind(), Kind::InvalidInput);
            assert!(error.message().contains("control characters"), "{error}");
            return;
        }
        put(store, key, b"1");
        put(store, "anb/c", b"2");
        assert_eq!(wait(store.get(key)).unwrap(), "1");
        assert_eq!(keys(store, ""), [key, "anb/c"]);
    });
}
