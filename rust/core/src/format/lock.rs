//! Lock files (format 4.7).
//!
//! ```text
//! offset  size  field
//! 0       6     node id: 48-bit host number, little-endian
//! 6       8     expiry, float64 little-endian, Unix seconds
//! 14      4     tag: process id, uint32 little-endian
//! 18      rest  who holds it, for people; ours only
//! ```

use super::error::Result;
use super::reader::Reader;

/// Who holds a lock, and until when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LockFile {
    /// The host.
    pub node_id: [u8; 6],
    /// When the lock lapses, Unix seconds.
    pub expires: f64,
    /// The process.
    pub tag: u32,
}

/// Bytes of a lock without the owner's details.
pub const LOCK_BYTES: usize = 18;

impl LockFile {
    /// Parses the file.
    ///
    /// # Errors
    /// It has fewer than 18 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        let mut node_id = [0; 6];
        node_id.copy_from_slice(reader.take(6, "the node id of the lock")?);
        let expires = f64::from_bits(reader.u64_le("the expiry of the lock")?);
        Ok(Self { node_id, expires, tag: reader.u32_le("the tag of the lock")? })
    }

    /// The owner's details in a lock file of ours.
    #[must_use]
    pub fn owner_of(bytes: &[u8]) -> Option<&str> {
        let owner = std::str::from_utf8(bytes.get(LOCK_BYTES..)?).ok()?;
        (!owner.is_empty() && !owner.contains(char::is_control)).then_some(owner)
    }

    /// The file; `owner` says to people who holds the lock, and may be empty.
    #[must_use]
    pub fn to_bytes(&self, owner: &str) -> Vec<u8> {
        let mut out = self.node_id.to_vec();
        out.extend_from_slice(&self.expires.to_le_bytes());
        out.extend_from_slice(&self.tag.to_le_bytes());
        out.extend_from_slice(owner.as_bytes());
        out
    }

    /// Whether the lock still holds at `now`, Unix seconds.
    #[must_use]
    pub fn is_live(&self, now: f64) -> bool {
        self.expires > now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_18_bytes_and_details() {
        let lock = LockFile { node_id: [2, 0, 0x11, 0xac, 0x42, 2], expires: 1e9, tag: 4242 };
        let bytes = lock.to_bytes("");
        assert_eq!(bytes, b"\x02\0\x11\xac\x42\x02\0\0\0\0\x65\xcd\xcd\x41\x92\x10\0\0");
        assert_eq!(LockFile::parse(&bytes).unwrap(), lock);
        assert_eq!(LockFile::owner_of(&bytes), None);
        let detailed = lock.to_bytes("host a, process 4242");
        assert_eq!(LockFile::parse(&detailed).unwrap(), lock);
        assert_eq!(LockFile::owner_of(&detailed), Some("host a, process 4242"));
        assert!(LockFile::parse(&bytes[..17]).is_err());
    }

    #[test]
    fn expiry_decides() {
        let lock = LockFile { node_id: [0; 6], expires: 100.0, tag: 1 };
        assert!(lock.is_live(99.9) && !lock.is_live(100.0));
        assert!(!LockFile { expires: f64::NAN, ..lock }.is_live(0.0));
    }
}
