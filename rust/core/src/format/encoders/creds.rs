//! The creds encoder, `creds_index/unsharded` (format 3.7): u32 rows `(number, last)`.

use super::{split_version, with_version};
use crate::format::VERSION;
use crate::format::error::{FormatError, Result};
use crate::format::reader::u32s_le;
use crate::format::tables::check_order;

/// Which creds key each link uses: 0 for none, else a number of `linked_creds.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creds {
    version: String,
    /// Number and last flat index.
    rows: Vec<[u32; 2]>,
}

impl Default for Creds {
    fn default() -> Self {
        Self { version: VERSION.to_owned(), rows: Vec::new() }
    }
}

impl Creds {
    /// Parses the file.
    ///
    /// # Errors
    /// Cut inside, or rows out of order.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let (version, rest, at) = split_version(bytes)?;
        let numbers = u32s_le(rest, at)?;
        let (rows, tail) = numbers.as_chunks::<2>();
        if !tail.is_empty() {
            return Err(FormatError::corrupt("the creds index is cut inside a row").at(at));
        }
        check_order(rows.iter().map(|[_, last]| (*last).into()), 8, at)?;
        Ok(Self { version, rows: rows.to_vec() })
    }

    /// The file; it keeps the version it was created with.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = with_version(&self.version);
        out.extend(self.rows.iter().flatten().flat_map(|number| number.to_le_bytes()));
        out
    }

    /// The number of a link's creds key; `None` beyond the end.
    #[must_use]
    pub fn number_of(&self, index: u64) -> Option<u32> {
        let row = self.rows.partition_point(|[_, last]| u64::from(*last) < index);
        self.rows.get(row).map(|[number, _]| *number)
    }

    /// Number of links, flat.
    #[must_use]
    pub fn num_samples(&self) -> u64 {
        self.rows.last().map_or(0, |[_, last]| u64::from(*last).saturating_add(1))
    }

    /// Registers `count` more links that use one key.
    ///
    /// # Errors
    /// More links than u32 can count.
    pub fn push(&mut self, number: u32, count: u64) -> Result<()> {
        let Some(more) = count.checked_sub(1) else { return Ok(()) };
        let last = self
            .num_samples()
            .checked_add(more)
            .and_then(|last| u32::try_from(last).ok())
            .ok_or_else(|| FormatError::limit("a link tensor has at most 2^32 samples"))?;
        match self.rows.last_mut() {
            Some([known, known_last]) if *known == number => *known_last = last,
            _ => self.rows.push([number, last]),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::error::Reason;

    #[test]
    fn more_links_than_32_bits_can_count_are_refused() {
        let mut creds = Creds::default();
        creds.push(1, u64::from(u32::MAX)).unwrap();
        creds.push(1, 1).unwrap();
        let before = creds.clone();
        for number in [1, 2] {
            assert_eq!(creds.push(number, 1).unwrap_err().reason, Reason::Limit);
        }
        assert_eq!(creds, before);
    }

    #[test]
    fn example_of_the_pages() {
        let mut creds = Creds::default();
        for number in [0, 1, 1, 2, 0] {
            creds.push(number, 1).unwrap();
        }
        let mut bytes = b"\x063.9.52".to_vec();
        bytes.extend([0_u32, 0, 1, 2, 2, 3, 0, 4].into_iter().flat_map(u32::to_le_bytes));
        assert_eq!(creds.to_bytes(), bytes);
        let read = Creds::parse(&bytes).unwrap();
        assert_eq!(read, creds);
        let numbers: Vec<_> = (0..6).map(|index| read.number_of(index)).collect();
        assert_eq!(numbers, [Some(0), Some(1), Some(1), Some(2), Some(0), None]);
        assert!(Creds::parse(&bytes[..13]).is_err() && Creds::parse(&bytes[..11]).is_err());
        assert_eq!(Creds::parse(b"").unwrap().num_samples(), 0);
    }
}
