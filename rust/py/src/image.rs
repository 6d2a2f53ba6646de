//! Single encoded images, for samples that are made or shown outside of a dataset.

use lakebed_core::codec::Compression;
use lakebed_core::codec::image::{self, ImageFormat};
use lakebed_core::error::Error;
use numpy::PyUntypedArray;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::convert;
use crate::interrupt::enter;

/// Format name, shape and dtype of an encoded image, from its header.
#[pyfunction]
pub(crate) fn image_info<'py>(
    py: Python<'py>,
    data: &[u8],
) -> PyResult<(&'static str, Bound<'py, PyTuple>, &'static str)> {
    let info = enter(py, None, |_| Ok(image::info(data)?))?;
    Ok((info.format.name(), PyTuple::new(py, &info.shape)?, info.dtype.name()))
}

/// The pixels of an encoded image, of which there may be `max_bytes`.
#[pyfunction]
pub(crate) fn decode_image<'py>(
    py: Python<'py>,
    data: &[u8],
    max_bytes: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let (info, pixels) = enter(py, None, |_| Ok(image::decode(data, max_bytes)?))?;
    convert::array(py, info.dtype, &info.shape, pixels.into())
}

/// An array as a jpeg or png file.
#[pyfunction]
pub(crate) fn encode_image<'py>(
    array: &Bound<'py, PyUntypedArray>,
    format: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let py = array.py();
    let dtype = convert::array_dtype(array)?;
    let shape = convert::array_shape(array);
    let data = convert::array_bytes(array)?;
    let data = data.as_slice()?;
    let encoded =
        enter(py, None, |_| Ok(image::encode(image_format(format)?, &shape, dtype, data)?))?;
    Ok(PyBytes::new(py, &encoded))
}

fn image_format(name: &str) -> lakebed_core::Result<ImageFormat> {
    Compression::from_name(name)?
        .and_then(Compression::image_format)
        .ok_or_else(|| Error::unsupported(format!("images in the format {name:?}")))
}
