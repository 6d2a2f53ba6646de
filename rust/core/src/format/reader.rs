//! A bounds-checked cursor over bytes, used by all binary parsers.

use super::error::{FormatError, Result};

/// A position in a byte slice; every read is checked and errors name the offset.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// A cursor at the first byte.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// Bytes read so far.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Bytes not read yet.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.offset)
    }

    /// Reads `count` bytes.
    ///
    /// # Errors
    /// The file ends before.
    pub fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8]> {
        let end = self.offset.checked_add(count);
        let Some(bytes) = end.and_then(|end| self.bytes.get(self.offset..end)) else {
            return Err(FormatError::corrupt(format!(
                "the file ends inside {what}: {count} bytes expected, {} left",
                self.remaining()
            ))
            .at(self.offset));
        };
        self.offset = self.offset.saturating_add(count);
        Ok(bytes)
    }

    /// Reads everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        let bytes = self.bytes.get(self.offset..).unwrap_or_default();
        self.offset = self.bytes.len();
        bytes
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    /// Reads one byte.
    ///
    /// # Errors
    /// The file ends before.
    pub fn u8(&mut self, what: &'static str) -> Result<u8> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// Reads a little-endian u32.
    ///
    /// # Errors
    /// The file ends before.
    pub fn u32_le(&mut self, what: &'static str) -> Result<u32> {
        self.array(what).map(u32::from_le_bytes)
    }

    /// Reads a little-endian i32.
    ///
    /// # Errors
    /// The file ends before.
    pub fn i32_le(&mut self, what: &'static str) -> Result<i32> {
        self.array(what).map(i32::from_le_bytes)
    }

    /// Reads a little-endian u64.
    ///
    /// # Errors
    /// The file ends before.
    pub fn u64_le(&mut self, what: &'static str) -> Result<u64> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// Reads a big-endian u64.
    ///
    /// # Errors
    /// The file ends before.
    pub fn u64_be(&mut self, what: &'static str) -> Result<u64> {
        self.array(what).map(u64::from_be_bytes)
    }

    /// Reads a big-endian u64 that counts things of at least `item_bytes` each, all in this file.
    ///
    /// # Errors
    /// The file ends before, or is too short for that many.
    pub fn count_be(&mut self, item_bytes: usize, what: &'static str) -> Result<usize> {
        let at = self.offset;
        let count = self.u64_be(what)?;
        self.check_count(count, item_bytes, what).map_err(|error| error.at(at))
    }

    /// Turns a stored count into a usize, if that many items can still be in the file.
    ///
    /// # Errors
    /// The rest of the file is too short.
    pub fn check_count(&self, count: u64, item_bytes: usize, what: &str) -> Result<usize> {
        usize::try_from(count)
            .ok()
            .filter(|count| {
                count.checked_mul(item_bytes).is_some_and(|bytes| bytes <= self.remaining())
            })
            .ok_or_else(|| {
                FormatError::corrupt(format!(
                    "{what} is {count}, but only {} bytes follow",
                    self.remaining()
                ))
                .at(self.offset)
            })
    }

    /// Reads `count` big-endian u64.
    ///
    /// # Errors
    /// The file ends before.
    pub fn u64s_be(&mut self, count: usize, what: &'static str) -> Result<Vec<u64>> {
        let bytes = self.take(count.saturating_mul(8), what)?;
        let (words, _) = bytes.as_chunks::<8>();
        Ok(words.iter().copied().map(u64::from_be_bytes).collect())
    }

    /// Makes sure that nothing is left.
    ///
    /// # Errors
    /// There are more bytes.
    pub fn finish(&self) -> Result<()> {
        if self.remaining() == 0 {
            return Ok(());
        }
        Err(FormatError::corrupt(format!("{} bytes too many at the end", self.remaining()))
            .at(self.offset))
    }
}

/// All of `bytes` as little-endian u32; a length that is no multiple of 4 is an error.
pub(super) fn u32s_le(bytes: &[u8], offset: usize) -> Result<Vec<u32>> {
    let (words, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(FormatError::corrupt("the table is no multiple of 4 bytes").at(offset));
    }
    Ok(words.iter().copied().map(u32::from_le_bytes).collect())
}
