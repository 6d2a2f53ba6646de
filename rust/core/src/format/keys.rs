//! The names of all files of a dataset (format 1.1 to 1.4).

use super::FIRST_COMMIT;
use super::chunk_id::ChunkId;
use super::error::{FormatError, Result};
use super::limits::MAX_COMMIT_ID_BYTES;
use crate::error::quoted;

/// The commit tree.
pub const VERSION_CONTROL_INFO: &str = "version_control_info.json";
/// The lock around writes of the commit tree and of the creds keys.
pub const VERSION_CONTROL_LOCK: &str = "version_control_info.lock";
/// The names of credential keys.
pub const LINKED_CREDS: &str = "linked_creds.json";

/// What the files of a commit begin with: nothing for the first one, else `versions/<id>/`.
#[must_use]
pub fn prefix(commit: &str) -> String {
    if commit == FIRST_COMMIT { String::new() } else { format!("versions/{commit}/") }
}

macro_rules! commit_files {
    ($($(#[$doc:meta])* $function:ident => $file:literal,)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $function(commit: &str) -> String {
            prefix(commit) + $file
        }
    )*};
}

commit_files! {
    /// The dataset's meta as of a commit.
    dataset_meta => "dataset_meta.json",
    /// The user's dataset info as of a commit.
    dataset_info => "dataset_info.json",
    /// What a commit changed on the dataset itself.
    dataset_diff => "dataset_diff",
    /// The commit's own node of the tree.
    commit_info => "commit_info.json",
    /// The write lock of a commit.
    dataset_lock => "dataset_lock.lock",
}

macro_rules! tensor_files {
    ($($(#[$doc:meta])* $function:ident => $file:literal,)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $function(commit: &str, key: &str) -> String {
            format!("{}{key}/{}", prefix(commit), $file)
        }
    )*};
}

tensor_files! {
    /// A tensor's meta.
    tensor_meta => "tensor_meta.json",
    /// The user's info of a tensor.
    tensor_info => "tensor_info.json",
    /// What a commit changed in a tensor.
    commit_diff => "commit_diff",
    /// The chunks a commit owns of a tensor.
    chunk_set => "chunk_set",
    /// The chunk id encoder.
    chunks_index => "chunks_index/unsharded",
    /// The tile encoder.
    tiles_index => "tiles_index/unsharded",
    /// The sequence encoder.
    sequence_index => "sequence_index/unsharded",
    /// The creds encoder.
    creds_index => "creds_index/unsharded",
    /// The pad encoder.
    pad_index => "pad_index/unsharded",
}

/// A chunk owned by a commit.
#[must_use]
pub fn chunk(commit: &str, key: &str, id: ChunkId) -> String {
    format!("{}{key}/chunks/{id}", prefix(commit))
}

fn companion(name: &str, suffix: &str) -> String {
    match name.rsplit_once('/') {
        Some((group, last)) => format!("{group}/_{last}_{suffix}"),
        None => format!("_{name}_{suffix}"),
    }
}

/// The hidden tensor of shapes: `g/x` has `g/_x_shape`.
#[must_use]
pub fn shape_name(name: &str) -> String {
    companion(name, "shape")
}

/// The hidden tensor of row ids: `g/x` has `g/_x_id`.
#[must_use]
pub fn id_name(name: &str) -> String {
    companion(name, "id")
}

/// The hidden tensor of sample infos: `g/x` has `g/_x_info`.
#[must_use]
pub fn info_name(name: &str) -> String {
    companion(name, "info")
}

/// Makes sure that a commit id found in a file is one path part.
pub(super) fn check_commit_id(id: &str) -> Result<()> {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !id.is_empty() && id.len() <= MAX_COMMIT_ID_BYTES && id.bytes().all(sound) {
        return Ok(());
    }
    Err(FormatError::corrupt(format!("{} is not a commit id", quoted(id))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_lie_below_the_commit() {
        assert_eq!(dataset_meta(FIRST_COMMIT), "dataset_meta.json");
        assert_eq!(chunks_index("ab", "g/x"), "versions/ab/g/x/chunks_index/unsharded");
        assert_eq!(chunk(FIRST_COMMIT, "x", ChunkId(0x1f)), "x/chunks/1f");
    }

    #[test]
    fn companions_stay_in_the_group() {
        assert_eq!(shape_name("g/x"), "g/_x_shape");
        assert_eq!(id_name("x"), "_x_id");
        assert_eq!(info_name("a/b/c"), "a/b/_c_info");
    }

    #[test]
    fn stored_paths_cannot_climb() {
        assert!(check_commit_id(FIRST_COMMIT).is_ok());
        for bad in ["", "../x", "/x", "x//y", "a/."] {
            assert!(check_commit_id(bad).is_err(), "{bad:?}");
        }
    }
}
