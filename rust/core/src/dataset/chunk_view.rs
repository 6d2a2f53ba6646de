//! A chunk that is in memory, whole or in part, and the samples in it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::limits::Limits;
use super::plan::Run;
use crate::codec::lz4;
use crate::error::{Error, Kind, Result};
use crate::format::{ChunkBuilder, ChunkHeader};

/// The tables of a chunk with all or some of its data.
#[derive(Debug, Clone)]
pub(crate) struct ChunkView {
    header: Arc<ChunkHeader>,
    data: ChunkData,
}

/// What is at hand of the data part; offsets count from its start.
#[derive(Debug, Clone)]
enum ChunkData {
    Whole(Bytes),
    /// Sorted by start, disjoint.
    Ranges(Vec<(u64, Bytes)>),
}

/// A sample as it is stored: after chunk decompression, before its own.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// `None` where the sample was appended before the tensor's rank was known (format 2.2).
    pub(crate) shape: Option<Vec<u64>>,
    pub(crate) bytes: Bytes,
}

/// Samples that are stored back to back, with one shape and one size.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) shape: Option<Vec<u64>>,
    pub(crate) sample_bytes: u64,
    pub(crate) count: u64,
    pub(crate) bytes: Bytes,
}

impl ChunkView {
    /// Reads a whole chunk file, decompressing its data part when `lz4` says so.
    ///
    /// # Errors
    /// `Corrupt` or `Decode` when the tables or the compressed block contradict themselves,
    /// `LimitExceeded` for a block that is too large.
    pub(crate) fn from_file(file: &Bytes, lz4: bool, limits: &Limits) -> Result<Self> {
        let header = ChunkHeader::parse(file)?;
        let data = file.slice(header.data_start.min(file.len())..);
        let data = if lz4 { Bytes::from(unpacked(&header, &data, limits)?) } else { data };
        Ok(Self { header: Arc::new(header), data: ChunkData::Whole(data) })
    }

    /// A view of some ranges of the (uncompressed) data part.
    pub(crate) fn from_ranges(header: Arc<ChunkHeader>, mut ranges: Vec<(u64, Bytes)>) -> Self {
        ranges.sort_by_key(|(start, _)| *start);
        Self { header, data: ChunkData::Ranges(ranges) }
    }

    /// The samples of `runs` of a chunk that is still being built.
    ///
    /// # Errors
    /// `Internal` when the chunk has no such samples.
    pub(crate) fn of_builder(builder: &ChunkBuilder, runs: &[Run]) -> Result<Self> {
        let positions = builder.positions();
        let first = runs.iter().map(|run| run.local).min().unwrap_or(0);
        let last = runs.iter().map(|run| run.local + run.count - 1).max().unwrap_or(0);
        let span =
            positions.range_of(first).zip(positions.range_of(last)).and_then(|(first, last)| {
                let range = usize::try_from(first.start).ok()?..usize::try_from(last.end).ok()?;
                Some((first.start, Bytes::copy_from_slice(builder.data().get(range)?)))
            });
        let span = span.ok_or_else(|| Error::internal("the open chunk lacks planned samples"))?;
        Ok(Self::from_ranges(
            Arc::new(ChunkHeader {
                shapes: builder.shapes().clone(),
                positions: positions.clone(),
                ..ChunkHeader::default()
            }),
            vec![span],
        ))
    }

    /// The shape of the sample at `local`; `None` where the table has none.
    pub(crate) fn shape_of(&self, local: u64) -> Option<Vec<u64>> {
        self.header.shapes.shape_of(local).map(widened)
    }

    /// Bytes of memory held, for the cache.
    pub(crate) fn weight(&self) -> u64 {
        let data = match &self.data {
            ChunkData::Whole(bytes) => bytes.len(),
            ChunkData::Ranges(ranges) => ranges.iter().map(|(_, bytes)| bytes.len()).sum(),
        };
        (data + self.header.data_start) as u64
    }

    fn slice(&self, range: Range<u64>) -> Option<Bytes> {
        if range.start == range.end {
            return Some(Bytes::new());
        }
        let (base, bytes) = match &self.data {
            ChunkData::Whole(bytes) => (0, bytes),
            ChunkData::Ranges(ranges) => {
                let at = ranges.partition_point(|(start, _)| *start <= range.start);
                ranges.get(at.checked_sub(1)?).map(|(start, bytes)| (*start, bytes))?
            }
        };
        let start = usize::try_from(range.start - base).ok()?;
        let end = usize::try_from(range.end.checked_sub(base)?).ok()?;
        (end <= bytes.len()).then(|| bytes.slice(start..end))
    }

    /// The sample at `local`.
    ///
    /// # Errors
    /// `Corrupt` when the tables do not cover it or the data is too short.
    pub(crate) fn sample(&self, local: u64) -> Result<Stored> {
        let block = self.block(local, 1)?;
        Ok(Stored { shape: block.shape, bytes: block.bytes })
    }

    /// The longest run of equal samples from `local` on, of at most `max_count` samples.
    ///
    /// # Errors
    /// As [`ChunkView::sample`].
    pub(crate) fn block(&self, local: u64, max_count: u64) -> Result<Block> {
        let sizes = self.header.positions.run_of(local).ok_or_else(|| {
            Error::new(Kind::Corrupt, format!("chunk has no sample at local index {local}"))
        })?;
        let shapes = self.header.shapes.run_of(local);
        let last = shapes.map_or(u64::MAX, |(_, last)| last).min(sizes.last.into());
        let count = max_count.min(last.saturating_sub(local).saturating_add(1));
        let bytes = (self.header.positions.range_of(local))
            .and_then(|first| {
                let bytes = u64::from(sizes.nbytes).checked_mul(count)?;
                self.slice(first.start..first.start.checked_add(bytes)?)
            })
            .ok_or_else(|| {
                Error::new(
                    Kind::Corrupt,
                    format!("chunk data ends before the sample at local index {local}"),
                )
            })?;
        let shape = shapes.map(|(dims, _)| widened(dims));
        Ok(Block { shape, sample_bytes: u64::from(sizes.nbytes), count, bytes })
    }
}

/// The data part of a chunk that is compressed as a whole: as long as the tables say.
///
/// # Errors
/// `LimitExceeded` before any memory is taken, `Decode`.
pub(crate) fn unpacked(header: &ChunkHeader, data: &[u8], limits: &Limits) -> Result<Vec<u8>> {
    let (bytes, limit) = (header.positions.end(), limits.max_chunk_bytes());
    match usize::try_from(bytes) {
        Ok(size) if bytes <= limit => Ok(lz4::decompress_exact(data, size)?),
        // Tables that no data can go with are damage, not size.
        _ if lz4::decompressed_size(data)?.is_none_or(|promised| promised != bytes) => {
            let message =
                format!("the tables of the chunk speak of {bytes} bytes, its data do not");
            Err(Error::new(Kind::Corrupt, message))
        }
        _ => {
            let what = "the data of the chunk, decompressed,";
            Err(Error::over_limit(what, bytes, limit, limits.chunk_setting()))
        }
    }
}

fn widened(dims: &[u32]) -> Vec<u64> {
    dims.iter().map(|dim| u64::from(*dim)).collect()
}
