//! What commits changed, and lock files.
#![no_main]

use lakebed_core::format::{CommitDiff, DatasetDiff, LockFile};
use lakebed_fuzz::round_trip;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    round_trip(bytes, CommitDiff::parse, CommitDiff::to_bytes);
    round_trip(bytes, DatasetDiff::parse, DatasetDiff::to_bytes);
    if let Ok(lock) = LockFile::parse(bytes) {
        assert_eq!(lock.to_bytes(""), bytes[..18]);
    }
});
