//! The writable handles of this process: one for each dataset and branch.
//!
//! The lock file tells processes apart, not handles: two of them writing in one process would
//! overwrite each other's chunks (format 4.7). The later one wins; the earlier one is flushed and
//! becomes read-only. Each process has a registry of its own, so that a forked child neither knows
//! its parent's handles nor waits for a lock that one of the parent's threads held.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::lock::WriteLock;
use super::turns::{Turn, Turns};
use super::{Dataset, Inner, Notice, OpenOptions};
use crate::engine::Interrupt;
use crate::engine::process::PerProcess;
use crate::error::{Error, Kind, Result};
use crate::storage::Store;

static SEATS: PerProcess<Mutex<Seats>> = PerProcess::new();

type Seats = HashMap<(String, String), Arc<Seat>>;

/// The place of the writable handle of one branch.
#[derive(Debug, Default)]
struct Seat {
    /// Openings wait for each other: the second one has to see the handle of the first.
    openings: Arc<Turns>,
    writer: Mutex<Weak<Inner>>,
}

/// The right to open a branch for writing, before anybody else of this process does. Dropped
/// without [`Claim::hand_over`], it leaves the earlier handle as it was.
#[derive(Debug)]
pub(crate) struct Claim {
    seat: Arc<Seat>,
    /// The handle that wrote so far, and its lock.
    earlier: Option<Dataset>,
    lock: Option<WriteLock>,
    _turn: Turn,
}

/// What becomes of changes that wait in the earlier handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    Flushed,
    /// Its dataset is gone: they belong nowhere.
    Dropped,
}

/// Waits until nobody else of this process opens the branch, and ends the writing of the handle
/// that has it open.
///
/// # Errors
/// `Conflict` out of a callback of the very opening; those of flushing the earlier handle.
pub(crate) fn claim(
    store: &Store,
    branch: &str,
    waiting: Waiting,
    interrupt: &dyn Interrupt,
) -> Result<Claim> {
    let seat = seat(store.identity(), branch);
    let Some(turn) = seat.openings.take(interrupt)? else {
        return Err(Error::new(
            Kind::Conflict,
            "the dataset is being opened by the call that this one comes out of",
        )
        .with_hint("open it after that call, not in a signal handler"));
    };
    let earlier = seat.writer.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
    let mut claim = Claim { seat, earlier: None, lock: None, _turn: turn };
    if let Some(inner) = earlier {
        claim.end_writing(Dataset { inner }, waiting, interrupt)?;
    }
    Ok(claim)
}

fn seat(place: &str, branch: &str) -> Arc<Seat> {
    let Ok(seats) = SEATS.get_or_try_init(|| Ok::<_, Infallible>(Mutex::default()));
    let mut seats = seats.lock().unwrap_or_else(PoisonError::into_inner);
    let used = |seat: &Arc<Seat>| {
        let writer = seat.writer.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::strong_count(seat) > 1 || writer.strong_count() > 0
    };
    seats.retain(|_, seat| used(seat));
    Arc::clone(seats.entry((place.to_owned(), branch.to_owned())).or_default())
}

impl Claim {
    fn end_writing(
        &mut self,
        earlier: Dataset,
        waiting: Waiting,
        interrupt: &dyn Interrupt,
    ) -> Result<()> {
        // No change can come between the flush and the end.
        let _turn = earlier.take_turn(interrupt)?;
        if earlier.read_only() {
            return Ok(());
        }
        if waiting == Waiting::Flushed {
            earlier.publish(interrupt).map_err(|error| cannot_end(&earlier, error))?;
        }
        earlier.stop_writing(Notice::superseded(earlier.path()));
        self.lock = earlier.take_lock();
        self.earlier = Some(earlier);
        Ok(())
    }

    /// Whether the lock of `commit` is at hand, held by the earlier handle until now.
    pub(crate) fn has_lock(&self, commit: &str, options: &OpenOptions) -> bool {
        let lock = self.lock.as_ref();
        options.lock_enabled && lock.is_some_and(|lock| lock.is_of(commit) && !lock.is_lost())
    }

    /// Lets go of the lock of a handle whose dataset is gone, and of the handle.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn forget_earlier(&mut self, interrupt: &dyn Interrupt) -> Result<()> {
        self.earlier = None;
        self.lock.take().map_or(Ok(()), |lock| lock.release(interrupt))
    }

    /// Makes `dataset` the writable handle, with the lock of the earlier one where it has none.
    ///
    /// # Errors
    /// Those of the store, when a lock that is of no use any more cannot be released.
    pub(crate) fn hand_over(
        mut self,
        dataset: &Dataset,
        options: &OpenOptions,
        interrupt: &dyn Interrupt,
    ) -> Result<()> {
        let inherited = self.has_lock(&dataset.pending_commit_id(), options);
        self.earlier = None;
        *self.seat.writer.lock().unwrap_or_else(PoisonError::into_inner) =
            Arc::downgrade(&dataset.inner);
        match self.lock.take() {
            Some(lock) if inherited => dataset.put_lock(lock),
            // Lost, and perhaps taken anew by this very opening.
            Some(lock) if lock.is_lost() => lock.forget(),
            Some(lock) => lock.release(interrupt)?,
            None => {}
        }
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(earlier) = self.earlier.take() {
            if let Some(lock) = self.lock.take() {
                earlier.put_lock(lock);
            }
            earlier.resume_writing();
        }
    }
}

fn cannot_end(earlier: &Dataset, error: Error) -> Error {
    if error.kind() == Kind::Interrupted {
        return error;
    }
    let what = format!(
        "another handle of this process has {} open for writing, and its changes cannot be stored",
        earlier.path()
    );
    let kind = error.kind();
    error
        .wrap(kind, what)
        .with_hint("flush that handle once the cause is mended, or close it, which drops them")
}
