//! What failed, and from which position on nothing needs to be done any more.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, MAX_FAILURES};

/// Where the processing of one job's output reports what failed.
#[derive(Clone)]
pub struct Failures {
    shared: Arc<Shared>,
    /// Orders failures at the same position.
    job: usize,
}

#[derive(Default)]
pub(super) struct Shared {
    /// By position, job, and order of report; only the lowest ones are kept.
    found: Mutex<BTreeMap<(u64, usize, u64), Error>>,
    reported: AtomicU64,
    /// The lowest position that failed, plus one; 0 = none.
    lowest: AtomicU64,
    /// Nothing is wanted any more.
    stopped: AtomicBool,
}

impl Shared {
    /// Whether `index` need not be done: something failed below it, or all was stopped.
    pub(super) fn obsolete(&self, index: u64) -> bool {
        self.stopped.load(Ordering::Acquire) || self.lowest().is_some_and(|lowest| index > lowest)
    }

    /// Makes everything obsolete.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// The lowest position that failed.
    pub(super) fn lowest(&self) -> Option<u64> {
        self.lowest.load(Ordering::Acquire).checked_sub(1)
    }

    pub(super) fn push(&self, index: u64, job: usize, error: Error) {
        let number = self.reported.fetch_add(1, Ordering::Relaxed);
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.insert((index, job, number), error);
        if found.len() > MAX_FAILURES {
            found.pop_last();
        }
        if let Some((lowest, ..)) = found.keys().next() {
            self.lowest.store(lowest.saturating_add(1), Ordering::Release);
        }
    }

    /// The error of the lowest position, with those of the others.
    pub(super) fn take_error(&self) -> Option<Error> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        Error::of_batch(std::mem::take(&mut *found).into_values())
    }
}

impl Failures {
    pub(super) fn new(shared: Arc<Shared>, job: usize) -> Self {
        Self { shared, job }
    }

    /// Reports that the output position `index` failed.
    pub fn push(&self, index: u64, error: Error) {
        self.shared.push(index, self.job, error);
    }

    /// Whether the output position `index` need not be made any more. To be asked before anything
    /// that takes long: until then, Ctrl-C has to wait.
    #[must_use]
    pub fn obsolete(&self, index: u64) -> bool {
        self.shared.obsolete(index)
    }
}

impl fmt::Debug for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failures").field("job", &self.job).finish_non_exhaustive()
    }
}
