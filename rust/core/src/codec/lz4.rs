//! lz4 as the v3 format uses it (format pages, 5.2).
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 4 | decompressed size, little-endian |
//! | 4 | rest | one raw lz4 block |
//!
//! Empty input is 0 bytes. Old 2.x files also hold lz4 *frames* (`04 22 4d 18`); those are read,
//! never written.

use std::io::Read;

use lz4_flex::block;
use lz4_flex::frame::FrameDecoder;

use super::CodecError;

/// The first bytes of an lz4 frame. As a size prefix they would mean 404 MB, which no chunk has.
const FRAME_MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];

/// One byte of a block can stand for at most 255 bytes of output (a match length byte).
const MAX_RATIO: u64 = 255;

fn corrupt(reason: impl Into<String>) -> CodecError {
    CodecError::corrupt("lz4", reason)
}

/// Packs `data` as a block with a size prefix; empty data as no bytes.
///
/// The format's size has 4 bytes; chunks and samples are held below 4 GiB where they are built.
#[must_use]
pub fn compress(data: &[u8]) -> Vec<u8> {
    if data.is_empty() { Vec::new() } else { block::compress_prepend_size(data) }
}

/// The size that a block promises; `None` for a frame, which need not say.
///
/// # Errors
/// If the data is too short to be either, or promises more than so many bytes can hold.
pub fn decompressed_size(data: &[u8]) -> Result<Option<u64>, CodecError> {
    if data.is_empty() {
        return Ok(Some(0));
    }
    let Some((prefix, body)) = data.split_first_chunk::<4>() else {
        return Err(corrupt("shorter than its size prefix"));
    };
    if *prefix == FRAME_MAGIC {
        return Ok(None);
    }
    let size = u64::from(u32::from_le_bytes(*prefix));
    if size > MAX_RATIO.saturating_mul(body.len() as u64) {
        return Err(corrupt(format!("{size} bytes cannot come from {}", body.len())));
    }
    Ok(Some(size))
}

/// Unpacks a block with a size prefix, a frame, or nothing.
///
/// # Errors
/// [`CodecError::Limit`] before any memory is taken for more than `max_bytes`,
/// [`CodecError::Corrupt`] if the data does not decode to exactly what it promises.
pub fn decompress(data: &[u8], max_bytes: usize) -> Result<Vec<u8>, CodecError> {
    let Some(promised) = decompressed_size(data)? else {
        return decompress_frame(data, max_bytes);
    };
    let size = match usize::try_from(promised) {
        Ok(size) if size <= max_bytes => size,
        _ => return Err(limit(promised, max_bytes)),
    };
    let body = data.get(4..).unwrap_or_default();
    if size == 0 {
        // What other writers make of empty input: the prefix and one empty token.
        return if matches!(body, [] | [0]) {
            Ok(Vec::new())
        } else {
            Err(corrupt("data behind an empty block"))
        };
    }
    let mut out = vec![0; size];
    let written =
        block::decompress_into(body, &mut out).map_err(|error| corrupt(error.to_string()))?;
    if written != size {
        return Err(corrupt(format!("{written} bytes where {size} were promised")));
    }
    Ok(out)
}

/// Unpacks what decodes to exactly `size` bytes, as a shape or a table says.
///
/// # Errors
/// [`CodecError::Corrupt`] if it decodes to more, to less, or not at all.
pub fn decompress_exact(data: &[u8], size: usize) -> Result<Vec<u8>, CodecError> {
    let wrong = |bytes: u64| corrupt(format!("{bytes} bytes or more where {size} are expected"));
    let out = decompress(data, size).map_err(|error| match error {
        CodecError::Limit { bytes, .. } => wrong(bytes),
        other => other,
    })?;
    if out.len() == size {
        Ok(out)
    } else {
        Err(corrupt(format!("{} bytes where {size} are expected", out.len())))
    }
}

fn decompress_frame(data: &[u8], max_bytes: usize) -> Result<Vec<u8>, CodecError> {
    let mut out = Vec::new();
    let one_too_many = (max_bytes as u64).saturating_add(1);
    FrameDecoder::new(data)
        .take(one_too_many)
        .read_to_end(&mut out)
        .map_err(|error| corrupt(error.to_string()))?;
    if out.len() > max_bytes {
        return Err(limit(one_too_many, max_bytes));
    }
    Ok(out)
}

fn limit(bytes: u64, max_bytes: usize) -> CodecError {
    CodecError::Limit { format: "lz4", bytes, max_bytes: max_bytes as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn frame(data: &[u8]) -> Vec<u8> {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn the_example_of_the_format_page() {
        let text = [b'x'; 57];
        let mut stored = vec![57, 0, 0, 0, 0xf0, 0x2a];
        stored.extend_from_slice(&text);
        assert_eq!(decompress(&stored, 100).unwrap(), text);
    }

    #[test]
    fn empty_data_has_three_forms() {
        assert_eq!(compress(&[]), Vec::<u8>::new());
        for form in [&[][..], &[0; 4], &[0; 5]] {
            assert_eq!(decompress(form, 0).unwrap(), Vec::<u8>::new());
        }
        assert!(decompress(&[0, 0, 0, 0, 7], 10).is_err());
        assert!(decompress(&[0, 0], 10).is_err());
    }

    #[test]
    fn frames_are_read() {
        let data: Vec<u8> = (0..200_000_u32).map(|i| (i / 7) as u8).collect();
        assert_eq!(decompress(&frame(&data), 200_000).unwrap(), data);
        assert!(matches!(decompress(&frame(&data), 199_999), Err(CodecError::Limit { .. })));
        assert_eq!(decompress(&frame(&[]), 0).unwrap(), Vec::<u8>::new());
    }

    #[test]
    fn limits_come_before_memory() {
        let stored = compress(&[7; 1000]);
        assert!(matches!(decompress(&stored, 999), Err(CodecError::Limit { .. })));
        let bomb = [0xff, 0xff, 0xff, 0xfe, 0, 0, 0];
        assert!(matches!(decompress(&bomb, usize::MAX), Err(CodecError::Corrupt { .. })));
    }

    #[test]
    fn exact_sizes_are_a_matter_of_damage_not_of_limits() {
        let stored = compress(&[7; 1000]);
        assert_eq!(decompress_exact(&stored, 1000).unwrap(), [7; 1000]);
        for wrong in [0, 999, 1001] {
            let error = decompress_exact(&stored, wrong).unwrap_err();
            assert!(matches!(error, CodecError::Corrupt { .. }), "{error}");
        }
    }

    #[test]
    fn a_wrong_promise_is_refused() {
        let mut stored = compress(&[7; 1000]);
        stored[0] = stored[0].wrapping_add(1);
        assert!(decompress(&stored, 5000).is_err());
        stored[0] = stored[0].wrapping_sub(2);
        assert!(decompress(&stored, 5000).is_err());
    }

    proptest! {
        #[test]
        fn round_trip(data in proptest::collection::vec(0_u8..4, 0..3000)) {
            prop_assert_eq!(decompress(&compress(&data), 3000).unwrap(), data);
        }

        #[test]
        fn hostile_bytes_give_an_error_or_data(
            data in proptest::collection::vec(0_u8..4, 1..500),
            as_frame: bool,
            edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
            keep in any::<prop::sample::Index>(),
        ) {
            let mut stored = if as_frame { frame(&data) } else { compress(&data) };
            for (at, value) in edits {
                let at = at.index(stored.len());
                stored[at] = value;
            }
            stored.truncate(keep.index(stored.len()) + 1);
            if let Ok(out) = decompress(&stored, 1 << 16) {
                prop_assert!(out.len() <= 1 << 16);
            }
        }
    }
}
