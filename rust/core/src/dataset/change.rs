//! One change at a time: waiting for another thread's, without missing Ctrl-C.

use std::sync::{MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use super::Inner;
use crate::engine::{Interrupt, interrupted};
use crate::error::{Error, Kind, Result};

/// How long a waiting change sleeps between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// A change under way; the next one may start when this is dropped.
pub(crate) struct Change<'a> {
    inner: &'a Inner,
    _writer: MutexGuard<'a, ()>,
}

impl<'a> Change<'a> {
    /// Waits until no other change is under way.
    ///
    /// # Errors
    /// `Interrupted`; `Conflict` when this very thread is inside of a change, as a progress
    /// callback or a signal handler is.
    pub(crate) fn start(inner: &'a Inner, interrupt: &dyn Interrupt) -> Result<Self> {
        let this = std::thread::current().id();
        let holder = || inner.writing_thread.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let writer = match inner.writer.try_lock() {
                Ok(writer) => writer,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) if *holder() == Some(this) => {
                    return Err(Error::new(
                        Kind::Conflict,
                        "the dataset is being changed by the call that this one comes out of",
                    )
                    .with_hint(
                        "change it after that call, not in its callback or signal handler",
                    ));
                }
                Err(TryLockError::WouldBlock) => {
                    if interrupt.stop_requested() {
                        return Err(interrupted());
                    }
                    std::thread::sleep(LOOK_AGAIN);
                    continue;
                }
            };
            *holder() = Some(this);
            return Ok(Self { inner, _writer: writer });
        }
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        *self.inner.writing_thread.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
