//! PNG files: Pillow's view of what is acceptable, and Pillow's array for each pixel layout.
//!
//! The chunks are in `png_chunks`, the rows in `png_rows`; the `png` crate only encodes, because
//! neither its conversions nor its idea of a broken file are Pillow's.

use fdeflate::{DecompressionError, Decompressor};
use png::{BitDepth, ColorType, Compression, Encoder};

pub(super) use super::png_chunks::{MAGIC, verify};

use super::CodecError;
use super::image::{ImageFormat, ImageInfo, Pixels};
use super::png_chunks::{File, Layout, corrupt, read_file, read_header};
use super::png_rows::Rows;
use crate::dtype::Dtype;

pub(super) fn info(bytes: &[u8]) -> Result<ImageInfo, CodecError> {
    let header = read_header(bytes)?;
    let mut shape = vec![u64::from(header.height), u64::from(header.width)];
    if header.layout.channels() > 1 {
        shape.push(header.layout.channels() as u64);
    }
    let dtype = match header.layout {
        Layout::Bit => Dtype::Bool,
        Layout::Gray16 => Dtype::Int32,
        _ => Dtype::UInt8,
    };
    Ok(ImageInfo { format: ImageFormat::Png, shape, dtype })
}

pub(super) fn decode_into(bytes: &[u8], out: &mut [u8]) -> Result<(), CodecError> {
    let file = read_file(bytes)?;
    let needed = file.header.decoded_bytes();
    if needed != Some(out.len()) {
        return Err(CodecError::Invalid(format!(
            "a buffer of {} bytes for an image of {}",
            out.len(),
            needed.map_or_else(|| "too many".to_owned(), |bytes| bytes.to_string())
        )));
    }
    let rows = Rows::new(&file.header);
    let total = rows.total_bytes().ok_or_else(|| corrupt("the image is too large"))?;
    let mut raw = inflate(&file, total)?;
    if file.header.interlaced && raw.len() < total {
        out.fill(0);
    }
    rows.decode(&mut raw, out)
}

/// The most that Pillow gives to zlib at once. What lies behind such a block is not looked at once
/// all rows are there: not even the checksum.
const BLOCK: usize = 65_536;

/// Inflates up to `total` bytes. Fewer come back only if the stream ends there of itself.
fn inflate(file: &File<'_>, total: usize) -> Result<Vec<u8>, CodecError> {
    let damaged = |error: DecompressionError| {
        corrupt(match error {
            DecompressionError::WrongChecksum => "the image data is damaged: its checksum is wrong",
            DecompressionError::InsufficientInput => "the image data ends too early",
            _ => "the image data is damaged: it does not inflate",
        })
    };
    let mut raw = vec![0; total];
    let mut inflater = Decompressor::new();
    let mut written = 0;
    let last_piece = file.data.len().saturating_sub(1);
    for (number, piece) in file.data.iter().enumerate() {
        for block in piece.chunks(BLOCK) {
            // With all rows there, this reads on to the end of the stream, but not into
            // superfluous data, which Pillow does not mind.
            written += fill(&mut inflater, block, &mut raw, written).map_err(damaged)?;
            if written == total {
                // The rest of this piece may be missing, but nothing of a later one.
                return if number == last_piece || file.is_whole {
                    Ok(raw)
                } else {
                    Err(corrupt("a chunk is cut short"))
                };
            }
            if inflater.is_done() && written > 0 {
                raw.truncate(written);
                return Ok(raw);
            }
        }
    }
    Err(corrupt("the image data is cut short"))
}

/// Inflates `input` into `out` behind the `start` bytes that are there; gives the bytes written.
fn fill(
    inflater: &mut Decompressor,
    mut input: &[u8],
    out: &mut [u8],
    start: usize,
) -> Result<usize, DecompressionError> {
    let mut written = 0;
    while !inflater.is_done() {
        let (taken, made) = inflater.read(input, out, start + written, false)?;
        if taken == 0 && made == 0 {
            break;
        }
        input = input.get(taken..).unwrap_or_default();
        written += made;
    }
    Ok(written)
}

pub(super) fn encode(pixels: &Pixels<'_>) -> Result<Vec<u8>, CodecError> {
    let failed = |error: png::EncodingError| CodecError::Internal(error.to_string());
    let colour = match pixels.channels {
        1 => ColorType::Grayscale,
        2 => ColorType::GrayscaleAlpha,
        3 => ColorType::Rgb,
        _ => ColorType::Rgba,
    };
    let (depth, data) = match pixels.dtype {
        Dtype::Bool => (BitDepth::One, pack_bits(pixels).into()),
        Dtype::UInt16 => (BitDepth::Sixteen, swap_16(pixels.data).into()),
        Dtype::Int32 => (BitDepth::Sixteen, narrow_32(pixels.data).into()),
        _ => (BitDepth::Eight, std::borrow::Cow::Borrowed(pixels.data)),
    };
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, pixels.width, pixels.height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&data).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}

fn pack_bits(pixels: &Pixels<'_>) -> Vec<u8> {
    let rows = pixels.data.chunks_exact(pixels.width as usize);
    rows.flat_map(|row| row.chunks(8).map(pack_byte)).collect()
}

fn pack_byte(pixels: &[u8]) -> u8 {
    pixels
        .iter()
        .zip((0..8).rev())
        .fold(0, |byte, (pixel, bit)| byte | (u8::from(*pixel != 0) << bit))
}

fn swap_16(data: &[u8]) -> Vec<u8> {
    data.as_chunks::<2>().0.iter().flat_map(|[low, high]| [*high, *low]).collect()
}

/// Pillow holds 32-bit pixels to what 16 bits can say.
fn narrow_32(data: &[u8]) -> Vec<u8> {
    let values = data.as_chunks::<4>().0.iter().map(|value| i32::from_le_bytes(*value));
    values.flat_map(|value| (value.clamp(0, 0xffff) as u16).to_be_bytes()).collect()
}
