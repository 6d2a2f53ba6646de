//! Png files: chunks, the inflated rows and their filters.
#![no_main]

use lakebed_fuzz::decode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| decode(b"\x89PNG\r\n\x1a\n", bytes));
