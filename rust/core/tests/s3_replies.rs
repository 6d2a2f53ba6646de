//! What the S3 store makes of replies that a real server gives rarely: expired credentials, slow
//! downs, broken bodies.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use lakebed_core::engine::Engine;
use lakebed_core::storage::{AwsAccess, AwsSecret, CredentialCache, S3Config, SecretSource, Store};
use lakebed_core::{Kind, Result};

mod support;

use support::{Request, Server, reply, wait};

/// Gives KEY1, then KEY2, and so on up to the last one.
struct Keys {
    calls: AtomicU64,
    last: u64,
}

impl SecretSource for Keys {
    fn fetch(&self) -> Result<AwsSecret> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(AwsSecret {
            access_key: format!("KEY{}", call.min(self.last)),
            secret_key: "verysecret".into(),
            session_token: Some("sessiontoken".into()),
            expires_unix: None,
        })
    }
}

fn store(server: &Server, last: u64) -> (Arc<Keys>, Store) {
    open(server, last, "")
}

fn store_below(server: &Server, prefix: &str) -> (Arc<Keys>, Store) {
    open(server, 1, prefix)
}

fn open(server: &Server, last: u64, prefix: &str) -> (Arc<Keys>, Store) {
    let keys = Arc::new(Keys { calls: AtomicU64::new(0), last });
    let credentials = Some(Arc::new(CredentialCache::new(Arc::clone(&keys) as _)));
    let endpoint_url = Some(server.url(""));
    let access = AwsAccess { endpoint_url, credentials, ..AwsAccess::default() };
    let config = S3Config { bucket: "b".into(), prefix: prefix.into(), access };
    (keys, Store::s3(config).unwrap())
}

fn signed_by((_, headers): &Request, key: &str) -> bool {
    let mark = format!("credential={}/", key.to_lowercase());
    headers.iter().any(|header| header.contains(&mark))
}

fn refuse(stream: &mut std::net::TcpStream, head: &str, code: &str) {
    let body = format!("<Error><Code>{code}</Code><Message>so it is</Message></Error>");
    reply(stream, head, body.as_bytes());
}

const OBJECT: &str = "200 OK\r\nlast-modified: Mon, 02 Mar 2026 10:00:00 GMT\r\netag: \"1\"";

#[test]
fn refused_credentials_are_renewed_and_the_request_repeated() {
    for (head, code) in [
        ("400 Bad Request", "ExpiredToken"),
        ("403 Forbidden", "InvalidAccessKeyId"),
        ("403 Forbidden", "AccessDenied"),
    ] {
        let server = Server::start(move |_, request, stream| {
            if signed_by(request, "KEY2") {
                reply(stream, OBJECT, b"body");
            } else {
                refuse(stream, head, code);
            }
        });
        let (keys, store) = store(&server, 9);
        let gets = (0..8).map(|_| store.get("x"));
        let bodies = wait(futures::future::try_join_all(gets)).unwrap();
        assert!(bodies.iter().all(|body| body == "body"));
        wait(store.put("x", Bytes::from_static(b"1"))).unwrap();
        assert_eq!(keys.calls.load(Ordering::SeqCst), 2);
    }
}

#[test]
fn what_stays_refused_is_told_after_one_renewal() {
    for (head, code, kind) in [
        ("400 Bad Request", "ExpiredToken", Kind::CredentialsExpired),
        ("403 Forbidden", "SignatureDoesNotMatch", Kind::Authentication),
        ("403 Forbidden", "AccessDenied", Kind::Authorization),
        ("404 Not Found", "NoSuchBucket", Kind::BucketNotFound),
    ] {
        let server = Server::start(move |_, _, stream| refuse(stream, head, code));
        let (keys, store) = store(&server, 1);
        for _ in 0..3 {
            let error = wait(store.get("x")).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            let shown = format!("{error:?} {error}");
            for secret in ["verysecret", "sessiontoken", "KEY1", "127.0.0.1"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
        // A source that has nothing else is asked once more, not at every request.
        let expected = if kind == Kind::BucketNotFound { 1 } else { 2 };
        assert_eq!(keys.calls.load(Ordering::SeqCst), expected);
        assert_eq!(server.seen().len(), 3);
    }
}

#[test]
fn an_empty_refusal_of_a_size_is_explained_by_a_read() {
    let server = Server::start(|_, (first, _), stream| {
        if first.starts_with("HEAD") {
            stream.write_all(b"HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n").unwrap();
        } else {
            refuse(stream, "403 Forbidden", "SignatureDoesNotMatch");
        }
    });
    let error = wait(store(&server, 1).1.size("x")).unwrap_err();
    assert_eq!(error.kind(), Kind::Authentication);
}

#[test]
fn slow_downs_are_waited_out_or_told() {
    let server = Server::start(|number, _, stream| match number {
        0 => refuse(stream, "503 Slow Down", "SlowDown"),
        1 => {}
        2 => refuse(stream, "500 Oops", "InternalError"),
        _ => reply(stream, OBJECT, b"body"),
    });
    let (_, slow) = store(&server, 1);
    assert_eq!(wait(slow.get("x")).unwrap(), "body");
    assert_eq!((slow.counters().requests, slow.counters().retries), (4, 3));
    // It asks to be left alone for longer than anybody waits.
    let never = "503 Slow Down\r\nretry-after: 3600";
    let server = Server::start(move |number, _, stream| {
        refuse(stream, if number < 2 { "503 Slow Down" } else { never }, "SlowDown");
    });
    let error = wait(store(&server, 1).1.put("x", Bytes::from_static(b"1"))).unwrap_err();
    assert_eq!(error.kind(), Kind::StorageTransient);
    let text = error.message();
    assert!(text.contains("SlowDown") && text.contains("gave up after 3 tries in"), "{text}");
    assert_eq!(server.seen().len(), 3);
}

#[test]
fn a_conditional_write_whose_reply_is_lost_is_known_again() {
    for (there, ours) in [(&b"mine"[..], true), (&b"other"[..], false)] {
        let server = Server::start(move |number, (first, _), stream| match number {
            0 => refuse(stream, "404 Not Found", "NoSuchKey"),
            1 => assert!(first.starts_with("PUT")),
            2 => refuse(stream, "412 Precondition Failed", "PreconditionFailed"),
            _ => reply(stream, OBJECT, there),
        });
        let (_, store) = store(&server, 1);
        assert_eq!(wait(store.put_new("x", Bytes::from_static(b"mine"))).unwrap(), ours);
        assert_eq!(server.seen().len(), 4);
    }
}

#[test]
fn deletions_that_were_refused_for_some_keys_are_repeated() {
    let server = Server::start(move |number, _, stream| {
        let error = "<Error><Key>b</Key><Code>SlowDown</Code><Message>m</Message></Error>";
        let body = if number == 0 { error } else { "<Deleted><Key>b</Key></Deleted>" };
        let body = format!("<DeleteResult><Deleted><Key>a</Key></Deleted>{body}</DeleteResult>");
        reply(stream, "200 OK", body.as_bytes());
    });
    let (_, store) = store(&server, 1);
    wait(store.delete(&["a".to_owned(), "b".to_owned()])).unwrap();
    assert_eq!(store.counters().retries, 1);
}

#[test]
fn clocks_that_differ_are_told_and_renew_no_credentials() {
    let server = Server::start(move |_, _, stream| {
        let head = "403 Forbidden\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT";
        refuse(stream, head, "RequestTimeTooSkewed");
    });
    let (keys, store) = store(&server, 9);
    let error = wait(store.get("x")).unwrap_err();
    assert_eq!(error.kind(), Kind::Authentication);
    let (text, hint) = (error.message(), error.hint().unwrap());
    assert!(text.contains("this machine's clock is") && text.contains("s ahead of"), "{text}");
    assert!(hint.contains("clock"), "{hint}");
    assert_eq!(keys.calls.load(Ordering::SeqCst), 1);
}

#[test]
fn a_body_that_breaks_off_is_continued() {
    let server = Server::start(|_, (_, headers), stream| {
        if headers.iter().any(|header| header == "range: bytes=2-3") {
            let head = OBJECT.replace("200 OK", "206 Partial\r\ncontent-range: bytes 2-3/4");
            return reply(stream, &head, b"dy");
        }
        let head = format!("HTTP/1.1 {OBJECT}\r\ncontent-length: 4\r\n\r\nbo");
        stream.write_all(head.as_bytes()).unwrap();
    });
    assert_eq!(wait(store(&server, 1).1.get("x")).unwrap(), "body");
}

#[test]
fn credential_sources_that_fail_are_named_as_the_cause() {
    struct Nobody;
    impl SecretSource for Nobody {
        fn fetch(&self) -> Result<AwsSecret> {
            let error = lakebed_core::Error::new(Kind::CredentialsExpired, "the login has ended");
            Err(error.with_hint("log in again"))
        }
    }
    let server = Server::start(|_, _, stream| reply(stream, OBJECT, b"body"));
    let access = AwsAccess {
        endpoint_url: Some(server.url("")),
        credentials: Some(Arc::new(CredentialCache::new(Arc::new(Nobody)))),
        ..AwsAccess::default()
    };
    let config = S3Config { bucket: "b".into(), access, ..S3Config::default() };
    let error = wait(Store::s3(config).unwrap().get("x")).unwrap_err();
    assert_eq!(error.kind(), Kind::CredentialsExpired);
    assert_eq!(error.message(), "cannot read s3://b/x: no credentials: the login has ended");
    assert_eq!(error.hint(), Some("log in again"));
    assert!(server.seen().is_empty());
}

#[test]
fn anonymous_requests_are_not_signed() {
    let server = Server::start(|_, _, stream| reply(stream, OBJECT, b"body"));
    let access = AwsAccess { endpoint_url: Some(server.url("")), ..AwsAccess::default() };
    let config = S3Config { bucket: "b".into(), access, ..S3Config::default() };
    assert_eq!(wait(Store::s3(config).unwrap().get("a b/%2F+ü#?x")).unwrap(), "body");
    let (first, headers) = &server.seen()[0];
    assert_eq!(first, "GET /b/a%20b/%252F%2B%C3%BC%23%3Fx HTTP/1.1");
    assert!(!headers.iter().any(|header| header.starts_with("authorization")));
}

fn asked_in(region: &str, (_, headers): &Request) -> bool {
    let scope = format!("/{region}/s3/aws4_request");
    headers.iter().any(|header| header.contains(&scope))
}

#[test]
fn the_region_that_a_store_names_is_asked_from_then_on() {
    type Refusal = (&'static str, &'static str);
    let in_the_body = ("400 Bad Request", "<Region>eu-west-1</Region>");
    let in_a_header = ("301 Moved\r\nx-amz-bucket-region: eu-west-1", "");
    let refusals: [Refusal; 2] = [in_the_body, in_a_header];
    for (head, region) in refusals {
        let server = Server::start(move |_, request, stream| {
            if asked_in("eu-west-1", request) {
                reply(stream, OBJECT, b"body");
            } else {
                let code = "<Code>AuthorizationHeaderMalformed</Code>";
                reply(stream, head, format!("<Error>{code}{region}</Error>").as_bytes());
            }
        });
        let (_, first) = store(&server, 1);
        assert_eq!(wait(first.get("x")).unwrap(), "body");
        wait(first.put("x", Bytes::from_static(b"1"))).unwrap();
        assert_eq!(server.seen().len(), 3);
        let (_, second) = store(&server, 1);
        assert_eq!(wait(second.get("x")).unwrap(), "body");
        assert_eq!(server.seen().len(), 4);
    }
}

#[test]
fn a_store_that_names_the_same_region_again_is_not_asked_again() {
    let server = Server::start(|_, _, stream| {
        reply(stream, "301 Moved\r\nx-amz-bucket-region: us-east-1", b"");
    });
    let (_, store) = store(&server, 1);
    wait(store.get("x")).unwrap_err();
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn odd_keys_of_a_listing_are_told_apart() {
    let keys = ["ds/", "ds//lead", "ds/a", "ds/a//b", "ds/b/./c", "ds/c&amp;d", "ds/e ", "ds/f/"];
    let contents = keys.map(|key| {
        let size = u8::from(key == "ds/f/");
        format!(
            "<Contents><Key>{key}</Key><Size>{size}</Size><ETag>\"1\"</ETag>\
             <LastModified>2026-03-02T10:00:00Z</LastModified></Contents>"
        )
    });
    let page = format!("<ListBucketResult>{}</ListBucketResult>", contents.concat());
    let server = Server::start(move |_, _, stream| reply(stream, "200 OK", page.as_bytes()));
    let (_, store) = store_below(&server, "ds");
    let found = wait(store.list_all("")).unwrap();
    let listed: Vec<&str> = found.entries.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(listed, ["a", "c&d", "e "]);
    assert_eq!(found.odd, ["/lead", "a//b", "b/./c", "f/"]);
}

/// Answers uploads in parts, the part of that number as `part` does.
fn server_of_parts(part: impl Fn(&mut std::net::TcpStream) + Send + Sync + 'static) -> Server {
    Server::start(move |_, (first, _), stream| {
        if first.starts_with("POST /b/large?uploads") {
            let begun = "<InitiateMultipartUploadResult><UploadId>id</UploadId>\
                         </InitiateMultipartUploadResult>";
            reply(stream, "200 OK", begun.as_bytes());
        } else if first.starts_with("PUT") {
            part(stream);
        } else {
            reply(stream, "204 No Content", b"");
        }
    })
}

fn is_given_up(server: &Server) -> bool {
    server.seen().iter().any(|(first, _)| first.starts_with("DELETE /b/large?uploadId=id"))
}

/// As much as goes in parts.
fn large() -> Bytes {
    Bytes::from(vec![1; (32 << 20) + 1])
}

#[test]
fn an_upload_of_which_a_part_fails_is_given_up() {
    let refusal = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    let server = server_of_parts(|stream| reply(stream, "403 Forbidden", refusal));
    let (_, store) = store(&server, 1);
    let error = wait(store.put("large", large())).unwrap_err();
    assert_eq!(error.kind(), Kind::Authorization, "{error}");
    assert!(is_given_up(&server));
    let completed = |(first, _): &Request| first.starts_with("POST /b/large?uploadId");
    assert!(!server.seen().iter().any(completed));
}

#[test]
fn an_upload_that_nobody_waits_for_is_given_up() {
    let (told, begun) = std::sync::mpsc::channel();
    let server = server_of_parts(move |stream| {
        told.send(()).unwrap_or_default();
        reply(stream, "200 OK\r\netag: \"1\"", b"");
    });
    let (_, store) = store(&server, 1);
    let engine = Engine::current().unwrap();
    let put = engine.handle().spawn(async move { store.put("large", large()).await });
    begun.recv().unwrap();
    put.abort();
    let started = std::time::Instant::now();
    while !is_given_up(&server) {
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", server.seen());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
