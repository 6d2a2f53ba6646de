//! The chunk id encoder, `chunks_index/unsharded` (format 3.2).
//!
//! ```text
//! u8 n, version
//! u8 size        8 (or 4): bytes per number; absent when version < 2.7.6, then 4
//! rows           2 numbers each: chunk id, last global index (inclusive)
//! ```

use super::{split_version, with_version};
use crate::format::VERSION;
use crate::format::chunk_id::ChunkId;
use crate::format::error::{FormatError, Result};
use crate::format::limits::MAX_SAMPLES;
use crate::format::reader::u32s_le;
use crate::format::tables::check_order;
use crate::format::version::compare_versions;
use std::cmp::Ordering;

/// One chunk: its id and the last sample in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRow {
    /// The chunk.
    pub id: ChunkId,
    /// The last global index (inclusive). Rows with the same one are tiles of one sample.
    pub last: u64,
}

/// Where a sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    /// The position of the (first) row.
    pub row: usize,
    /// The chunk, the first one of a tiled sample.
    pub id: ChunkId,
    /// The first global index of the chunk.
    pub first: u64,
    /// The last global index of the chunk.
    pub last: u64,
    /// Rows with the same last index. One tile occurs: ask [`super::Tiles`] whether it is tiled.
    pub tiles: usize,
}

/// Which chunk holds which samples.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChunkIds {
    rows: Vec<ChunkRow>,
    /// Numbers are kept at 4 bytes until a chunk is added.
    is_narrow: bool,
}

impl ChunkIds {
    /// Parses the file.
    ///
    /// # Errors
    /// Damaged in any way that can be seen: cut inside, rows out of order, an unknown item size.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let (version, mut rest, mut at) = split_version(bytes)?;
        let mut size = 4;
        if compare_versions(&version, "2.7.6")? != Ordering::Less {
            let Some((stored, rows)) = rest.split_first() else {
                return Err(FormatError::corrupt("the file ends before the item size").at(at));
            };
            (size, rest) = (*stored, rows);
            at = at.saturating_add(1);
        }
        let rows = match size {
            4 => narrow_rows(rest, at)?,
            8 => wide_rows(rest, at)?,
            _ => {
                let rule = format!("the item size of the chunk index is {size}, not 4 or 8");
                return Err(FormatError::corrupt(rule).at(at.saturating_sub(1)));
            }
        };
        let is_narrow = size == 4;
        // All ones is "no samples yet", left behind by a failed first append.
        let none = if is_narrow { u32::MAX.into() } else { u64::MAX };
        if rows.first().is_some_and(|row| row.last == none) {
            return Ok(Self { rows: Vec::new(), is_narrow });
        }
        check_order(rows.iter().map(|row| row.last), if is_narrow { 8 } else { 16 }, at)?;
        if rows.last().is_some_and(|row| row.last >= MAX_SAMPLES) {
            return Err(FormatError::corrupt("the chunk index ends at an impossible sample"));
        }
        // All ones as a later row is a sample, but would not be written in 4 bytes again.
        let is_narrow = is_narrow && rows.last().is_none_or(|row| row.last < none);
        Ok(Self { rows, is_narrow })
    }

    /// The file, in the running version.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = with_version(VERSION);
        let numbers = self.rows.iter().flat_map(|row| [row.id.0, row.last]);
        // All ones in 32 bits would read as "no samples yet".
        let fits = |number| number < u64::from(u32::MAX);
        if self.is_narrow
            && self.rows.iter().all(|row| row.id.0 <= u32::MAX.into() && fits(row.last))
        {
            out.push(4);
            let narrow = numbers.filter_map(|number| u32::try_from(number).ok());
            out.extend(narrow.flat_map(u32::to_le_bytes));
        } else {
            out.push(8);
            out.extend(numbers.flat_map(u64::to_le_bytes));
        }
        out
    }

    /// Number of samples; items, for a sequence tensor.
    #[must_use]
    pub fn num_samples(&self) -> u64 {
        self.first_of(self.rows.len())
    }

    /// All rows, in order of samples.
    #[must_use]
    pub fn rows(&self) -> &[ChunkRow] {
        &self.rows
    }

    fn first_of(&self, row: usize) -> u64 {
        let above = row.checked_sub(1).and_then(|above| self.rows.get(above));
        above.map_or(0, |above| above.last.saturating_add(1))
    }

    /// The chunk of a sample; `None` beyond the end.
    #[must_use]
    pub fn locate(&self, index: u64) -> Option<Located> {
        let row = self.rows.partition_point(|row| row.last < index);
        let ChunkRow { id, last } = *self.rows.get(row)?;
        let below = self.rows.get(row..)?;
        let tiles = below.partition_point(|row| row.last <= last);
        Some(Located { row, id, first: self.first_of(row), last, tiles })
    }

    /// Adds a chunk with its samples.
    ///
    /// # Errors
    /// No samples at all, or more than the format can count.
    pub fn push_chunk(&mut self, id: ChunkId, count: u64) -> Result<()> {
        let last = self.last_after(count)?;
        self.is_narrow = false;
        self.rows.push(ChunkRow { id, last });
        Ok(())
    }

    /// Adds the chunks of one tiled sample, in row-major order of the tiles.
    ///
    /// # Errors
    /// No tiles, or more samples than the format can count.
    pub fn push_tiles(&mut self, ids: &[ChunkId]) -> Result<()> {
        let last = self.last_after(u64::from(!ids.is_empty()))?;
        self.is_narrow = false;
        self.rows.extend(ids.iter().map(|id| ChunkRow { id: *id, last }));
        Ok(())
    }

    /// Counts more samples into the last chunk.
    ///
    /// # Errors
    /// There is no chunk, or there are more samples than the format can count.
    pub fn grow_last(&mut self, count: u64) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        let last = self.last_after(count)?;
        let none = || FormatError::corrupt("there is no chunk that could take more samples");
        self.rows.last_mut().ok_or_else(none)?.last = last;
        Ok(())
    }

    /// Gives the last chunk another id; without chunks there is nothing to do.
    pub fn set_last_id(&mut self, id: ChunkId) {
        if let Some(row) = self.rows.last_mut() {
            row.id = id;
        }
    }

    fn last_after(&self, count: u64) -> Result<u64> {
        let total = self.num_samples().checked_add(count);
        total
            .filter(|total| count > 0 && *total < MAX_SAMPLES)
            .and_then(|total| total.checked_sub(1))
            .ok_or_else(|| FormatError::limit("a chunk takes one sample or more, below 2^64"))
    }
}

fn narrow_rows(bytes: &[u8], at: usize) -> Result<Vec<ChunkRow>> {
    let numbers = u32s_le(bytes, at)?;
    let (rows, rest) = numbers.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(FormatError::corrupt("the chunk index is cut inside a row").at(at));
    }
    let row = |[id, last]: &[u32; 2]| ChunkRow { id: ChunkId((*id).into()), last: (*last).into() };
    Ok(rows.iter().map(row).collect())
}

fn wide_rows(bytes: &[u8], at: usize) -> Result<Vec<ChunkRow>> {
    let (numbers, tail) = bytes.as_chunks::<8>();
    let (rows, rest) = numbers.as_chunks::<2>();
    if !rest.is_empty() || !tail.is_empty() {
        return Err(FormatError::corrupt("the chunk index is cut inside a row").at(at));
    }
    let row = |[id, last]: &[[u8; 8]; 2]| ChunkRow {
        id: ChunkId(u64::from_le_bytes(*id)),
        last: u64::from_le_bytes(*last),
    };
    Ok(rows.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Format 2.3.
    const EXAMPLE: &[u8] =
        b"\x063.9.52\x08\xb0\x4d\xd3\x6a\xc3\x81\x44\x28\x04\x00\x00\x00\x00\x00\x00\x00";

    /// Found by the fuzz target `encoders`.
    #[test]
    fn the_last_sample_of_32_bits_is_written_in_64() {
        let rows = [1, 0, 2, u32::MAX].map(u32::to_le_bytes).concat();
        let ids = ChunkIds::parse(&[b"\x052.7.5", &rows[..]].concat()).unwrap();
        assert_eq!(ids.num_samples(), 1 << 32);
        assert_eq!(ChunkIds::parse(&ids.to_bytes()).unwrap(), ids);
    }

    #[test]
    fn example_of_the_pages() {
        let mut ids = ChunkIds::default();
        ids.push_chunk(ChunkId(0x2844_81c3_6ad3_4db0), 3).unwrap();
        ids.grow_last(2).unwrap();
        assert_eq!(ids.to_bytes(), EXAMPLE);
        assert_eq!(ChunkIds::parse(EXAMPLE).unwrap(), ids);
        let id = ids.rows()[0].id;
        assert_eq!(ids.locate(4), Some(Located { row: 0, id, first: 0, last: 4, tiles: 1 }));
        assert_eq!((id.name().as_str(), ids.locate(5)), ("284481c36ad34db0", None));
        assert_eq!(ChunkIds::default().to_bytes(), b"\x063.9.52\x08");
    }

    #[test]
    fn tiles_share_their_last_index() {
        // Format 2.6: last indices 0, 1, 1, 2, 3, 3, 4.
        let mut ids = ChunkIds::default();
        ids.push_chunk(ChunkId(1), 1).unwrap();
        ids.push_tiles(&[ChunkId(2), ChunkId(3)]).unwrap();
        ids.push_chunk(ChunkId(4), 1).unwrap();
        ids.push_tiles(&[ChunkId(5), ChunkId(6)]).unwrap();
        ids.push_chunk(ChunkId(7), 1).unwrap();
        let lasts: Vec<_> = ids.rows().iter().map(|row| row.last).collect();
        assert_eq!(lasts, [0, 1, 1, 2, 3, 3, 4]);
        let tiled = ids.locate(3).unwrap();
        assert_eq!((tiled.row, tiled.tiles, tiled.first, tiled.last), (4, 2, 3, 3));
        assert_eq!(ids.locate(4).unwrap().id, ChunkId(7));
        assert_eq!(ChunkIds::parse(&ids.to_bytes()).unwrap(), ids);
    }

    #[test]
    fn old_files_have_short_numbers() {
        let old = ChunkIds::parse(b"\x052.0.5\xeb\xfd\x1c\x39\x05\x00\x00\x00").unwrap();
        assert_eq!(old.rows(), [ChunkRow { id: ChunkId(0x391c_fdeb), last: 5 }]);
        let new = old.to_bytes();
        assert_eq!(new, b"\x063.9.52\x04\xeb\xfd\x1c\x39\x05\x00\x00\x00");
        let mut grown = ChunkIds::parse(&new).unwrap();
        assert_eq!(grown, old);
        grown.push_chunk(ChunkId(7), 1).unwrap();
        assert_eq!(grown.to_bytes().len(), 8 + 32);
    }

    #[test]
    fn all_ones_mean_no_samples() {
        let empty = ChunkIds::parse(b"\x052.3.5\xeb\xfd\x1c\x39\xff\xff\xff\xff").unwrap();
        assert_eq!(empty.num_samples(), 0);
        assert_eq!(ChunkIds::parse(b"").unwrap().num_samples(), 0);
        assert_eq!(ChunkIds::parse(b"\x063.9.52\x08").unwrap().num_samples(), 0);
    }

    #[test]
    fn damage_is_refused_at_its_offset() {
        assert_eq!(ChunkIds::parse(&EXAMPLE[..20]).unwrap_err().offset, Some(8));
        assert_eq!(ChunkIds::parse(b"\x063.9.52\x05").unwrap_err().offset, Some(7));
        assert_eq!(ChunkIds::parse(b"\x063.9.52").unwrap_err().offset, Some(7));
        assert!(ChunkIds::parse(b"\x063.9.rc\x08").is_err());
        assert!(ChunkIds::default().push_chunk(ChunkId(1), 0).is_err());
        assert!(ChunkIds::default().grow_last(1).is_err());
    }
}
