//! Python values to the core's samples and back; pixels and numbers are never copied.
//!
//! Coming in, arrays, bytes and texts are borrowed from Python objects that the structs here keep
//! alive while the core runs detached. Going out, numpy takes over the core's buffers.

use lakebed_core::Dtype;
use lakebed_core::dataset::{Column, ColumnInput, ReadMode, SampleInput, Samples, Settle};
use lakebed_core::error::{Error, Kind};
use lakebed_core::memory::Buffer;
use numpy::ndarray::ArrayView1;
use numpy::{PyArray1, PyArrayDescr, PyReadonlyArray1, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use crate::error;

#[cfg(target_endian = "big")]
compile_error!("buffers are handed to numpy as they are stored, which is little-endian");

/// Sample numbers as the core takes them.
pub(crate) fn index(index: &PyReadonlyArray1<'_, i64>) -> PyResult<Vec<u64>> {
    index
        .as_array()
        .iter()
        .map(|&position| {
            u64::try_from(position).map_err(|_| {
                error::invalid(index.py(), format!("sample number {position} is negative"))
            })
        })
        .collect()
}

/// The read mode of this name.
pub(crate) fn read_mode(py: Python<'_>, name: &str) -> PyResult<ReadMode> {
    Ok(match name {
        "stack" => ReadMode::Stack,
        "list" => ReadMode::List,
        "bytes" => ReadMode::Bytes,
        "text" => ReadMode::Text,
        "json" => ReadMode::Json,
        "path" => ReadMode::Path,
        _ => return Err(error::invalid(py, format!("no read mode is called {name:?}"))),
    })
}

/// What was read, as Python has it.
pub(crate) fn column(py: Python<'_>, column: Column) -> PyResult<Bound<'_, PyAny>> {
    let items = match column {
        Column::Stack { dtype, shape, data } => return array(py, dtype, &shape, data),
        Column::List(arrays) => arrays
            .into_iter()
            .map(|one| array(py, one.dtype, &one.shape, one.data))
            .collect::<PyResult<Vec<_>>>()?,
        Column::Bytes(values) | Column::Json(values) => {
            let values = values.iter().map(|value| PyBytes::new(py, value));
            return Ok(PyList::new(py, values)?.into_any());
        }
        Column::Text(texts) => return Ok(PyList::new(py, texts)?.into_any()),
        Column::Path(links) => return Ok(PyList::new(py, links)?.into_any()),
    };
    Ok(PyList::new(py, items)?.into_any())
}

/// A writable, C-contiguous array over `data`, which numpy owns from here on.
pub(crate) fn array<'py>(
    py: Python<'py>,
    dtype: Dtype,
    shape: &[u64],
    data: Buffer,
) -> PyResult<Bound<'py, PyAny>> {
    let bytes = shape
        .iter()
        .try_fold(dtype.item_bytes() as u64, |bytes, &length| bytes.checked_mul(length));
    if bytes != Some(data.len() as u64) {
        let have = data.len();
        let message = format!("an array of {dtype} {shape:?} came with {have} bytes");
        return Err(error::to_py(py, &Error::internal(message)));
    }
    over_buffer(py, dtype, shape, data).map_err(|refused| {
        let message = format!("numpy cannot hold an array of {dtype} with shape {shape:?}");
        error::to_py(py, &Error::new(Kind::LimitExceeded, message).with_source(refused))
    })
}

fn over_buffer<'py>(
    py: Python<'py>,
    dtype: Dtype,
    shape: &[u64],
    data: Buffer,
) -> PyResult<Bound<'py, PyAny>> {
    let descr = PyArrayDescr::new(py, dtype.name())?;
    let shape = PyTuple::new(py, shape)?;
    let ndarray = py.get_type::<PyUntypedArray>();
    if data.is_empty() {
        // Without bytes there is no memory to hand over, only a dangling pointer.
        return ndarray.call1((shape, descr));
    }
    ndarray.call1((shape, descr, owned_by_numpy(py, data)?))
}

/// Keeps a buffer alive for the arrays over it. Python sees it as their base.
#[pyclass(frozen, name = "Buffer", module = "lakebed._core")]
struct PyBuffer {
    _buffer: Buffer,
}

fn owned_by_numpy(py: Python<'_>, mut buffer: Buffer) -> PyResult<Bound<'_, PyArray1<u8>>> {
    let (start, len) = (buffer.as_mut_ptr(), buffer.len());
    let owner = Bound::new(py, PyBuffer { _buffer: buffer })?;
    #[expect(unsafe_code, reason = "numpy takes over memory that it did not allocate")]
    // SAFETY: `start` and `len` are the bytes of `buffer`, which stay where they are when the
    // struct around them moves; the owner never touches them, frees them when it is dropped, and
    // is the base of the array, which keeps it alive.
    let array = unsafe {
        let bytes = ArrayView1::from_shape_ptr(len, start);
        PyArray1::borrow_from_array(&bytes, owner.into_any())
    };
    Ok(array)
}

/// The bytes of any array in C order; a view where the array is in that order, as ours are.
pub(crate) fn array_bytes<'py>(
    array: &Bound<'py, PyUntypedArray>,
) -> PyResult<PyReadonlyArray1<'py, u8>> {
    let py = array.py();
    let flat = array.call_method1(intern!(py, "reshape"), (-1,))?;
    let flat = flat.call_method1(intern!(py, "view"), (PyArrayDescr::of::<u8>(py),))?;
    flat.extract()
}

/// The element type of an array, if the format has it.
pub(crate) fn array_dtype(array: &Bound<'_, PyUntypedArray>) -> PyResult<Dtype> {
    let descr = array.dtype();
    let name: String = descr.getattr("name")?.extract()?;
    let native: bool = descr.getattr("isnative")?.extract()?;
    Dtype::from_name(&name).filter(|_| native).ok_or_else(|| {
        error::invalid(array.py(), format!("arrays of dtype {descr} cannot be stored"))
    })
}

/// The shape of an array.
pub(crate) fn array_shape(array: &Bound<'_, PyUntypedArray>) -> Vec<u64> {
    array.shape().iter().map(|&length| length as u64).collect()
}

/// One column of a batch, with the Python objects that its samples are borrowed from.
pub(crate) struct PyColumn<'py> {
    name: String,
    samples: PySamples<'py>,
    htype: Option<String>,
    dtype: Option<String>,
    typestr: Option<String>,
    info: Option<Vec<u8>>,
}

enum PySamples<'py> {
    Dense { shape: Vec<u64>, data: PyReadonlyArray1<'py, u8> },
    Each(Vec<PySample<'py>>),
}

enum PySample<'py> {
    None,
    Array { shape: Vec<u64>, data: PyReadonlyArray1<'py, u8> },
    File { bytes: Bound<'py, PyBytes>, filename: Option<String> },
    Text(Bound<'py, PyString>),
    Json { bytes: Bound<'py, PyBytes>, count: u64 },
    Link { path: String, creds_key: Option<String> },
}

impl<'py> PyColumn<'py> {
    /// Takes a column apart as the stub describes it.
    pub(crate) fn parse(name: String, column: &Bound<'py, PyDict>) -> PyResult<Self> {
        let samples = column.as_any().get_item("samples")?;
        let samples = match samples.cast::<PyUntypedArray>() {
            Ok(array) => {
                array_dtype(array)?;
                PySamples::Dense { shape: array_shape(array), data: array_bytes(array)? }
            }
            Err(_) => PySamples::Each(
                samples
                    .cast::<PyList>()?
                    .iter()
                    .map(|sample| PySample::parse(&sample))
                    .collect::<PyResult<_>>()?,
            ),
        };
        Ok(Self {
            name,
            samples,
            htype: field(column, "htype")?,
            dtype: field(column, "dtype")?,
            typestr: field(column, "typestr")?,
            info: field(column, "info")?,
        })
    }

    /// The column as the core takes it.
    pub(crate) fn borrow(&self, py: Python<'py>) -> PyResult<(String, ColumnInput<'_>)> {
        let samples = match &self.samples {
            PySamples::Dense { shape, data } => {
                Samples::Dense { shape: shape.clone(), data: data.as_slice()? }
            }
            PySamples::Each(samples) => {
                let mut borrowed = Vec::with_capacity(samples.len());
                for (index, sample) in samples.iter().enumerate() {
                    let refused = |raised| self.refused(py, index, raised);
                    borrowed.push(sample.borrow().map_err(refused)?);
                }
                Samples::Each(borrowed)
            }
        };
        let settle = Settle {
            htype: self.htype.clone(),
            dtype: self.dtype.clone(),
            typestr: self.typestr.clone(),
        };
        Ok((self.name.clone(), ColumnInput { samples, settle, info: self.info.clone() }))
    }

    fn refused(&self, py: Python<'_>, index: usize, raised: PyErr) -> PyErr {
        let error = Error::new(Kind::InvalidInput, format!("a sample cannot be stored: {raised}"));
        let error = error.at_tensor(&self.name).at_index(index as u64).with_source(raised);
        error::to_py(py, &error)
    }
}

impl<'py> PySample<'py> {
    fn parse(sample: &Bound<'py, PyAny>) -> PyResult<Self> {
        if sample.is_none() {
            return Ok(Self::None);
        }
        let sample = sample.cast::<PyTuple>()?;
        let tag = sample.get_item(0)?;
        Ok(match tag.cast::<PyString>()?.to_str()? {
            "array" => {
                let (_, shape, data): (Bound<'_, PyAny>, _, _) = sample.extract()?;
                Self::Array { shape, data }
            }
            "file" => {
                let (_, bytes, filename): (Bound<'_, PyAny>, Bound<'py, PyBytes>, _) =
                    sample.extract()?;
                Self::File { bytes, filename }
            }
            "text" => Self::Text(sample.get_item(1)?.cast_into::<PyString>()?),
            "json" => {
                let (_, bytes, count): (Bound<'_, PyAny>, Bound<'py, PyBytes>, _) =
                    sample.extract()?;
                Self::Json { bytes, count }
            }
            "link" => {
                let (_, path, creds_key): (Bound<'_, PyAny>, _, _) = sample.extract()?;
                Self::Link { path, creds_key }
            }
            other => {
                let message = format!("no kind of sample is called {other:?}");
                return Err(error::invalid(sample.py(), message));
            }
        })
    }

    fn borrow(&self) -> PyResult<SampleInput<'_>> {
        Ok(match self {
            Self::None => SampleInput::None,
            Self::Array { shape, data } => {
                SampleInput::Array { shape: shape.clone(), data: data.as_slice()? }
            }
            Self::File { bytes, filename } => {
                SampleInput::File { bytes: bytes.as_bytes(), filename: filename.as_deref() }
            }
            // A lone surrogate has no UTF-8 form: this is where it is refused.
            Self::Text(text) => SampleInput::Text(text.to_str()?),
            Self::Json { bytes, count } => {
                SampleInput::Json { bytes: bytes.as_bytes(), count: *count }
            }
            Self::Link { path, creds_key } => {
                SampleInput::Link { path: path.as_str(), creds_key: creds_key.as_deref() }
            }
        })
    }
}

/// An entry of `dict` that may be missing or `None`.
pub(crate) fn field<'py, T>(dict: &Bound<'py, PyDict>, key: &str) -> PyResult<Option<T>>
where
    T: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
{
    match dict.get_item(key)? {
        Some(value) if !value.is_none() => value.extract().map(Some),
        _ => Ok(None),
    }
}
