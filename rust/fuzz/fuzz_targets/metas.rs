//! The metas of datasets and tensors, and the JSON below them.
#![no_main]

use lakebed_core::format::{DatasetMeta, RawJson, TensorMeta};
use lakebed_fuzz::round_trip;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    round_trip(bytes, DatasetMeta::parse, DatasetMeta::to_bytes);
    round_trip(bytes, TensorMeta::parse, TensorMeta::to_bytes);
    let fields = RawJson::fields(bytes).unwrap_or_default();
    for value in fields.values().filter_map(RawJson::value) {
        for written in [RawJson::field(&value), RawJson::line(&value)] {
            assert_eq!(written.value().as_ref(), Some(&value));
        }
    }
});
