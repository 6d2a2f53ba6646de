//! The rows of the hidden companions that go with new samples: shape, info and id.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::layout::Content;
use super::prepare::{Row, Rows};
use crate::codec::{exif, image::ImageInfo};
use crate::error::{Error, Result};
use crate::format::RawJson;

/// What the info companion keeps of a file (format 6.4).
#[derive(Debug, Clone)]
pub(crate) struct FileInfo {
    /// Shape as the decoder gives it.
    pub(crate) shape: Vec<u64>,
    row: Vec<u8>,
}

impl FileInfo {
    /// Reads the facts out of an image's header.
    pub(crate) fn of_image(bytes: &[u8], info: &ImageInfo, filename: Option<&str>) -> Self {
        let mut row = Map::new();
        row.insert("exif".to_owned(), Value::Object(exif::tags(bytes)));
        row.insert("shape".to_owned(), json!(info.shape));
        row.insert("format".to_owned(), json!(info.format.name()));
        if let Some(filename) = filename {
            row.insert("filename".to_owned(), json!(filename));
        }
        row.insert("modified".to_owned(), json!(false));
        Self { shape: info.shape.clone(), row: RawJson::line(&Value::Object(row)).into_bytes() }
    }
}

/// Rows of the companion that `function` of the owner's `links` names.
///
/// `shapes` are the samples' own; links pass those of the linked objects.
///
/// # Errors
/// `Unsupported` for companions of a later version.
pub(crate) fn rows(
    function: &str,
    content: Content,
    rows: &Rows<'_>,
    linked: Option<&[Option<Vec<u32>>]>,
) -> Result<Rows<'static>> {
    match function {
        "extend_shape" => Ok(match linked {
            Some(shapes) => shape_rows(&shapes.iter().map(Option::as_deref).collect::<Vec<_>>()),
            None => own_shape_rows(rows, content),
        }),
        "extend_len" => Ok(own_shape_rows(rows, content)),
        "extend_info" => Ok(info_rows(rows)),
        "extend_id" => Ok(id_rows(rows.len())),
        other => Err(Error::unsupported(format!("appending to a tensor that keeps {other}"))),
    }
}

fn own_shape_rows(rows: &Rows<'_>, content: Content) -> Rows<'static> {
    match rows {
        Rows::Run { shape, count, .. } => {
            let row = int64_row(shape, shape.len());
            let count_of = usize::try_from(*count).unwrap_or(0);
            Rows::Run {
                shape: vec![shape.len() as u32],
                sample_bytes: row.len(),
                count: *count,
                data: Cow::Owned(row.repeat(count_of)),
            }
        }
        Rows::Each(rows) => {
            // JSON has no dimensions, although the chunk's table counts it as one element.
            let own = |row: &'_ Row<'_>| match (row.is_none, content) {
                (true, _) => None,
                (false, Content::Json) => Some(Vec::new()),
                (false, _) => row.shape.clone(),
            };
            let shapes: Vec<Option<Vec<u32>>> = rows.iter().map(own).collect();
            shape_rows(&shapes.iter().map(Option::as_deref).collect::<Vec<_>>())
        }
    }
}

/// Shapes as int64 vectors, padded to the longest of the batch; an empty sample is all zeros
/// (format 6.5).
fn shape_rows(shapes: &[Option<&[u32]>]) -> Rows<'static> {
    let least = usize::from(shapes.iter().any(Option::is_none));
    let longest = shapes.iter().flatten().map(|shape| shape.len()).max().unwrap_or(1).max(least);
    let row = |shape: &Option<&[u32]>| int64_row(shape.unwrap_or_default(), longest);
    Rows::Run {
        shape: vec![longest as u32],
        sample_bytes: longest * size_of::<i64>(),
        count: shapes.len() as u64,
        data: Cow::Owned(shapes.iter().flat_map(row).collect()),
    }
}

fn int64_row(shape: &[u32], len: usize) -> Vec<u8> {
    let padded = shape.iter().copied().chain(std::iter::repeat(0)).take(len);
    padded.flat_map(|dim| i64::from(dim).to_le_bytes()).collect()
}

fn info_rows(rows: &Rows<'_>) -> Rows<'static> {
    let empty = || Row {
        shape: Some(vec![1]),
        bytes: Cow::Borrowed(b"{}".as_slice()),
        is_none: false,
        file: None,
    };
    Rows::Each(match rows {
        Rows::Run { count, .. } => (0..*count).map(|_| empty()).collect(),
        Rows::Each(rows) => rows
            .iter()
            .map(|row| match &row.file {
                Some(file) => Row {
                    shape: Some(vec![1]),
                    bytes: Cow::Owned(file.row.clone()),
                    is_none: false,
                    file: None,
                },
                None => empty(),
            })
            .collect(),
    })
}

fn id_rows(count: u64) -> Rows<'static> {
    let data: Vec<u8> =
        (0..count).flat_map(|_| crate::random::unique_u64().to_le_bytes()).collect();
    Rows::Run { shape: vec![1], sample_bytes: size_of::<u64>(), count, data: Cow::Owned(data) }
}
