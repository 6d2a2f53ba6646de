//! The two run-length tables inside chunks (format 3.1, 3.3, 3.4).
//!
//! Rows end with the last local index they cover. Both are kept flat, and lookups are binary
//! searches. Equal neighbouring rows are legal; no normal form is assumed.

use super::error::{FormatError, Reason, Result};
use super::limits::{MAX_CHUNK_DATA_BYTES, MAX_CHUNK_SAMPLES, MAX_CHUNK_TABLE_BYTES, MAX_NDIM};
use super::reader;
use std::ops::Range;

/// Checks the order of last indices, row by row.
pub(super) fn check_order(
    lasts: impl Iterator<Item = u64>,
    row_bytes: usize,
    at: usize,
) -> Result<()> {
    let mut previous = 0;
    for (row, last) in lasts.enumerate() {
        if last < previous {
            let offset = row.saturating_mul(row_bytes).saturating_add(at);
            return Err(FormatError::corrupt(format!(
                "row {row} of a table ends at sample {last}, the one before at {previous}"
            ))
            .at(offset));
        }
        previous = last;
    }
    Ok(())
}

/// The last index after `count` more samples, as the u32 it is stored in.
fn last_after(num_samples: u64, count: u64) -> Result<u32> {
    num_samples
        .checked_add(count)
        .filter(|total| *total <= MAX_CHUNK_SAMPLES)
        .and_then(|total| u32::try_from(total.checked_sub(1)?).ok())
        .ok_or_else(|| FormatError::limit("a table cannot count more than 2^32 - 1 samples"))
}

fn check_table_bytes(bytes: usize) -> Result<()> {
    if bytes > MAX_CHUNK_TABLE_BYTES {
        return Err(FormatError::limit("a table of the chunk has too many rows"));
    }
    Ok(())
}

/// Shapes of the samples of a chunk: rows `(d0, d1, ..., last)`, all of one rank.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShapeTable {
    ndim: usize,
    /// Row-major, `ndim + 1` numbers a row.
    rows: Vec<u32>,
}

impl ShapeTable {
    /// Parses rows of `columns` numbers; one column (2.0.x files) means shape `(1)`.
    pub(super) fn parse(bytes: &[u8], columns: usize, at: usize) -> Result<Self> {
        let mut rows = reader::u32s_le(bytes, at)?;
        let Some(mut ndim) = columns.checked_sub(1).filter(|_| !rows.is_empty()) else {
            return Ok(Self::default());
        };
        if ndim == 0 {
            rows = rows.into_iter().flat_map(|last| [1, last]).collect();
            ndim = 1;
        }
        let table = Self { ndim, rows };
        check_order(table.rows().map(|(_, last)| last.into()), columns.saturating_mul(4), at)?;
        Ok(table)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.rows.iter().flat_map(|number| number.to_le_bytes()));
    }

    const fn columns(&self) -> usize {
        self.ndim.saturating_add(1)
    }

    /// The rank of the samples, once there is a row.
    #[must_use]
    pub fn ndim(&self) -> Option<usize> {
        (!self.rows.is_empty()).then_some(self.ndim)
    }

    /// Number of rows.
    #[must_use]
    pub fn num_rows(&self) -> usize {
        self.rows.len().checked_div(self.columns()).unwrap_or(0)
    }

    /// The rows, as shape and last local index.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (&[u32], u32)> {
        self.rows.chunks_exact(self.columns()).map(split_row)
    }

    fn row(&self, row: usize) -> Option<(&[u32], u32)> {
        let start = row.checked_mul(self.columns())?;
        let end = start.checked_add(self.columns())?;
        self.rows.get(start..end).map(split_row)
    }

    /// The shape of a sample; `None` beyond the last row.
    #[must_use]
    pub fn shape_of(&self, local: u64) -> Option<&[u32]> {
        self.run_of(local).map(|(dims, _)| dims)
    }

    /// The shape of a sample, and the last local index that has it in the same row.
    #[must_use]
    pub fn run_of(&self, local: u64) -> Option<(&[u32], u64)> {
        let (mut low, mut high) = (0_usize, self.num_rows());
        while low < high {
            let middle = low.midpoint(high);
            let (_, last) = self.row(middle)?;
            if u64::from(last) < local {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        self.row(low).map(|(dims, last)| (dims, u64::from(last)))
    }

    /// Bytes of the table in a file.
    pub(super) const fn table_bytes(&self) -> usize {
        self.rows.len().saturating_mul(4)
    }

    /// Number of samples that have a shape.
    #[must_use]
    pub fn num_samples(&self) -> u64 {
        self.rows.last().map_or(0, |last| u64::from(*last).saturating_add(1))
    }

    /// Whether `count` samples of one shape can follow; gives the last index they would have.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub(super) fn check_push(&self, dims: &[u32], count: u64) -> Result<u32> {
        if dims.len() > MAX_NDIM {
            return Err(FormatError::limit(format!("a sample has at most {MAX_NDIM} dimensions")));
        }
        let ndim = dims.len().max(1);
        if self.ndim().is_some_and(|own| own != ndim) {
            return Err(FormatError::new(
                Reason::ShapeMismatch,
                format!("a sample of {ndim} dimensions among ones of {}", self.ndim),
            ));
        }
        check_table_bytes(self.table_bytes())?;
        last_after(self.num_samples(), count)
    }

    /// Registers `count` more samples of one shape; no dims means a scalar, stored as `(1)`.
    ///
    /// # Errors
    /// Another rank than the rows before, a rank above the limit, or too many samples or rows.
    pub fn push(&mut self, dims: &[u32], count: u64) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        let last = self.check_push(dims, count)?;
        let dims = if dims.is_empty() { &[1] } else { dims };
        let above = self.num_rows().checked_sub(1).and_then(|row| self.row(row));
        if above.is_some_and(|(known, _)| known == dims) {
            if let Some(known) = self.rows.last_mut() {
                *known = last;
            }
        } else {
            self.ndim = dims.len();
            self.rows.extend_from_slice(dims);
            self.rows.push(last);
        }
        Ok(())
    }
}

/// Splits a row, which is never empty, into shape and last index.
fn split_row(row: &[u32]) -> (&[u32], u32) {
    row.split_last().map_or((&[], 0), |(last, dims)| (dims, *last))
}

/// One run of a [`BytePositions`] table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositionRow {
    /// Bytes of each sample of the run.
    pub nbytes: u32,
    /// Where the first sample of the run starts in the data part.
    pub start: u32,
    /// The last local index of the run.
    pub last: u32,
}

/// Where the samples of a chunk lie in its data part: rows `(nbytes, start, last)`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BytePositions {
    rows: Vec<PositionRow>,
}

impl BytePositions {
    /// Bytes of a stored row.
    pub(super) const ROW_BYTES: usize = 12;

    pub(super) fn parse(bytes: &[u8], at: usize) -> Result<Self> {
        let (stored, rest) = bytes.as_chunks::<{ Self::ROW_BYTES }>();
        if !rest.is_empty() {
            let what = "the table of positions is no multiple of 12 bytes";
            return Err(FormatError::corrupt(what).at(at));
        }
        let row = |[n0, n1, n2, n3, s0, s1, s2, s3, l0, l1, l2, l3]: &[u8; 12]| PositionRow {
            nbytes: u32::from_le_bytes([*n0, *n1, *n2, *n3]),
            start: u32::from_le_bytes([*s0, *s1, *s2, *s3]),
            last: u32::from_le_bytes([*l0, *l1, *l2, *l3]),
        };
        let rows: Vec<_> = stored.iter().map(row).collect();
        check_order(rows.iter().map(|row| row.last.into()), Self::ROW_BYTES, at)?;
        Ok(Self { rows })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for row in &self.rows {
            for number in [row.nbytes, row.start, row.last] {
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
    }

    /// Bytes of the table in a file.
    pub(super) const fn table_bytes(&self) -> usize {
        self.rows.len().saturating_mul(Self::ROW_BYTES)
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[PositionRow] {
        &self.rows
    }

    fn first_of(&self, row: usize) -> u64 {
        let above = row.checked_sub(1).and_then(|above| self.rows.get(above));
        above.map_or(0, |above| u64::from(above.last).saturating_add(1))
    }

    /// The bytes of a sample in the data part; `None` beyond the last row. The range may lie
    /// beyond the data of a damaged chunk.
    #[must_use]
    pub fn range_of(&self, local: u64) -> Option<Range<u64>> {
        let row = self.rows.partition_point(|row| u64::from(row.last) < local);
        let PositionRow { nbytes, start, .. } = *self.rows.get(row)?;
        // Cannot overflow: the table holds u32 only.
        let before = local.checked_sub(self.first_of(row))?.checked_mul(nbytes.into())?;
        let start = before.checked_add(start.into())?;
        Some(start..start.checked_add(nbytes.into())?)
    }

    /// The run that holds a sample; `None` beyond the last row.
    #[must_use]
    pub fn run_of(&self, local: u64) -> Option<PositionRow> {
        self.rows.get(self.rows.partition_point(|row| u64::from(row.last) < local)).copied()
    }

    /// Number of samples.
    #[must_use]
    pub fn num_samples(&self) -> u64 {
        self.first_of(self.rows.len())
    }

    /// Where the last sample ends, and the next one will start.
    #[must_use]
    pub fn end(&self) -> u64 {
        let last = self.num_samples().checked_sub(1);
        last.and_then(|last| self.range_of(last)).map_or(0, |range| range.end)
    }

    /// Whether every run starts where the one before ends, as writers have to keep it.
    #[must_use]
    pub fn is_gap_free(&self) -> bool {
        let mut end = 0_u64;
        let mut first = 0_u64;
        self.rows.iter().all(|row| {
            let sound = u64::from(row.start) == end;
            let next = u64::from(row.last).saturating_add(1);
            end = end
                .saturating_add(u64::from(row.nbytes).saturating_mul(next.saturating_sub(first)));
            first = next;
            sound
        })
    }

    /// Registers `count` more samples of `nbytes` each; joins the last run when that is equal.
    ///
    /// # Errors
    /// The data part would exceed 4 GiB, or there are too many samples.
    pub fn push(&mut self, nbytes: u64, count: u64) -> Result<()> {
        self.add(nbytes, count, true)
    }

    /// Registers one sample in a run of its own, as text tensors have it (format 2.3).
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_unjoined(&mut self, nbytes: u64) -> Result<()> {
        self.add(nbytes, 1, false)
    }

    fn add(&mut self, nbytes: u64, count: u64, may_join: bool) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        check_table_bytes(self.table_bytes())?;
        let last = last_after(self.num_samples(), count)?;
        let start = self.end();
        let fits = nbytes
            .checked_mul(count)
            .and_then(|bytes| bytes.checked_add(start))
            .is_some_and(|end| end <= MAX_CHUNK_DATA_BYTES);
        let (Ok(nbytes), Ok(start), true) = (u32::try_from(nbytes), u32::try_from(start), fits)
        else {
            return Err(FormatError::limit("a chunk's data cannot exceed 2^32 - 1 bytes"));
        };
        match self.rows.last_mut() {
            Some(row) if may_join && row.nbytes == nbytes => row.last = last,
            _ => self.rows.push(PositionRow { nbytes, start, last }),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookups_follow_the_rows() {
        let mut positions = BytePositions::default();
        for (nbytes, count) in [(5, 2), (2, 2), (5, 2), (2, 1), (5, 1)] {
            positions.push(nbytes, count).unwrap();
        }
        let rows: Vec<_> = positions.rows().iter().map(|r| (r.nbytes, r.start, r.last)).collect();
        assert_eq!(rows, [(5, 0, 1), (2, 10, 3), (5, 14, 5), (2, 24, 6), (5, 26, 7)]);
        assert_eq!(positions.range_of(3), Some(12..14));
        assert_eq!(positions.range_of(5), Some(19..24));
        assert_eq!((positions.range_of(8), positions.end()), (None, 31));
        assert!(positions.is_gap_free());
    }

    #[test]
    fn shapes_of_one_column_are_scalars() {
        let table = ShapeTable::parse(&[1, 0, 0, 0, 4, 0, 0, 0], 1, 0).unwrap();
        assert_eq!((table.shape_of(0), table.shape_of(4)), (Some(&[1][..]), Some(&[1][..])));
        assert_eq!((table.shape_of(5), table.num_samples()), (None, 5));
    }

    #[test]
    fn tables_refuse_what_u32_cannot_hold() {
        let mut positions = BytePositions::default();
        positions.push(1 << 31, 1).unwrap();
        assert_eq!(positions.push(1 << 31, 1).unwrap_err().reason, Reason::Limit);
        assert_eq!(positions.push(0, u64::from(u32::MAX)).unwrap_err().reason, Reason::Limit);
        let mut shapes = ShapeTable::default();
        shapes.push(&[2, 3], 4).unwrap();
        assert_eq!(shapes.push(&[2], 1).unwrap_err().reason, Reason::ShapeMismatch);
        assert_eq!(shapes.push(&[2, 3], u64::MAX).unwrap_err().reason, Reason::Limit);
        assert_eq!((shapes.num_rows(), shapes.num_samples()), (1, 4));
    }

    #[test]
    fn tables_refuse_rows_that_no_reader_would_take() {
        assert!(check_table_bytes(MAX_CHUNK_TABLE_BYTES).is_ok());
        assert_eq!(check_table_bytes(MAX_CHUNK_TABLE_BYTES + 1).unwrap_err().reason, Reason::Limit);
        let mut shapes = ShapeTable::default();
        assert_eq!(shapes.push(&[1; MAX_NDIM + 1], 1).unwrap_err().reason, Reason::Limit);
        shapes.push(&[1; MAX_NDIM], 1).unwrap();
        assert_eq!(shapes.table_bytes(), (MAX_NDIM + 1) * 4);
    }

    #[test]
    fn rows_out_of_order_are_refused() {
        let rows = [0_u32, 0, 5, 0, 0, 4].map(u32::to_le_bytes).concat();
        assert_eq!(BytePositions::parse(&rows, 100).unwrap_err().offset, Some(112));
    }
}
