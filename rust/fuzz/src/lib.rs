//! What several fuzz targets assert.

use lakebed_core::codec::{exif, image};
use lakebed_core::format::Result;

/// Decoded bytes of one image; larger ones are refused by their header.
const MAX_BYTES: usize = 1 << 22;

/// Parses, and where that succeeds checks that writing and parsing again changes nothing.
pub fn round_trip<T: PartialEq + std::fmt::Debug>(
    bytes: &[u8],
    parse: impl Fn(&[u8]) -> Result<T>,
    write: impl Fn(&T) -> Vec<u8>,
) {
    if let Ok(value) = parse(bytes) {
        assert_eq!(parse(&write(&value)).as_ref(), Ok(&value));
    }
}

/// Reads an image file in every way; one that does not begin with `magic` gets it in front.
pub fn decode(magic: &[u8], bytes: &[u8]) {
    let fixed;
    let bytes = if bytes.starts_with(magic) {
        bytes
    } else {
        fixed = [magic, bytes].concat();
        &fixed
    };
    let _ = (exif::tags(bytes), image::verify(bytes));
    let header = image::info(bytes);
    if let Ok((info, data)) = image::decode(bytes, MAX_BYTES) {
        assert_eq!(data.len() as u64, info.decoded_bytes());
        assert!(data.len() <= MAX_BYTES);
        assert_eq!(header.as_ref(), Ok(&info));
        let again = image::decode(bytes, MAX_BYTES).map(|(_, again)| again);
        assert_eq!(again.as_ref(), Ok(&data), "the same file decodes to the same pixels");
    }
}
