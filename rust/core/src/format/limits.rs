//! Named maxima of the parsers, each with its reason.
//!
//! They bound what a damaged or hostile file can make us allocate or loop over; real datasets
//! stay far below.

use super::error::{FormatError, Result};

/// Bytes of one JSON file: a version tree of a million commits takes about this much.
pub const MAX_JSON_BYTES: usize = 512 << 20;

/// Levels of nested JSON in a file that we rewrite: Python reads less than a thousand.
pub const MAX_JSON_DEPTH: usize = 500;

/// Bytes of one encoder, chunk set or diff: 64 million chunks at 16 bytes a row.
pub const MAX_TABLE_FILE_BYTES: usize = 1 << 30;

/// Bytes of a chunk in front of its data: 170 million samples with a row of their own, which
/// only 0-byte texts can reach before the chunk is full.
pub const MAX_CHUNK_HEADER_BYTES: u64 = 2 << 30;

/// Bytes of one table of a chunk that we write: both fit into [`MAX_CHUNK_HEADER_BYTES`], with
/// room for one more row and the version.
pub const MAX_CHUNK_TABLE_BYTES: usize = (1 << 30) - 4096;

/// Dimensions of a sample: the format stores the rank of polygons and link grids in one byte.
pub const MAX_NDIM: usize = 255;

/// Samples of one chunk: the last index is a u32, and all ones means "none" (format 3.2).
pub const MAX_CHUNK_SAMPLES: u64 = u32::MAX as u64;

/// Bytes of the data part of one chunk: byte positions are u32 (format 4.2).
pub const MAX_CHUNK_DATA_BYTES: u64 = u32::MAX as u64;

/// Samples of one tensor: last indices are u64 (format 3.2), but numbers of samples are signed
/// everywhere else, in numpy's indices as in Python's lengths.
pub const MAX_SAMPLES: u64 = i64::MAX as u64;

/// Bytes of a tensor name: an object key has 1024 bytes at most, and the longest prefix and
/// suffix of ours take about a hundred.
pub const MAX_NAME_BYTES: usize = 900;

/// Bytes of one part of a tensor name: file names have 255 at most, of which the format takes some
/// for companions (`_x_shape`, `_x_downsampled_16`) and keys that are taken (`x_1a2b`).
pub const MAX_NAME_PART_BYTES: usize = 240;

/// Characters of a commit id: ours have 40.
pub const MAX_COMMIT_ID_BYTES: usize = 128;

/// Bytes of a version string: its length is stored in one byte.
pub const MAX_VERSION_BYTES: usize = u8::MAX as usize;

/// Refuses a file that is larger than `max` before anything of it is parsed.
pub(super) fn check_file(bytes: &[u8], max: usize) -> Result<()> {
    if bytes.len() > max {
        return Err(FormatError::limit(format!(
            "the file has {} bytes, at most {max} are accepted",
            bytes.len()
        )));
    }
    Ok(())
}
