//! The pad encoder, `pad_index/unsharded` (format 3.8): u32 pairs `start, end`.
//!
//! Not needed to read values: padded rows also exist as empty samples.

use super::{split_version, with_version};
use crate::format::VERSION;
use crate::format::error::Result;
use crate::format::reader::u32s_le;
use std::ops::Range;

/// Which samples only fill a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pads {
    version: String,
    /// As stored: known defects of writers leave unpaired and unsorted numbers.
    numbers: Vec<u32>,
}

impl Default for Pads {
    fn default() -> Self {
        Self { version: VERSION.to_owned(), numbers: Vec::new() }
    }
}

impl Pads {
    /// Parses the file.
    ///
    /// # Errors
    /// Cut inside a number.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let (version, rest, at) = split_version(bytes)?;
        Ok(Self { version, numbers: u32s_le(rest, at)? })
    }

    /// The file, as it was read.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = with_version(&self.version);
        out.extend(self.numbers.iter().flat_map(|number| number.to_le_bytes()));
        out
    }

    /// The padded ranges that make sense; a number without partner is left out.
    pub fn ranges(&self) -> impl Iterator<Item = Range<u64>> {
        let (pairs, _) = self.numbers.as_chunks::<2>();
        let ranges = pairs.iter().map(|[start, end]| u64::from(*start)..u64::from(*end));
        ranges.filter(|range| !range.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn example_of_the_pages() {
        let mut bytes = b"\x063.9.52".to_vec();
        bytes.extend([2_u32, 4, 5, 6, 8, 12].into_iter().flat_map(u32::to_le_bytes));
        let pads = Pads::parse(&bytes).unwrap();
        assert_eq!(pads.ranges().collect::<Vec<_>>(), [2..4, 5..6, 8..12]);
        assert_eq!(pads.to_bytes(), bytes);
    }

    #[test]
    fn unpaired_numbers_are_tolerated() {
        let mut bytes = b"\x063.9.52".to_vec();
        bytes.extend([1_u32, 4, 5].into_iter().flat_map(u32::to_le_bytes));
        let pads = Pads::parse(&bytes).unwrap();
        assert!(pads.ranges().eq(std::iter::once(1..4)));
        assert_eq!(pads.to_bytes(), bytes);
        assert_eq!(Pads::parse(b"").unwrap().ranges().count(), 0);
    }
}
