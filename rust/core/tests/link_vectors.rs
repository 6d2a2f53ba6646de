//! Links against `tests/data/paths.json`, which dataset paths are tested against in Python.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::indexing_slicing, reason = "a JSON value without the key is null")]

use lakebed_core::links::{LinkCreds, LinkPool, display};
use lakebed_core::storage::{AwsAccess, GcsAccess};
use serde_json::Value;

fn vectors() -> Vec<Value> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/paths.json");
    let all: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    all["links"].as_array().unwrap().clone()
}

/// With a creds key "all" for every cloud.
fn pool() -> LinkPool {
    let pool = LinkPool::default();
    let (aws, gcs) = (Some(AwsAccess::default()), Some(GcsAccess::default()));
    pool.populate("all", LinkCreds { aws, gcs, ..LinkCreds::default() });
    pool
}

#[test]
fn links_mean_what_the_vectors_say() {
    let pool = pool();
    let mut seen = 0;
    for vector in vectors().iter().filter(|vector| vector["error"].is_null()) {
        let text = vector["text"].as_str().unwrap();
        let target = pool.resolve(text, Some("all")).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(target.key, vector["key"], "{text}");
        assert_eq!(target.display, vector["shown"], "{text}");
        let kind = vector["kind"].as_str().unwrap();
        let store = match vector["bucket"].as_str() {
            Some(bucket) => format!("{kind}://{bucket}"),
            None => kind.to_owned(),
        };
        assert_eq!(target.store.url(), store, "{text}");
        seen += 1;
    }
    assert!(seen > 10);
}

#[test]
fn what_is_no_link_is_refused_with_the_reason() {
    let pool = pool();
    let mut seen = 0;
    for vector in vectors().iter().filter(|vector| !vector["error"].is_null()) {
        let text = vector["text"].as_str().unwrap();
        let error = pool.resolve(text, Some("all")).unwrap_err();
        assert_eq!(error.kind().code(), vector["error"], "{text}");
        let said = format!("{} {:?}", error.message(), error.hint());
        for words in vector["says"].as_array().unwrap() {
            assert!(said.contains(words.as_str().unwrap()), "{text}: {said}");
        }
        let shown = format!("{said} {:?} {}", error.context(), display(text));
        assert!(!shown.contains("s3cr3t"), "{text}: {shown}");
        seen += 1;
    }
    assert!(seen > 10);
}
