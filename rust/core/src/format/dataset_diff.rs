//! `dataset_diff`: what a commit changed on the dataset itself (format 7.5); big-endian.
//!
//! ```text
//! u8 info_updated
//! u64 r, r times: u64 len_old, u64 len_new, old name, new name (UTF-8)
//! u64 d, d times: u64 len, deleted name
//! ```
//!
//! Lengths are in bytes. The reference writes that of a deleted name in characters (observed), and
//! then cannot read a name that is not ASCII; we read both and write bytes.

use super::error::{FormatError, Result};
use super::limits::{self, MAX_TABLE_FILE_BYTES};
use super::reader::Reader;

/// What a commit changed on the dataset itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatasetDiff {
    /// The dataset's info was changed.
    pub info_updated: bool,
    /// Old and new names of visible tensors.
    pub renamed: Vec<(String, String)>,
    /// Names of visible tensors that were deleted.
    pub deleted: Vec<String>,
}

impl DatasetDiff {
    /// Parses the file.
    ///
    /// # Errors
    /// The file ends elsewhere, or a name is not UTF-8.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        limits::check_file(bytes, MAX_TABLE_FILE_BYTES)?;
        let mut reader = Reader::new(bytes);
        let info_updated = reader.u8("info_updated")? != 0;
        let mut diff = Self { info_updated, ..Self::default() };
        for _ in 0..reader.count_be(16, "the number of renamed tensors")? {
            let old = reader.count_be(1, "the length of an old name")?;
            let new = reader.count_be(1, "the length of a new name")?;
            diff.renamed.push((name(&mut reader, old)?, name(&mut reader, new)?));
        }
        let in_characters = || deleted_names(reader.clone(), character_bytes);
        diff.deleted = deleted_names(reader.clone(), |_, length| length)
            .or_else(|error| in_characters().map_err(|_| error))?;
        Ok(diff)
    }

    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![self.info_updated.into()];
        let count = |out: &mut Vec<u8>, count: usize| {
            out.extend_from_slice(&(count as u64).to_be_bytes());
        };
        count(&mut out, self.renamed.len());
        for (old, new) in &self.renamed {
            count(&mut out, old.len());
            count(&mut out, new.len());
            out.extend_from_slice(old.as_bytes());
            out.extend_from_slice(new.as_bytes());
        }
        count(&mut out, self.deleted.len());
        for name in &self.deleted {
            count(&mut out, name.len());
            out.extend_from_slice(name.as_bytes());
        }
        out
    }
}

/// Reads the last part of the file; `bytes_of` says how many bytes a stored length means.
fn deleted_names(
    mut reader: Reader<'_>,
    bytes_of: impl Fn(&[u8], usize) -> usize,
) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for _ in 0..reader.count_be(8, "the number of deleted tensors")? {
        let length = reader.count_be(1, "the length of a deleted name")?;
        let bytes = bytes_of(reader.clone().rest(), length);
        names.push(name(&mut reader, bytes)?);
    }
    reader.finish()?;
    Ok(names)
}

/// How many bytes the first `characters` characters take.
fn character_bytes(bytes: &[u8], characters: usize) -> usize {
    let is_start = |byte: &u8| byte & 0xc0 != 0x80;
    let starts = bytes.iter().enumerate().filter(|(_, byte)| is_start(byte));
    starts.map(|(place, _)| place).nth(characters).unwrap_or(bytes.len())
}

fn name(reader: &mut Reader<'_>, length: usize) -> Result<String> {
    let at = reader.offset();
    let bytes = reader.take(length, "a name")?;
    let text = std::str::from_utf8(bytes);
    Ok(text.map_err(|_| FormatError::corrupt("a tensor name is not UTF-8").at(at))?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn example_of_the_pages() {
        let mut bytes = vec![0];
        for number in [1_u64, 3, 5] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(b"txttext2");
        bytes.extend_from_slice(&[0; 8]);
        let diff = DatasetDiff::parse(&bytes).unwrap();
        assert_eq!(diff.renamed, [("txt".to_owned(), "text2".to_owned())]);
        assert_eq!(diff.to_bytes(), bytes);
        for cut in 0..bytes.len() {
            assert!(DatasetDiff::parse(&bytes[..cut]).is_err(), "{cut}");
        }
    }

    /// As deeplake 3.9.52 wrote it: 4 bytes each for the rename, 2 characters for the deletion.
    #[test]
    fn deleted_names_may_be_counted_in_characters() {
        let counts = [1_u64, 4, 4].map(u64::to_be_bytes).concat();
        let deleted = [1_u64, 2].map(u64::to_be_bytes).concat();
        let names = "äöüxy".as_bytes();
        let bytes = [&[0], &counts[..], names, &deleted, "dé".as_bytes()].concat();
        let diff = DatasetDiff::parse(&bytes).unwrap();
        assert_eq!(diff.renamed, [("äö".to_owned(), "üxy".to_owned())]);
        assert_eq!(diff.deleted, ["dé"]);
        assert_eq!(DatasetDiff::parse(&diff.to_bytes()).unwrap(), diff);
    }

    #[test]
    fn deletions_follow_renames() {
        let diff =
            DatasetDiff { info_updated: true, renamed: Vec::new(), deleted: vec!["x".into()] };
        assert_eq!(DatasetDiff::parse(&diff.to_bytes()).unwrap(), diff);
        assert_eq!(DatasetDiff::default().to_bytes(), [0; 17]);
    }
}
