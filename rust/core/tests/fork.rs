//! A forked child uses stores that its parent opened and used.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use lakebed_core::engine::Engine;
use lakebed_core::links::{LinkCreds, LinkPool};
use lakebed_core::storage::{AwsAccess, S3Config, Store};

mod support;

use support::{Server, reply, wait};

#[expect(unsafe_code, reason = "the system calls under test, which std does not offer")]
mod system {
    unsafe extern "C" {
        safe fn fork() -> i32;
        safe fn _exit(status: i32) -> !;
        fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    }

    /// Runs `child` in a forked process and gives its exit status: 0 when `child` gave `true`.
    pub(crate) fn in_child(child: impl FnOnce() -> bool) -> i32 {
        match fork() {
            0 => _exit(i32::from(!child())),
            pid => {
                let mut status = -1;
                // SAFETY: `status` lives across the call, which writes one integer to it.
                let ended = unsafe { waitpid(pid, &raw mut status, 0) };
                assert_eq!(ended, pid);
                status
            }
        }
    }
}

#[test]
fn stores_work_in_a_child_while_the_parent_is_busy() {
    let server = Server::start(|_, (first, _), stream| {
        let head = "200 OK\r\nlast-modified: Mon, 02 Mar 2026 10:00:00 GMT\r\netag: \"1\"";
        let slow = first.contains("slow");
        std::thread::sleep(std::time::Duration::from_millis(if slow { 20 } else { 0 }));
        reply(stream, head, b"body");
    });
    let folder = tempfile::tempdir().unwrap();
    let local = Store::local(folder.path());
    wait(local.put("x", Bytes::from_static(b"1"))).unwrap();
    let access = AwsAccess { endpoint_url: Some(server.url("")), ..AwsAccess::default() };
    let s3 = Store::s3(S3Config { bucket: "b".into(), access, ..S3Config::default() }).unwrap();

    let pool = LinkPool::default();
    pool.populate(
        "key",
        LinkCreds { authorization: Some("Bearer x".into()), ..LinkCreds::default() },
    );
    let url = server.url("/link");
    let read_all = || {
        let link = pool.resolve(&url, Some("key"))?;
        let (a, b) = (wait(s3.get("x"))?, wait(link.store.get(&link.key))?);
        let cores = Engine::current()?.pool().install(rayon::current_num_threads);
        Ok::<_, lakebed_core::Error>((a, b, wait(local.get("x"))?, cores > 0))
    };
    let expected = read_all().unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    wait(s3.get("slow")).unwrap();
                    pool.populate("other", LinkCreds::default());
                }
            });
        }
        for _ in 0..10 {
            // A child that hangs is ended by the harness's time limit, not by this test.
            let child = || match read_all() {
                Ok(read) => read == expected && wait(local.put("y", Bytes::new())).is_ok(),
                Err(_) => false,
            };
            assert_eq!(system::in_child(child), 0);
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(read_all().unwrap(), expected);
    let link_reads = server.seen().iter().filter(|(first, _)| first.contains("/link")).count();
    assert_eq!(link_reads, 12);
}
