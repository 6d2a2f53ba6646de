//! Chunks kept in memory between reads of one handle.
//!
//! Whole chunks are kept up to the handle's memory limit. Of chunks that were only touched, the
//! tables are kept: a second look then knows whether fetching the whole chunk pays.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::{Weighter, sync::Cache};

use super::chunk_view::ChunkView;
use crate::engine::fork;
use crate::format::ChunkHeader;

/// How many chunks' tables are remembered.
const MAX_HEADERS: usize = 4096;
/// Whole chunks expected, at least; only sizes the cache's own tables.
const EXPECTED_CHUNKS: usize = 256;
/// A chunk is fetched whole once this share of its samples was asked for.
const WHOLE_SHARE: u64 = 8;

/// A cache of chunks and chunk tables, by storage key. Its own locks are free in a forked child,
/// since every call that takes them keeps forks out.
#[derive(Debug)]
pub(crate) struct ChunkCache {
    chunks: Cache<String, Arc<ChunkView>, ByBytes>,
    headers: Cache<String, Arc<Touched>>,
}

/// The tables of a chunk that was read in part.
#[derive(Debug)]
pub(crate) struct Touched {
    pub(crate) header: Arc<ChunkHeader>,
    samples: AtomicU64,
    next: AtomicU64,
}

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<String, Arc<ChunkView>> for ByBytes {
    fn weight(&self, key: &String, chunk: &Arc<ChunkView>) -> u64 {
        key.len() as u64 + chunk.weight()
    }
}

impl ChunkCache {
    pub(crate) fn new(max_bytes: u64) -> Self {
        Self {
            chunks: Cache::with_weighter(EXPECTED_CHUNKS, max_bytes, ByBytes),
            headers: Cache::new(MAX_HEADERS),
        }
    }

    pub(crate) fn chunk(&self, key: &str) -> Option<Arc<ChunkView>> {
        let _no_fork = fork::enter();
        self.chunks.get(key)
    }

    pub(crate) fn keep_chunk(&self, key: &str, chunk: &Arc<ChunkView>) {
        let _no_fork = fork::enter();
        self.chunks.insert(key.to_owned(), Arc::clone(chunk));
        self.headers.remove(key);
    }

    pub(crate) fn touched(&self, key: &str) -> Option<Arc<Touched>> {
        let _no_fork = fork::enter();
        self.headers.get(key)
    }

    pub(crate) fn keep_header(&self, key: &str, header: Arc<ChunkHeader>) -> Arc<Touched> {
        let touched = Arc::new(Touched {
            header,
            samples: AtomicU64::new(0),
            next: AtomicU64::new(u64::MAX),
        });
        let _no_fork = fork::enter();
        self.headers.insert(key.to_owned(), Arc::clone(&touched));
        touched
    }

    pub(crate) fn forget(&self, key: &str) {
        let _no_fork = fork::enter();
        self.chunks.remove(key);
        self.headers.remove(key);
    }
}

impl Touched {
    /// Notes a read of `count` samples from `first` to `last`, and says whether the whole chunk of
    /// `total` samples is worth fetching: reads go on where the one before ended, or add up.
    pub(crate) fn wants_whole(&self, first: u64, last: u64, count: u64, total: u64) -> bool {
        let follows = self.next.swap(last.saturating_add(1), Ordering::Relaxed) == first;
        let seen = self.samples.fetch_add(count, Ordering::Relaxed).saturating_add(count);
        follows || seen.saturating_mul(WHOLE_SHARE) >= total
    }
}
