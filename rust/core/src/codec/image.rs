//! Image files as arrays: which format, which shape, and the pixels.
//!
//! The one door to `jpeg` and `png`. Shapes are numpy's: `(h, w)` for one channel, else
//! `(h, w, c)`; values are little-endian. EXIF rotation, gamma, colour profiles and transparency
//! tables change nothing, as in the reference.

use super::{CodecError, jpeg, png};
use crate::dtype::Dtype;

/// A file format of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageFormat {
    /// JPEG: lossy, 8 bits a channel.
    Jpeg,
    /// PNG: lossless.
    Png,
}

impl ImageFormat {
    /// The name that the format has as a compression.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
        }
    }
}

/// What the header of an image file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageInfo {
    /// The file format.
    pub format: ImageFormat,
    /// `(h, w)` or `(h, w, c)`.
    pub shape: Vec<u64>,
    /// The element type of the decoded array; 16-bit gray is `int32` (format pages, 5.3).
    pub dtype: Dtype,
}

impl ImageInfo {
    /// Bytes of the decoded array.
    #[must_use]
    pub fn decoded_bytes(&self) -> u64 {
        let item = self.dtype.item_bytes() as u64;
        self.shape.iter().fold(item, |bytes, dim| bytes.saturating_mul(*dim))
    }
}

/// The format that the first bytes of a file announce.
#[must_use]
pub fn sniff(bytes: &[u8]) -> Option<ImageFormat> {
    if bytes.starts_with(&jpeg::MAGIC) {
        Some(ImageFormat::Jpeg)
    } else if bytes.starts_with(&png::MAGIC) {
        Some(ImageFormat::Png)
    } else {
        None
    }
}

fn sniffed(bytes: &[u8]) -> Result<ImageFormat, CodecError> {
    sniff(bytes)
        .ok_or_else(|| CodecError::Unsupported("an image that is neither jpeg nor png".to_owned()))
}

/// Reads shape and element type from the header; no pixel is decoded.
///
/// # Errors
/// If the file is of another format, or its header is broken or promises what Pillow refuses.
pub fn info(bytes: &[u8]) -> Result<ImageInfo, CodecError> {
    match sniffed(bytes)? {
        ImageFormat::Jpeg => jpeg::info(bytes),
        ImageFormat::Png => png::info(bytes),
    }
}

/// Decodes into `out`, which must have exactly the array's bytes ([`ImageInfo::decoded_bytes`]).
///
/// `out` is overwritten, and of no use after an error.
///
/// # Errors
/// If the file is one that Pillow refuses (cut short, broken, not an image), or `out` has another
/// size.
pub fn decode_into(bytes: &[u8], out: &mut [u8]) -> Result<(), CodecError> {
    match sniffed(bytes)? {
        ImageFormat::Jpeg => jpeg::decode_into(bytes, out),
        ImageFormat::Png => png::decode_into(bytes, out),
    }
}

/// Decodes to a new array of at most `max_bytes`
/// ([`DEFAULT_MAX_DECODED_BYTES`](super::DEFAULT_MAX_DECODED_BYTES) where nothing speaks for less).
///
/// # Errors
/// As [`decode_into`], and [`CodecError::Limit`] before any memory is taken.
pub fn decode(bytes: &[u8], max_bytes: usize) -> Result<(ImageInfo, Vec<u8>), CodecError> {
    let info = info(bytes)?;
    let size = match usize::try_from(info.decoded_bytes()) {
        Ok(size) if size <= max_bytes => size,
        _ => {
            return Err(CodecError::Limit {
                format: info.format.name(),
                bytes: info.decoded_bytes(),
                max_bytes: max_bytes as u64,
            });
        }
    };
    let mut out = vec![0; size];
    decode_into(bytes, &mut out)?;
    Ok((info, out))
}

/// Encodes a C-order, little-endian array as Pillow would save it by default.
///
/// | shape | jpeg | png |
/// |---|---|---|
/// | `(h, w)`, `(h, w, 1)` | uint8 gray | bool, uint8, uint16 and int32 (held to 0..=65535) gray |
/// | `(h, w, 2)` | - | uint8 gray and alpha |
/// | `(h, w, 3)` | uint8 RGB, quality 75, 4:2:0 | uint8 RGB |
/// | `(h, w, 4)` | - | uint8 RGBA |
///
/// # Errors
/// [`CodecError::Invalid`] for any other shape or element type, an empty array, or `data` of
/// another size.
pub fn encode(
    format: ImageFormat,
    shape: &[u64],
    dtype: Dtype,
    data: &[u8],
) -> Result<Vec<u8>, CodecError> {
    let pixels = Pixels::new(format, shape, dtype, data)?;
    match format {
        ImageFormat::Jpeg => jpeg::encode(&pixels),
        ImageFormat::Png => png::encode(&pixels),
    }
}

/// Checks the structure of a file without decoding it: what a linked image must pass to be
/// appended.
///
/// # Errors
/// If the file is of another format, is cut short, or its parts are not in order.
pub fn verify(bytes: &[u8]) -> Result<(), CodecError> {
    match sniffed(bytes)? {
        ImageFormat::Jpeg => jpeg::verify(bytes),
        ImageFormat::Png => png::verify(bytes),
    }
}

/// An array that was checked to be an image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pixels<'a> {
    pub(crate) height: u32,
    pub(crate) width: u32,
    pub(crate) channels: u8,
    pub(crate) dtype: Dtype,
    pub(crate) data: &'a [u8],
}

impl<'a> Pixels<'a> {
    fn new(
        format: ImageFormat,
        shape: &[u64],
        dtype: Dtype,
        data: &'a [u8],
    ) -> Result<Self, CodecError> {
        let name = format.name();
        let refused = || {
            CodecError::Invalid(format!("an array of {dtype} {shape:?} cannot be saved as {name}"))
        };
        let (height, width, channels) = match *shape {
            [height, width] => (height, width, 1),
            [height, width, channels @ 1..=4] => (height, width, channels),
            _ => return Err(refused()),
        };
        let channels = u8::try_from(channels).map_err(|_| refused())?;
        let dtype_fits = match (format, channels) {
            (ImageFormat::Jpeg, 2 | 4) => false,
            (ImageFormat::Png, 1) => {
                matches!(dtype, Dtype::Bool | Dtype::UInt8 | Dtype::UInt16 | Dtype::Int32)
            }
            _ => dtype == Dtype::UInt8,
        };
        let (Ok(height), Ok(width)) = (u32::try_from(height), u32::try_from(width)) else {
            return Err(refused());
        };
        if !dtype_fits || height == 0 || width == 0 {
            return Err(refused());
        }
        let bytes = shape
            .iter()
            .try_fold(dtype.item_bytes() as u64, |bytes, dim| bytes.checked_mul(*dim))
            .ok_or_else(refused)?;
        if bytes != data.len() as u64 {
            return Err(CodecError::Invalid(format!(
                "{} bytes given for an array of {dtype} {shape:?}, which has {bytes}",
                data.len()
            )));
        }
        Ok(Self { height, width, channels, dtype, data })
    }
}
