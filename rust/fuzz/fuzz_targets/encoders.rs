//! The encoders beside the chunks, and chunk sets.
#![no_main]

use lakebed_core::format::{ChunkIds, ChunkSet, Creds, Pads, Sequence, Tiles};
use lakebed_fuzz::round_trip;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    round_trip(bytes, ChunkIds::parse, ChunkIds::to_bytes);
    round_trip(bytes, ChunkSet::parse, ChunkSet::to_bytes);
    round_trip(bytes, Creds::parse, Creds::to_bytes);
    round_trip(bytes, Pads::parse, Pads::to_bytes);
    round_trip(bytes, Sequence::parse, Sequence::to_bytes);
    round_trip(bytes, Tiles::parse, Tiles::to_bytes);
    if let Ok(ids) = ChunkIds::parse(bytes) {
        for index in [0, ids.num_samples() / 2, ids.num_samples(), u64::MAX] {
            assert_eq!(ids.locate(index).is_some(), index < ids.num_samples());
        }
    }
});
