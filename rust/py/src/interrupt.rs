//! The one way into the core: detached from the interpreter, stopped by Ctrl-C, panics caught.
//!
//! Every call that may wait (for a lock as well as for a store) goes through [`enter`]: a thread
//! that waited while it is attached would stop the thread it waits for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use lakebed_core::Error;
use lakebed_core::engine::Interrupt;
use pyo3::prelude::*;

use crate::error;

/// The shortest time between two visits to the interpreter: below the 50 ms at which the core
/// asks, so that no visit is skipped, and long enough to cost nothing.
const MIN_VISIT_INTERVAL: Duration = Duration::from_millis(40);

/// Runs `work` detached from the interpreter.
///
/// About every 50 ms the calling thread attaches to run signal handlers and to report progress.
/// What a handler or `progress` raises stops the work and is what is raised here.
pub(crate) fn enter<T, F>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: F,
) -> PyResult<T>
where
    T: Send,
    F: FnOnce(&dyn Interrupt) -> lakebed_core::Result<T> + Send,
{
    let visitor = Visitor::new(progress.map(|callback| callback.clone().unbind()));
    let result = py.detach(|| {
        catch_unwind(AssertUnwindSafe(|| work(&visitor)))
            .unwrap_or_else(|panic| Err(Error::internal(panic_message(panic.as_ref()))))
    });
    if let Some(raised) = visitor.take_raised() {
        return Err(raised);
    }
    let value = result.map_err(|failed| error::to_py(py, &failed))?;
    visitor.report(py)?;
    Ok(value)
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    format!("the core panicked: {}", text.as_deref().unwrap_or("no message"))
}

/// The [`Interrupt`] of one call from Python.
struct Visitor {
    thread: ThreadId,
    progress: Option<Py<PyAny>>,
    done: AtomicU64,
    reported: AtomicU64,
    stopped: AtomicBool,
    last_visit: Mutex<Instant>,
    raised: Mutex<Option<PyErr>>,
}

impl Visitor {
    fn new(progress: Option<Py<PyAny>>) -> Self {
        Self {
            thread: std::thread::current().id(),
            progress,
            done: AtomicU64::new(0),
            reported: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            last_visit: Mutex::new(Instant::now()),
            raised: Mutex::new(None),
        }
    }

    /// Tells the callback how much is done, if that has changed.
    fn report(&self, py: Python<'_>) -> PyResult<()> {
        let Some(progress) = &self.progress else { return Ok(()) };
        let done = self.done.load(Ordering::Relaxed);
        if self.reported.swap(done, Ordering::Relaxed) != done {
            progress.bind(py).call1((done,))?;
        }
        Ok(())
    }

    fn is_due(&self) -> bool {
        let mut last = self.last_visit.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.elapsed() >= MIN_VISIT_INTERVAL;
        if due {
            *last = Instant::now();
        }
        due
    }

    /// Attaches for a moment. The locks of this struct are free meanwhile: the interpreter may
    /// switch to any other thread.
    fn visit(&self) {
        let outcome = Python::try_attach(|py| {
            py.check_signals()?;
            self.report(py)
        });
        match outcome {
            Some(Ok(())) => {}
            Some(Err(raised)) => {
                *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(raised);
                self.stopped.store(true, Ordering::Release);
            }
            // The interpreter is shutting down: nobody waits for the result.
            None => self.stopped.store(true, Ordering::Release),
        }
    }

    fn take_raised(&self) -> Option<PyErr> {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Interrupt for Visitor {
    fn stop_requested(&self) -> bool {
        // Only the calling thread attaches: Python runs signal handlers nowhere else, and a
        // thread of the decode pool must not wait for the interpreter.
        if !self.stopped.load(Ordering::Acquire)
            && std::thread::current().id() == self.thread
            && self.is_due()
        {
            self.visit();
        }
        self.stopped.load(Ordering::Acquire)
    }

    fn progress(&self, done: u64) {
        self.done.fetch_max(done, Ordering::Relaxed);
    }
}
