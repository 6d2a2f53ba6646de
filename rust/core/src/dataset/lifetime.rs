//! Whether a handle may be changed, why not, and how it ends.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::Dataset;
use super::lock::WriteLock;
use super::turns::{Grace, Turn};
use crate::engine::Interrupt;
use crate::error::{Error, Kind, Result};

/// Why a handle is read-only although that was not asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: &'static str,
}

impl Notice {
    fn forked() -> Self {
        Self {
            message: "this process was forked from the one that opened it".to_owned(),
            hint: "open the dataset in this process, once its parent has closed it",
        }
    }

    pub(crate) fn refused(message: String) -> Self {
        let hint = "open it with read_only=False and lock_timeout=seconds to wait for the lock";
        Self { message, hint }
    }

    pub(crate) fn superseded(path: &str) -> Self {
        Self {
            message: format!("another handle of this process opened {path} for writing since"),
            hint: "change it through that handle, or open it again, which ends the writing of that",
        }
    }

    pub(crate) fn broken(error: &Error) -> Self {
        Self {
            message: format!("a change of it failed half-way: {error}"),
            hint: "close it and open it again; what was flushed is whole",
        }
    }
}

impl Dataset {
    /// Whether changes are refused.
    #[must_use]
    pub fn read_only(&self) -> bool {
        !self.inner.writable.load(Ordering::Acquire) || self.is_forked()
    }

    /// Whether this process is a fork of the one that opened the handle, and holds its lock.
    fn is_forked(&self) -> bool {
        self.inner.pid != std::process::id()
    }

    /// Why the handle is read-only although that was not asked for.
    #[must_use]
    pub fn notice(&self) -> Option<Notice> {
        if self.is_forked() {
            return Some(Notice::forked());
        }
        self.inner.notice.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the handle was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.closed.load(Ordering::Acquire)
    }

    /// Writes what waits, releases the lock and refuses everything from then on. Waits for a change
    /// under way; reads under way go on.
    ///
    /// # Errors
    /// `Interrupted` and `Conflict` (out of a callback of a change) leave the handle open. After
    /// any other failure to flush it is closed, the lock released, and what waited is lost.
    pub fn close(&self, interrupt: &dyn Interrupt) -> Result<()> {
        self.end(interrupt, true)
    }

    /// As [`Dataset::close`], where the process ends: threads that still read may go on.
    ///
    /// # Errors
    /// As [`Dataset::close`].
    pub fn abandon(&self, interrupt: &dyn Interrupt) -> Result<()> {
        self.end(interrupt, false)
    }

    fn end(&self, interrupt: &dyn Interrupt, closed: bool) -> Result<()> {
        if self.is_closed() {
            return Ok(());
        }
        let _turn = if self.is_forked() { None } else { Some(self.take_turn(interrupt)?) };
        let flushed = if self.read_only() { Ok(()) } else { self.publish(interrupt) };
        if matches!(&flushed, Err(error) if error.kind() == Kind::Interrupted) {
            return flushed;
        }
        if closed {
            self.inner.closed.store(true, Ordering::Release);
        }
        let released = self.let_go(interrupt);
        flushed.map_err(|error| self.lost(error)).and(released)
    }

    /// Writes what waits and releases the lock; from then on the handle only reads.
    ///
    /// # Errors
    /// Those of [`Dataset::flush`], after which the handle is as it was, and of the release.
    pub fn end_writing(&self, interrupt: &dyn Interrupt) -> Result<()> {
        self.check_open()?;
        if self.read_only() {
            return Ok(());
        }
        let _turn = self.take_turn(interrupt)?;
        if self.read_only() {
            return self.check_open();
        }
        self.publish(interrupt)?;
        self.let_go(interrupt)
    }

    /// Ends writing, in whoever's turn it is.
    fn let_go(&self, interrupt: &dyn Interrupt) -> Result<()> {
        self.inner.writable.store(false, Ordering::Release);
        self.take_lock().map_or(Ok(()), |lock| {
            lock.release(&Grace::new(interrupt)).map_err(|error| error.at_path(self.path()))
        })
    }

    /// The error of a handle that is closed without having stored everything.
    fn lost(&self, error: Error) -> Error {
        let samples = self.state().waiting_samples();
        let what = match samples {
            0 => "changes are".to_owned(),
            1 => "1 sample is".to_owned(),
            _ => format!("{samples} samples are"),
        };
        let kind = error.kind();
        let what = format!("closed, but {what} lost that could not be stored");
        error.wrap(kind, what).with_hint("append them again once the cause is mended")
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        if self.is_closed() {
            return Err(Error::new(Kind::Closed, "the dataset was closed")
                .with_hint("open it again with load()")
                .at_path(self.path()));
        }
        Ok(())
    }

    /// Enters a change: one at a time, on a writable head.
    pub(crate) fn start_change(&self, interrupt: &dyn Interrupt) -> Result<Turn> {
        self.check_open()?;
        self.check_writable()?;
        let turn = self.take_turn(interrupt)?;
        // Another thread may have closed the handle, or opened a second one, in the meantime.
        self.check_open()?;
        self.check_writable()?;
        Ok(turn)
    }

    /// Waits until no change is under way.
    pub(crate) fn take_turn(&self, interrupt: &dyn Interrupt) -> Result<Turn> {
        self.inner.changes.take(interrupt)?.ok_or_else(|| {
            Error::new(
                Kind::Conflict,
                "the dataset is being changed by the call that this one comes out of",
            )
            .with_hint("change it after that call, not in its callback or signal handler")
            .at_path(self.path())
        })
    }

    fn check_writable(&self) -> Result<()> {
        if !self.state().is_head {
            return Err(Error::unsupported("changing a commit of the past")
                .with_hint("open the branch instead of the commit")
                .at_path(self.path()));
        }
        if self.read_only() {
            // Perhaps because it was closed since that was asked.
            self.check_open()?;
            let (why, hint) = self.notice().map_or_else(
                || (String::new(), "open it with read_only=False to change it"),
                |notice| (format!(": {}", notice.message), notice.hint),
            );
            return Err(Error::new(Kind::ReadOnly, format!("the dataset is read-only{why}"))
                .with_hint(hint)
                .at_path(self.path()));
        }
        Ok(())
    }

    pub(crate) fn take_lock(&self) -> Option<WriteLock> {
        self.inner.lock.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn put_lock(&self, lock: WriteLock) {
        *self.inner.lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(lock);
    }

    /// Makes the handle read-only for the rest of its life, but for [`Claim`]'s change of mind.
    pub(crate) fn stop_writing(&self, notice: Notice) {
        *self.inner.notice.lock().unwrap_or_else(PoisonError::into_inner) = Some(notice);
        self.inner.writable.store(false, Ordering::Release);
    }

    /// Takes [`Dataset::stop_writing`] back.
    pub(crate) fn resume_writing(&self) {
        *self.inner.notice.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.inner.writable.store(true, Ordering::Release);
        if self.is_closed() {
            // It was closed meanwhile, and did not find its lock: the drop releases it.
            self.inner.writable.store(false, Ordering::Release);
            drop(self.take_lock());
        }
    }
}
