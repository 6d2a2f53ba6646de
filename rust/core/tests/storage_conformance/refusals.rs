//! What the refusals of a server mean that knows its users.

use bytes::Bytes;
use lakebed_core::Kind;

use crate::stores::{kind, put, s3, variable, wait};

fn reader() -> Option<(String, String)> {
    Some((variable("LAKEBED_TEST_S3_READER_KEY")?, variable("LAKEBED_TEST_S3_READER_SECRET")?))
}

/// What each refusal of a real S3 server means.
#[test]
fn s3_refusals_are_told_apart() {
    if reader().is_none() {
        return;
    }
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
    let Some((access_key, secret_key)) = reader() else { return };
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
