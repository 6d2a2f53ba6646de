//! Which keys are taken.
//!
//! Keys that a store or the `object_store` crate would turn into another key are refused: reading
//! `a//b` and being given `a/b` would be worse than an error. So is whatever would lead out of the
//! store's root.

/// Checks that `key` means the same object in every kind of store.
///
/// # Errors
/// The rule that it breaks.
pub fn check_key(key: &str) -> Result<(), &'static str> {
    if key.chars().any(|c| c.is_ascii_control()) {
        return Err("keys cannot hold control characters");
    }
    check_key_of_files(key)
}

/// As [`check_key`], for files and memory: they keep control characters as they are, which http
/// requests cannot, and datasets with such names exist.
///
/// # Errors
/// The rule that it breaks.
pub(super) fn check_key_of_files(key: &str) -> Result<(), &'static str> {
    if key.is_empty() {
        return Err("the key is empty");
    }
    if key.starts_with('/') {
        return Err("keys cannot start with '/'");
    }
    if key.ends_with('/') {
        return Err("keys cannot end with '/'");
    }
    if key.contains('\0') {
        return Err("keys cannot hold a zero byte");
    }
    for part in key.split('/') {
        match part {
            "" => return Err("keys cannot hold '//'"),
            "." | ".." => return Err("keys cannot hold the parts '.' and '..'"),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{check_key, check_key_of_files};

    #[test]
    fn keys_that_would_change_are_refused() {
        for bad in ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "../a", "\0", "a/\0"]
        {
            assert!(check_key(bad).is_err() && check_key_of_files(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "a/b", "a b/ü%2F+#?&=", "..a/b..", ".hidden", "a\\b", "a~b", "[x]{y}"] {
            assert_eq!((check_key(good), check_key_of_files(good)), (Ok(()), Ok(())), "{good:?}");
        }
        assert!(check_key("a\nb").is_err() && check_key_of_files("a\nb/\u{7f}").is_ok());
    }
}
