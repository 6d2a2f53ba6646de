//! The engine of lakebed: Deep Lake v3 datasets read and written without Python.
//!
//! Rooms, and the only direction in which they may use each other:
//!
//! ```text
//! dataset -> links -> fetch -> storage -> engine
//!    |------> codec    (bytes <-> samples, no I/O)
//!    |------> memory   (what samples are decoded into)
//!    '------> format   (bytes <-> structs, no I/O)
//! ```

pub mod codec;
pub mod dataset;
pub mod dtype;
pub mod engine;
pub mod error;
pub mod fetch;
pub mod format;
pub mod links;
pub mod memory;
mod random;
pub mod storage;

/// Parsers that are private otherwise, for `rust/fuzz`.
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::storage::read_reply as s3_reply;
}

pub use dtype::Dtype;
pub use error::{Context, Error, Kind, Result};
