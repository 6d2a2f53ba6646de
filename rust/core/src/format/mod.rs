//! The v3 format: bytes to structs and back, as the format pages define them.
//!
//! Owns every byte layout of a dataset (chunks, encoders, metas, version tree, diffs, locks) and
//! the names of the files. Does no I/O, never awaits, and knows no sibling room. Every parser
//! checks bounds and the limits of [`limits`] before it allocates, and never panics.

pub mod chunk;
pub mod chunk_id;
pub mod chunk_set;
pub mod commit_diff;
pub mod dataset_diff;
pub mod dataset_meta;
pub mod encoders;
mod error;
pub mod json;
pub mod keys;
pub mod limits;
pub mod linked_creds;
pub mod lock;
mod names;
mod ordered;
#[cfg(test)]
mod proptests;
pub mod raw_json;
pub mod reader;
mod rebuild;
pub mod tables;
pub mod tensor_meta;
pub mod version;
pub mod version_tree;

pub use chunk::{ChunkBuilder, ChunkHeader, HeaderParse};
pub use chunk_id::ChunkId;
pub use chunk_set::{ChunkSet, Owner};
pub use commit_diff::CommitDiff;
pub use dataset_diff::DatasetDiff;
pub use dataset_meta::DatasetMeta;
pub use encoders::{ChunkIds, ChunkRow, Creds, Located, Pads, Sequence, Tiles};
pub use error::{FormatError, Reason, Result};
pub use linked_creds::LinkedCreds;
pub use lock::LockFile;
pub use names::{check_creds_key, check_stored_key, check_tensor_name};
pub use raw_json::RawJson;
pub use tables::{BytePositions, PositionRow, ShapeTable};
pub use tensor_meta::{Link, TensorMeta};
pub use version_tree::{Address, CommitNode, VersionTree};

/// The version string written into every file: that of the package whose layout we follow, so
/// that it opens our datasets without a warning (format 1.6).
pub const VERSION: &str = "3.9.52";

/// The id of the first commit of every dataset (format 1.1).
pub const FIRST_COMMIT: &str = "firstdbf9474d461a19e9333c2fd19b46115348f";

/// The branch every dataset begins with.
pub const MAIN_BRANCH: &str = "main";
