//! From stored bytes to the elements of one sample.

use super::cast::cast;
use super::chunk_view::Stored;
use super::layout::{Layout, SampleCompression};
use crate::codec::{CodecError, image, lz4};
use crate::dtype::Dtype;
use crate::error::{Error, Kind, Result, Setting};
use crate::memory::Buffer;

/// One decoded sample: elements in C order, little-endian.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Element type.
    pub dtype: Dtype,
    /// Lengths of the axes.
    pub shape: Vec<u64>,
    /// The elements.
    pub data: Buffer,
}

/// What decoding needs to know of the tensor.
#[derive(Debug, Clone)]
pub(crate) struct Decoder {
    pub(crate) layout: Layout,
    /// Rank of the tensor's samples; `None` until one with a shape was stored.
    pub(crate) ndim: Option<usize>,
    /// Largest decoded sample. Guards against sizes that only damaged or hostile files state.
    pub(crate) max_sample_bytes: u64,
}

impl Decoder {
    /// The sample's shape; samples from before the tensor had a rank have zeros (format 2.2).
    ///
    /// # Errors
    /// `EmptyTensor` while the tensor has no rank.
    pub(crate) fn shape(&self, stored: Option<Vec<u64>>) -> Result<Vec<u64>> {
        match (stored, self.ndim) {
            (Some(shape), _) => Ok(shape),
            (None, Some(ndim)) => Ok(vec![0; ndim]),
            (None, None) => Err(Error::new(
                Kind::EmptyTensor,
                "the tensor holds only empty samples, so that it has no shape yet",
            )),
        }
    }

    /// The element type.
    ///
    /// # Errors
    /// `EmptyTensor` while no sample has settled it.
    pub(crate) fn dtype(&self) -> Result<Dtype> {
        self.layout.dtype().ok_or_else(|| {
            Error::new(Kind::EmptyTensor, "the tensor has no dtype yet: nothing was stored in it")
        })
    }

    /// Decodes into memory of its own.
    ///
    /// # Errors
    /// `Decode` or `Corrupt` for bad bytes, `LimitExceeded`, `EmptyTensor`.
    pub(crate) fn array(&self, stored: Stored) -> Result<Array> {
        let shape = self.shape(stored.shape)?;
        let dtype = self.dtype()?;
        let size = sample_bytes(&shape, dtype, self.max_sample_bytes)?;
        let mut data = Buffer::to_fill(size)?;
        self.fill(&shape, dtype, &stored.bytes, &mut data)?;
        Ok(Array { dtype, shape, data })
    }

    /// Decodes into `out`, which has room for exactly one sample of `shape`.
    ///
    /// # Errors
    /// As [`Decoder::array`], and `DynamicShape` when the sample has another shape.
    pub(crate) fn array_into(&self, stored: Stored, shape: &[u64], out: &mut [u8]) -> Result<()> {
        let own = self.shape(stored.shape)?;
        if own != shape {
            return Err(dynamic_shape(&own, shape));
        }
        self.fill(shape, self.dtype()?, &stored.bytes, out)
    }

    fn fill(&self, shape: &[u64], dtype: Dtype, bytes: &[u8], out: &mut [u8]) -> Result<()> {
        if out.is_empty() {
            // A shape with an axis of zero has no bytes, whatever the compression (format 5.3).
            return Ok(());
        }
        match self.layout.sample {
            SampleCompression::None => copy_exact(bytes, out),
            SampleCompression::Lz4 => copy_exact(&lz4::decompress_exact(bytes, out.len())?, out),
            SampleCompression::Image(format) => {
                if image::sniff(bytes).is_none() {
                    let reason = "it begins as no image file does".to_owned();
                    return Err(CodecError::Corrupt { format: format.name(), reason }.into());
                }
                decode_image(shape, dtype, bytes, self.max_sample_bytes, out)
            }
        }
    }

    /// The sample's own bytes without sample compression, for text and JSON.
    ///
    /// # Errors
    /// `Decode` for a bad lz4 block.
    pub(crate) fn plain(&self, stored: &Stored) -> Result<bytes::Bytes> {
        match self.layout.sample {
            SampleCompression::Lz4 => {
                Ok(lz4::decompress(&stored.bytes, in_memory(self.max_sample_bytes))?.into())
            }
            _ => Ok(stored.bytes.clone()),
        }
    }
}

fn copy_exact(bytes: &[u8], out: &mut [u8]) -> Result<()> {
    if bytes.len() != out.len() {
        return Err(Error::new(
            Kind::Corrupt,
            format!("sample has {} bytes where its shape needs {}", bytes.len(), out.len()),
        ));
    }
    out.copy_from_slice(bytes);
    Ok(())
}

/// Decodes an image file that is stored as a sample of `shape` and `dtype`.
fn decode_image(
    shape: &[u64],
    dtype: Dtype,
    bytes: &[u8],
    max_sample_bytes: u64,
    out: &mut [u8],
) -> Result<()> {
    let info = image::info(bytes)?;
    if elements(&info.shape) != elements(shape) {
        return Err(Error::new(
            Kind::Corrupt,
            format!("image has shape {:?} where the tables say {shape:?}", info.shape),
        ));
    }
    if info.dtype == dtype {
        return Ok(image::decode_into(bytes, out)?);
    }
    let (info, pixels) = image::decode(bytes, in_memory(max_sample_bytes))?;
    cast(&pixels, info.dtype, dtype, out)
}

/// Decodes a linked image: its own dtype, and a last axis of one where the tensor is 3-d.
pub(crate) fn decode_linked(
    bytes: &[u8],
    ndim: Option<usize>,
    max_sample_bytes: u64,
) -> Result<Array> {
    let info = image::info(bytes)?;
    let mut data = Buffer::to_fill(sample_bytes(&info.shape, info.dtype, max_sample_bytes)?)?;
    image::decode_into(bytes, &mut data)?;
    Ok(Array { dtype: info.dtype, shape: linked_shape(info.shape, ndim), data })
}

/// Decodes a linked image into `out`, which has room for exactly `shape` of `dtype`.
pub(crate) fn decode_linked_into(
    bytes: &[u8],
    shape: &[u64],
    dtype: Dtype,
    out: &mut [u8],
) -> Result<()> {
    let info = image::info(bytes)?;
    let own = linked_shape(info.shape, Some(shape.len()));
    if own != shape || info.dtype != dtype {
        return Err(dynamic_shape(&own, shape));
    }
    Ok(image::decode_into(bytes, out)?)
}

/// A 2-d image in a 3-d tensor gets a last axis of one (format 9.1).
pub(crate) fn linked_shape(mut shape: Vec<u64>, ndim: Option<usize>) -> Vec<u64> {
    if shape.len() == 2 && ndim == Some(3) {
        shape.push(1);
    }
    shape
}

/// A limit as lengths in memory have it.
pub(crate) fn in_memory(max_bytes: u64) -> usize {
    usize::try_from(max_bytes).unwrap_or(usize::MAX)
}

fn elements(shape: &[u64]) -> Option<u64> {
    shape.iter().try_fold(1_u64, |product, dim| product.checked_mul(*dim))
}

/// Bytes of a sample of this shape.
///
/// # Errors
/// `LimitExceeded` over `max_bytes`.
pub(crate) fn sample_bytes(shape: &[u64], dtype: Dtype, max_bytes: u64) -> Result<usize> {
    let bytes = elements(shape)
        .and_then(|count| count.checked_mul(dtype.item_bytes() as u64))
        .unwrap_or(u64::MAX);
    usize::try_from(bytes).ok().filter(|_| bytes <= max_bytes).ok_or_else(|| {
        let what = format!("a sample of shape {shape:?} and dtype {dtype}");
        Error::over_limit(what, bytes, max_bytes, Setting::MaxSampleBytes)
    })
}

pub(crate) fn dynamic_shape(one: &[u64], other: &[u64]) -> Error {
    Error::new(
        Kind::DynamicShape,
        format!("samples have different shapes, {one:?} and {other:?}, and make no single array"),
    )
    .with_hint("pass aslist=True to numpy() to get one array for each sample")
}
