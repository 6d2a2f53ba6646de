//! Counts what a store was asked for; nothing decides by them.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a store did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests sent, retries included (of local and memory stores: operations).
    pub requests: u64,
    /// Requests that were sent again because the one before came to nothing.
    pub retries: u64,
    /// Bytes of objects that arrived.
    pub bytes_read: u64,
    /// Bytes of objects that were stored.
    pub bytes_written: u64,
    /// How often credentials were fetched: at first, ahead of their end, and when refused.
    pub renewals: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    requests: AtomicU64,
    retries: AtomicU64,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
}

impl Counters {
    pub(super) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self, bytes: usize) {
        self.bytes_read.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn wrote(&self, bytes: usize) {
        self.bytes_written.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> Counts {
        Counts {
            requests: self.requests.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            bytes_read: self.bytes_read.load(Ordering::Relaxed),
            bytes_written: self.bytes_written.load(Ordering::Relaxed),
            renewals: 0,
        }
    }
}
