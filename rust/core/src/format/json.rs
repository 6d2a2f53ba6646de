//! JSON as the reference writes it (format 1.3), and checked access to parsed objects.
//!
//! The writers take [`Value`] only, so they cannot fail. Bare `NaN` is no JSON here: what users
//! put into infos and samples passes as bytes, never through this module.

use super::error::{FormatError, Result};
use super::limits::{self, MAX_JSON_BYTES};
use serde_json::{Map, Number, Value};

/// Four-space indentation, sorted keys, ASCII only: metas and infos.
#[must_use]
pub fn to_pretty(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write_value(&mut out, value, Some(0));
    out
}

/// One line with `", "` and `": "`, keys as they stand, ASCII only: all other JSON files.
#[must_use]
pub fn to_line(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write_value(&mut out, value, None);
    out
}

fn write_value(out: &mut Vec<u8>, value: &Value, indent: Option<usize>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            let write = |out: &mut Vec<u8>, item: &Value, inner| write_value(out, item, inner);
            write_all(out, (b'[', b']'), items.iter(), indent, write);
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            if indent.is_some() {
                entries.sort_unstable_by_key(|(key, _)| *key);
            }
            let write = |out: &mut Vec<u8>, (key, item): (&String, &Value), inner| {
                write_string(out, key);
                out.extend_from_slice(b": ");
                write_value(out, item, inner);
            };
            write_all(out, (b'{', b'}'), entries.into_iter(), indent, write);
        }
    }
}

fn write_all<T>(
    out: &mut Vec<u8>,
    (open, close): (u8, u8),
    items: impl ExactSizeIterator<Item = T>,
    indent: Option<usize>,
    write: impl Fn(&mut Vec<u8>, T, Option<usize>),
) {
    let inner = indent.map(|indent| indent.saturating_add(4));
    let empty = items.len() == 0;
    out.push(open);
    for (position, item) in items.enumerate() {
        match (position, inner) {
            (0, _) => {}
            (_, Some(_)) => out.push(b','),
            (_, None) => out.extend_from_slice(b", "),
        }
        new_line(out, inner);
        write(out, item, inner);
    }
    if !empty {
        new_line(out, indent);
    }
    out.push(close);
}

fn new_line(out: &mut Vec<u8>, indent: Option<usize>) {
    if let Some(indent) = indent {
        out.push(b'\n');
        out.resize(out.len().saturating_add(indent), b' ');
    }
}

fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for character in text.chars() {
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            ' '..='~' => out.push(u8::try_from(character).unwrap_or(b'?')),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                }
            }
        }
    }
    out.push(b'"');
}

fn write_number(out: &mut Vec<u8>, number: &Number) {
    let text = match number.as_f64() {
        Some(float) if number.is_f64() => float_text(float),
        _ => number.to_string(),
    };
    out.extend_from_slice(text.as_bytes());
}

/// A float as Python's `repr` has it: `1.0`, `1e+16`, `1e-05`.
fn float_text(float: f64) -> String {
    let shortest = format!("{float:e}");
    let Some((digits, exponent)) = shortest.split_once('e') else {
        return shortest;
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        // Display never uses an exponent, and Debug would from 1e16 on.
        let text = float.to_string();
        return if text.contains('.') { text } else { text + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

/// Parses a file that holds one JSON object.
///
/// # Errors
/// The file is too large, is not JSON, or is something else than an object.
pub fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>> {
    limits::check_file(bytes, MAX_JSON_BYTES)?;
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(FormatError::corrupt("the file is not a JSON object")),
        Err(error) => {
            let offset = offset_of(bytes, error.line(), error.column());
            Err(FormatError::corrupt(format!("the file is not JSON: {error}")).at(offset))
        }
    }
}

/// The byte offset of a line and column, both counted from 1.
fn offset_of(bytes: &[u8], line: usize, column: usize) -> usize {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1));
    let before: usize = lines.map(<[u8]>::len).sum();
    before.saturating_add(column.saturating_sub(1)).min(bytes.len())
}

/// Takes typed fields out of an object; what remains are the unknown ones. Null reads as missing.
#[derive(Debug)]
pub(super) struct Fields(pub(super) Map<String, Value>);

impl Fields {
    /// The object inside a value.
    pub(super) fn of(value: Value, what: &str) -> Result<Self> {
        match value {
            Value::Object(map) => Ok(Self(map)),
            _ => Err(wrong(what, "an object")),
        }
    }

    pub(super) fn value(&mut self, name: &str) -> Option<Value> {
        self.0.shift_remove(name).filter(|value| !value.is_null())
    }

    fn typed<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| wrong(name, expected))
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>> {
        self.typed(name, "a string", text_of)
    }

    pub(super) fn flag(&mut self, name: &str, default: bool) -> Result<bool> {
        Ok(self.typed(name, "true or false", |value| value.as_bool())?.unwrap_or(default))
    }

    pub(super) fn unsigned(&mut self, name: &str) -> Result<Option<u64>> {
        self.typed(name, "a non-negative integer", |value| value.as_u64())
    }

    pub(super) fn signed(&mut self, name: &str) -> Result<Option<i64>> {
        self.typed(name, "an integer", |value| value.as_i64())
    }

    pub(super) fn float(&mut self, name: &str) -> Result<Option<f64>> {
        self.typed(name, "a number", |value| value.as_f64())
    }

    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>> {
        let read = |value| match value {
            Value::Array(items) => items.into_iter().map(text_of).collect(),
            _ => None,
        };
        Ok(self.typed(name, "a list of strings", read)?.unwrap_or_default())
    }

    pub(super) fn unsigneds(&mut self, name: &str) -> Result<Vec<u64>> {
        let read = |value| match value {
            Value::Array(items) => items.iter().map(Value::as_u64).collect(),
            _ => None,
        };
        Ok(self.typed(name, "a list of non-negative integers", read)?.unwrap_or_default())
    }

    pub(super) fn object(&mut self, name: &str) -> Result<Map<String, Value>> {
        match self.value(name) {
            None => Ok(Map::new()),
            Some(value) => Self::of(value, name).map(|fields| fields.0),
        }
    }
}

pub(super) fn text_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

pub(super) fn wrong(name: &str, expected: &str) -> FormatError {
    FormatError::corrupt(format!("the field {name:?} is not {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pretty_is_sorted_indented_ascii() {
        let value = json!({"b": [1, {"x": null}], "a": {}, "c": [], "é😀\u{7f}": "\n\u{1}\"/"});
        let text = String::from_utf8(to_pretty(&value)).unwrap();
        assert_eq!(
            text,
            "{\n    \"a\": {},\n    \"b\": [\n        1,\n        {\n            \"x\": null\n        }\n    ],\n    \
             \"c\": [],\n    \"\\u00e9\\ud83d\\ude00\\u007f\": \"\\n\\u0001\\\"/\"\n}"
        );
    }

    #[test]
    fn lines_keep_the_order() {
        let value = json!({"b": [1, true], "a": {"z": -2}});
        assert_eq!(to_line(&value), br#"{"b": [1, true], "a": {"z": -2}}"#);
    }

    #[test]
    fn floats_are_written_as_python_does() {
        for (float, text) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (1_795_338_178.186_787, "1795338178.186787"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(float_text(float), text);
        }
    }

    #[test]
    fn errors_name_the_byte() {
        assert_eq!(parse_object(b"{\n  \"a\": ?}").unwrap_err().offset, Some(9));
        assert!(parse_object(b"[]").is_err() && parse_object(b"").is_err());
        assert!(parse_object("[".repeat(100_000).as_bytes()).is_err());
    }
}
