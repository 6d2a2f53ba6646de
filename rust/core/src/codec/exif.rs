//! EXIF tags of a photo, as the reference keeps them in the hidden info row (format pages, 6.4).
//!
//! Only the first directory (IFD0) is kept; the Exif and GPS ones are there as their offsets. All
//! of it was found by feeding the reference files of every tag and type:
//!
//! | TIFF type | value in JSON |
//! |---|---|
//! | BYTE, UNDEFINED | string: the bytes as Python shows them, `b'..'` |
//! | ASCII | string, latin-1, without one final zero byte |
//! | integers, rationals | number with a fraction (`6.0`); 0 if the denominator is 0 |
//! | FLOAT, DOUBLE | string, as Python shows the number |
//!
//! Several values are a list, except for tags that have one by specification: then the first.
//! The reference's order of the keys, that of a Python set, is not imitated: it is file order here.

use serde_json::{Map, Value};

use super::exif_tags;
use super::image::{ImageFormat, sniff};
use super::{jpeg_markers, png_chunks};

/// Values that a block may have in all. A real one has some kilobytes; but entries may share their
/// bytes, so that a small file could ask for gigabytes.
const MAX_VALUE_BYTES: usize = 1 << 20;

const ORIENTATION: u16 = 0x0112;
const X_RESOLUTION: u16 = 0x011a;
const Y_RESOLUTION: u16 = 0x011b;
const RESOLUTION_UNIT: u16 = 0x0128;
const EXPOSURE_TIME: u16 = 0x829a;
const EXPOSURE_PROGRAM: u16 = 0x8822;
const METERING_MODE: u16 = 0x9207;

/// The EXIF tags of an image file; empty if it has none, or none that the reference can read.
#[must_use]
pub fn tags(bytes: &[u8]) -> Map<String, Value> {
    let block = match sniff(bytes) {
        Some(ImageFormat::Jpeg) => jpeg_markers::read_exif(bytes),
        Some(ImageFormat::Png) => png_chunks::read_exif(bytes),
        None => None,
    };
    block.and_then(|block| Tiff::open(&block)?.tags()).unwrap_or_default()
}

#[derive(Debug, Clone, Copy)]
struct Tiff<'a> {
    bytes: &'a [u8],
    big_endian: bool,
    directory: usize,
}

/// The values of one entry.
enum Values {
    Bytes(Vec<u8>),
    Text(String),
    Integers(Vec<i64>),
    Rationals(Vec<(i64, i64)>),
    Floats(Vec<f64>),
}

impl<'a> Tiff<'a> {
    fn open(mut bytes: &'a [u8]) -> Option<Self> {
        while let Some(rest) = bytes.strip_prefix(b"Exif\0\0") {
            bytes = rest;
        }
        let big_endian = match bytes.first_chunk::<4>()? {
            b"II*\0" | b"II\0*" => false,
            b"MM\0*" | b"MM*\0" => true,
            _ => return None,
        };
        let mut tiff = Self { bytes, big_endian, directory: 0 };
        tiff.directory = usize::try_from(tiff.u32(bytes.get(4..8)?)?).ok()?;
        Some(tiff)
    }

    fn u16(&self, bytes: &[u8]) -> Option<u16> {
        let bytes = *bytes.first_chunk()?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&self, bytes: &[u8]) -> Option<u32> {
        let bytes = *bytes.first_chunk()?;
        Some(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn u64(&self, bytes: &[u8]) -> Option<u64> {
        let bytes = *bytes.first_chunk()?;
        Some(if self.big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }

    /// All tags; `None` where the reference gives up, and keeps nothing.
    fn tags(&self) -> Option<Map<String, Value>> {
        let count = self.u16(self.bytes.get(self.directory..)?)?;
        let entries = self.bytes.get(self.directory.checked_add(2)?..)?;
        let mut tags = Map::new();
        let mut left = MAX_VALUE_BYTES;
        for entry in entries.as_chunks::<12>().0.iter().take(usize::from(count)) {
            let Some(tag) = self.u16(entry) else { break };
            let Some(kind) = entry.get(2..4).and_then(|kind| self.u16(kind)) else { break };
            let Some(item) = item_bytes(kind) else { continue };
            // Where the first value is cut off, Pillow stops, and keeps what it has.
            let Some(data) = self.data(entry, item) else { break };
            let Some(rest) = left.checked_sub(data.len()) else { break };
            left = rest;
            if data.is_empty() {
                continue;
            }
            let value = in_json(tag, self.values(kind, data)?)?;
            let name = exif_tags::name(tag).map_or_else(|| tag.to_string(), str::to_owned);
            tags.insert(name, value);
        }
        Some(tags)
    }

    /// The bytes of an entry's values: in the entry, or where it points to.
    fn data<'b>(&'b self, entry: &'b [u8; 12], item: usize) -> Option<&'b [u8]> {
        let [.., c3, c2, c1, c0, _, _, _, _] = *entry;
        let length = usize::try_from(self.u32(&[c3, c2, c1, c0])?).ok()?.checked_mul(item)?;
        let place = entry.get(8..)?;
        if length <= 4 {
            return place.get(..length);
        }
        let start = usize::try_from(self.u32(place)?).ok()?;
        self.bytes.get(start..start.checked_add(length)?)
    }

    fn values(&self, kind: u16, data: &[u8]) -> Option<Values> {
        let halves = |pair: &[u8; 8]| {
            let (first, second) = (self.u32(pair)?, self.u32(pair.get(4..)?)?);
            Some((first, second))
        };
        let signed = |(first, second): (u32, u32)| {
            (i64::from(first.cast_signed()), i64::from(second.cast_signed()))
        };
        let unsigned = |(first, second): (u32, u32)| (i64::from(first), i64::from(second));
        let (two, four, eight) =
            (data.as_chunks::<2>().0, data.as_chunks::<4>().0, data.as_chunks::<8>().0);
        let two = || two.iter().map(|item| self.u16(item));
        let four = || four.iter().map(|item| self.u32(item));
        Some(match kind {
            2 => Values::Text(
                data.strip_suffix(&[0]).unwrap_or(data).iter().map(|b| char::from(*b)).collect(),
            ),
            3 => Values::Integers(two().map(|item| item.map(i64::from)).collect::<Option<_>>()?),
            4 | 13 => {
                Values::Integers(four().map(|item| item.map(i64::from)).collect::<Option<_>>()?)
            }
            5 => Values::Rationals(
                eight.iter().map(|pair| halves(pair).map(unsigned)).collect::<Option<_>>()?,
            ),
            6 => Values::Integers(data.iter().map(|item| i64::from(item.cast_signed())).collect()),
            8 => Values::Integers(
                two()
                    .map(|item| item.map(|item| i64::from(item.cast_signed())))
                    .collect::<Option<_>>()?,
            ),
            9 => Values::Integers(
                four()
                    .map(|item| item.map(|item| i64::from(item.cast_signed())))
                    .collect::<Option<_>>()?,
            ),
            10 => Values::Rationals(
                eight.iter().map(|pair| halves(pair).map(signed)).collect::<Option<_>>()?,
            ),
            11 => Values::Floats(
                four()
                    .map(|item| item.map(|item| f64::from(f32::from_bits(item))))
                    .collect::<Option<_>>()?,
            ),
            12 => Values::Floats(
                eight
                    .iter()
                    .map(|item| self.u64(item).map(f64::from_bits))
                    .collect::<Option<_>>()?,
            ),
            _ => Values::Bytes(data.to_vec()),
        })
    }
}

/// Bytes of one value of a TIFF type; `None` for types that Pillow passes over.
fn item_bytes(kind: u16) -> Option<usize> {
    Some(match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 => 8,
        _ => return None,
    })
}

/// The value as the reference writes it; `None` if it stumbles over this tag.
fn in_json(tag: u16, values: Values) -> Option<Value> {
    // The reference looks these up by number.
    let needs_number =
        matches!(tag, ORIENTATION | RESOLUTION_UNIT | EXPOSURE_PROGRAM | METERING_MODE);
    let (mut items, is_number) = match values {
        Values::Bytes(bytes) => (vec![python_bytes(&bytes).into()], false),
        Values::Text(text) => (vec![text.into()], false),
        Values::Integers(items) => (items.iter().map(|item| integer(tag, *item)).collect(), true),
        Values::Rationals(items) => (items.iter().map(|item| rational(tag, *item)).collect(), true),
        Values::Floats(items) => {
            (items.iter().map(|item| Value::from(python_float(*item))).collect(), false)
        }
    };
    if exif_tags::is_single(tag) {
        items.truncate(1);
    }
    if needs_number && (!is_number || items.len() > 1) {
        return None;
    }
    if items.len() == 1 { items.pop() } else { Some(Value::Array(items)) }
}

fn integer(tag: u16, value: i64) -> Value {
    if matches!(tag, X_RESOLUTION | Y_RESOLUTION) { value.into() } else { (value as f64).into() }
}

fn rational(tag: u16, (numerator, denominator): (i64, i64)) -> Value {
    match tag {
        X_RESOLUTION | Y_RESOLUTION => {
            numerator.checked_div(denominator).unwrap_or_default().into()
        }
        EXPOSURE_TIME if denominator == 0 => 0.0.into(),
        _ if denominator == 0 => 0.into(),
        _ => (numerator as f64 / denominator as f64).into(),
    }
}

/// Bytes as Python's `repr` shows them.
fn python_bytes(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let mut text = format!("b{quote}");
    for byte in bytes {
        match byte {
            b'\t' => text.push_str("\\t"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\\' => text.push_str("\\\\"),
            _ if char::from(*byte) == quote => text.extend(['\\', quote]),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push(quote);
    text
}

/// A number as Python's `repr` shows it: shortest digits, an exponent from 1e16 and below 1e-4.
fn python_float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    let size = value.abs();
    if value.is_infinite() || size == 0.0 || (1e-4..1e16).contains(&size) {
        return format!("{value:?}");
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A jpeg head with one little-endian EXIF block.
    fn photo(block: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0xff, 0xd8, 0xff, 0xe1];
        bytes.extend(u16::try_from(block.len() + 8).unwrap().to_be_bytes());
        bytes.extend(b"Exif\0\0");
        bytes.extend(block);
        bytes
    }

    fn entry(tag: u16, kind: u16, count: u32, value: [u8; 4]) -> Vec<u8> {
        let mut bytes = tag.to_le_bytes().to_vec();
        bytes.extend(kind.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(value);
        bytes
    }

    fn block(entries: &[Vec<u8>], tail: &[u8]) -> Vec<u8> {
        let mut bytes = b"II*\0\x08\0\0\0".to_vec();
        bytes.extend((entries.len() as u16).to_le_bytes());
        bytes.extend(entries.concat());
        bytes.extend([0; 4]);
        bytes.extend(tail);
        bytes
    }

    #[test]
    fn values_look_as_the_reference_has_them() {
        let tail = [0xd1, 2, 0, 0, 10, 0, 0, 0];
        let at = 8 + 2 + 6 * 12 + 4;
        let entries = [
            entry(0x10f, 2, 4, *b"caf\xe9"),
            entry(ORIENTATION, 3, 1, [6, 0, 0, 0]),
            entry(X_RESOLUTION, 5, 1, [at, 0, 0, 0]),
            entry(EXPOSURE_TIME, 5, 1, [at, 0, 0, 0]),
            entry(0xabcd, 7, 3, *b"'\x01\\\0"),
            entry(0x9101, 3, 2, [1, 0, 2, 0]),
        ];
        let expected = serde_json::json!({
            "Make": "caf\u{e9}", "Orientation": 6.0, "XResolution": 72, "ExposureTime": 72.1,
            "43981": "b\"'\\x01\\\\\"", "ComponentsConfiguration": [1.0, 2.0],
        });
        assert_eq!(Value::Object(tags(&photo(&block(&entries, &tail)))), expected);
    }

    #[test]
    fn a_tag_that_the_reference_stumbles_over_empties_all() {
        let entries = [entry(0x10f, 2, 2, *b"M\0\0\0"), entry(ORIENTATION, 2, 2, *b"M\0\0\0")];
        assert!(tags(&photo(&block(&entries, &[]))).is_empty());
    }

    #[test]
    fn a_value_cut_off_ends_the_list() {
        let entries = [
            entry(0x10f, 2, 2, *b"M\0\0\0"),
            entry(0x110, 2, 9, [200, 0, 0, 0]),
            entry(ORIENTATION, 3, 1, [1, 0, 0, 0]),
        ];
        let found = tags(&photo(&block(&entries, &[])));
        assert_eq!(Value::Object(found), serde_json::json!({"Make": "M"}));
    }

    #[test]
    fn floats_are_shown_as_python_does() {
        for (value, text) in [
            (1.5, "1.5"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (-0.0, "-0.0"),
            (1.5e300, "1.5e+300"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(python_float(value), text);
        }
    }

    proptest! {
        #[test]
        fn hostile_blocks_are_harmless(
            entries in proptest::collection::vec(
                (any::<u16>(), 0_u16..14, prop_oneof![0_u32..9, any::<u32>()], any::<[u8; 4]>()),
                0..9,
            ),
            tail in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let entries: Vec<_> =
                entries.into_iter().map(|(tag, kind, count, value)| entry(tag, kind, count, value)).collect();
            let _ = tags(&photo(&block(&entries, &tail)));
        }
    }
}
