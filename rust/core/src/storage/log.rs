//! Tells of every request to a server, for `LAKEBED_LOG`. Never a query, a header or a body: they
//! hold signatures and secrets. Who listens is the binding's business.

use std::cell::Cell;
use std::error::Error;
use std::future::Future;
use std::time::Instant;

use tracing::Level;

use super::client::innermost;
use super::error::is_transient;
use super::http::display_url;

/// What is known of the requests of one operation: a get, a page of a listing, ...
struct Operation {
    /// Which try the next request is.
    tries: Cell<u32>,
    /// Which credentials it is signed with; 0 = none.
    generation: Cell<u64>,
}

tokio::task_local! {
    static OPERATION: Operation;
}

/// Runs requests of which the first is try number `tries`. Those that follow one that failed in
/// passing are taken for the next tries.
pub(super) async fn tried<F: Future>(tries: u32, requests: F) -> F::Output {
    let operation = Operation { tries: Cell::new(tries), generation: Cell::new(0) };
    OPERATION.scope(operation, requests).await
}

/// Notes which credentials the next request of this operation is signed with.
pub(super) fn signed(generation: u64) {
    // Bodies that break off are asked for again outside of any operation: nothing to note it in.
    let _ = OPERATION.try_with(|operation| operation.generation.set(generation));
}

/// A request under way.
pub(super) struct Asked {
    method: String,
    place: String,
    sent: usize,
    started: Instant,
}

impl Asked {
    /// Before the request goes out; nothing where nobody listens. `sent`: bytes of its body.
    pub(super) fn new(method: &impl ToString, url: &impl ToString, sent: usize) -> Option<Self> {
        tracing::enabled!(Level::WARN).then(|| Self {
            method: method.to_string(),
            place: display_url(&url.to_string()),
            sent,
            started: Instant::now(),
        })
    }

    /// When its reply begins: the status and how long the body is going to be, or why there is no
    /// reply.
    pub(super) fn heard(self, reply: Result<(u16, Option<u64>), &(dyn Error + 'static)>) {
        let failed = reply.map_or(true, |(status, _)| is_transient(status));
        let (tries, generation) = OPERATION
            .try_with(|now| {
                let tries = now.tries.get();
                now.tries.set(if failed { tries.saturating_add(1) } else { 1 });
                (tries, now.generation.get())
            })
            .unwrap_or((1, 0));
        let outcome = match reply {
            Ok((status, Some(received))) => format!("status={status} received={received}"),
            Ok((status, None)) => format!("status={status} received=?"),
            // Without its own sentence, which may name the URL with its query.
            Err(error) => {
                format!("failed={:?}", error.source().map_or_else(String::new, innermost))
            }
        };
        let Self { method, place, sent, started } = self;
        let ms = started.elapsed().as_millis();
        let told = format!(
            "{method} {place} {outcome} sent={sent} ms={ms} try={tries} generation={generation}"
        );
        if failed {
            tracing::warn!("{told}");
        } else {
            tracing::debug!("{told}");
        }
    }
}
