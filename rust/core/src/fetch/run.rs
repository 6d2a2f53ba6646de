//! The loop that starts jobs, hands their outputs to the decode pool and decides when it is over.
//!
//! It runs on the calling thread: jobs run on the I/O runtime, outputs are processed on the decode
//! pool, and both report to it through one channel. So only one thread ever decides.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;

use futures::FutureExt;
use rayon::Scope;
use tokio::task::AbortHandle;

use super::budget::Budget;
use super::failures::{Failures, Shared};
use super::{Job, Limits, panicked};
use crate::engine::{Engine, INTERRUPT_INTERVAL, Interrupt, interrupted};
use crate::error::{Error, Result};

/// What the loop is told.
enum Message<T> {
    /// A job ended.
    Fetched { job: usize, output: Result<T> },
    /// An output was processed, or skipped because of a failure below it.
    Processed,
}

/// A job that runs.
struct Running {
    index: u64,
    task: AbortHandle,
}

/// Ends the tasks when the loop is left, however that happens.
#[derive(Default)]
struct Tasks(HashMap<usize, Running>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.values().for_each(|running| running.task.abort());
    }
}

/// Runs `jobs` in order of their index, at most `limits.max_requests` at once, and calls `process`
/// with every output on the decode pool; `process` may borrow from the caller's stack.
///
/// The calling thread waits, asks `interrupt` every 50 ms whether to stop, and tells it how many
/// jobs are done. After a failure at position i, jobs above i are not started and running ones are
/// cancelled, while those below i are finished: so the failure of the lowest position is always
/// the one returned.
///
/// # Errors
/// The error of the lowest position that failed, with up to [`crate::error::MAX_FAILURES`] of them
/// as [`Error::failures`]; [`crate::Kind::Interrupted`]; [`crate::Kind::Internal`] for a panic in a
/// job or in `process`, and when called on a thread of the decode pool.
pub fn run<J, F>(
    engine: &Engine,
    jobs: Vec<J>,
    limits: &Limits,
    interrupt: &dyn Interrupt,
    process: F,
) -> Result<()>
where
    J: Job,
    F: Fn(J::Output, &Failures) + Sync,
{
    if engine.pool().current_thread_index().is_some() {
        // Outputs wait for pool threads, and this one would wait for outputs.
        return Err(Error::internal("fetch::run was called on a thread of the decode pool"));
    }
    let shared = Arc::<Shared>::default();
    let ended = engine.pool().in_place_scope(|scope| {
        let mut run = Run::new(engine, jobs, limits, &shared);
        run.drive(scope, interrupt, &process).inspect_err(|_| shared.stop())
    });
    ended?;
    shared.take_error().map_or(Ok(()), Err)
}

/// The state of the loop.
struct Run<'run, J: Job> {
    engine: &'run Engine,
    /// Jobs that have not started, in order.
    waiting: std::iter::Peekable<std::iter::Enumerate<std::vec::IntoIter<J>>>,
    running: Tasks,
    /// Outputs that are being processed or wait for it.
    unprocessed: usize,
    done: u64,
    max_requests: usize,
    budget: Budget,
    shared: &'run Arc<Shared>,
    sender: Sender<Message<J::Output>>,
    receiver: Receiver<Message<J::Output>>,
    /// The lowest failure that running jobs were last held against.
    cancelled_above: Option<u64>,
}

impl<'run, J: Job> Run<'run, J> {
    fn new(
        engine: &'run Engine,
        mut jobs: Vec<J>,
        limits: &Limits,
        shared: &'run Arc<Shared>,
    ) -> Self {
        jobs.sort_by_key(Job::index);
        let (sender, receiver) = channel();
        Self {
            engine,
            waiting: jobs.into_iter().enumerate().peekable(),
            running: Tasks::default(),
            unprocessed: 0,
            done: 0,
            max_requests: limits.max_requests.max(1),
            budget: Budget::new(limits.max_bytes_in_flight),
            shared,
            sender,
            receiver,
            cancelled_above: None,
        }
    }

    /// Until nothing runs, nothing waits for its processing and nothing is left to start.
    fn drive<'scope, F>(
        &mut self,
        scope: &Scope<'scope>,
        interrupt: &dyn Interrupt,
        process: &'scope F,
    ) -> Result<()>
    where
        F: Fn(J::Output, &Failures) + Sync,
    {
        let mut asked = Instant::now();
        loop {
            self.cancel_obsolete();
            self.start_more();
            if self.running.0.is_empty() && self.unprocessed == 0 {
                interrupt.progress(self.done);
                return Ok(());
            }
            let wait = INTERRUPT_INTERVAL.saturating_sub(asked.elapsed());
            match self.receiver.recv_timeout(wait) {
                Ok(Message::Fetched { job, output }) => {
                    self.fetched(scope, job, output, process);
                }
                Ok(Message::Processed) => {
                    self.unprocessed = self.unprocessed.saturating_sub(1);
                    self.done = self.done.saturating_add(1);
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            if asked.elapsed() >= INTERRUPT_INTERVAL {
                interrupt.progress(self.done);
                if interrupt.stop_requested() {
                    return Err(interrupted());
                }
                asked = Instant::now();
            }
        }
    }

    /// Cancels running jobs above a failure.
    fn cancel_obsolete(&mut self) {
        let lowest = self.shared.lowest();
        if lowest == self.cancelled_above {
            return;
        }
        self.cancelled_above = lowest;
        self.running.0.retain(|_, running| {
            let obsolete = self.shared.obsolete(running.index);
            if obsolete {
                running.task.abort();
            }
            !obsolete
        });
    }

    /// Starts jobs while there is room. Outputs that wait for the pool count too: a slow `process`
    /// must hold back the requests, whatever their sizes.
    fn start_more(&mut self) {
        while self.running.0.len() < self.max_requests
            && self.unprocessed < self.max_requests
            && let Some((number, job)) =
                self.waiting.next_if(|(_, job)| !self.shared.obsolete(job.index()))
        {
            let index = job.index();
            let (sender, budget) = (self.sender.clone(), self.budget.share());
            let task = self.engine.handle().spawn(async move {
                // Calling `run` may panic as well as its future.
                let attempt = AssertUnwindSafe(async move { job.run(budget).await });
                let output = attempt
                    .catch_unwind()
                    .await
                    .unwrap_or_else(|payload| Err(panicked("a fetch", payload.as_ref())));
                // The loop is gone when the run was interrupted; nobody wants the output then.
                drop(sender.send(Message::Fetched { job: number, output }));
            });
            self.running.0.insert(number, Running { index, task: task.abort_handle() });
        }
    }

    fn fetched<'scope, F>(
        &mut self,
        scope: &Scope<'scope>,
        job: usize,
        output: Result<J::Output>,
        process: &'scope F,
    ) where
        F: Fn(J::Output, &Failures) + Sync,
    {
        // Not there: it was cancelled as it ended.
        let Some(Running { index, .. }) = self.running.0.remove(&job) else { return };
        let output = match output {
            Ok(output) => output,
            Err(error) => return self.shared.push(index, job, error),
        };
        self.unprocessed = self.unprocessed.saturating_add(1);
        let (shared, sender) = (Arc::clone(self.shared), self.sender.clone());
        scope.spawn(move |_| {
            if !shared.obsolete(index) {
                let failures = Failures::new(Arc::clone(&shared), job);
                let call = AssertUnwindSafe(|| process(output, &failures));
                if let Err(payload) = catch_unwind(call) {
                    shared.push(index, job, panicked("the processing", payload.as_ref()));
                }
            }
            drop(sender.send(Message::Processed));
        });
    }
}
