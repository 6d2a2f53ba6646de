//! Objects behind http URLs, against a server of a few lines that can misbehave on purpose.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write;

use lakebed_core::Kind;
use lakebed_core::links::{LinkCreds, LinkPool};
use lakebed_core::storage::Store;

mod support;

use support::{Request, Server, reply, wait};

fn http() -> Store {
    Store::http(None).unwrap()
}

#[test]
fn the_url_is_sent_as_given() {
    let server = Server::start(|_, _, stream| reply(stream, "200 OK", b"body"));
    let store = http();
    assert_eq!(wait(store.get(&server.url("/a%20b%2Fc+d.jpg?x=1&y=%2F"))).unwrap(), "body");
    assert_eq!(server.seen()[0].0, "GET /a%20b%2Fc+d.jpg?x=1&y=%2F HTTP/1.1");
    assert_eq!(store.counters().requests, 1);
    assert_eq!(store.counters().bytes_read, 4);
}

#[test]
fn ranges_and_sizes_work_with_and_without_server_support() {
    let partial = Server::start(|_, (_, headers), stream| {
        let body = b"0123456789";
        let range = headers.iter().find_map(|header| header.strip_prefix("range: bytes="));
        let (from, to) = range.unwrap().split_once('-').unwrap();
        let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
        if from >= body.len() {
            return reply(stream, "416 No\r\ncontent-range: bytes */10", b"");
        }
        let to = to.min(body.len() - 1);
        let head = format!("206 Partial\r\ncontent-range: bytes {from}-{to}/10");
        reply(stream, &head, &body[from..=to]);
    });
    let whole = Server::start(|_, _, stream| reply(stream, "200 OK", b"0123456789"));
    for server in [partial, whole] {
        let (store, url) = (http(), server.url("/x"));
        assert_eq!(wait(store.get_range(&url, 2..5)).unwrap(), "234");
        assert_eq!(wait(store.get_range(&url, 8..50)).unwrap(), "89");
        assert_eq!(wait(store.get_range(&url, 20..50)).unwrap(), "");
        assert_eq!(wait(store.size(&url)).unwrap(), 10);
    }
}

#[test]
fn statuses_become_kinds_and_messages_have_no_query() {
    for (head, kind) in [
        ("404 Not Found", Kind::ObjectNotFound),
        ("401 Unauthorized", Kind::Authentication),
        ("403 Forbidden", Kind::Authorization),
        ("418 Teapot", Kind::Storage),
    ] {
        let server = Server::start(move |_, _, stream| reply(stream, head, b"no"));
        let error = wait(http().get(&server.url("/x?X-Amz-Signature=secret"))).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        assert!(error.message().contains(&server.url("/x")), "{error}");
        assert_eq!(server.seen().len(), 1);
    }
}

#[test]
fn passing_failures_are_tried_again() {
    let server = Server::start(|number, _, stream| match number {
        0 => reply(stream, "503 Busy", b""),
        // Closed without an answer.
        1 => {}
        // Closed in the middle of the body.
        2 => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbo").unwrap(),
        _ => reply(stream, "200 OK", b"body"),
    });
    let store = http();
    assert_eq!(wait(store.get(&server.url("/x"))).unwrap(), "body");
    assert_eq!(store.counters().requests, 4);
}

#[test]
fn lasting_failures_say_how_often_they_were_tried() {
    let server = Server::start(|_, _, stream| reply(stream, "503 Busy", b""));
    let error = wait(http().get(&server.url("/x?s=secret"))).unwrap_err();
    assert_eq!(error.kind(), Kind::StorageTransient);
    assert!(error.message().contains("http status 503; gave up after 6 tries in"), "{error}");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    assert_eq!(server.seen().len(), 6);
}

#[test]
fn bodies_of_unknown_length_are_read_at_once() {
    let server = Server::start(|_, _, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nuntil the end").unwrap();
    });
    let url = server.url("/x");
    let store = http();
    let incoming = wait(store.open_read(&url)).unwrap();
    assert_eq!(incoming.size, 13);
    assert_eq!(wait(incoming.read()).unwrap(), "until the end");
}

#[test]
fn authorization_is_sent_but_not_to_other_origins() {
    let other = Server::start(|_, _, stream| reply(stream, "200 OK", b"elsewhere"));
    let away = other.url("/moved?token=1");
    let server = Server::start(move |_, (first, _), stream| {
        if first.contains("/near") {
            reply(stream, "302 Found\r\nlocation: /here", b"");
        } else if first.contains("/far") {
            reply(stream, &format!("302 Found\r\nlocation: {away}"), b"");
        } else {
            reply(stream, "200 OK", b"here");
        }
    });
    let pool = LinkPool::new();
    let authorization = Some("Bearer secret".to_owned());
    pool.populate("key", LinkCreds { authorization, ..LinkCreds::default() });
    let get = |path: &str| {
        let target = pool.resolve(&server.url(path), Some("key")).unwrap();
        wait(target.store.get(&target.key)).unwrap()
    };
    assert_eq!(get("/near"), "here");
    assert_eq!(get("/far"), "elsewhere");
    let has = |request: &Request| request.1.contains(&"authorization: bearer secret".to_owned());
    assert!(server.seen().iter().all(has));
    assert_eq!(other.seen().len(), 1);
    assert!(!other.seen().iter().any(has));
}

#[test]
fn only_reading_is_possible() {
    let store = http();
    let url = "http://localhost/x?secret";
    let error = wait(store.put(url, bytes::Bytes::new())).unwrap_err();
    assert_eq!(error.kind(), Kind::ReadOnly);
    assert!(!error.message().contains("secret"));
    assert_eq!(wait(store.get("ftp://x")).unwrap_err().kind(), Kind::InvalidInput);
}
