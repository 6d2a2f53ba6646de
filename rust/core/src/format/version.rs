//! Version strings: the prefix of binary files, and their order (format 1.6).

use super::error::{FormatError, Result};
use super::limits::MAX_VERSION_BYTES;
use super::reader::Reader;
use crate::error::quoted;
use std::cmp::Ordering;

/// Reads `u8 n, n bytes`, the ASCII version at the start of chunks and encoders.
///
/// # Errors
/// The file ends inside, or the bytes are not ASCII.
pub fn parse_version_prefix<'a>(reader: &mut Reader<'a>) -> Result<&'a str> {
    let length = reader.u8("the length of the version")?;
    let at = reader.offset();
    let bytes = reader.take(usize::from(length), "the version")?;
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Ok(text),
        _ => Err(FormatError::corrupt("the version is not ASCII").at(at)),
    }
}

/// Appends `u8 n, n bytes`; what is beyond 255 bytes is cut, no real version has that.
pub fn write_version_prefix(out: &mut Vec<u8>, version: &str) {
    let bytes = version.as_bytes();
    let bytes = bytes.get(..MAX_VERSION_BYTES).unwrap_or(bytes);
    out.push(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(bytes);
}

/// The numbers of a version, `"3.9.52"` as `[3, 9, 52]`.
///
/// # Errors
/// Not dot-separated decimal integers.
pub fn parse_version(version: &str) -> Result<Vec<u64>> {
    let number = |part: &str| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|_| digits)
    };
    version.split('.').map(number).collect::<Option<_>>().ok_or_else(|| {
        let version = quoted(version);
        FormatError::corrupt(format!(
            "version {version} is not made of dot-separated decimal integers"
        ))
    })
}

/// Compares two versions number by number, the shorter one padded with zeros.
///
/// # Errors
/// One of them is not dot-separated decimal integers.
pub fn compare_versions(left: &str, right: &str) -> Result<Ordering> {
    let (left, right) = (parse_version(left)?, parse_version(right)?);
    let at = |numbers: &[u64], position| numbers.get(position).copied().unwrap_or(0);
    let order = (0..left.len().max(right.len()))
        .map(|position| at(&left, position).cmp(&at(&right, position)))
        .find(|order| order.is_ne());
    Ok(order.unwrap_or(Ordering::Equal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_padded_numbers() {
        assert_eq!(compare_versions("2.7.6", "2.7.6.0").unwrap(), Ordering::Equal);
        assert_eq!(compare_versions("2.7.5", "2.7.6").unwrap(), Ordering::Less);
        assert_eq!(compare_versions("3.10", "3.9.52").unwrap(), Ordering::Greater);
        for bad in ["", "3.9.52rc1", "3..1", "+3.1", " 3", "99999999999999999999"] {
            assert!(compare_versions(bad, "3").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn prefix_is_length_and_ascii() {
        let mut bytes = Vec::new();
        write_version_prefix(&mut bytes, "3.9.52");
        assert_eq!(bytes, b"\x063.9.52");
        assert_eq!(parse_version_prefix(&mut Reader::new(&bytes)).unwrap(), "3.9.52");
        assert_eq!(parse_version_prefix(&mut Reader::new(b"\x063.9")).unwrap_err().offset, Some(1));
        assert!(parse_version_prefix(&mut Reader::new(b"\x01\xff")).is_err());
    }
}
