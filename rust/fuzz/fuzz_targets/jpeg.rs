//! Photos: markers, and the decoder in C behind them.
#![no_main]

use lakebed_fuzz::decode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| decode(b"\xff\xd8\xff", bytes));
