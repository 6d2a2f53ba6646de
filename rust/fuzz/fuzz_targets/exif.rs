//! A block of EXIF tags, as photos have it.
#![no_main]

use lakebed_core::codec::exif;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut photo = vec![0xff, 0xd8, 0xff, 0xe1];
    let length = u16::try_from(bytes.len() + 8).unwrap_or(u16::MAX);
    photo.extend(length.to_be_bytes());
    photo.extend(b"Exif\0\0");
    photo.extend(bytes);
    let _ = exif::tags(&photo);
});
