//! `tensor_meta.json` (format 1.5 and 1.6).

use super::VERSION;
use super::dataset_meta::running_version;
use super::error::{FormatError, Reason, Result};
use super::json::Fields;
use super::limits::{MAX_NDIM, MAX_SAMPLES};
use super::names::check_stored_key;
use super::raw_json::{self, RawJson};
use super::version::compare_versions;
use crate::dtype::Dtype;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Chunk size and tiling limit of tensors that name none (format 4.1).
pub const DEFAULT_CHUNK_BYTES: u64 = 16_000_000;

/// Which functions keep a companion tensor in step with its owner.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Link {
    /// The function that makes rows for new samples, e.g. `extend_shape`.
    pub extend: Option<String>,
    /// Whether the companion of a sequence tensor has a row per item, not per sequence.
    pub flatten_sequence: bool,
    /// The function that makes a row for a changed sample.
    pub update: Option<String>,
}

/// What a tensor holds and how; unknown fields are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorMeta {
    /// Who wrote the file last; older files carry our version once they are parsed.
    pub version: String,
    /// The current full name.
    pub name: Option<String>,
    /// The base htype, without `sequence[...]` or `link[...]`.
    pub htype: Option<String>,
    /// The numpy dtype name, `str`, or the schema of a JSON-like tensor.
    pub dtype: Option<String>,
    /// The numpy typestr of the data the dtype was inferred from; never used to decode.
    pub typestr: Option<String>,
    /// Compression of each sample.
    pub sample_compression: Option<String>,
    /// Compression of a chunk's whole data part.
    pub chunk_compression: Option<String>,
    /// Largest data part of a chunk; see [`TensorMeta::max_chunk_bytes`].
    pub max_chunk_size: Option<u64>,
    /// Largest sample that is not tiled; see [`TensorMeta::tiling_bytes`].
    pub tiling_threshold: Option<i64>,
    /// Number of stored samples: items, for a sequence tensor.
    pub length: u64,
    /// Elementwise lower bounds of all shapes.
    pub min_shape: Vec<u64>,
    /// Elementwise upper bounds of all shapes.
    pub max_shape: Vec<u64>,
    /// Not listed to users.
    pub hidden: bool,
    /// Samples are sequences of items.
    pub is_sequence: bool,
    /// Samples are paths of objects elsewhere.
    pub is_link: bool,
    /// Whether appended links are opened.
    pub verify: bool,
    /// Companion key to the functions that keep it in step. Sorted, as it is on disk.
    pub links: BTreeMap<String, Link>,
    /// All other fields, those of the htype and unknown ones, as the text they have.
    pub extra: BTreeMap<String, RawJson>,
}

impl Default for TensorMeta {
    fn default() -> Self {
        Self {
            version: VERSION.to_owned(),
            name: None,
            htype: None,
            dtype: None,
            typestr: None,
            sample_compression: None,
            chunk_compression: None,
            max_chunk_size: None,
            tiling_threshold: None,
            length: 0,
            min_shape: Vec::new(),
            max_shape: Vec::new(),
            hidden: false,
            is_sequence: false,
            is_link: false,
            verify: true,
            links: BTreeMap::new(),
            extra: BTreeMap::new(),
        }
    }
}

impl TensorMeta {
    /// Parses the file and brings an older one up to our version.
    ///
    /// # Errors
    /// Not a JSON object, a field of another type, a bad version, or bounds of differing rank.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let mut fields = Fields::parse(bytes)?;
        let stored = fields.text("version")?.unwrap_or_else(|| VERSION.to_owned());
        let mut meta = Self {
            version: running_version(Some(stored.clone()))?,
            name: fields.text("name")?,
            htype: fields.text("htype")?,
            dtype: fields.text("dtype")?,
            typestr: fields.text("typestr")?,
            sample_compression: fields.text("sample_compression")?,
            chunk_compression: fields.text("chunk_compression")?,
            max_chunk_size: fields.unsigned("max_chunk_size")?,
            tiling_threshold: fields.signed("tiling_threshold")?,
            length: fields.unsigned("length")?.unwrap_or(0),
            min_shape: fields.unsigneds("min_shape")?,
            max_shape: fields.unsigneds("max_shape")?,
            hidden: fields.flag("hidden", false)?,
            is_sequence: fields.flag("is_sequence", false)?,
            is_link: fields.flag("is_link", false)?,
            verify: fields.flag("verify", true)?,
            links: parse_links(&fields.object("links")?, &stored)?,
            extra: fields.0.into_iter().collect(),
        };
        meta.fast_forward(&stored)?;
        if meta.length > MAX_SAMPLES {
            return Err(FormatError::corrupt(format!("a length of {} is impossible", meta.length)));
        }
        if meta.min_shape.len() != meta.max_shape.len() || meta.max_shape.len() > MAX_NDIM {
            return Err(FormatError::corrupt("min_shape and max_shape do not belong together"));
        }
        Ok(meta)
    }

    fn fast_forward(&mut self, stored: &str) -> Result<()> {
        let scalars_had_no_shape = compare_versions(stored, "2.0.2")?.is_ge()
            && compare_versions(stored, "2.0.5")?.is_le();
        if scalars_had_no_shape && self.min_shape.is_empty() {
            self.min_shape = vec![1];
            self.max_shape = vec![1];
        }
        if matches!(self.htype.as_deref(), Some("embedding" | "text")) {
            self.extra
                .entry("vdb_indexes".to_owned())
                .or_insert_with(|| RawJson::field(&json!([])));
        }
        Ok(())
    }

    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let links: Map<_, _> =
            self.links.iter().map(|(key, link)| (key.clone(), link.to_json())).collect();
        let known = [
            ("version", json!(self.version)),
            ("name", json!(self.name)),
            ("htype", json!(self.htype)),
            ("dtype", json!(self.dtype)),
            ("typestr", json!(self.typestr)),
            ("sample_compression", json!(self.sample_compression)),
            ("chunk_compression", json!(self.chunk_compression)),
            ("max_chunk_size", json!(self.max_chunk_size)),
            ("tiling_threshold", json!(self.tiling_threshold)),
            ("length", json!(self.length)),
            ("min_shape", json!(self.min_shape)),
            ("max_shape", json!(self.max_shape)),
            ("hidden", json!(self.hidden)),
            ("is_sequence", json!(self.is_sequence)),
            ("is_link", json!(self.is_link)),
            ("verify", json!(self.verify)),
            ("links", Value::Object(links)),
        ]
        .map(|(name, value)| (name, RawJson::field(&value)));
        let own = known.iter().map(|(name, value)| (*name, value));
        let others = self.extra.iter().map(|(name, value)| (name.as_str(), value));
        raw_json::pretty_object(own.chain(others).collect())
    }

    /// The type of the stored elements; `None` while it is unknown and for text and JSON.
    #[must_use]
    pub fn element_dtype(&self) -> Option<Dtype> {
        self.dtype.as_deref().and_then(Dtype::from_name)
    }

    /// Largest data part of a chunk, in bytes.
    #[must_use]
    pub fn max_chunk_bytes(&self) -> u64 {
        self.max_chunk_size.unwrap_or(DEFAULT_CHUNK_BYTES)
    }

    /// Up to how many bytes an append fills a chunk (format 4.1).
    #[must_use]
    pub fn min_chunk_bytes(&self) -> u64 {
        self.max_chunk_bytes() >> 1
    }

    /// Largest sample that is not tiled, in bytes; `None` if tiling is off.
    #[must_use]
    pub fn tiling_bytes(&self) -> Option<u64> {
        self.tiling_threshold.map_or(Some(DEFAULT_CHUNK_BYTES), |bytes| u64::try_from(bytes).ok())
    }

    /// Widens the bounds by the shape of a stored sample.
    ///
    /// # Errors
    /// Another rank than the bounds have.
    pub fn update_bounds(&mut self, shape: &[u64]) -> Result<()> {
        if self.max_shape.is_empty() {
            self.min_shape = shape.to_vec();
            self.max_shape = shape.to_vec();
            return Ok(());
        }
        if shape.len() != self.max_shape.len() || shape.len() != self.min_shape.len() {
            return Err(FormatError::new(
                Reason::ShapeMismatch,
                format!(
                    "a sample of {} dimensions in a tensor of {}",
                    shape.len(),
                    self.max_shape.len()
                ),
            ));
        }
        for ((low, high), dim) in self.min_shape.iter_mut().zip(&mut self.max_shape).zip(shape) {
            *low = (*low).min(*dim);
            *high = (*high).max(*dim);
        }
        Ok(())
    }
}

impl Link {
    fn to_json(&self) -> Value {
        let mut fields = Map::new();
        if let Some(extend) = &self.extend {
            fields.insert("extend".to_owned(), json!(extend));
        }
        fields.insert("flatten_sequence".to_owned(), json!(self.flatten_sequence));
        if let Some(update) = &self.update {
            fields.insert("update".to_owned(), json!(update));
        }
        Value::Object(fields)
    }
}

fn parse_links(links: &[(String, RawJson)], version: &str) -> Result<BTreeMap<String, Link>> {
    // Until then links had `append` functions only, which took one sample at a time.
    let has_append = compare_versions(version, "3.0.15")?.is_lt();
    let read = |(key, value): &(String, RawJson)| {
        check_stored_key(key)?;
        let mut fields = Fields::of(value, "links")?;
        let mut link = Link {
            extend: fields.text("extend")?,
            flatten_sequence: fields.flag("flatten_sequence", false)?,
            update: fields.text("update")?,
        };
        if has_append {
            let append = fields.text("append")?.map(|name| name.replace("append", "extend"));
            link.extend = link.extend.or(append);
            link.update = link.update.map(|name| name.replace("append", "update"));
        }
        Ok((key.clone(), link))
    };
    links.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_links_are_brought_forward() {
        let old = br#"{"version": "2.7.5", "htype": "text", "dtype": "str", "length": 5, "links": {
            "_x_shape": {"append": "append_shape", "flatten_sequence": true, "update": "append_shape"},
            "_x_id": {"append": "append_id", "flatten_sequence": false}}}"#;
        let meta = TensorMeta::parse(old).unwrap();
        let shape = &meta.links["_x_shape"];
        assert_eq!(shape.extend.as_deref(), Some("extend_shape"));
        assert_eq!(shape.update.as_deref(), Some("update_shape"));
        assert_eq!(meta.links["_x_id"].update, None);
        assert_eq!(meta.extra["vdb_indexes"].as_str(), "[]");
        assert_eq!((meta.version.as_str(), meta.element_dtype()), (VERSION, None));
        assert_eq!(TensorMeta::parse(&meta.to_bytes()).unwrap(), meta);
    }

    #[test]
    fn scalars_of_2_0_5_have_one_dimension() {
        let old = br#"{"version": "2.0.5", "min_shape": [], "max_shape": [], "length": 2}"#;
        assert_eq!(TensorMeta::parse(old).unwrap().max_shape, [1]);
    }

    #[test]
    fn unknown_fields_are_kept() {
        let file = br#"{"version": "3.9.52", "htype": "image", "_info": ["intrinsics"],
            "intrinsics": null, "later": {"b" :[NaN, 1E22,18446744073709551616, "\ud800"]},
            "\udfff": -Infinity}"#;
        let meta = TensorMeta::parse(file).unwrap();
        let bytes = meta.to_bytes();
        let again = TensorMeta::parse(&bytes).unwrap();
        let later = r#"{"b" :[NaN, 1E22,18446744073709551616, "\ud800"]}"#;
        assert_eq!(again.extra["later"].as_str(), later);
        assert_eq!(again.extra["intrinsics"].as_str(), "null");
        assert!(String::from_utf8(bytes).unwrap().contains(r#""\udfff": -Infinity,"#));
        assert_eq!(again, meta);
    }

    #[test]
    fn bounds_only_widen() {
        let mut meta = TensorMeta::default();
        meta.update_bounds(&[3, 4]).unwrap();
        meta.update_bounds(&[0, 9]).unwrap();
        assert_eq!(
            (meta.min_shape.as_slice(), meta.max_shape.as_slice()),
            (&[0, 4][..], &[3, 9][..])
        );
        assert_eq!(meta.update_bounds(&[1]).unwrap_err().reason, Reason::ShapeMismatch);
    }

    #[test]
    fn sizes_have_defaults() {
        let mut meta = TensorMeta::default();
        assert_eq!((meta.min_chunk_bytes(), meta.tiling_bytes()), (8_000_000, Some(16_000_000)));
        meta.tiling_threshold = Some(-1);
        assert_eq!(meta.tiling_bytes(), None);
    }
}
