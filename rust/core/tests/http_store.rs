//! Objects behind http URLs, against a server of a few lines that can misbehave on purpose.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use lakebed_core::Kind;
use lakebed_core::dataset::{Dataset, OpenOptions, TensorSpec};
use lakebed_core::engine::NeverInterrupted;
use lakebed_core::links::{LinkCreds, LinkPool};
use lakebed_core::storage::{Addresses, HttpPolicy, Store};

mod support;

use support::{Request, Server, reply, wait};

fn http() -> Store {
    Store::http(None, HttpPolicy::default()).unwrap()
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
    let server = Server::start(|number, _, stream| {
        // Nobody waits for a day.
        let head = if number < 2 { "503 Busy" } else { "503 Busy\r\nretry-after: 86400" };
        reply(stream, head, b"");
    });
    let error = wait(http().get(&server.url("/x?s=secret"))).unwrap_err();
    assert_eq!(error.kind(), Kind::StorageTransient);
    assert!(error.message().contains("http status 503; gave up after 3 tries in"), "{error}");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    assert_eq!(server.seen().len(), 3);
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
    let other = Server::start(|_, (first, _), stream| {
        if first.contains("/back") {
            let home = first.split(['?', ' ']).nth(2).unwrap();
            reply(stream, &format!("302 Found\r\nlocation: {home}/here"), b"");
        } else {
            reply(stream, "200 OK", b"elsewhere");
        }
    });
    let away = other.url("");
    let server = Server::start(move |_, (first, headers), stream| {
        let home = headers.iter().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let target = match first.split(' ').nth(1).unwrap() {
            "/near" => "/here".to_owned(),
            "/far" => format!("{away}/moved?token=1"),
            // There and back again: what came back may have been chosen there.
            "/around" => format!("{away}/back?http://{home}"),
            _ => return reply(stream, "200 OK", b"here"),
        };
        reply(stream, &format!("302 Found\r\nlocation: {target}"), b"");
    });
    let pool = LinkPool::default();
    let authorization = Some("Bearer secret".to_owned());
    pool.populate("key", LinkCreds { authorization, ..LinkCreds::default() });
    let get = |path: &str| {
        // What stands in the URL gives way to what was populated.
        let url = server.url(path).replace("//", "//user:word@");
        let target = pool.resolve(&url, Some("key")).unwrap();
        wait(target.store.get(&target.key)).unwrap()
    };
    let sent = |request: &Request| -> Vec<String> {
        let headers = request.1.iter().filter(|line| line.starts_with("authorization: "));
        headers.cloned().collect()
    };
    let bearer = vec!["authorization: bearer secret".to_owned()];
    assert_eq!(get("/near"), "here");
    assert_eq!(get("/far"), "elsewhere");
    let seen = server.seen();
    assert_eq!(seen.iter().map(sent).collect::<Vec<_>>(), vec![bearer.clone(); 3]);
    assert_eq!(get("/around"), "here");
    let seen = server.seen();
    assert_eq!(sent(&seen[3]), bearer);
    assert_eq!(sent(&seen[4]), Vec::<String>::new());
    assert_eq!(other.seen().len(), 2);
    assert!(other.seen().iter().all(|request| sent(request).is_empty()));
}

#[test]
fn redirects_end_somewhere() {
    for (location, why) in [
        ("/again", "redirected more than 10 times"),
        ("ftp://h/x", "redirected to a ftp: URL"),
        ("file:///etc/passwd", "redirected to a file: URL"),
        ("http://", "redirected to no URL"),
    ] {
        let head = format!("302 Found\r\nlocation: {location}");
        let server = Server::start(move |_, _, stream| reply(stream, &head, b""));
        let error = wait(http().get(&server.url("/x"))).unwrap_err();
        assert_eq!(error.kind(), Kind::Storage);
        assert!(error.message().contains(why), "{error}");
        assert!(server.seen().len() <= 11);
    }
}

fn guarded(addresses: Addresses) -> Store {
    Store::http(None, HttpPolicy { addresses, ..HttpPolicy::default() }).unwrap()
}

#[test]
fn private_addresses_are_refused_before_anything_is_sent() {
    let server = Server::start(|_, _, stream| reply(stream, "200 OK", b"inside"));
    let port = server.url("/").rsplit(':').next().unwrap().to_owned();
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]", "0x7f.1"] {
        let url = format!("http://{host}:{port}");
        let error = wait(guarded(Addresses::Public).get(&url)).unwrap_err();
        assert_eq!(error.kind(), Kind::LinkNotAllowed, "{url}: {error}");
        assert!(error.message().contains("LAKEBED_LINK_PRIVATE_ADDRESSES"), "{error}");
    }
    assert_eq!(server.seen().len(), 0);
    let url = format!("http://localhost:{port}");
    assert_eq!(wait(guarded(Addresses::Private).get(&url)).unwrap(), "inside");
}

#[test]
fn redirects_to_metadata_services_are_refused() {
    for target in ["http://169.254.169.254/latest/meta-data/", "http://metadata.google.internal/"] {
        let head = format!("307 Moved\r\nlocation: {target}");
        let server = Server::start(move |_, _, stream| reply(stream, &head, b""));
        let error = wait(guarded(Addresses::Private).get(&server.url("/x"))).unwrap_err();
        assert_eq!(error.kind(), Kind::LinkNotAllowed, "{error}");
        assert!(error.message().contains("allow-metadata"), "{error}");
        assert_eq!(server.seen().len(), 1);
    }
}

#[test]
fn urls_are_sent_as_they_stand() {
    let server = Server::start(|_, _, stream| reply(stream, "200 OK", b"x"));
    for (path, sent) in [
        ("/a b/\u{fc}.png", "/a%20b/%C3%BC.png"),
        ("/a%20b+c%2Fd", "/a%20b+c%2Fd"),
        ("/x.png?q=a b&r=%20#part", "/x.png?q=a%20b&r=%20"),
    ] {
        wait(http().get(&server.url(path))).unwrap();
        assert_eq!(server.seen().last().unwrap().0, format!("GET {sent} HTTP/1.1"));
    }
}

#[test]
fn what_a_server_packs_stays_packed() {
    let server = Server::start(|_, (_, headers), stream| {
        assert!(headers.contains(&"accept-encoding: identity".to_owned()));
        reply(stream, "200 OK\r\ncontent-encoding: gzip", b"\x1f\x8b packed");
    });
    assert_eq!(wait(http().get(&server.url("/x.nii.gz"))).unwrap(), &b"\x1f\x8b packed"[..]);
}

#[test]
fn bodies_without_a_length_are_bounded() {
    let server = Server::start(|_, _, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").unwrap();
        // Until the client hangs up.
        while stream.write_all(&[0; 4096]).is_ok() {}
    });
    let policy = HttpPolicy { max_unannounced_bytes: 100_000, ..HttpPolicy::default() };
    let store = Store::http(None, policy).unwrap();
    let error = wait(store.get(&server.url("/x"))).unwrap_err();
    assert!(error.message().contains("more than 100000 bytes came"), "{error}");
    assert_eq!(wait(store.get_range(&server.url("/x"), 5000..5010)).unwrap().len(), 10);
}

#[test]
fn a_host_gets_so_many_requests_at_once() {
    const MOST: usize = 3;
    // How many are under way, and how many were at most.
    let counts = Arc::new((Mutex::new((0, 0)), Condvar::new()));
    let shared = Arc::clone(&counts);
    let server = Server::start(move |_, _, stream| {
        let (lock, changed) = &*shared;
        let mut now = lock.lock().unwrap();
        now.0 += 1;
        now.1 = now.1.max(now.0);
        changed.notify_all();
        // The first wait for all that may come; a fourth would have come by then.
        let full = |now: &mut (usize, usize)| now.1 < MOST;
        now = changed.wait_timeout_while(now, Duration::from_secs(10), full).unwrap().0;
        drop(now);
        std::thread::sleep(Duration::from_millis(30));
        lock.lock().unwrap().0 -= 1;
        reply(stream, "200 OK", b"x");
    });
    let policy = HttpPolicy { max_requests_per_host: MOST, ..HttpPolicy::default() };
    // Two stores: the limit is the host's.
    let stores = [Store::http(None, policy).unwrap(), Store::http(Some("x"), policy).unwrap()];
    let url = server.url("/x");
    let reads = (0..12).map(|n| stores[n % 2].get(&url));
    assert_eq!(wait(futures::future::try_join_all(reads)).unwrap().len(), 12);
    assert_eq!(counts.0.lock().unwrap().1, MOST);
}

#[test]
fn a_broken_body_is_read_again_where_a_host_has_one_slot() {
    let server = Server::start(|number, _, stream| match number {
        0 => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbo").unwrap(),
        _ => reply(stream, "200 OK", b"body"),
    });
    let policy = HttpPolicy { max_requests_per_host: 1, ..HttpPolicy::default() };
    let store = Store::http(None, policy).unwrap();
    assert_eq!(wait(store.get(&server.url("/x"))).unwrap(), "body");
    assert_eq!(wait(store.get(&server.url("/x"))).unwrap(), "body");
}

/// Serves the files of a folder, percent-decoded, as `python -m http.server` does.
fn serve_files(root: PathBuf, missing: &'static str) -> Server {
    Server::start(move |_, (first, _), stream| {
        let path = first.split(' ').nth(1).unwrap().strip_prefix("/data%20set/").unwrap();
        match std::fs::read(root.join(path)) {
            Ok(bytes) => reply(stream, "200 OK", &bytes),
            Err(_) => reply(stream, missing, b"no"),
        }
    })
}

#[test]
fn a_dataset_behind_a_web_server_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let never = &NeverInterrupted;
    let written =
        Dataset::create(Store::local(folder.path()), &OpenOptions::default(), never).unwrap();
    let spec = TensorSpec { dtype: Some("uint8".to_owned()), ..TensorSpec::default() };
    written.create_tensor("x", &spec, never).unwrap();
    written.close(never).unwrap();
    // Buckets that nobody may list answer 403 for what is not there.
    for missing in ["404 Not Found", "403 Forbidden"] {
        let server = serve_files(folder.path().to_owned(), missing);
        let store = Store::http_folder(&server.url("/data set/"), Some("Bearer t")).unwrap();
        assert_eq!(store.url(), server.url("/data set"));
        assert!(Dataset::exists(&store, never).unwrap());
        let opened = Dataset::open(store.clone(), &OpenOptions::default(), never).unwrap();
        assert!(opened.read_only());
        assert!(opened.notice().unwrap().message.contains("can only be read"));
        assert_eq!(opened.num_samples("x").unwrap(), 0);
        let insist = OpenOptions { read_only: Some(false), ..OpenOptions::default() };
        let refused = Dataset::open(store.clone(), &insist, never).unwrap_err();
        assert_eq!(refused.kind(), Kind::ReadOnly);
        let error = wait(store.list("")).unwrap_err();
        assert!(error.message().contains("web servers do not list"), "{error}");
        assert_eq!(wait(store.get("no such")).unwrap_err().kind(), Kind::ObjectNotFound);
        let authorized = "authorization: bearer t".to_owned();
        assert!(server.seen().iter().all(|request| request.1.contains(&authorized)));
    }
}

#[test]
fn a_folder_that_refuses_everything_is_not_taken_as_empty() {
    let server = Server::start(|_, _, stream| reply(stream, "403 Forbidden", b"no"));
    let store = Store::http_folder(&server.url("/x"), None).unwrap();
    let error = Dataset::exists(&store, &NeverInterrupted).unwrap_err();
    assert_eq!(error.kind(), Kind::Authorization);
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
