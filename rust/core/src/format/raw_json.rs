//! JSON that keeps its bytes: checked and split into the fields of an object, never printed anew.
//!
//! Python's JSON is wider than the standard one: `NaN`, `Infinity`, integers of any size, escapes
//! that are half of a surrogate pair. What users put into a meta or a message passes through here
//! as the text it has, so that nothing of it changes when the file is rewritten.

use super::error::{FormatError, Result};
use super::json::write_value;
use super::limits::{self, MAX_JSON_BYTES, MAX_JSON_DEPTH};
use super::ordered::Ordered;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// One JSON value, as the text that it has in its file.
#[derive(Clone, PartialEq, Eq)]
pub struct RawJson(Box<str>);

/// The fields of an object by the text between the quotes of their keys, in the file's order. Of a
/// key that stands there twice the last value holds, as in Python.
pub(super) type RawFields = Ordered<String, RawJson>;

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl RawJson {
    /// A value on one line.
    #[must_use]
    pub fn line(value: &Value) -> Self {
        Self::written(value, None)
    }

    /// A value as it stands one level inside of a file with four-space indentation.
    #[must_use]
    pub fn field(value: &Value) -> Self {
        Self::written(value, Some(4))
    }

    fn written(value: &Value, indent: Option<usize>) -> Self {
        let mut out = String::new();
        write_value(&mut out, value, indent);
        Self(out.into())
    }

    /// An object on one line, of keys and values.
    pub(super) fn object<'a>(entries: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let mut out = String::from("{");
        for (position, (key, value)) in entries.into_iter().enumerate() {
            if position > 0 {
                out.push_str(", ");
            }
            write_value(&mut out, &Value::from(key), None);
            out.push_str(": ");
            out.push_str(&value.0);
        }
        out.push('}');
        Self(out.into())
    }

    /// The fields of an object.
    ///
    /// # Errors
    /// As those of a file: not an object, not JSON as Python reads it.
    pub fn fields(object: &[u8]) -> Result<BTreeMap<String, Self>> {
        split_object(object).map(|fields| fields.into_iter().collect())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, as the content of a file.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_string().into_bytes()
    }

    /// The value; `None` if it is one that only Python's JSON has.
    #[must_use]
    pub fn value(&self) -> Option<Value> {
        serde_json::from_str(&self.0).ok()
    }
}

/// A file that is one object: four-space indentation, keys sorted, values as they stand.
pub(super) fn pretty_object(mut fields: Vec<(&str, &RawJson)>) -> Vec<u8> {
    fields.sort_unstable_by_key(|(key, _)| *key);
    let lines: Vec<String> =
        fields.iter().map(|(key, value)| format!("\n    \"{key}\": {}", value.0)).collect();
    format!("{{{}\n}}", lines.join(",")).into_bytes()
}

/// Splits a file that is one object.
///
/// # Errors
/// It is too large, not JSON as Python reads it, nested too deeply, or something else than an
/// object.
pub(super) fn split_object(bytes: &[u8]) -> Result<RawFields> {
    limits::check_file(bytes, MAX_JSON_BYTES)?;
    let text = std::str::from_utf8(bytes).map_err(|error| {
        FormatError::corrupt("the file is not JSON: it is not UTF-8").at(error.valid_up_to())
    })?;
    let mut scanner = Scanner { text, at: 0 };
    scanner.skip_space();
    if !scanner.eat(b'{') {
        scanner.value()?;
        return Err(FormatError::corrupt("the file is not a JSON object"));
    }
    let mut fields = RawFields::default();
    scanner.skip_space();
    if !scanner.eat(b'}') {
        loop {
            let key = scanner.key()?.to_owned();
            scanner.skip_space();
            let value = scanner.value()?;
            fields.insert(key, RawJson(value.into()));
            scanner.skip_space();
            if scanner.eat(b'}') {
                break;
            }
            scanner.require(b',')?;
        }
    }
    scanner.skip_space();
    if scanner.at < text.len() {
        return Err(scanner.expected("nothing more"));
    }
    Ok(fields)
}

/// Walks over a text, byte by byte; stops only where characters begin.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self
            .text
            .as_bytes()
            .get(self.at..)
            .is_some_and(|left| left.starts_with(word.as_bytes()));
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn expected(&self, what: &str) -> FormatError {
        FormatError::corrupt(format!("the file is not JSON: expected {what}")).at(self.at)
    }

    fn require(&mut self, byte: u8) -> Result<()> {
        if self.eat(byte) {
            return Ok(());
        }
        Err(self.expected(&format!("{:?}", char::from(byte))))
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// A value whole; nesting costs no stack.
    fn value(&mut self) -> Result<&'a str> {
        let start = self.at;
        let mut open: Vec<u8> = Vec::new();
        loop {
            self.skip_space();
            if let Some(closer) = self.opening()? {
                open.push(closer);
                if open.len() > MAX_JSON_DEPTH {
                    let rule = format!("more than {MAX_JSON_DEPTH} levels of nested JSON");
                    return Err(FormatError::limit(rule).at(self.at));
                }
                continue;
            }
            loop {
                let Some(closer) = open.last().copied() else { return Ok(self.since(start)) };
                self.skip_space();
                if self.eat(b',') {
                    if closer == b'}' {
                        self.key()?;
                    }
                    break;
                }
                self.require(closer)?;
                open.pop();
            }
        }
    }

    /// The beginning of a value: what closes a list or an object that has items, or `None` behind
    /// a value that is complete.
    fn opening(&mut self) -> Result<Option<u8>> {
        let closer = match self.peek() {
            Some(b'[') => b']',
            Some(b'{') => b'}',
            Some(b'"') => return self.string().map(|_| None),
            _ => return self.number_or_word().map(|()| None),
        };
        self.at += 1;
        self.skip_space();
        if self.eat(closer) {
            return Ok(None);
        }
        if closer == b'}' {
            self.key()?;
        }
        Ok(Some(closer))
    }

    /// A key with its colon; the text between the quotes.
    fn key(&mut self) -> Result<&'a str> {
        self.skip_space();
        let key = self.string()?;
        self.skip_space();
        self.require(b':')?;
        Ok(key)
    }

    /// A string; the text between the quotes.
    fn string(&mut self) -> Result<&'a str> {
        self.require(b'"')?;
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                Some(b' '..) => self.at += 1,
                _ => return Err(self.expected("the end of a string")),
            }
        }
        let text = self.since(start);
        self.at += 1;
        Ok(text)
    }

    fn escape(&mut self) -> Result<()> {
        let hex_digits = match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 0,
            Some(b'u') => 4,
            _ => return Err(self.expected("an escape")),
        };
        self.at += 1;
        for _ in 0..hex_digits {
            if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                return Err(self.expected("four hexadecimal digits"));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number_or_word(&mut self) -> Result<()> {
        let words = ["null", "true", "false", "NaN", "Infinity", "-Infinity"];
        if words.iter().any(|word| self.eat_word(word)) {
            return Ok(());
        }
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') && !self.digits() {
            self.at = start;
            return Err(self.expected("a value"));
        }
        if self.eat(b'.') && !self.digits() {
            return Err(self.expected("a digit"));
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            if !self.digits() {
                return Err(self.expected("a digit"));
            }
        }
        Ok(())
    }

    fn digits(&mut self) -> bool {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at > start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<(String, String)> {
        let found = split_object(text.as_bytes()).unwrap();
        found.iter().map(|(key, value)| (key.clone(), value.as_str().to_owned())).collect()
    }

    #[test]
    fn values_keep_their_bytes() {
        for value in [
            "NaN",
            "[Infinity, -Infinity,NaN]",
            "1180591620717411303424",
            "-9223372036854775809",
            "1e22",
            "1.0E+05",
            "-0.0",
            "123456789012345678901234567890.5",
            r#""\ud800""#,
            r#""é\u00e9\/\"\\""#,
            r#"{"b" : 1 , "a":{},"\udfff": [ ], "a": [1,{"x":null}]}"#,
            "[[[]],[{}], true,\n false ]",
        ] {
            let text = format!("{{ \"k\" :{value} , \"l\": 0\n}}");
            let expected = [("k", value), ("l", "0")].map(|(k, v)| (k.to_owned(), v.to_owned()));
            assert_eq!(fields(&text), expected);
        }
    }

    #[test]
    fn the_last_of_two_equal_keys_holds() {
        assert_eq!(fields(r#"{"a": 1, "a": 2}"#), [("a".to_owned(), "2".to_owned())]);
        assert_eq!(fields(r#"{"\ud800": 1}"#), [(r"\ud800".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn what_python_refuses_is_refused_at_its_byte() {
        for (value, offset) in [
            ("?", 5),
            ("01", 6),
            ("-", 5),
            ("1.", 7),
            ("1e", 7),
            ("+1", 5),
            ("nan", 5),
            ("-NaN", 5),
            ("[1,]", 8),
            ("[1 2]", 8),
            ("[1}", 7),
            (r#"{"a" 1}"#, 10),
            ("{1: 2}", 6),
            (r#"{"a": 1,}"#, 13),
            (r#""\x""#, 7),
            (r#""\u12g4""#, 10),
            ("\"a\nb\"", 7),
            ("\"a", 8),
        ] {
            let text = format!("{{\"k\":{value}}}");
            let error = split_object(text.as_bytes()).unwrap_err();
            assert_eq!(error.offset, Some(offset), "{value}: {error}");
        }
        for text in ["", "[]", "1", "{} x", "{\"a\": 1", "\u{feff}{}"] {
            split_object(text.as_bytes()).unwrap_err();
        }
        assert_eq!(split_object(b"{\"a\": \"\xff\"}").unwrap_err().offset, Some(7));
    }

    #[test]
    fn deep_nesting_is_a_limit() {
        let nested =
            |depth: usize| format!("{{\"k\":{}0{}}}", "[".repeat(depth), "]".repeat(depth));
        split_object(nested(MAX_JSON_DEPTH).as_bytes()).unwrap();
        let error = split_object(nested(MAX_JSON_DEPTH + 1).as_bytes()).unwrap_err();
        assert_eq!(error.reason, super::super::error::Reason::Limit);
        split_object("[".repeat(1_000_000).as_bytes()).unwrap_err();
    }

    #[test]
    fn objects_are_written_with_the_text_of_their_values() {
        let raw = RawJson("[NaN,1e22]".into());
        let number = RawJson::field(&serde_json::json!([1]));
        assert_eq!(
            String::from_utf8(pretty_object(vec![("b", &number), ("a", &raw)])).unwrap(),
            "{\n    \"a\": [NaN,1e22],\n    \"b\": [\n        1\n    ]\n}"
        );
        let line = RawJson::object([("é", raw), ("b", RawJson::line(&serde_json::json!([1, 2])))]);
        assert_eq!(line.as_str(), r#"{"\u00e9": [NaN,1e22], "b": [1, 2]}"#);
        assert_eq!((line.value(), number.value()), (None, Some(serde_json::json!([1]))));
    }
}
