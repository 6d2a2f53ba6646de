//! The names of creds keys.
#![no_main]

use lakebed_core::format::{LinkedCreds, check_creds_key, check_tensor_name};
use lakebed_fuzz::round_trip;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    round_trip(bytes, LinkedCreds::parse, LinkedCreds::to_bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = check_creds_key(text);
        if let Ok(clean) = check_tensor_name(text) {
            assert_eq!(check_tensor_name(&clean).as_deref(), Ok(clean.as_str()));
            assert!(!clean.split('/').any(|part| matches!(part, "" | "." | "..")));
        }
    }
});
