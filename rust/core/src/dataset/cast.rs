//! Pixels of one element type as elements of another: an image file keeps its own type, the
//! tensor may state another (format 5.3).

use crate::dtype::Dtype;
use crate::error::{Error, Kind, Result};

/// Writes the integers in `pixels` into `out` as elements of `to`.
///
/// # Errors
/// `Unsupported` for a source that no image has; `DtypeMismatch` for a value that does not fit.
pub(crate) fn cast(pixels: &[u8], from: Dtype, to: Dtype, out: &mut [u8]) -> Result<()> {
    let elements = pixels.chunks_exact(from.item_bytes());
    let places = out.chunks_exact_mut(to.item_bytes());
    if elements.len() != places.len() {
        return Err(Error::internal("an image is cast into an array of another size"));
    }
    for (element, place) in elements.zip(places) {
        let value = integer(element, from)?;
        if !put(value, to, place) {
            return Err(Error::new(
                Kind::DtypeMismatch,
                format!("the image holds the value {value}, which {to} cannot hold"),
            ));
        }
    }
    Ok(())
}

/// Whether a file of dtype `from` may be appended to a tensor of `to`: numpy's safe casts, masks
/// kept as gray files, and 16-bit files, which say int32 and hold uint16 (format 5.3).
pub(crate) fn fits(from: Dtype, to: Dtype) -> bool {
    use Dtype::{
        Bool, Complex64, Complex128, Float16, Float32, Float64, Int16, Int32, Int64, UInt8, UInt16,
        UInt32, UInt64,
    };
    let wider: &[Dtype] = match from {
        Bool => return true,
        UInt8 => &[
            Bool, UInt16, UInt32, UInt64, Int16, Int32, Int64, Float16, Float32, Float64,
            Complex64, Complex128,
        ],
        UInt16 => &[UInt32, UInt64, Int32, Int64, Float32, Float64, Complex64, Complex128],
        Int32 => &[UInt16, Int64, Float64, Complex128],
        _ => &[],
    };
    from == to || wider.contains(&to)
}

fn integer(bytes: &[u8], dtype: Dtype) -> Result<i64> {
    Ok(match (dtype, bytes) {
        (Dtype::Bool | Dtype::UInt8, [byte]) => i64::from(*byte),
        (Dtype::UInt16, [a, b]) => i64::from(u16::from_le_bytes([*a, *b])),
        (Dtype::Int32, [a, b, c, d]) => i64::from(i32::from_le_bytes([*a, *b, *c, *d])),
        _ => return Err(Error::unsupported(format!("images of dtype {dtype} as another dtype"))),
    })
}

fn put(value: i64, dtype: Dtype, out: &mut [u8]) -> bool {
    fn fill<const N: usize>(out: &mut [u8], bytes: Option<[u8; N]>) -> bool {
        bytes.is_some_and(|bytes| {
            let fits = out.len() == N;
            if fits {
                out.copy_from_slice(&bytes);
            }
            fits
        })
    }
    match dtype {
        Dtype::Bool => fill(out, Some([u8::from(value != 0)])),
        Dtype::Int8 => fill(out, i8::try_from(value).ok().map(i8::to_le_bytes)),
        Dtype::UInt8 => fill(out, u8::try_from(value).ok().map(u8::to_le_bytes)),
        Dtype::Int16 => fill(out, i16::try_from(value).ok().map(i16::to_le_bytes)),
        Dtype::UInt16 => fill(out, u16::try_from(value).ok().map(u16::to_le_bytes)),
        Dtype::Int32 => fill(out, i32::try_from(value).ok().map(i32::to_le_bytes)),
        Dtype::UInt32 => fill(out, u32::try_from(value).ok().map(u32::to_le_bytes)),
        Dtype::Int64 => fill(out, Some(value.to_le_bytes())),
        Dtype::UInt64 => fill(out, u64::try_from(value).ok().map(u64::to_le_bytes)),
        Dtype::Float32 => fill(out, Some((value as f32).to_le_bytes())),
        Dtype::Float64 => fill(out, Some((value as f64).to_le_bytes())),
        Dtype::Float16 => fill(out, u8::try_from(value).ok().map(half)),
        Dtype::Complex64 => {
            let [a, b, c, d] = (value as f32).to_le_bytes();
            fill(out, Some([a, b, c, d, 0, 0, 0, 0]))
        }
        Dtype::Complex128 => {
            let mut both = [0; 16];
            let (real, _) = both.split_at_mut(8);
            real.copy_from_slice(&(value as f64).to_le_bytes());
            fill(out, Some(both))
        }
    }
}

/// A byte as an IEEE 754 half, which holds it exactly.
fn half(value: u8) -> [u8; 2] {
    let Some(exponent) = value.checked_ilog2() else { return [0, 0] };
    // 10 bits of fraction behind the leading one; 15 is the exponent's bias.
    let fraction = (u16::from(value) << (10 - exponent)) & 0x3ff;
    let exponent = u16::try_from(exponent).unwrap_or(0) + 15;
    ((exponent << 10) | fraction).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_as_halves_are_exact() {
        for (value, bits) in [(0, 0x0000), (1, 0x3c00), (2, 0x4000), (3, 0x4200), (255, 0x5bf8)] {
            assert_eq!(u16::from_le_bytes(half(value)), bits, "{value}");
        }
    }

    #[test]
    fn pixels_keep_their_values_or_are_refused() {
        let mut out = [0; 4];
        cast(&[1, 255], Dtype::UInt8, Dtype::UInt16, &mut out).unwrap();
        assert_eq!(out, [1, 0, 255, 0]);
        let mut byte = [0; 1];
        let error = cast(&[0, 1], Dtype::UInt16, Dtype::UInt8, &mut byte).unwrap_err();
        assert_eq!(error.kind(), Kind::DtypeMismatch);
    }
}
