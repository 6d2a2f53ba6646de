//! The tile encoder, `tiles_index/unsharded` (format 3.5).
//!
//! ```text
//! u8 n, version
//! u64 count
//! only if count > 0:
//! u64 d            dims of all entries
//! count times:     u64 sample index, d * u64 sample shape, d * u64 tile shape
//! ```
//!
//! Little-endian; early 2.x files are big-endian without a version.

use super::{split_version, with_version};
use crate::format::VERSION;
use crate::format::error::{FormatError, Reason, Result};
use crate::format::limits::MAX_NDIM;
use std::collections::HashMap;

/// Which samples are tiled, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiles {
    version: String,
    ndim: usize,
    /// Sample indices in order of insertion.
    indices: Vec<u64>,
    /// Sample shape and tile shape of each, `2 * ndim` numbers.
    shapes: Vec<u64>,
    places: HashMap<u64, usize>,
}

impl Default for Tiles {
    fn default() -> Self {
        Self::empty(VERSION.to_owned())
    }
}

impl Tiles {
    fn empty(version: String) -> Self {
        let (indices, shapes, places) = (Vec::new(), Vec::new(), HashMap::new());
        Self { version, ndim: 0, indices, shapes, places }
    }

    /// Parses the file.
    ///
    /// # Errors
    /// Neither form fits the bytes exactly.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let little = split_version(bytes).and_then(|(version, rest, at)| {
            Self::parse_entries(version, rest, u64::from_le_bytes).map_err(|mut error| {
                error.offset = error.offset.map(|offset| offset.saturating_add(at as u64));
                error
            })
        });
        little.or_else(|error| {
            Self::parse_entries(VERSION.to_owned(), bytes, u64::from_be_bytes).map_err(|_| error)
        })
    }

    fn parse_entries(version: String, bytes: &[u8], read: fn([u8; 8]) -> u64) -> Result<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut words = words.iter().copied().map(read);
        let Some(count) = words.next() else {
            return Err(FormatError::corrupt("the tile index ends before its count").at(0));
        };
        let mut tiles = Self::empty(version);
        if count == 0 && words.len() == 0 && rest.is_empty() {
            return Ok(tiles);
        }
        let ndim = words.next().and_then(|ndim| usize::try_from(ndim).ok());
        let Some(ndim) = ndim.filter(|ndim| (1..=MAX_NDIM).contains(ndim)) else {
            return Err(FormatError::corrupt("the tile index has no sound number of dims").at(8));
        };
        // At most 511 numbers an entry, so this cannot overflow; the product can.
        let entry = ndim.saturating_mul(2).saturating_add(1);
        let expected = usize::try_from(count).ok().and_then(|count| count.checked_mul(entry));
        if expected != Some(words.len()) || !rest.is_empty() {
            let rule = format!("the tile index does not hold the {count} entries it claims");
            return Err(FormatError::corrupt(rule).at(bytes.len()));
        }
        // Without entries the number says nothing, and is not written again.
        tiles.ndim = if count == 0 { 0 } else { ndim };
        while let Some(index) = words.next() {
            let shapes: Vec<u64> = words.by_ref().take(ndim.saturating_mul(2)).collect();
            tiles.set(index, shapes.into_iter());
        }
        Ok(tiles)
    }

    fn set(&mut self, index: u64, shapes: impl Iterator<Item = u64>) {
        match self.places.get(&index) {
            Some(place) => {
                let start = place.saturating_mul(self.ndim).saturating_mul(2);
                for (known, new) in self.shapes.iter_mut().skip(start).zip(shapes) {
                    *known = new;
                }
            }
            None => {
                self.places.insert(index, self.indices.len());
                self.indices.push(index);
                self.shapes.extend(shapes);
            }
        }
    }

    /// The file; it keeps the version it was created with.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = with_version(&self.version);
        let mut word = |number: u64| out.extend_from_slice(&number.to_le_bytes());
        word(self.indices.len() as u64);
        if self.is_empty() {
            return out;
        }
        word(self.ndim as u64);
        for (index, shapes) in
            self.indices.iter().zip(self.shapes.chunks_exact(self.ndim.saturating_mul(2).max(1)))
        {
            word(*index);
            shapes.iter().copied().for_each(&mut word);
        }
        out
    }

    /// Sample shape and tile shape of a sample, if it is tiled. Dims may be zero in a damaged
    /// file: check before dividing.
    #[must_use]
    pub fn get(&self, index: u64) -> Option<(&[u64], &[u64])> {
        let width = self.ndim.checked_mul(2)?;
        let start = self.places.get(&index)?.checked_mul(width)?;
        let shapes = self.shapes.get(start..start.checked_add(width)?)?;
        shapes.split_at_checked(self.ndim)
    }

    /// Whether no sample is tiled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// The indices of tiled samples, in order of insertion.
    #[must_use]
    pub fn indices(&self) -> &[u64] {
        &self.indices
    }

    /// Registers a tiled sample, or replaces its shapes.
    ///
    /// # Errors
    /// The two shapes, or those of earlier entries, differ in rank.
    pub fn insert(&mut self, index: u64, sample: &[u64], tile: &[u64]) -> Result<()> {
        let ndim = if self.is_empty() { sample.len() } else { self.ndim };
        let fits = sample.len() == ndim && tile.len() == ndim && (1..=MAX_NDIM).contains(&ndim);
        if !fits {
            let rule = "all tiled samples of a tensor have the same number of dimensions";
            return Err(FormatError::new(Reason::ShapeMismatch, rule));
        }
        self.ndim = ndim;
        self.set(index, sample.iter().chain(tile).copied());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: [u64; 12] = [2, 2, 1, 90, 75, 45, 75, 3, 70, 70, 35, 70];

    fn example() -> Tiles {
        let mut tiles = Tiles::default();
        tiles.insert(1, &[90, 75], &[45, 75]).unwrap();
        tiles.insert(3, &[70, 70], &[35, 70]).unwrap();
        tiles
    }

    #[test]
    fn example_of_the_pages() {
        let mut bytes = b"\x063.9.52".to_vec();
        bytes.extend(NUMBERS.into_iter().flat_map(u64::to_le_bytes));
        assert_eq!(example().to_bytes(), bytes);
        let read = Tiles::parse(&bytes).unwrap();
        assert_eq!(read, example());
        assert_eq!(read.get(3), Some((&[70, 70][..], &[35, 70][..])));
        assert_eq!(read.get(2), None);
        assert!(Tiles::parse(&bytes[..bytes.len() - 1]).is_err());
        assert!(Tiles::parse(&bytes[..bytes.len() - 8]).is_err());
    }

    #[test]
    fn nothing_tiled_is_15_bytes() {
        let bytes = b"\x063.9.52\0\0\0\0\0\0\0\0";
        assert_eq!(Tiles::default().to_bytes(), bytes);
        assert!(Tiles::parse(bytes).unwrap().is_empty() && Tiles::parse(b"").unwrap().is_empty());
    }

    /// Found by the fuzz target `encoders`.
    #[test]
    fn dims_of_no_entries_are_forgotten() {
        let bytes = [0, 251].map(u64::to_be_bytes).concat();
        let tiles = Tiles::parse(&bytes).unwrap();
        assert_eq!(Tiles::parse(&tiles.to_bytes()).unwrap(), tiles);
    }

    #[test]
    fn early_files_are_big_endian_without_version() {
        let bytes: Vec<u8> = NUMBERS.into_iter().flat_map(u64::to_be_bytes).collect();
        assert_eq!(Tiles::parse(&bytes).unwrap(), example());
        assert!(Tiles::parse(&[0; 8]).unwrap().is_empty());
    }

    #[test]
    fn replacing_keeps_the_place() {
        let mut tiles = example();
        tiles.insert(1, &[8, 8], &[4, 4]).unwrap();
        assert_eq!(tiles.indices(), [1, 3]);
        assert_eq!(tiles.get(1), Some((&[8, 8][..], &[4, 4][..])));
        assert!(tiles.insert(5, &[8], &[4]).is_err());
    }
}
