//! Which names tensors, groups and creds keys may be given.
//!
//! A tensor's name becomes part of the keys of its files, on every kind of store, and of the text
//! of chunk sets. What would lead out of the dataset, meet another file of it, or be taken apart
//! there is refused when it is created. Names that are in a dataset already are another matter:
//! they are read wherever their keys stay below the root ([`check_stored_key`]).

use super::error::{FormatError, Reason, Result};
use super::limits::{MAX_NAME_BYTES, MAX_NAME_PART_BYTES};
use crate::error::quoted;

/// Files and folders in the root of a commit (format 1.2): a tensor of that name would have a
/// folder where they have a file, or keep its files among those of the commits.
const RESERVED: [&str; 14] = [
    ".lakebed",
    ".queries",
    "commit_info.json",
    "dataset_diff",
    "dataset_info.json",
    "dataset_lock.lock",
    "dataset_meta.json",
    "linked_creds.json",
    "queries.json",
    "queries.lock",
    "version_control_info",
    "version_control_info.json",
    "version_control_info.lock",
    "versions",
];

/// Cleans the name of a new tensor or group: outer slashes stripped, double ones collapsed, as the
/// reference does.
///
/// # Errors
/// `BadName`, which says what is wrong with it and what that would break.
pub fn check_tensor_name(name: &str) -> Result<String> {
    let bad = |why: String| Err(bad_name(name, "a tensor or group", &why));
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
    let clean = parts.join("/");
    let Some(first) = parts.first() else {
        return bad("it is empty".to_owned());
    };
    if let Some(why) = parts.iter().find_map(|part| check_part(part)) {
        return bad(why);
    }
    if RESERVED.contains(first) {
        return bad(format!("the dataset keeps files of its own under {}", quoted(first)));
    }
    if clean.len() > MAX_NAME_BYTES {
        return bad(format!(
            "it has {} bytes, and keys of stores have no room for more than {MAX_NAME_BYTES}",
            clean.len()
        ));
    }
    Ok(clean)
}

/// What is wrong with one part of a name.
fn check_part(part: &str) -> Option<String> {
    if matches!(part, "." | "..") {
        return Some(format!("the part {} leads to another folder", quoted(part)));
    }
    if part.len() > MAX_NAME_PART_BYTES {
        return Some(format!(
            "a part of it has {} bytes, and file systems have no room for more than \
             {MAX_NAME_PART_BYTES} beside what the format adds",
            part.len()
        ));
    }
    part.chars().find_map(|character| {
        let why = match character {
            ':' | ',' => "separates the entries of chunk sets",
            '\\' => "separates folders on Windows",
            _ if character.is_control() => "is a control character, which stores cannot keep",
            _ => return None,
        };
        Some(format!("{} {why}", quoted(character.encode_utf8(&mut [0; 4]))))
    })
}

/// Checks the name of a new creds key. It is never part of a file's key, so that all printable text
/// is fine.
///
/// # Errors
/// `BadName`.
pub fn check_creds_key(name: &str) -> Result<()> {
    let bad = |why: String| Err(bad_name(name, "a creds key", &why));
    if name.trim().is_empty() {
        return bad("it is empty".to_owned());
    }
    if name.len() > MAX_NAME_BYTES {
        return bad(format!("it has {} bytes, at most {MAX_NAME_BYTES} are taken", name.len()));
    }
    match name.chars().find(|character| character.is_control()) {
        Some(character) => {
            bad(format!("{} is a control character", quoted(character.encode_utf8(&mut [0; 4]))))
        }
        None => Ok(()),
    }
}

fn bad_name(name: &str, what: &str, why: &str) -> FormatError {
    // What is too long to be a name is too long for a message.
    let shown: String = name.chars().take(100).collect();
    let dots = if shown.len() < name.len() { "..." } else { "" };
    FormatError::new(Reason::BadName, format!("{}{dots} cannot name {what}: {why}", quoted(&shown)))
}

/// Makes sure that a tensor key found in a file stays below its commit's prefix.
///
/// # Errors
/// `Corrupt`: it would lead out of the dataset.
pub fn check_stored_key(key: &str) -> Result<()> {
    let sound = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    if key.split('/').all(sound) {
        return Ok(());
    }
    Err(FormatError::corrupt(format!(
        "the tensor key {} does not stay inside of the dataset, so nothing is read there",
        quoted(key)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned() {
        assert_eq!(check_tensor_name("/a//b c/").unwrap(), "a/b c");
    }

    /// All of these open, read and write with the reference, and break nothing.
    #[test]
    fn what_breaks_nothing_is_taken() {
        for good in [
            "a b",
            " a ",
            "a.b",
            ".a",
            "..a",
            "é日",
            "a*b?",
            "%2e%2e",
            "-",
            "_x_shape",
            "chunks",
            "g/chunks",
            "g/versions",
            "tensor_meta.json",
            "g/dataset_meta.json",
            "con",
            "a'\"b",
        ] {
            assert_eq!(check_tensor_name(good).as_deref(), Ok(good), "{good:?}");
        }
    }

    #[test]
    fn what_breaks_the_format_is_refused_with_the_reason() {
        let long = "x".repeat(241);
        let longer = ["x"; 600].join("/");
        for (bad, why) in [
            ("", "empty"),
            ("//", "empty"),
            ("a/../b", "'..' leads"),
            (".", "'.' leads"),
            ("a:b", "':' separates"),
            ("g/a,b", "',' separates"),
            ("a\\b", "'\\' separates folders"),
            ("a\nb", "'\\n' is a control"),
            ("a\0", "'\\u{0}' is a control"),
            ("a\u{85}", "'\\u{85}' is a control"),
            ("versions", "'versions'"),
            ("versions/x", "'versions'"),
            ("dataset_meta.json", "'dataset_meta.json'"),
            (&long, "241 bytes"),
            (&longer, "1199 bytes"),
        ] {
            let error = check_tensor_name(bad).unwrap_err();
            assert_eq!(error.reason, Reason::BadName, "{bad:?}");
            assert!(error.rule.contains(why), "{bad:?}: {}", error.rule);
        }
    }

    #[test]
    fn creds_keys_are_any_printable_text() {
        for good in ["prod", "arn:aws:iam::1/x, y", "../x", "schlüssel"] {
            assert!(check_creds_key(good).is_ok(), "{good:?}");
        }
        for bad in ["", " ", "a\nb", "\0", &"x".repeat(901)] {
            assert_eq!(check_creds_key(bad).unwrap_err().reason, Reason::BadName, "{bad:?}");
        }
    }

    #[test]
    fn stored_keys_cannot_climb() {
        for good in ["g/x y:z", "a\nb", "versions/x", "..x"] {
            assert!(check_stored_key(good).is_ok(), "{good:?}");
        }
        for bad in ["", "../x", "/x", "x//y", "a/.", "a/../b", "a\0b"] {
            assert!(check_stored_key(bad).is_err(), "{bad:?}");
        }
    }
}
