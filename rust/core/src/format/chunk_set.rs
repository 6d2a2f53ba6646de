//! `chunk_set`: which chunks of a tensor a commit owns (format 7.3).
//!
//! ASCII entries joined by `,`; an empty file has none:
//!
//! ```text
//! name                      the commit owns the chunk
//! name:commit               the chunk is at that commit, same tensor key
//! name:commit:key           ... of that tensor key (after merges)
//! ```

use super::chunk_id::ChunkId;
use super::error::{FormatError, Result};
use super::keys::check_commit_id;
use super::limits::{self, MAX_TABLE_FILE_BYTES};
use super::names::check_stored_key;
use super::ordered::Ordered;

/// Whose chunk it is, where that is another commit or key than those of the chunk set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owner {
    /// The commit that has the file; none for the one of the chunk set.
    pub commit: Option<String>,
    /// The tensor key at that commit; none for the same one.
    pub key: Option<String>,
}

/// The chunks a commit owns of one tensor, in order of insertion.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChunkSet {
    entries: Ordered<ChunkId, Owner>,
}

impl ChunkSet {
    /// Parses the file.
    ///
    /// # Errors
    /// Not text, or an entry that names no chunk, commit or key.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        limits::check_file(bytes, MAX_TABLE_FILE_BYTES)?;
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            FormatError::corrupt("the chunk set is not text").at(error.valid_up_to())
        })?;
        let mut entries = Ordered::default();
        let mut at = 0_usize;
        for entry in text.split(',') {
            let (id, owner) = parse_entry(entry).map_err(|error| error.at(at))?;
            entries.insert(id, owner);
            at = at.saturating_add(entry.len()).saturating_add(1);
        }
        Ok(Self { entries })
    }

    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let entry = |(id, owner): (&ChunkId, &Owner)| match (&owner.commit, &owner.key) {
            (None, _) => id.name(),
            (Some(commit), None) => format!("{id}:{commit}"),
            (Some(commit), Some(key)) => format!("{id}:{commit}:{key}"),
        };
        self.entries.iter().map(entry).collect::<Vec<_>>().join(",").into_bytes()
    }

    /// Whose chunk it is, if the set names it.
    #[must_use]
    pub fn get(&self, id: ChunkId) -> Option<&Owner> {
        self.entries.get(&id)
    }

    /// Makes the chunk one of this commit.
    pub fn insert(&mut self, id: ChunkId) {
        self.entries.insert(id, Owner::default());
    }

    /// Takes a chunk out; says whether it was in.
    pub fn remove(&mut self, id: ChunkId) -> bool {
        self.entries.remove(&id).is_some()
    }

    /// Number of chunks named.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no chunk is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }

    /// The chunks named, in order.
    pub fn iter(&self) -> impl Iterator<Item = (ChunkId, &Owner)> {
        self.entries.iter().map(|(id, owner)| (*id, owner))
    }
}

fn parse_entry(entry: &str) -> Result<(ChunkId, Owner)> {
    let mut parts = entry.splitn(3, ':');
    let id = ChunkId::parse_name(parts.next().unwrap_or_default())?;
    let commit = parts.next().map(str::to_owned);
    let key = parts.next().map(str::to_owned);
    commit.iter().try_for_each(|commit| check_commit_id(commit))?;
    key.iter().try_for_each(|key| check_stored_key(key))?;
    Ok((id, Owner { commit, key }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_name_their_owner() {
        let file = b"ae6ff656d3a14cfe,1f:ab12,2a:ab12:g/x";
        let set = ChunkSet::parse(file).unwrap();
        assert_eq!(set.to_bytes(), file);
        assert_eq!(set.get(ChunkId(0xae6f_f656_d3a1_4cfe)), Some(&Owner::default()));
        let merged = set.get(ChunkId(0x2a)).unwrap();
        assert_eq!(merged.commit.as_deref(), Some("ab12"));
        assert_eq!(merged.key.as_deref(), Some("g/x"));
        assert_eq!((set.get(ChunkId(1)), set.len()), (None, 3));
    }

    #[test]
    fn an_empty_file_names_nothing() {
        let mut set = ChunkSet::parse(b"").unwrap();
        assert!(set.is_empty() && set.to_bytes().is_empty());
        set.insert(ChunkId(0xab));
        assert_eq!(set.to_bytes(), b"ab");
        assert!(set.remove(ChunkId(0xab)) && !set.remove(ChunkId(0xab)));
    }

    #[test]
    fn damage_is_refused_at_its_entry() {
        assert_eq!(ChunkSet::parse(b"1f,,2a").unwrap_err().offset, Some(3));
        for bad in [&b"x"[..], b"1f,", b"1f:", b"1f:../x", b"1f:ab:", b"\xff", b"1f:ab:../x"] {
            assert!(ChunkSet::parse(bad).is_err());
        }
    }
}
