//! JPEG files: Pillow's view of what is acceptable, libjpeg-turbo's pixels.
//!
//! Gray, RGB and CMYK (Pillow's convention: every CMYK file is taken to be inverted, with or
//! without Adobe's marker).

use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

pub(super) use super::jpeg_markers::MAGIC;

use super::CodecError;
use super::image::{ImageFormat, ImageInfo, Pixels};
use super::jpeg_markers::{EOI, Frame, SOI, corrupt, read_frame};
use super::jpeg_turbo::{self, Outcome};
use crate::dtype::Dtype;

/// Pillow's default.
const QUALITY: i32 = 75;

/// The longest segment: a tail of this many bytes cannot all be taken for a segment's body.
const SEGMENT_MAX: usize = 65_536;

/// How the library begins its warnings about entropy-coded data, and no error.
const DAMAGE: &str = "Corrupt JPEG data: ";

pub(super) fn info(bytes: &[u8]) -> Result<ImageInfo, CodecError> {
    let frame = read_frame(bytes)?;
    let mut shape = vec![u64::from(frame.height), u64::from(frame.width)];
    if frame.components > 1 {
        shape.push(u64::from(frame.components));
    }
    Ok(ImageInfo { format: ImageFormat::Jpeg, shape, dtype: Dtype::UInt8 })
}

pub(super) fn decode_into(bytes: &[u8], out: &mut [u8]) -> Result<(), CodecError> {
    let frame = read_frame(bytes)?;
    let pixels = usize::from(frame.height) * usize::from(frame.width);
    let needed = pixels.saturating_mul(usize::from(frame.components));
    if out.len() != needed {
        return Err(CodecError::Invalid(format!(
            "a buffer of {} bytes for an image of {needed}",
            out.len()
        )));
    }
    match jpeg_turbo::decode(bytes, &frame, out, true) {
        Outcome::Clean => {}
        Outcome::Failed(reason) => return Err(corrupt(reason)),
        Outcome::Warned(warning) => decode_through_warnings(bytes, &frame, out, &warning)?,
    }
    if frame.components == 4 {
        out.iter_mut().for_each(|value| *value = !*value);
    }
    Ok(())
}

/// Decodes a file whose first complaint is `warning`, if Pillow would.
///
/// Pillow ignores warnings, but refuses a file if libjpeg wants bytes behind its end while rows
/// are missing. The library's own memory reader pretends that there is an end marker instead.
fn decode_through_warnings(
    bytes: &[u8],
    frame: &Frame,
    out: &mut [u8],
    warning: &str,
) -> Result<(), CodecError> {
    let has_end = reaches_end_marker(bytes, frame, out, warning);
    let has_rows = has_end || has_all_rows(bytes, frame, out);
    // Last, because the runs above leave in `out` what they saw of a changed file.
    match jpeg_turbo::decode(bytes, frame, out, false) {
        Outcome::Warned(last) if last == warning && has_rows => Ok(()),
        Outcome::Warned(last) if last == warning => Err(corrupt("the file is cut short")),
        Outcome::Warned(reason) | Outcome::Failed(reason) => Err(corrupt(reason)),
        Outcome::Clean => Err(CodecError::Internal("a warning went away".to_owned())),
    }
}

/// Whether the library, warning or not, comes to the end marker before the end of the file.
///
/// The library tells the first warning or the last error, no more. So it gets the file with a
/// tail that is an error for it; if it has none, it has not seen the tail.
fn reaches_end_marker(bytes: &[u8], frame: &Frame, out: &mut [u8], warning: &str) -> bool {
    let mut tailed = Vec::with_capacity(bytes.len().saturating_add(2 * SEGMENT_MAX));
    tailed.extend_from_slice(bytes);
    for _ in 0..SEGMENT_MAX {
        tailed.extend_from_slice(&[0xff, SOI]);
    }
    match jpeg_turbo::decode(&tailed, frame, out, false) {
        Outcome::Clean => true,
        // Near the end of its input the library takes another path through damaged data, and may
        // complain of something else first.
        Outcome::Warned(last) => last == warning || last.starts_with(DAMAGE),
        Outcome::Failed(_) => false,
    }
}

/// Whether a file without an end marker has all that its last row needs.
///
/// If any marker follows the scan, the library reads no further for the rows. If none does, a byte
/// put behind the file must be found to be superfluous, instead of being used up.
fn has_all_rows(bytes: &[u8], frame: &Frame, out: &mut [u8]) -> bool {
    if !frame.single_scan || frame.has_restarts {
        // Several scans are read to the end before the first row comes out. With restart markers
        // the byte would be superfluous in the middle of an image, too.
        return false;
    }
    let scan = bytes.get(frame.scan_start..).unwrap_or_default();
    if scan.windows(2).any(|pair| matches!(pair, [0xff, 1..=0xfe])) {
        return true;
    }
    let mut tailed = bytes.to_vec();
    tailed.extend_from_slice(&[0, 0xff, EOI]);
    match jpeg_turbo::decode(&tailed, frame, out, true) {
        Outcome::Warned(first) => first.ends_with("extraneous bytes before marker 0xd9"),
        Outcome::Clean | Outcome::Failed(_) => false,
    }
}

pub(super) fn encode(pixels: &Pixels<'_>) -> Result<Vec<u8>, CodecError> {
    let failed = |error: turbojpeg::Error| CodecError::Invalid(error.to_string());
    let (format, subsampling) = if pixels.channels == 1 {
        (PixelFormat::GRAY, Subsamp::Gray)
    } else {
        (PixelFormat::RGB, Subsamp::Sub2x2)
    };
    let width = pixels.width as usize;
    let image = Image {
        pixels: pixels.data,
        width,
        pitch: width * usize::from(pixels.channels),
        height: pixels.height as usize,
        format,
    };
    let mut compressor = Compressor::new().map_err(failed)?;
    compressor.set_quality(QUALITY).map_err(failed)?;
    compressor.set_subsamp(subsampling).map_err(failed)?;
    compressor.compress_to_vec(image).map_err(failed)
}

pub(super) fn verify(bytes: &[u8]) -> Result<(), CodecError> {
    read_frame(bytes)?;
    // An end marker inside of a scan cannot be data, but trailing bytes are common.
    if bytes.windows(2).rev().any(|pair| pair == [0xff, EOI]) {
        Ok(())
    } else {
        Err(corrupt("the end marker is missing"))
    }
}
