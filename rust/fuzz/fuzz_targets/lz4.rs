//! Blocks and frames of lz4.
#![no_main]

use lakebed_core::codec::lz4;
use libfuzzer_sys::fuzz_target;

const MAX_BYTES: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(data) = lz4::decompress(bytes, MAX_BYTES) {
        assert!(data.len() <= MAX_BYTES);
        assert_eq!(lz4::decompress_exact(bytes, data.len()), Ok(data));
    }
    assert_eq!(lz4::decompress(&lz4::compress(bytes), bytes.len()).as_deref(), Ok(bytes));
});
