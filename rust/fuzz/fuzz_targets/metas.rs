//! The metas of datasets and tensors, and the JSON below them.
#![no_main]

use lakebed_core::format::{DatasetMeta, TensorMeta, json};
use lakebed_fuzz::round_trip;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    round_trip(bytes, DatasetMeta::parse, DatasetMeta::to_bytes);
    round_trip(bytes, TensorMeta::parse, TensorMeta::to_bytes);
    if let Ok(object) = json::parse_object(bytes) {
        let value = object.into();
        for written in [json::to_pretty(&value), json::to_line(&value)] {
            assert_eq!(json::parse_object(&written).map(Into::into), Ok(value.clone()));
        }
    }
});
