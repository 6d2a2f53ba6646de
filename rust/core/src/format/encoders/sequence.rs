//! The sequence encoder, `sequence_index/unsharded` (format 3.6).
//!
//! u32 rows `(items per sequence, first item, last sequence)`: the arithmetic of the byte-position
//! table, with items for bytes.

use super::{split_version, with_version};
use crate::format::VERSION;
use crate::format::error::Result;
use crate::format::tables::BytePositions;
use std::ops::Range;

/// Which flat items belong to which sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    version: String,
    spans: BytePositions,
}

impl Default for Sequence {
    fn default() -> Self {
        Self { version: VERSION.to_owned(), spans: BytePositions::default() }
    }
}

impl Sequence {
    /// Parses the file.
    ///
    /// # Errors
    /// Cut inside, or rows out of order.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let (version, rest, at) = split_version(bytes)?;
        Ok(Self { version, spans: BytePositions::parse(rest, at)? })
    }

    /// The file; it keeps the version it was created with.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = with_version(&self.version);
        self.spans.write(&mut out);
        out
    }

    /// Number of sequences, the visible length of the tensor.
    #[must_use]
    pub fn num_sequences(&self) -> u64 {
        self.spans.num_samples()
    }

    /// Number of items of all sequences.
    #[must_use]
    pub fn num_items(&self) -> u64 {
        self.spans.end()
    }

    /// The flat indices of a sequence's items; `None` beyond the end.
    #[must_use]
    pub fn span(&self, sequence: u64) -> Option<Range<u64>> {
        self.spans.range_of(sequence)
    }

    /// Registers one more sequence.
    ///
    /// # Errors
    /// More items or sequences than u32 can count.
    pub fn push(&mut self, items: u64) -> Result<()> {
        self.spans.push(items, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lengths: &[u64], rows: &[u32]) {
        let mut sequence = Sequence::default();
        for items in lengths {
            sequence.push(*items).unwrap();
        }
        let mut bytes = b"\x063.9.52".to_vec();
        bytes.extend(rows.iter().flat_map(|number| number.to_le_bytes()));
        assert_eq!(sequence.to_bytes(), bytes);
        let read = Sequence::parse(&bytes).unwrap();
        assert_eq!(read, sequence);
        assert_eq!(read.num_sequences(), lengths.len() as u64);
        let mut first = 0;
        for (place, items) in lengths.iter().enumerate() {
            assert_eq!(read.span(place as u64), Some(first..first + items));
            first += items;
        }
        assert_eq!((read.num_items(), read.span(lengths.len() as u64)), (first, None));
    }

    #[test]
    fn examples_of_the_pages() {
        check(&[2, 2, 4], &[2, 0, 1, 4, 4, 2]);
        check(&[3, 0, 2], &[3, 0, 0, 0, 3, 1, 2, 3, 2]);
    }
}
