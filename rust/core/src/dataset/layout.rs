//! What the bytes of a tensor's samples mean: element type, textual kind, compression.
//!
//! Derived from `tensor_meta.json` alone; tensors whose kind this version cannot read are refused
//! here by name, before any byte of theirs is looked at.

use crate::codec::{CodecError, Compression, image::ImageFormat};
use crate::dtype::Dtype;
use crate::error::{Error, Kind, Result, quoted};
use crate::format::TensorMeta;

/// What a sample is, once decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Elements in C order; `None` until the first sample settles the dtype.
    Numeric(Option<Dtype>),
    /// UTF-8 text.
    Text,
    /// JSON text of any value.
    Json,
    /// A JSON array; the table's shape is its number of elements.
    List,
    /// The path or URL of an object, as UTF-8.
    Link,
}

impl Content {
    /// What a sample is, for messages.
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::Numeric(_) => "an array",
            Self::Text => "text",
            Self::Json => "JSON",
            Self::List => "a list",
            Self::Link => "a link",
        }
    }
}

/// How one sample's bytes are compressed on their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SampleCompression {
    /// Not at all.
    None,
    /// One lz4 block a sample.
    Lz4,
    /// One image file a sample.
    Image(ImageFormat),
}

/// How to read and write the samples of one tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// What a sample is.
    pub(crate) content: Content,
    /// Compression of each sample.
    pub(crate) sample: SampleCompression,
    /// Whether the data part of a chunk is one lz4 block.
    pub(crate) chunk_lz4: bool,
    /// Whether samples have at least three dimensions, as images do (format 3.3).
    pub(crate) image_rank: bool,
}

/// Htypes whose samples are plain arrays, whatever the name says about their meaning.
const ARRAY_HTYPES: [&str; 16] = [
    "generic",
    "image",
    "image.rgb",
    "image.gray",
    "class_label",
    "bbox",
    "bbox.3d",
    "embedding",
    "binary_mask",
    "segment_mask",
    "instance_label",
    "keypoints_coco",
    "point",
    "intrinsics",
    "audio",
    "video",
];

impl Layout {
    /// The layout of a tensor with this meta.
    ///
    /// # Errors
    /// `Unsupported` for kinds of a later version, `Corrupt` for names the format does not know.
    pub(crate) fn of(meta: &TensorMeta) -> Result<Self> {
        if meta.is_sequence {
            return Err(Error::unsupported("sequence tensors"));
        }
        if meta.is_link {
            return Self::of_link(meta);
        }
        let content = content_of(meta)?;
        let sample = match compression(meta.sample_compression.as_deref())? {
            None => SampleCompression::None,
            Some(Compression::Lz4) => SampleCompression::Lz4,
            Some(Compression::Jpeg) => SampleCompression::Image(ImageFormat::Jpeg),
            Some(Compression::Png) => SampleCompression::Image(ImageFormat::Png),
        };
        let chunk_lz4 = match compression(meta.chunk_compression.as_deref())? {
            None => false,
            Some(Compression::Lz4) => true,
            Some(_) => return Err(Error::unsupported("chunks compressed as one image")),
        };
        let image_rank = matches!(sample, SampleCompression::Image(_))
            || matches!(meta.htype.as_deref(), Some("image" | "image.rgb"));
        if !matches!(content, Content::Numeric(_)) && matches!(sample, SampleCompression::Image(_))
        {
            let htype = quoted(meta.htype.as_deref().unwrap_or_default());
            return Err(corrupt(format!("htype {htype} with an image compression")));
        }
        Ok(Self { content, sample, chunk_lz4, image_rank })
    }

    /// Compressions of a link tensor describe the linked objects, never the stored paths.
    fn of_link(meta: &TensorMeta) -> Result<Self> {
        match meta.htype.as_deref() {
            Some(htype) if htype.starts_with("image") || htype.ends_with("_mask") => {}
            Some("generic") | None => {}
            Some(other) => return Err(Error::unsupported(format!("link[{other}] tensors"))),
        }
        Ok(Self {
            content: Content::Link,
            sample: SampleCompression::None,
            chunk_lz4: false,
            image_rank: true,
        })
    }

    /// The element type, where samples are arrays that have one.
    pub(crate) fn dtype(&self) -> Option<Dtype> {
        match self.content {
            Content::Numeric(dtype) => dtype,
            _ => None,
        }
    }
}

fn content_of(meta: &TensorMeta) -> Result<Content> {
    match meta.htype.as_deref() {
        Some("text") => Ok(Content::Text),
        Some("json") => Ok(Content::Json),
        Some("list" | "tag") => Ok(Content::List),
        None => numeric(meta),
        Some(htype) if ARRAY_HTYPES.contains(&htype) => numeric(meta),
        Some("point_cloud") if meta.sample_compression.is_none() => numeric(meta),
        Some(other) => Err(Error::unsupported(format!("htype {other}"))),
    }
}

fn numeric(meta: &TensorMeta) -> Result<Content> {
    match meta.dtype.as_deref() {
        None => Ok(Content::Numeric(None)),
        Some(name) => {
            Dtype::from_name(name).map(|dtype| Content::Numeric(Some(dtype))).ok_or_else(|| {
                corrupt(format!("dtype {} is none that the format knows", quoted(name)))
            })
        }
    }
}

fn compression(name: Option<&str>) -> Result<Option<Compression>> {
    name.map_or(Ok(None), |name| match Compression::from_name(name) {
        Err(CodecError::Unsupported(name)) => {
            Err(Error::unsupported(format!("the compression {name}")))
        }
        Err(CodecError::Unknown(name)) => {
            Err(corrupt(format!("compression {} is none that the format knows", quoted(&name))))
        }
        result => result.map_err(Error::from),
    })
}

fn corrupt(message: String) -> Error {
    Error::new(Kind::Corrupt, message)
}
