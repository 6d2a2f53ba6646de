//! Bytes to samples and back: lz4, jpeg and png, and the EXIF tags of photos.
//!
//! Owns what "decodes to the same pixels as the reference" means (format pages, 5). Does no I/O,
//! knows no tensors, and uses no sibling room but [`crate::dtype`] and [`crate::error`]. Every
//! function takes bytes that anybody may have written: sizes are checked before memory is taken.

pub mod exif;
pub mod image;
pub mod lz4;

mod exif_tags;
mod jpeg;
mod jpeg_markers;
mod jpeg_turbo;
mod png;
mod png_chunks;
mod png_rows;

use crate::error::{Error, Kind, Setting, quoted};

/// The most bytes one sample may decode to where a caller has no limit of its own: 2 GiB, which is
/// far above any real image, and what 32-bit sizes in files can just about promise.
pub const DEFAULT_MAX_DECODED_BYTES: usize = 2 << 30;

/// Names of section 5.1 that this version cannot code itself.
const OTHER_NAMES: [&str; 31] = [
    "bmp", "dib", "gif", "ico", "jpeg2000", "jp2", "pcx", "ppm", "sgi", "tga", "tiff", "tif",
    "webp", "msp", "im", "xbm", "eps", "dcm", "mpo", "fli", "mp3", "flac", "wav", "mp4", "mkv",
    "avi", "las", "ply", "stl", "nii", "nii.gz",
];

/// How the bytes of a sample or of a chunk are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// One lz4 block with its decompressed size in front.
    Lz4,
    /// A jpeg file.
    Jpeg,
    /// A png file.
    Png,
}

impl Compression {
    /// The compression of this name; `None` for `"none"`, which callers may say for no compression.
    ///
    /// # Errors
    /// [`CodecError::Unsupported`] for names of the format that this version lacks,
    /// [`CodecError::Unknown`] for all others.
    pub fn from_name(name: &str) -> Result<Option<Self>, CodecError> {
        match name {
            "none" => Ok(None),
            "lz4" => Ok(Some(Self::Lz4)),
            "jpeg" | "jpg" => Ok(Some(Self::Jpeg)),
            "png" => Ok(Some(Self::Png)),
            other if OTHER_NAMES.contains(&other) => Err(CodecError::Unsupported(name.to_owned())),
            _ => Err(CodecError::Unknown(name.to_owned())),
        }
    }

    /// The name as `tensor_meta.json` has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lz4 => "lz4",
            Self::Jpeg => "jpeg",
            Self::Png => "png",
        }
    }

    /// The image format, if it is one.
    #[must_use]
    pub const fn image_format(self) -> Option<image::ImageFormat> {
        match self {
            Self::Lz4 => None,
            Self::Jpeg => Some(image::ImageFormat::Jpeg),
            Self::Png => Some(image::ImageFormat::Png),
        }
    }
}

/// What can go wrong between bytes and samples.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Something the format knows and this version does not do.
    #[error("not supported yet: {0}")]
    Unsupported(String),
    /// A compression name that the format does not have.
    #[error("unknown compression {}", quoted(.0))]
    Unknown(String),
    /// Bytes that are not what they claim to be.
    #[error("broken {format} data: {reason}")]
    Corrupt {
        /// The format that was expected.
        format: &'static str,
        /// Which rule is broken.
        reason: String,
    },
    /// Bytes that would decode to more than the caller allows.
    #[error("the {format} data decodes to {bytes} bytes, the limit is {max_bytes}")]
    Limit {
        /// The format of the data.
        format: &'static str,
        /// The size that the data promises, or the least it has.
        bytes: u64,
        /// The caller's limit.
        max_bytes: u64,
    },
    /// An array or a buffer that the caller may not pass.
    #[error("{0}")]
    Invalid(String),
    /// A defect of this package or of a library below it.
    #[error("{0}")]
    Internal(String),
}

impl CodecError {
    /// Bytes of `format` that break the rule `reason`.
    pub(crate) fn corrupt(format: &'static str, reason: impl Into<String>) -> Self {
        Self::Corrupt { format, reason: reason.into() }
    }
}

impl From<CodecError> for Error {
    fn from(error: CodecError) -> Self {
        let kind = match &error {
            CodecError::Limit { format, bytes, max_bytes } => {
                let what = format!("the {format} data, decoded,");
                return Self::over_limit(what, *bytes, *max_bytes, Setting::MaxSampleBytes)
                    .with_source(error);
            }
            CodecError::Unsupported(_) => Kind::Unsupported,
            CodecError::Unknown(_) | CodecError::Invalid(_) => Kind::InvalidInput,
            CodecError::Corrupt { .. } => Kind::Decode,
            CodecError::Internal(_) => Kind::Internal,
        };
        Self::new(kind, error.to_string()).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_format_are_told_apart_from_unknown_ones() {
        assert_eq!(Compression::from_name("jpg"), Ok(Some(Compression::Jpeg)));
        for compression in [Compression::Lz4, Compression::Jpeg, Compression::Png] {
            assert_eq!(Compression::from_name(compression.name()), Ok(Some(compression)));
        }
        assert!(matches!(Compression::from_name("webp"), Err(CodecError::Unsupported(_))));
        assert!(matches!(Compression::from_name("zstd"), Err(CodecError::Unknown(_))));
    }

    #[test]
    fn errors_fold_into_kinds() {
        let error = Error::from(CodecError::corrupt("png", "cut short"));
        assert_eq!(error.kind(), Kind::Decode);
        assert_eq!(error.message(), "broken png data: cut short");
        let limit = CodecError::Limit { format: "png", bytes: 11, max_bytes: 10 };
        let error = Error::from(limit);
        assert_eq!(error.kind(), Kind::LimitExceeded);
        assert!(error.message().contains("11 bytes, over the limit of 10 (LAKEBED_MAX_SAMPLE_"));
        assert!(error.hint().is_some_and(|hint| hint.contains("settings.max_sample_bytes")));
    }
}
