//! `linked_creds.json`: the names of credential keys, and their numbers (format 9.3).
//!
//! Holds names only; secrets are never stored.

use std::collections::HashSet;

use super::error::Result;
use super::json::Fields;
use super::raw_json::RawJson;
use serde_json::json;

/// The key whose secrets come from the environment; see [`LinkedCreds::number_of`].
pub const ENV_KEY: &str = "ENV";

/// The creds keys of a dataset, shared by all its commits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkedCreds {
    /// All keys; the order defines the numbers, and entries are never removed.
    pub creds_keys: Vec<String>,
    /// Those whose secrets come from the platform.
    pub managed_creds_keys: Vec<String>,
    /// Those that some sample used.
    pub used_creds_keys: Vec<String>,
}

impl LinkedCreds {
    /// Parses the file.
    ///
    /// # Errors
    /// Not a JSON object, or a field that is no list of strings.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let mut fields = Fields::parse(bytes)?;
        Ok(Self {
            creds_keys: fields.texts("creds_keys")?,
            managed_creds_keys: fields.texts("managed_creds_keys")?,
            used_creds_keys: fields.texts("used_creds_keys")?,
        })
    }

    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let file = json!({
            "creds_keys": self.creds_keys,
            "managed_creds_keys": self.managed_creds_keys,
            "used_creds_keys": self.used_creds_keys,
        });
        RawJson::line(&file).into_bytes()
    }

    /// Whether `ENV` is used without being listed: the reference then reads with `ENV` put in
    /// front of the list, but writes the other keys with the numbers they have without it.
    fn has_unlisted_env(&self) -> bool {
        let names_env = |keys: &[String]| keys.iter().any(|key| key == ENV_KEY);
        names_env(&self.used_creds_keys) && !names_env(&self.creds_keys)
    }

    /// The number to store for a link that uses `key`; `None` for an unknown key.
    #[must_use]
    pub fn number_of(&self, key: &str) -> Option<u32> {
        if key == ENV_KEY && self.has_unlisted_env() {
            return Some(0);
        }
        let place = self.creds_keys.iter().position(|known| known == key)?;
        u32::try_from(place.checked_add(1)?).ok()
    }

    /// The key a stored number means; `None` for 0, which is no key, and for unknown numbers.
    #[must_use]
    pub fn key_of(&self, number: u32) -> Option<&str> {
        let place = usize::try_from(number.checked_sub(1)?).ok()?;
        if !self.has_unlisted_env() {
            return self.creds_keys.get(place).map(String::as_str);
        }
        match place.checked_sub(1) {
            None => Some(ENV_KEY),
            Some(place) => self.creds_keys.get(place).map(String::as_str),
        }
    }

    /// Adds a key; false if it was there.
    pub fn add(&mut self, key: &str) -> bool {
        add_once(&mut self.creds_keys, key)
    }

    /// Gives a key another name, in place: its numbers stay. False where there is no such key.
    ///
    /// With the name of another key, both positions carry it from then on.
    pub fn rename(&mut self, old: &str, new: &str) -> bool {
        if !self.creds_keys.iter().any(|key| key == old) {
            return false;
        }
        for keys in [&mut self.creds_keys, &mut self.managed_creds_keys, &mut self.used_creds_keys]
        {
            keys.iter_mut().filter(|key| *key == old).for_each(|key| new.clone_into(key));
        }
        for keys in [&mut self.managed_creds_keys, &mut self.used_creds_keys] {
            let mut seen = HashSet::new();
            keys.retain(|key| seen.insert(key.clone()));
        }
        true
    }

    /// Names of the keys, each once, `ENV` included where it is used without being listed.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let env = self.has_unlisted_env().then_some(ENV_KEY);
        let mut names = Vec::new();
        for key in env.into_iter().chain(self.creds_keys.iter().map(String::as_str)) {
            add_once(&mut names, key);
        }
        names
    }

    /// Notes that a sample uses the key; false if that was known.
    pub fn mark_used(&mut self, key: &str) -> bool {
        add_once(&mut self.used_creds_keys, key)
    }

    /// Brings in what another writer stored: its lists win, keys new here are appended.
    pub fn merge(&mut self, stored: &Self) {
        for (own, theirs) in [
            (&mut self.creds_keys, &stored.creds_keys),
            (&mut self.managed_creds_keys, &stored.managed_creds_keys),
            (&mut self.used_creds_keys, &stored.used_creds_keys),
        ] {
            let mine = std::mem::replace(own, theirs.clone());
            for key in mine {
                add_once(own, &key);
            }
        }
    }
}

fn add_once(keys: &mut Vec<String>, key: &str) -> bool {
    let is_new = !keys.iter().any(|known| known == key);
    if is_new {
        keys.push(key.to_owned());
    }
    is_new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn example_of_the_pages() {
        let file = br#"{"creds_keys": ["key_one", "key_two", "unused"], "managed_creds_keys": [], "used_creds_keys": ["key_two", "key_one"]}"#;
        let creds = LinkedCreds::parse(file).unwrap();
        assert_eq!(creds.to_bytes(), file);
        assert_eq!((creds.number_of("key_two"), creds.number_of("other")), (Some(2), None));
        assert_eq!(
            (creds.key_of(0), creds.key_of(1), creds.key_of(4)),
            (None, Some("key_one"), None)
        );
    }

    #[test]
    fn unlisted_env_shifts_reading_but_not_writing() {
        let file = br#"{"creds_keys": ["a"], "used_creds_keys": ["ENV"]}"#;
        let creds = LinkedCreds::parse(file).unwrap();
        assert_eq!((creds.number_of("ENV"), creds.number_of("a")), (Some(0), Some(1)));
        assert_eq!((creds.key_of(1), creds.key_of(2)), (Some("ENV"), Some("a")));
    }

    #[test]
    fn a_renamed_key_keeps_its_number() {
        let mut creds = LinkedCreds::parse(
            br#"{"creds_keys": ["a", "b"], "managed_creds_keys": ["a"], "used_creds_keys": ["b", "a"]}"#,
        )
        .unwrap();
        assert!(!creds.rename("c", "d"));
        assert!(creds.rename("a", "z"));
        assert_eq!(
            (creds.key_of(1), creds.number_of("z"), creds.number_of("a")),
            (Some("z"), Some(1), None)
        );
        assert_eq!(
            (&creds.managed_creds_keys[..], &creds.used_creds_keys[..]),
            (&["z".to_owned()][..], &["b".to_owned(), "z".to_owned()][..])
        );
        // To the name of another: both numbers mean it, and it is renamed at both.
        assert!(creds.rename("z", "b"));
        assert_eq!((creds.key_of(1), creds.key_of(2)), (Some("b"), Some("b")));
        assert_eq!(
            (creds.names(), &creds.used_creds_keys[..]),
            (vec!["b".to_owned()], &["b".to_owned()][..])
        );
        assert!(creds.rename("b", "c"));
        assert_eq!(creds.creds_keys, ["c", "c"]);
    }

    #[test]
    fn merging_keeps_stored_numbers() {
        let mut own = LinkedCreds::default();
        assert!(own.add("mine") && !own.add("mine") && own.mark_used("mine"));
        let stored = LinkedCreds { creds_keys: vec!["theirs".into()], ..LinkedCreds::default() };
        own.merge(&stored);
        assert_eq!(own.creds_keys, ["theirs", "mine"]);
        assert_eq!(own.used_creds_keys, ["mine"]);
    }
}
