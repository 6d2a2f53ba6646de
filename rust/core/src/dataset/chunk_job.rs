//! Fetching what a read needs of one chunk: all of it, or its tables and a few ranges.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::future::{BoxFuture, FutureExt, try_join_all};

use super::cache::ChunkCache;
use super::chunk_view::ChunkView;
use super::limits::Limits;
use super::plan::Run;
use crate::error::{Error, Kind, Result};
use crate::fetch::{Budget, Job, Permit};
use crate::format::{ChunkHeader, HeaderParse};
use crate::storage::Store;

/// First look at a chunk whose tables are unknown; holds the tables of most chunks, and all of
/// a small one.
const HEAD_BYTES: u64 = 64 * 1024;
/// Ranges closer than this are fetched as one: on object stores a request costs more than this
/// much transfer.
const COALESCE_GAP_BYTES: u64 = 128 * 1024;
/// A chunk is fetched whole when at least one in this many of its samples is wanted.
const WHOLE_SHARE: u64 = 4;

/// The fetch of one chunk.
#[derive(Debug)]
pub(crate) struct ChunkJob {
    pub(crate) source: Source,
    pub(crate) runs: Vec<Run>,
    /// Whether the shape tables are all that is wanted.
    pub(crate) tables_only: bool,
}

/// Where the chunk is.
#[derive(Debug)]
pub(crate) enum Source {
    /// In memory, since it is not stored yet.
    Memory(Arc<ChunkView>),
    /// In storage.
    Stored {
        store: Store,
        key: String,
        cache: Arc<ChunkCache>,
        samples: u64,
        lz4: bool,
        limits: Limits,
    },
}

/// What was fetched; decompressed where it is processed.
#[derive(Debug)]
pub(crate) struct ChunkPart {
    runs: Vec<Run>,
    /// Storage key, unless the chunk was in memory.
    key: Option<String>,
    fetched: Result<Fetched>,
    permit: Option<Permit>,
}

#[derive(Debug)]
enum Fetched {
    Ready(Arc<ChunkView>),
    File { file: Bytes, key: String, cache: Arc<ChunkCache>, lz4: bool, limits: Limits },
}

impl Job for ChunkJob {
    type Output = ChunkPart;

    fn index(&self) -> u64 {
        self.runs.first().map_or(0, |run| run.slot)
    }

    fn run(self, budget: Budget) -> BoxFuture<'static, Result<ChunkPart>> {
        async move {
            let place = match &self.source {
                Source::Memory(_) => None,
                Source::Stored { key, .. } => Some(key.clone()),
            };
            let read = match self.source {
                Source::Memory(view) => Ok((Fetched::Ready(view), None)),
                Source::Stored { store, key, cache, samples, lz4, limits } => {
                    let reader = ChunkReader { store, key, cache, samples, lz4, limits };
                    let read = reader.read(&self.runs, self.tables_only, budget).await;
                    read.map_err(|error| chunk_error(error, &reader.key))
                }
            };
            let (fetched, permit) = match read {
                Ok((fetched, permit)) => (Ok(fetched), permit),
                Err(error) => (Err(error), None),
            };
            Ok(ChunkPart { runs: self.runs, key: place, fetched, permit })
        }
        .boxed()
    }
}

impl ChunkPart {
    /// The chunk's storage key, unless it was in memory.
    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The samples, with their runs; decompresses and caches a chunk that came whole.
    ///
    /// # Errors
    /// `Chunk` when it cannot be read or its bytes contradict the format.
    pub(crate) fn open(self) -> (Vec<Run>, Result<Arc<ChunkView>>, Option<Permit>) {
        let view = self.fetched.and_then(|fetched| match fetched {
            Fetched::Ready(view) => Ok(view),
            Fetched::File { file, key, cache, lz4, limits } => {
                let view = ChunkView::from_file(&file, lz4, &limits);
                let view = Arc::new(view.map_err(|error| chunk_error(error, &key))?);
                cache.keep_chunk(&key, &view);
                Ok(view)
            }
        });
        (self.runs, view, self.permit)
    }
}

struct ChunkReader {
    store: Store,
    key: String,
    cache: Arc<ChunkCache>,
    samples: u64,
    lz4: bool,
    limits: Limits,
}

impl ChunkReader {
    async fn read(
        &self,
        runs: &[Run],
        tables_only: bool,
        budget: Budget,
    ) -> Result<(Fetched, Option<Permit>)> {
        if let Some(chunk) = self.cache.chunk(&self.key) {
            return Ok((Fetched::Ready(chunk), None));
        }
        let wanted: u64 = runs.iter().map(|run| run.count).sum();
        if self.lz4 || (!tables_only && wanted.saturating_mul(WHOLE_SHARE) >= self.samples) {
            return self.whole(budget).await;
        }
        let touched = match self.cache.touched(&self.key) {
            Some(touched) => touched,
            None => match self.head(&budget).await? {
                Head::File(file) => return Ok((self.file(file), None)),
                Head::Tables(header) => self.cache.keep_header(&self.key, Arc::new(header)),
            },
        };
        if tables_only {
            let view = ChunkView::from_ranges(Arc::clone(&touched.header), Vec::new());
            return Ok((Fetched::Ready(Arc::new(view)), None));
        }
        let first = runs.iter().map(|run| run.local).min().unwrap_or(0);
        let last = runs.iter().map(|run| run.local + run.count - 1).max().unwrap_or(0);
        if touched.wants_whole(first, last, wanted, self.samples) {
            return self.whole(budget).await;
        }
        self.ranges(&touched.header, runs, budget).await
    }

    async fn whole(&self, budget: Budget) -> Result<(Fetched, Option<Permit>)> {
        let incoming = self.limits.open_chunk(&self.store, &self.key).await?;
        let permit = budget.acquire(incoming.size).await?;
        Ok((self.file(incoming.read().await?), Some(permit)))
    }

    fn file(&self, file: Bytes) -> Fetched {
        let (key, cache) = (self.key.clone(), Arc::clone(&self.cache));
        Fetched::File { file, key, cache, lz4: self.lz4, limits: self.limits }
    }

    /// The tables. Only those that are longer than the first look count as bytes in flight.
    async fn head(&self, budget: &Budget) -> Result<Head> {
        let mut bytes = self.store.get_range(&self.key, 0..HEAD_BYTES).await?;
        let mut asked = HEAD_BYTES;
        let mut permit = None;
        loop {
            if (bytes.len() as u64) < asked {
                return Ok(Head::File(bytes));
            }
            match ChunkHeader::parse_prefix(&bytes)? {
                HeaderParse::Complete(header) => return Ok(Head::Tables(header)),
                HeaderParse::NeedBytes(need) => {
                    drop(permit.take());
                    permit = Some(budget.acquire(need).await?);
                    let rest = self.store.get_range(&self.key, asked..need.max(asked + 1)).await?;
                    asked = need.max(asked + 1);
                    let mut joined = BytesMut::with_capacity(bytes.len() + rest.len());
                    joined.extend_from_slice(&bytes);
                    joined.extend_from_slice(&rest);
                    bytes = joined.freeze();
                }
            }
        }
    }

    async fn ranges(
        &self,
        header: &Arc<ChunkHeader>,
        runs: &[Run],
        budget: Budget,
    ) -> Result<(Fetched, Option<Permit>)> {
        let spans: Result<Vec<_>> = runs.iter().map(|run| span(header, run)).collect();
        let spans = coalesce(spans?);
        let total = spans.iter().map(|span| span.end - span.start).sum();
        let limit = self.limits.max_chunk_bytes();
        if total > limit {
            let what = "what is wanted of the chunk";
            return Err(Error::over_limit(what, total, limit, self.limits.chunk_setting()));
        }
        let permit = budget.acquire(total).await?;
        let data_start = header.data_start as u64;
        let parts = try_join_all(spans.into_iter().map(|span| async move {
            let end = data_start.saturating_add(span.end);
            let range = data_start.saturating_add(span.start)..end;
            self.store.get_range(&self.key, range).await.map(|bytes| (span.start, bytes))
        }))
        .await?;
        let view = ChunkView::from_ranges(Arc::clone(header), parts);
        Ok((Fetched::Ready(Arc::new(view)), Some(permit)))
    }
}

enum Head {
    /// The whole file: it is no longer than the first look.
    File(Bytes),
    Tables(ChunkHeader),
}

/// Where the samples of a run lie in the data part.
fn span(header: &ChunkHeader, run: &Run) -> Result<Range<u64>> {
    let first = header.positions.range_of(run.local);
    let last = header.positions.range_of(run.local + run.count - 1);
    match (first, last) {
        (Some(first), Some(last)) if first.start <= last.end => Ok(first.start..last.end),
        _ => Err(Error::new(
            Kind::Corrupt,
            format!("chunk tables do not cover the sample at local index {}", run.local),
        )),
    }
}

/// Joins ranges that touch, overlap or nearly do.
fn coalesce(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.retain(|range| range.start < range.end);
    ranges.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(COALESCE_GAP_BYTES) => {
                last.end = last.end.max(range.end);
            }
            _ => joined.push(range),
        }
    }
    joined
}

/// Names the chunk, in the kind that says "this chunk cannot be read" (format 8.2).
fn chunk_error(error: Error, key: &str) -> Error {
    let kind = match error.kind() {
        Kind::ObjectNotFound | Kind::Corrupt | Kind::Decode => Kind::Chunk,
        _ => return error.at_file(key),
    };
    let error = match error.kind() {
        Kind::ObjectNotFound => error.with_reason("it does not exist"),
        _ => error,
    };
    error.wrap(kind, format_args!("cannot read the chunk {key}")).at_file(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_ranges_join_and_far_ones_stay() {
        let far = 10 * COALESCE_GAP_BYTES;
        let joined = coalesce(vec![far..far + 5, 0..10, 12..20, 5..5]);
        assert_eq!(joined, vec![0..20, far..far + 5]);
    }
}
