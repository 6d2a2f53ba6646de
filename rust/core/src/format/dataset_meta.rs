//! `dataset_meta.json` (format 1.3).

use super::VERSION;
use super::error::{FormatError, Result};
use super::json::{self, Fields};
use super::raw_json::{RawJson, pretty_object};
use super::version::{compare_versions, parse_version};
use serde_json::json;
use std::collections::{BTreeMap, HashSet};

/// The tensors and groups of a dataset. Unknown fields are dropped, as the reference does.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetMeta {
    /// Who wrote the file last; older files carry our version once they are parsed.
    pub version: String,
    /// Keys of all tensors in order of creation, hidden ones included.
    pub tensors: Vec<String>,
    /// Name to key, hidden tensors included. Sorted, as it is on disk.
    pub tensor_names: BTreeMap<String, String>,
    /// Keys that are not listed to users.
    pub hidden_tensors: Vec<String>,
    /// Every group path, also intermediate and empty ones.
    pub groups: Vec<String>,
    /// The index applied on open; all of the dataset by default.
    pub default_index: RawJson,
    /// Whether the dataset may be deleted without force.
    pub allow_delete: bool,
}

impl Default for DatasetMeta {
    fn default() -> Self {
        Self {
            version: VERSION.to_owned(),
            tensors: Vec::new(),
            tensor_names: BTreeMap::new(),
            hidden_tensors: Vec::new(),
            groups: Vec::new(),
            default_index: whole_index(),
            allow_delete: true,
        }
    }
}

fn whole_index() -> RawJson {
    RawJson::field(&json!([{"start": null, "step": null, "stop": null}]))
}

impl DatasetMeta {
    /// Parses the file; missing fields take their defaults.
    ///
    /// # Errors
    /// Not a JSON object, a field of another type, or a bad version. Keys are not looked at: whoever
    /// uses one asks [`super::check_stored_key`], so that one bad tensor does not hide the others.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let mut fields = Fields::parse(bytes)?;
        let version = running_version(fields.text("version")?)?;
        let tensors = fields.texts("tensors")?;
        let mut tensor_names = fields
            .object("tensor_names")?
            .into_iter()
            .map(|(name, key)| Some((name, json::text_of(key.value()?)?)))
            .collect::<Option<BTreeMap<_, _>>>()
            .ok_or_else(|| json::wrong("tensor_names", "an object of strings"))?;
        if tensor_names.is_empty() {
            // Files of 2.x have no names: keys are names there.
            tensor_names = tensors.iter().map(|key| (key.clone(), key.clone())).collect();
        }
        let known: HashSet<&String> = tensors.iter().collect();
        if known.len() != tensors.len() {
            return Err(FormatError::corrupt("the field \"tensors\" names a tensor twice"));
        }
        Ok(Self {
            version,
            tensor_names,
            hidden_tensors: fields.texts("hidden_tensors")?,
            groups: fields.texts("groups")?,
            default_index: fields.raw("default_index").unwrap_or_else(whole_index),
            allow_delete: fields.flag("allow_delete", true)?,
            tensors,
        })
    }

    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let known = [
            ("version", json!(self.version)),
            ("tensors", json!(self.tensors)),
            ("tensor_names", json!(self.tensor_names)),
            ("hidden_tensors", json!(self.hidden_tensors)),
            ("groups", json!(self.groups)),
            ("allow_delete", json!(self.allow_delete)),
        ]
        .map(|(name, value)| (name, RawJson::field(&value)));
        let mut fields: Vec<_> = known.iter().map(|(name, value)| (*name, value)).collect();
        fields.push(("default_index", &self.default_index));
        pretty_object(fields)
    }

    /// The key of the tensor with this name.
    #[must_use]
    pub fn key_of(&self, name: &str) -> Option<&str> {
        self.tensor_names.get(name).map(String::as_str)
    }

    /// The name of the tensor with this key.
    #[must_use]
    pub fn name_of(&self, key: &str) -> Option<&str> {
        // Nearly every tensor still has the name it was created with.
        if let Some((name, own)) = self.tensor_names.get_key_value(key)
            && own == key
        {
            return Some(name);
        }
        self.tensor_names.iter().find(|(_, own)| *own == key).map(|(name, _)| name.as_str())
    }

    /// Whether the tensor with this key is hidden from users.
    #[must_use]
    pub fn is_hidden(&self, key: &str) -> bool {
        self.hidden_tensors.iter().any(|hidden| hidden == key)
    }
}

/// The version an object of this stored version carries in memory: ours if it is older or
/// missing, its own if it is newer.
pub(super) fn running_version(stored: Option<String>) -> Result<String> {
    match stored {
        Some(stored) if compare_versions(&stored, VERSION)?.is_gt() => Ok(stored),
        Some(stored) => parse_version(&stored).map(|_| VERSION.to_owned()),
        None => Ok(VERSION.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_files_have_keys_for_names() {
        let old = br#"{"version": "2.0.5", "tensors": ["num", "g/inner"]}"#;
        let meta = DatasetMeta::parse(old).unwrap();
        assert_eq!(meta.key_of("g/inner"), Some("g/inner"));
        assert_eq!((meta.version.as_str(), meta.allow_delete), (VERSION, true));
        assert_eq!(DatasetMeta::parse(&meta.to_bytes()).unwrap(), meta);
        assert_eq!(DatasetMeta::parse(b"{}").unwrap(), DatasetMeta::default());
    }

    #[test]
    fn renamed_tensors_keep_their_key() {
        let file = br#"{"version": "4.0.0", "tensors": ["x", "x_969c"],
            "tensor_names": {"y": "x", "x": "x_969c"}, "later": 1}"#;
        let meta = DatasetMeta::parse(file).unwrap();
        assert_eq!((meta.key_of("y"), meta.key_of("x")), (Some("x"), Some("x_969c")));
        assert_eq!((meta.name_of("x"), meta.name_of("x_969c")), (Some("y"), Some("x")));
        assert_eq!(meta.version, "4.0.0");
    }

    #[test]
    fn damaged_files_are_refused() {
        for bad in [
            &b"{\"version\": \"3.9.52rc1\"}"[..],
            b"{\"tensors\": [1]}",
            b"{\"tensors\": [\"x\", \"x\"]}",
            b"{\"tensor_names\": [\"x\"]}",
        ] {
            assert!(DatasetMeta::parse(bad).is_err());
        }
    }
}
