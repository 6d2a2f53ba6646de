//! What S3 answers, in the text of an error.
#![no_main]

use lakebed_core::fuzzing::s3_reply;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| s3_reply(text));
