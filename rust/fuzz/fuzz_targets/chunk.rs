//! A chunk file: its header, the tables in it, and what may be appended to it.
#![no_main]

use lakebed_core::format::{ChunkBuilder, ChunkHeader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(header) = ChunkHeader::parse(bytes) else { return };
    let samples = header.num_samples();
    for local in [0, 1, samples / 2, samples.saturating_sub(1), samples, u64::MAX] {
        let _ = (header.shapes.run_of(local), header.positions.range_of(local));
    }
    let data = bytes[header.data_start..].to_vec();
    let Ok(mut chunk) = ChunkBuilder::from_parts(header, data) else { return };
    let again = ChunkHeader::parse(&chunk.to_bytes(chunk.data())).expect("what we write, we read");
    assert_eq!((&again.shapes, &again.positions), (chunk.shapes(), chunk.positions()));
    let before = chunk.num_samples();
    if chunk.push(&[1, 2], &[3, 4]).is_ok() {
        assert_eq!(chunk.num_samples(), before + 1);
    }
});
