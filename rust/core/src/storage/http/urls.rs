//! URLs as they are sent and as they are shown.

use reqwest::Url;

use crate::error::{Error, Kind, Result};

/// An http(s) URL as it may be shown: without user, password, query and fragment.
pub(crate) fn display_url(text: &str) -> String {
    let plain = text.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = plain.split_once("://") else { return plain.to_owned() };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

/// The path of a `file:///...` URL, percent-decoded; nothing for other URLs.
pub(crate) fn file_url_path(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "file")?;
    url.to_file_path().ok()?.into_os_string().into_string().ok()
}

/// Whether what is meant for one URL's server may be sent to that of the other.
pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// A folder of a web server, below which keys become URLs.
#[derive(Debug, Clone)]
pub(super) struct Folder(Url);

impl Folder {
    /// # Errors
    /// [`Kind::InvalidInput`] when `base` is no http(s) URL of a folder.
    pub(super) fn parse(base: &str) -> Result<Self> {
        let shown = display_url(base);
        let refuse = |why: &str| {
            Error::new(Kind::InvalidInput, format!("{shown} cannot hold a dataset: {why}"))
                .with_hint("a dataset behind a web server is opened as https://host/folder")
        };
        let mut url = Url::parse(base).map_err(|error| refuse(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse("its URL must start with http:// or https://"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("the URL of a folder has no query and no fragment"));
        }
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
        }
        Ok(Self(url))
    }

    /// The URL of the object `key`, each of whose characters stands for itself.
    pub(super) fn url_of(&self, key: &str) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(key.split('/'));
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shown_urls_hold_neither_query_nor_user() {
        for (url, shown) in [
            ("https://h/a%20b.jpg?X-Amz-Signature=s", "https://h/a%20b.jpg"),
            ("http://user:pass@h:80/x#frag", "http://h:80/x"),
            ("http://h?q=1", "http://h"),
            ("http://u:p@h", "http://h"),
            ("http://h/a@b?c@d", "http://h/a@b"),
        ] {
            assert_eq!(display_url(url), shown);
        }
    }

    #[test]
    fn origins_are_scheme_host_and_port() {
        let same = |one: &str, other: &str| {
            same_origin(&Url::parse(one).unwrap(), &Url::parse(other).unwrap())
        };
        assert!(same("http://h/a", "http://H:80/b?c"));
        assert!(same("https://u@h/", "https://h:443/"));
        for other in ["https://h:8080/", "http://h:8081/", "http://i:8080/", "http://h.:8080/"] {
            assert!(!same("http://h:8080/", other), "{other}");
        }
    }

    #[test]
    fn folders_are_urls_without_query() {
        for base in ["http://h/a", "http://h/a/"] {
            let url = Folder::parse(base).unwrap().url_of("t/x y%.json");
            assert_eq!(url.as_str(), "http://h/a/t/x%20y%25.json");
        }
        assert_eq!(Folder::parse("http://h").unwrap().url_of("k").as_str(), "http://h/k");
        for base in ["http://h/a?sig=secret", "http://h/a#f", "ftp://h/a", "http://", "a"] {
            let error = Folder::parse(base).unwrap_err();
            assert_eq!(error.kind(), Kind::InvalidInput, "{base}");
            assert!(!error.message().contains("secret"));
        }
    }

    proptest! {
        #[test]
        fn keys_stay_below_their_folder_and_come_back(key in "[^/\\p{Cc}]{1,12}(/[^/\\p{Cc}]{1,12}){0,3}") {
            prop_assume!(super::super::check_key(&key).is_ok());
            let url = Folder::parse("http://h/base").unwrap().url_of(&key);
            let path = url.path().strip_prefix("/base/").unwrap();
            let decoded = path.split('/').map(decoded).collect::<Vec<_>>().join("/");
            prop_assert_eq!(decoded, key);
            prop_assert_eq!((url.query(), url.fragment()), (None, None));
        }
    }

    fn decoded(segment: &str) -> String {
        let mut bytes = segment.bytes();
        let mut out = Vec::new();
        while let Some(byte) = bytes.next() {
            out.push(match byte {
                b'%' => {
                    let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                byte => byte,
            });
        }
        String::from_utf8(out).unwrap()
    }
}
