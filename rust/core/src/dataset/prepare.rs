//! From what the user gives to rows that can be packed: checked, compressed, measured.
//!
//! Everything that can fail about a batch fails here, before anything is changed, so that a bad
//! sample in the middle leaves the dataset as it was.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use super::cast::{cast, fits};
use super::companions::FileInfo;
use super::decode::{in_memory, sample_bytes};
use super::layout::{Content, Layout, SampleCompression};
use crate::codec::{image, lz4};
use crate::dtype::Dtype;
use crate::engine::{Engine, Interrupt, interrupted};
use crate::error::{Error, Kind, Result, Setting};
use crate::format::TensorMeta;
use crate::format::limits::MAX_CHUNK_DATA_BYTES;

/// Columns to append, by tensor name.
pub type Batch<'a> = Vec<(String, ColumnInput<'a>)>;

/// Samples for one tensor.
#[derive(Debug)]
pub struct ColumnInput<'a> {
    /// The samples.
    pub samples: Samples<'a>,
    /// Values for what the tensor's meta leaves open.
    pub settle: Settle,
    /// A new `tensor_info.json`, for example with more class names.
    pub info: Option<Vec<u8>>,
}

/// Values that the first samples settle; ignored where the meta has one already.
#[derive(Debug, Clone, Default)]
pub struct Settle {
    /// Htype.
    pub htype: Option<String>,
    /// Numpy dtype name.
    pub dtype: Option<String>,
    /// Numpy type string.
    pub typestr: Option<String>,
}

/// Samples, in one of two forms.
#[derive(Debug)]
pub enum Samples<'a> {
    /// Equal arrays back to back.
    Dense {
        /// Number of samples, then the shape of one.
        shape: Vec<u64>,
        /// Elements in C order, little-endian, of the tensor's dtype.
        data: &'a [u8],
    },
    /// One by one.
    Each(Vec<SampleInput<'a>>),
}

/// One sample to append.
#[derive(Debug)]
pub enum SampleInput<'a> {
    /// An empty sample.
    None,
    /// An array of the tensor's dtype.
    Array {
        /// Lengths of the axes.
        shape: Vec<u64>,
        /// Elements in C order, little-endian.
        data: &'a [u8],
    },
    /// An encoded image.
    File {
        /// The file.
        bytes: &'a [u8],
        /// Where it came from, if from a path.
        filename: Option<&'a str>,
    },
    /// Text.
    Text(&'a str),
    /// JSON text.
    Json {
        /// The text.
        bytes: &'a [u8],
        /// Number of elements of a list, else 1.
        count: u64,
    },
    /// A link.
    Link {
        /// Path or URL, as it is to be stored.
        path: &'a str,
        /// Creds key, if any.
        creds_key: Option<&'a str>,
    },
}

/// A row's entries in the tables take as long as this many bytes of its data.
const ROW_WEIGHT: u64 = 256;

/// Rows ready to be packed into chunks.
#[derive(Debug)]
pub(crate) enum Rows<'a> {
    /// Equal samples back to back.
    Run {
        shape: Vec<u32>,
        sample_bytes: usize,
        count: u64,
        data: Cow<'a, [u8]>,
    },
    Each(Vec<Row<'a>>),
}

/// One sample as it will be stored.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    /// `None` for an empty sample of whatever rank the tensor has.
    pub(crate) shape: Option<Vec<u32>>,
    pub(crate) bytes: Cow<'a, [u8]>,
    /// Whether it stands for `None`.
    pub(crate) is_none: bool,
    /// What is known of the file it came from.
    pub(crate) file: Option<FileInfo>,
}

impl Rows<'_> {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Run { count, .. } => *count,
            Self::Each(rows) => rows.len() as u64,
        }
    }

    /// What packing takes: one for each byte, and [`ROW_WEIGHT`] for each row of its own.
    pub(crate) fn weight(&self) -> u64 {
        match self {
            Self::Run { data, .. } => data.len() as u64,
            Self::Each(rows) => rows.iter().map(|row| row.bytes.len() as u64 + ROW_WEIGHT).sum(),
        }
    }
}

/// Fills in what the meta leaves open.
pub(crate) fn settle(meta: &mut TensorMeta, settle: Settle) {
    meta.htype = meta.htype.take().or(settle.htype);
    if meta.dtype.is_none() {
        meta.dtype = settle.dtype;
        meta.typestr = meta.typestr.take().or(settle.typestr);
    }
}

/// Prepares the samples of a tensor that stores data (not links).
///
/// # Errors
/// Those of a single sample, with its future index.
pub(crate) fn prepare<'a>(
    meta: &TensorMeta,
    layout: &Layout,
    samples: Samples<'a>,
    max_sample_bytes: u64,
    interrupt: &dyn Interrupt,
) -> Result<Rows<'a>> {
    let context = Preparer { meta, layout, max_sample_bytes };
    let rows = match samples {
        Samples::Dense { shape, data } => context.dense(&shape, data, interrupt)?,
        Samples::Each(samples) => Rows::Each(context.each(samples, interrupt)?),
    };
    context.check_ranks(&rows)?;
    Ok(rows)
}

struct Preparer<'m> {
    meta: &'m TensorMeta,
    layout: &'m Layout,
    max_sample_bytes: u64,
}

impl Preparer<'_> {
    /// Prepares samples on all cores; the lowest index that fails wins.
    fn each<'a>(
        &self,
        samples: Vec<SampleInput<'a>>,
        interrupt: &dyn Interrupt,
    ) -> Result<Vec<Row<'a>>> {
        if samples.len() <= 1 {
            let first = self.meta.length;
            let one = |sample| self.one(sample).map_err(|error| error.at_index(first));
            return samples.into_iter().map(one).collect();
        }
        let prepare_all = |stop: &AtomicBool| -> Vec<Result<Row<'a>>> {
            let one = |(at, sample)| {
                if stop.load(Ordering::Acquire) {
                    return Err(interrupted());
                }
                self.one(sample).map_err(|error| error.at_index(self.meta.length + at as u64))
            };
            samples.into_par_iter().enumerate().map(one).collect()
        };
        let prepared = Engine::current()?.compute(prepare_all, interrupt)?;
        let mut rows = Vec::with_capacity(prepared.len());
        let mut failed = Vec::new();
        for row in prepared {
            match row {
                Ok(row) => rows.push(row),
                Err(error) => failed.push(error),
            }
        }
        Error::of_batch(failed).map_or(Ok(rows), Err)
    }

    fn dense<'a>(
        &self,
        shape: &[u64],
        data: &'a [u8],
        interrupt: &dyn Interrupt,
    ) -> Result<Rows<'a>> {
        let (count, shape) =
            shape.split_first().ok_or_else(|| Error::internal("a dense batch has no axis"))?;
        let dtype = self.dtype()?;
        let (stored, size) = self.measure(shape, dtype)?;
        if (data.len() as u64) != count.saturating_mul(size as u64) {
            return Err(Error::internal("a dense batch has another size than its shape says"));
        }
        if self.layout.sample == SampleCompression::None {
            check_stored(size, self.max_sample_bytes)?;
            let data = Cow::Borrowed(data);
            return Ok(Rows::Run { shape: stored, sample_bytes: size, count: *count, data });
        }
        let array = |data: &'a [u8]| SampleInput::Array { shape: shape.to_vec(), data };
        let samples = match size {
            0 => (0..*count).map(|_| array(&[])).collect(),
            size => data.chunks_exact(size).map(array).collect(),
        };
        self.each(samples, interrupt).map(Rows::Each)
    }

    fn one<'a>(&self, sample: SampleInput<'a>) -> Result<Row<'a>> {
        match (sample, self.layout.content) {
            (SampleInput::None, content) => self.none(content),
            (SampleInput::Array { shape, data }, Content::Numeric(_)) => self.array(&shape, data),
            (SampleInput::File { bytes, filename }, Content::Numeric(_)) => {
                self.file(bytes, filename)
            }
            (SampleInput::Text(text), Content::Text) => {
                self.textual(Cow::Borrowed(text.as_bytes()), 1)
            }
            (SampleInput::Json { bytes, .. }, Content::Json) => {
                self.textual(Cow::Borrowed(bytes), 1)
            }
            (SampleInput::Json { bytes, count }, Content::List) => {
                self.textual(Cow::Borrowed(bytes), count)
            }
            (_, content) => Err(Error::new(
                Kind::InvalidInput,
                format!("the sample is not {}, which the tensor takes", content.noun()),
            )),
        }
    }

    /// What `None` is stored as (format 2.2).
    fn none<'a>(&self, content: Content) -> Result<Row<'a>> {
        let row = match (content, self.meta.htype.as_deref()) {
            (Content::Text | Content::Link, _) => self.textual(Cow::Borrowed(b""), 1)?,
            (Content::Json, _) => self.textual(Cow::Borrowed(b"{}"), 1)?,
            (Content::List, Some("tag")) => self.textual(Cow::Borrowed(b"[null]"), 1)?,
            (Content::List, _) => self.textual(Cow::Borrowed(b"[]"), 0)?,
            (Content::Numeric(_), _) => {
                Row { shape: None, bytes: Cow::Borrowed(&[]), is_none: true, file: None }
            }
        };
        Ok(Row { is_none: true, ..row })
    }

    fn textual<'a>(&self, bytes: Cow<'a, [u8]>, count: u64) -> Result<Row<'a>> {
        let bytes = match self.layout.sample {
            SampleCompression::Lz4 => Cow::Owned(lz4::compress(&bytes)),
            _ => bytes,
        };
        check_stored(bytes.len(), self.max_sample_bytes)?;
        Ok(Row { shape: Some(narrowed(&[count])?), bytes, is_none: false, file: None })
    }

    fn array<'a>(&self, shape: &[u64], data: &'a [u8]) -> Result<Row<'a>> {
        let dtype = self.dtype()?;
        let (stored, size) = self.measure(shape, dtype)?;
        if data.len() != size {
            return Err(Error::internal("an array has another size than its shape says"));
        }
        let bytes = match self.layout.sample {
            _ if size == 0 => Cow::Borrowed(data),
            SampleCompression::None => Cow::Borrowed(data),
            SampleCompression::Lz4 => Cow::Owned(lz4::compress(data)),
            SampleCompression::Image(format) => {
                Cow::Owned(image::encode(format, shape, dtype, data)?)
            }
        };
        check_stored(bytes.len(), self.max_sample_bytes)?;
        Ok(Row { shape: Some(stored), bytes, is_none: false, file: None })
    }

    fn file<'a>(&self, bytes: &'a [u8], filename: Option<&str>) -> Result<Row<'a>> {
        let info = image::info(bytes)?;
        let file = FileInfo::of_image(bytes, &info, filename);
        let dtype = self.dtype()?;
        if !fits(info.dtype, dtype) {
            return Err(Error::new(
                Kind::DtypeMismatch,
                format!("the image has dtype {} where the tensor has {dtype}", info.dtype),
            ));
        }
        if self.layout.sample == SampleCompression::Image(info.format) {
            image::verify(bytes)?;
            check_stored(bytes.len(), self.max_sample_bytes)?;
            let (shape, _) = self.measure(&info.shape, dtype)?;
            return Ok(Row {
                shape: Some(shape),
                bytes: Cow::Borrowed(bytes),
                is_none: false,
                file: Some(file),
            });
        }
        let (info, pixels) = image::decode(bytes, in_memory(self.max_sample_bytes))?;
        let mut pixels = pixels;
        if info.dtype != dtype {
            let mut wide = vec![0; sample_bytes(&info.shape, dtype, self.max_sample_bytes)?];
            cast(&pixels, info.dtype, dtype, &mut wide)?;
            pixels = wide;
        }
        let row = self.array(&info.shape, &pixels)?;
        let bytes = Cow::Owned(row.bytes.into_owned());
        Ok(Row { shape: row.shape, bytes, is_none: false, file: Some(file) })
    }

    fn dtype(&self) -> Result<Dtype> {
        self.layout.dtype().ok_or_else(|| {
            Error::new(Kind::DtypeMismatch, "the tensor has no dtype, and the samples settle none")
        })
    }

    /// The shape as it is stored, and the bytes of one sample.
    fn measure(&self, shape: &[u64], dtype: Dtype) -> Result<(Vec<u32>, usize)> {
        let size = sample_bytes(shape, dtype, self.max_sample_bytes)?;
        let mut stored = narrowed(shape)?;
        if stored.is_empty() {
            stored.push(1);
        }
        if self.layout.image_rank && stored.len() == 2 {
            stored.push(1);
        }
        Ok((stored, size))
    }

    /// All samples of a tensor have one rank (format 3.3).
    fn check_ranks(&self, rows: &Rows<'_>) -> Result<()> {
        let mut rank = Some(self.meta.max_shape.len()).filter(|rank| *rank > 0);
        let shapes: Vec<Option<&[u32]>> = match rows {
            Rows::Run { shape, count: 1.., .. } => vec![Some(shape)],
            Rows::Run { .. } => Vec::new(),
            Rows::Each(rows) => rows.iter().map(|row| row.shape.as_deref()).collect(),
        };
        for (at, shape) in shapes.into_iter().enumerate() {
            let Some(shape) = shape else { continue };
            let expected = *rank.get_or_insert(shape.len());
            if shape.len() != expected {
                return Err(Error::new(
                    Kind::ShapeMismatch,
                    format!(
                        "the sample has {} dimensions, shape {shape:?}, where samples of this \
                         tensor have {expected}",
                        shape.len()
                    ),
                )
                .at_index(self.meta.length + at as u64));
            }
        }
        Ok(())
    }
}

/// A shape in the width of the tables.
fn narrowed(shape: &[u64]) -> Result<Vec<u32>> {
    let narrow = |dim: &u64| u32::try_from(*dim);
    shape.iter().map(narrow).collect::<std::result::Result<_, _>>().map_err(|_| {
        Error::new(
            Kind::LimitExceeded,
            format!("shape {shape:?} has an axis over {}, the limit of the format", u32::MAX),
        )
    })
}

/// Refuses what is over the limit, or what the tables could not hold whatever the limit is.
fn check_stored(bytes: usize, max_sample_bytes: u64) -> Result<()> {
    let bytes = bytes as u64;
    if bytes > MAX_CHUNK_DATA_BYTES {
        return Err(Error::new(
            Kind::LimitExceeded,
            format!(
                "the sample takes {bytes} bytes, over the {MAX_CHUNK_DATA_BYTES} that a chunk of \
                 this format can hold"
            ),
        )
        .with_hint("cut it into several samples"));
    }
    if bytes > max_sample_bytes {
        let what = "the sample, as it is stored,";
        return Err(Error::over_limit(what, bytes, max_sample_bytes, Setting::MaxSampleBytes));
    }
    Ok(())
}
