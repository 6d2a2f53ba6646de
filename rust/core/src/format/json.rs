//! JSON as the reference writes it (format 1.3), and checked access to the fields of objects.
//!
//! The writer takes [`Value`] only, so it cannot fail. What users put into infos, samples and
//! fields that we do not know passes as bytes: see [`super::raw_json`].

use super::error::{FormatError, Result};
use super::raw_json::{self, RawFields, RawJson};
use crate::error::quoted;
use serde_json::{Number, Value};

/// Writes a value, ASCII only: with four-space indentation and sorted keys where `indent` says how
/// deep it stands (metas and infos), else on one line with `", "` and `": "`, keys as they stand.
pub(super) fn write_value(out: &mut String, value: &Value, indent: Option<usize>) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            let write = |out: &mut String, item: &Value, inner| write_value(out, item, inner);
            write_all(out, ('[', ']'), items.iter(), indent, write);
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            if indent.is_some() {
                entries.sort_unstable_by_key(|(key, _)| *key);
            }
            let write = |out: &mut String, (key, item): (&String, &Value), inner| {
                write_string(out, key);
                out.push_str(": ");
                write_value(out, item, inner);
            };
            write_all(out, ('{', '}'), entries.into_iter(), indent, write);
        }
    }
}

fn write_all<T>(
    out: &mut String,
    (open, close): (char, char),
    items: impl ExactSizeIterator<Item = T>,
    indent: Option<usize>,
    write: impl Fn(&mut String, T, Option<usize>),
) {
    let inner = indent.map(|indent| indent.saturating_add(4));
    let empty = items.len() == 0;
    out.push(open);
    for (position, item) in items.enumerate() {
        match (position, inner) {
            (0, _) => {}
            (_, Some(_)) => out.push(','),
            (_, None) => out.push_str(", "),
        }
        new_line(out, inner);
        write(out, item, inner);
    }
    if !empty {
        new_line(out, indent);
    }
    out.push(close);
}

fn new_line(out: &mut String, indent: Option<usize>) {
    if let Some(indent) = indent {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent));
    }
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}

fn write_number(out: &mut String, number: &Number) {
    let text = match number.as_f64() {
        Some(float) if number.is_f64() => float_text(float),
        _ => number.to_string(),
    };
    out.push_str(&text);
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

/// Takes typed fields out of an object; what remains are the unknown ones. Null reads as missing.
#[derive(Debug)]
pub(super) struct Fields(pub(super) RawFields);

impl Fields {
    /// The fields of a file that is one JSON object.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        raw_json::split_object(bytes).map(Self)
    }

    /// The fields of an object inside of a file.
    pub(super) fn of(value: &RawJson, what: &str) -> Result<Self> {
        Self::parse(value.as_str().as_bytes()).map_err(|_| wrong(what, "an object"))
    }

    /// A field as the text it has.
    pub(super) fn raw(&mut self, name: &str) -> Option<RawJson> {
        self.0.remove(name).filter(|value| value.as_str() != "null")
    }

    /// A text that is kept as it stands.
    pub(super) fn raw_text(&mut self, name: &str) -> Result<Option<RawJson>> {
        match self.raw(name) {
            Some(value) if !value.as_str().starts_with('"') => Err(wrong(name, "a string")),
            found => Ok(found),
        }
    }

    fn typed<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        raw.value().and_then(read).map(Some).ok_or_else(|| wrong(name, expected))
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

    /// The entries of an object by their keys, in the file's order.
    pub(super) fn object(&mut self, name: &str) -> Result<Vec<(String, RawJson)>> {
        let Some(value) = self.raw(name) else { return Ok(Vec::new()) };
        let entries = Self::of(&value, name)?.0;
        let decoded = entries.iter().map(|(key, value)| {
            let key = serde_json::from_str(&format!("\"{key}\""))
                .map_err(|_| wrong(name, "an object whose keys are text"))?;
            Ok((key, value.clone()))
        });
        decoded.collect()
    }
}

pub(super) fn text_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

pub(super) fn wrong(name: &str, expected: &str) -> FormatError {
    FormatError::corrupt(format!("the field {} is not {expected}", quoted(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pretty_is_sorted_indented_ascii() {
        let value = json!({"b": [1, {"x": null}], "a": {}, "c": [], "é😀\u{7f}": "\n\u{1}\"/"});
        let mut text = String::new();
        write_value(&mut text, &value, Some(0));
        assert_eq!(
            text,
            "{\n    \"a\": {},\n    \"b\": [\n        1,\n        {\n            \"x\": null\n        }\n    ],\n    \
             \"c\": [],\n    \"\\u00e9\\ud83d\\ude00\\u007f\": \"\\n\\u0001\\\"/\"\n}"
        );
    }

    #[test]
    fn lines_keep_the_order() {
        let value = json!({"b": [1, true], "a": {"z": -2}});
        assert_eq!(RawJson::line(&value).as_str(), r#"{"b": [1, true], "a": {"z": -2}}"#);
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
    fn only_fields_that_are_asked_for_need_a_value() {
        let file =
            br#"{"n": NaN, "big": 18446744073709551616, "lone": "\ud800", "a\u00e9": {"x": 1}}"#;
        let mut fields = Fields::parse(file).unwrap();
        assert!(fields.unsigned("missing").unwrap().is_none());
        for refused in
            [fields.float("n").err(), fields.unsigned("big").err(), fields.text("lone").err()]
        {
            assert_eq!(refused.unwrap().reason, crate::format::Reason::Corrupt);
        }
        let mut fields = Fields::parse(br#"{"o": {"a\u00e9": {"x": NaN}, "b": 1}}"#).unwrap();
        let object = fields.object("o").unwrap();
        assert_eq!(object[0].0, "aé");
        assert_eq!(object[0].1.as_str(), r#"{"x": NaN}"#);
    }
}
