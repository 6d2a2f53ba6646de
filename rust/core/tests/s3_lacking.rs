//! Servers that lack something that S3 has: each is asked once, and in another way from then on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use lakebed_core::storage::{AwsAccess, S3Config, Store};

mod support;

use support::{Request, Server, reply, wait};

const WRITTEN: &str = "200 OK\r\netag: \"1\"";
const FOUND: &str = "200 OK\r\nlast-modified: Mon, 02 Mar 2026 10:00:00 GMT\r\netag: \"1\"";
const UNKNOWN: &str = "501 Not Implemented";

fn store(server: &Server) -> Store {
    let access = AwsAccess { endpoint_url: Some(server.url("")), ..AwsAccess::default() };
    Store::s3(S3Config { bucket: "b".into(), prefix: String::new(), access }).unwrap()
}

fn is_conditional((_, headers): &Request) -> bool {
    headers.iter().any(|header| header.starts_with("if-none-match"))
}

fn methods(server: &Server) -> Vec<String> {
    let name = |(line, _): &Request| line.split(' ').next().unwrap_or_default().to_owned();
    server.seen().iter().map(name).collect()
}

#[test]
fn creating_looks_before_and_after_where_the_server_knows_no_condition() {
    let written = AtomicBool::new(false);
    let server = Server::start(move |_, request, stream| match request.0.as_bytes() {
        [b'P', ..] if is_conditional(request) => reply(stream, UNKNOWN, b""),
        [b'P', ..] => {
            written.store(true, Ordering::Release);
            reply(stream, WRITTEN, b"");
        }
        _ if request.0.contains("/b/there") => reply(stream, FOUND, b"x"),
        _ if written.load(Ordering::Acquire) => reply(stream, FOUND, b"1"),
        _ => reply(stream, "404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>"),
    });
    let first = store(&server);
    assert!(wait(first.put_new("new", Bytes::from_static(b"1"))).unwrap());
    assert_eq!(methods(&server), ["GET", "PUT", "PUT", "GET"]);
    assert!(!wait(first.put_new("there", Bytes::from_static(b"1"))).unwrap());
    // Another store of the same bucket knows it, too.
    assert!(!wait(store(&server).put_new("there", Bytes::from_static(b"1"))).unwrap());
    assert_eq!(server.seen().iter().filter(|request| is_conditional(request)).count(), 1);
}

#[test]
fn objects_are_deleted_one_by_one_where_the_server_takes_no_batch() {
    let server = Server::start(|_, request, stream| match request.0.as_bytes() {
        [b'P', ..] => reply(stream, UNKNOWN, b"<Error><Code>NotImplemented</Code></Error>"),
        _ => reply(stream, "204 No Content", b""),
    });
    let store = store(&server);
    let keys = ["a", "b", "c"].map(str::to_owned);
    wait(store.delete(&keys)).unwrap();
    assert_eq!(methods(&server), ["POST", "DELETE", "DELETE", "DELETE"]);
    wait(store.delete(&keys)).unwrap();
    assert_eq!(methods(&server).iter().filter(|method| *method == "POST").count(), 1);
}

#[test]
fn what_cannot_be_done_without_is_told_at_once() {
    let server = Server::start(|_, _, stream| reply(stream, UNKNOWN, b""));
    let error = wait(store(&server).get("x")).unwrap_err();
    assert!(error.message().contains("does not know this kind of request"), "{error}");
    assert_eq!(server.seen().len(), 1);
}
