//! Keys of a listing that `object_store` would change or fail on.
//!
//! It reads `/lead` as `lead`, `tail/` as `tail`, and fails on the whole page for one `a//b`. So
//! such keys are written in another form into the reply before it reads it, and read back from what
//! it gives.

use std::borrow::Cow;

use bytes::Bytes;
use object_store::path::Path;
use quick_xml::escape::unescape;

/// What begins a key in the other form; real keys that begin so get it, too.
const MARK: &str = "\u{e000}key-";

const OPEN: &str = "<Key>";
const CLOSE: &str = "</Key>";

/// The reply with every key in a form that passes through `object_store` as it is.
pub(super) fn protect(page: Bytes) -> Bytes {
    // What is no text is no list of keys either: `object_store` says so.
    let Ok(text) = std::str::from_utf8(&page) else { return page };
    let mut out = String::new();
    let mut rest = text;
    let mut changed = false;
    while let Some((before, from_key)) = rest.split_once(OPEN) {
        let Some((escaped, after)) = from_key.split_once(CLOSE) else { break };
        out.push_str(before);
        out.push_str(OPEN);
        match unescape(escaped) {
            Ok(key) if !passes(&key) => {
                out.push_str(&hidden(&key));
                changed = true;
            }
            _ => out.push_str(escaped),
        }
        out.push_str(CLOSE);
        rest = after;
    }
    out.push_str(rest);
    if changed { Bytes::from(out) } else { page }
}

/// The key as the store has it.
pub(super) fn reveal(key: &str) -> Cow<'_, str> {
    match key.strip_prefix(MARK).and_then(from_hex) {
        Some(real) => Cow::Owned(real),
        None => Cow::Borrowed(key),
    }
}

fn passes(key: &str) -> bool {
    !key.starts_with(MARK)
        && key.trim() == key
        && Path::parse(key).is_ok_and(|path| path.as_ref() == key)
}

fn hidden(key: &str) -> String {
    let mut out = MARK.to_owned();
    for byte in key.bytes() {
        let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
        out.extend([digit(byte >> 4), digit(byte & 15)]);
    }
    out
}

fn from_hex(digits: &str) -> Option<String> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let bytes = digits.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    });
    String::from_utf8(bytes.collect::<Option<_>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(page: &Bytes) -> Vec<String> {
        let text = std::str::from_utf8(page).unwrap();
        let between = text.split(OPEN).skip(1).map(|part| part.split(CLOSE).next().unwrap());
        between.map(|escaped| unescape(escaped).unwrap().into_owned()).collect()
    }

    proptest! {
        #[test]
        fn every_key_comes_back(names in proptest::collection::vec("(/|a|\\.| |&|<|ü|\u{e000}key-|[0-9a-f]|.)*", 0..5)) {
            let page: String = names
                .iter()
                .map(|key| format!("<Contents><Key>{}</Key></Contents>", quick_xml::escape::escape(key)))
                .collect();
            let protected = keys(&protect(Bytes::from(page)));
            for key in &protected {
                prop_assert!(Path::parse(key).is_ok_and(|path| path.as_ref() == key.as_str()));
            }
            let revealed: Vec<_> = protected.iter().map(|key| reveal(key).into_owned()).collect();
            prop_assert_eq!(revealed, names);
        }

        #[test]
        fn any_reply_passes(bytes in any::<Vec<u8>>(), text in "(<Key>|</Key>|&|;|//|.)*") {
            drop(protect(Bytes::from(bytes)));
            drop(protect(Bytes::from(text)));
        }
    }

    #[test]
    fn plain_pages_stay_as_they_are() {
        let page = Bytes::from_static(b"<Key>a/b c</Key><Key>x&amp;y</Key>");
        assert_eq!(protect(page.clone()), page);
    }
}
