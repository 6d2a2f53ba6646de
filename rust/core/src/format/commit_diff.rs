//! `commit_diff`: what a commit changed in a tensor (format 7.4); big-endian.
//!
//! ```text
//! u8  created
//! u8  info_updated
//! u8  data_transformed
//! u64 first, u64 end   indices added in this commit: [first, end)
//! u64 u, u * u64       indices updated
//! u8  cleared
//! u64 d, d * u64       indices deleted
//! rest: u64 each       ids of deleted rows
//! ```

use super::error::{FormatError, Result};
use super::limits::{self, MAX_TABLE_FILE_BYTES};
use super::reader::Reader;

/// What a commit changed in a tensor. Indices are of sequences, for a sequence tensor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitDiff {
    /// The tensor was created in this commit.
    pub created: bool,
    /// The tensor's info was changed.
    pub info_updated: bool,
    /// The data were transformed in place.
    pub data_transformed: bool,
    /// First index added in this commit.
    pub first: u64,
    /// End (exclusive) of the indices added in this commit.
    pub end: u64,
    /// Indices updated outside of the added ones, in any order.
    pub updated: Vec<u64>,
    /// The tensor was cleared.
    pub cleared: bool,
    /// Indices deleted, in the numbering before deletions.
    pub deleted: Vec<u64>,
    /// Ids of deleted rows. Can outnumber `deleted`, or be absent.
    pub deleted_ids: Vec<u64>,
}

impl CommitDiff {
    /// The diff of a tensor created in this commit.
    #[must_use]
    pub fn created() -> Self {
        Self { created: true, ..Self::default() }
    }

    /// The diff of a tensor that changes for the first time in this commit, and had `len` samples.
    #[must_use]
    pub fn first_change(len: u64) -> Self {
        Self { first: len, end: len, ..Self::default() }
    }

    /// Counts samples added at the end.
    ///
    /// # Errors
    /// More samples than can be counted.
    pub fn add_samples(&mut self, count: u64) -> Result<()> {
        let too_many = || FormatError::limit("a tensor has at most 2^64 - 1 samples");
        self.end = self.end.checked_add(count).ok_or_else(too_many)?;
        Ok(())
    }

    /// Parses the file. One that ends behind `cleared` has no deletions.
    ///
    /// # Errors
    /// The file ends elsewhere.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        limits::check_file(bytes, MAX_TABLE_FILE_BYTES)?;
        let mut reader = Reader::new(bytes);
        let mut diff = Self {
            created: reader.u8("created")? != 0,
            info_updated: reader.u8("info_updated")? != 0,
            data_transformed: reader.u8("data_transformed")? != 0,
            first: reader.u64_be("the first index added")?,
            end: reader.u64_be("the end of the indices added")?,
            ..Self::default()
        };
        if diff.end < diff.first {
            return Err(FormatError::corrupt("the added range ends before it begins").at(3));
        }
        let updated = reader.count_be(8, "the number of updated indices")?;
        diff.updated = reader.u64s_be(updated, "the updated indices")?;
        diff.cleared = reader.u8("cleared")? != 0;
        if reader.remaining() < 8 {
            return Ok(diff);
        }
        let deleted = reader.count_be(8, "the number of deleted indices")?;
        diff.deleted = reader.u64s_be(deleted, "the deleted indices")?;
        let ids = reader.remaining() >> 3;
        diff.deleted_ids = reader.u64s_be(ids, "the ids of deleted rows")?;
        reader.finish()?;
        Ok(diff)
    }

    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let flags = [self.created, self.info_updated, self.data_transformed];
        let mut out = flags.map(u8::from).to_vec();
        put(&mut out, &[self.first, self.end, self.updated.len() as u64]);
        put(&mut out, &self.updated);
        out.push(self.cleared.into());
        put(&mut out, &[self.deleted.len() as u64]);
        put(&mut out, &self.deleted);
        put(&mut out, &self.deleted_ids);
        out
    }
}

fn put(out: &mut Vec<u8>, numbers: &[u64]) {
    out.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn example_of_the_pages() {
        let mut bytes = vec![0; 3];
        put(&mut bytes, &[10, 10, 0]);
        bytes.push(0);
        put(&mut bytes, &[1, 0, 0x9dff_0887_3b1f_0b4b]);
        let diff = CommitDiff::parse(&bytes).unwrap();
        assert_eq!((diff.first, diff.end, diff.cleared), (10, 10, false));
        assert_eq!(
            (&diff.deleted[..], &diff.deleted_ids[..]),
            (&[0][..], &[0x9dff_0887_3b1f_0b4b][..])
        );
        assert_eq!(diff.to_bytes(), bytes);
    }

    #[test]
    fn a_diff_without_updates_and_deletions_is_36_bytes() {
        let mut diff = CommitDiff::created();
        diff.add_samples(5).unwrap();
        let bytes = diff.to_bytes();
        assert_eq!((bytes.len(), bytes[0], bytes[18]), (36, 1, 5));
        assert_eq!(CommitDiff::parse(&bytes).unwrap(), diff);
        assert_eq!(CommitDiff::parse(&bytes[..28]).unwrap(), diff);
        assert!(CommitDiff::parse(&bytes[..27]).is_err());
        assert!(CommitDiff::first_change(u64::MAX).add_samples(1).is_err());
    }

    #[test]
    fn counts_beyond_the_file_are_refused() {
        let mut bytes = vec![0; 3];
        put(&mut bytes, &[0, 0, 1 << 61]);
        bytes.push(0);
        assert_eq!(CommitDiff::parse(&bytes).unwrap_err().offset, Some(27));
    }
}
