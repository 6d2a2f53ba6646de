//! Chunk ids and their file names (format 2 and 3.2).

use super::error::{FormatError, Result};
use crate::error::quoted;
use std::fmt;

/// The 64-bit id of a chunk; its file is named by [`ChunkId::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId(pub u64);

impl ChunkId {
    /// A new id: the upper half of a random UUID4, as the reference draws them.
    #[must_use]
    pub fn random() -> Self {
        // The 13th of the 16 hex digits is the UUID's version, 4; so the id is never zero.
        Self((crate::random::unique_u64() & !0xf000) | 0x4000)
    }

    /// The file name: lower-case hex without leading zeros.
    #[must_use]
    pub fn name(self) -> String {
        self.to_string()
    }

    /// The id of a file name.
    ///
    /// # Errors
    /// Not the canonical name of an id.
    pub fn parse_name(name: &str) -> Result<Self> {
        u64::from_str_radix(name, 16).map(Self).ok().filter(|id| id.name() == name).ok_or_else(
            || FormatError::corrupt(format!("{} is not the name of a chunk", quoted(name))),
        )
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::ChunkId;

    #[test]
    fn names_have_no_leading_zeros() {
        assert_eq!(ChunkId(0x0c05_03c3_037a_4a47).name(), "c0503c3037a4a47");
        assert_eq!(ChunkId::parse_name("c0503c3037a4a47").unwrap().0, 0x0c05_03c3_037a_4a47);
        for bad in ["", "0c0503c3037a4a47", "C0", "+c0", "g", "10000000000000000", "../c0"] {
            assert!(ChunkId::parse_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn random_ids_look_like_halves_of_uuid4() {
        for _ in 0..100 {
            assert_eq!((ChunkId::random().0 >> 12) & 0xf, 4);
        }
    }
}
