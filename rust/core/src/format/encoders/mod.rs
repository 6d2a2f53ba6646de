//! The encoders: run-length files that say what belongs to a sample (format 3).
//!
//! Each file is read and written as a whole. A missing or 0-byte file is an empty encoder.

mod chunk_ids;
mod creds;
mod pads;
mod sequence;
mod tiles;

pub use chunk_ids::{ChunkIds, ChunkRow, Located};
pub use creds::Creds;
pub use pads::Pads;
pub use sequence::Sequence;
pub use tiles::Tiles;

use super::VERSION;
use super::error::Result;
use super::limits::{self, MAX_TABLE_FILE_BYTES};
use super::reader::Reader;
use super::version::{parse_version_prefix, write_version_prefix};

/// Splits an encoder into its version and what follows at which offset; a 0-byte file has ours.
fn split_version(bytes: &[u8]) -> Result<(String, &[u8], usize)> {
    limits::check_file(bytes, MAX_TABLE_FILE_BYTES)?;
    if bytes.is_empty() {
        return Ok((VERSION.to_owned(), bytes, 0));
    }
    let mut reader = Reader::new(bytes);
    let version = parse_version_prefix(&mut reader)?.to_owned();
    let at = reader.offset();
    Ok((version, reader.rest(), at))
}

/// The start of an encoder file.
fn with_version(version: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write_version_prefix(&mut out, version);
    out
}
