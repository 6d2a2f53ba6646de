//! The writable handles of this process, one for each dataset and branch.
//!
//! The lock file tells processes apart, not handles: two of them writing in one process would
//! overwrite each other's chunks (format 4.7). The later one wins; the earlier one is flushed and
//! becomes read-only.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{PoisonError, Weak};

use super::{Dataset, Inner};
use crate::engine::Interrupt;
use crate::engine::fork::Mutex;
use crate::error::Result;

/// By process, URL and branch.
static HANDLES: Mutex<BTreeMap<(u32, String, String), Weak<Inner>>> = Mutex::new(BTreeMap::new());

/// Flushes the handle that has `url` and `branch` open for writing, and ends its writing.
pub(crate) fn supersede(url: &str, branch: &str, interrupt: &dyn Interrupt) -> Result<()> {
    let Some(earlier) = writable(url, branch) else { return Ok(()) };
    earlier.flush(interrupt)?;
    end_writing(&earlier, interrupt)
}

/// Ends the writing of a handle whose dataset is gone: what waits in it belongs nowhere.
pub(crate) fn retire(url: &str, branch: &str, interrupt: &dyn Interrupt) -> Result<()> {
    writable(url, branch).map_or(Ok(()), |earlier| end_writing(&earlier, interrupt))
}

fn writable(url: &str, branch: &str) -> Option<Dataset> {
    let key = (std::process::id(), url.to_owned(), branch.to_owned());
    let handles = HANDLES.lock().unwrap_or_else(PoisonError::into_inner);
    let earlier = Dataset { inner: handles.get(&key)?.upgrade()? };
    (!earlier.read_only()).then_some(earlier)
}

fn end_writing(earlier: &Dataset, interrupt: &dyn Interrupt) -> Result<()> {
    earlier.inner.writable.store(false, Ordering::Release);
    let notice = "another handle of this process has opened the dataset for writing since";
    *earlier.inner.notice.lock().unwrap_or_else(PoisonError::into_inner) = Some(notice.to_owned());
    earlier.take_lock().map_or(Ok(()), |lock| lock.release(interrupt))
}

/// Notes a handle that writes.
pub(crate) fn register(dataset: &Dataset) {
    let key = (std::process::id(), dataset.path().to_owned(), dataset.branch());
    let mut handles = HANDLES.lock().unwrap_or_else(PoisonError::into_inner);
    handles.retain(|_, handle| handle.strong_count() > 0);
    handles.insert(key, std::sync::Arc::downgrade(&dataset.inner));
}
