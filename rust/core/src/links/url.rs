//! The rules of link texts.

use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::storage::{check_bucket, check_key, display_url, file_url_path};

/// A cloud with buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cloud {
    S3,
    Gcs,
}

impl Cloud {
    /// The cloud of a scheme. Google's has three, which mean the same.
    fn of(scheme: &str) -> Option<Self> {
        match scheme {
            "s3" => Some(Self::S3),
            "gcs" | "gs" | "gcp" => Some(Self::Gcs),
            _ => None,
        }
    }

    pub(super) const fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gcs => "gcs",
        }
    }
}

/// What a link's text says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Link<'a> {
    Object { cloud: Cloud, bucket: &'a str, key: &'a str },
    Http,
    File(String),
}

/// Schemes of the format that cannot be read yet, with what they mean.
const UNSUPPORTED: [(&str, &str); 3] =
    [("az", "Azure storage"), ("azure", "Azure storage"), ("gdrive", "Google Drive")];

impl<'a> Link<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self> {
        if text.is_empty() {
            return Err(invalid("the link is empty".to_owned()));
        }
        let Some((scheme, rest)) = split_scheme(text) else {
            return file(Path::new(text));
        };
        if let Some(cloud) = Cloud::of(scheme) {
            let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
            check_bucket(bucket)?;
            check_key(key)
                .map_err(|rule| invalid(format!("{scheme}://{bucket}/{key} is no link: {rule}")))?;
            return Ok(Self::Object { cloud, bucket, key });
        }
        match scheme {
            "http" | "https" => Ok(Self::Http),
            "file" => file_url_path(text)
                .map(Self::File)
                .ok_or_else(|| invalid("file URLs look like file:///folder/name".to_owned())),
            other => match UNSUPPORTED.iter().find(|(name, _)| *name == other) {
                Some((name, what)) => {
                    Err(Error::unsupported(format_args!("links to {name}:// ({what})")))
                }
                None => Err(invalid(format!("links cannot start with {other}://")).with_hint(
                    "known are s3://, gcs://, http://, https://, file:// and file paths",
                )),
            },
        }
    }
}

fn invalid(message: String) -> Error {
    Error::new(Kind::InvalidInput, message)
}

/// `scheme` and the rest of `scheme://rest`; nothing for a path. Case counts, as in the format.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let is_scheme =
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(plain);
    is_scheme.then_some((scheme, rest))
}

fn file(path: &Path) -> Result<Link<'static>> {
    let absolute = std::path::absolute(path)
        .map_err(|error| invalid(format!("the path cannot be resolved: {error}")))?;
    match absolute.into_os_string().into_string() {
        Ok(text) => Ok(Link::File(text)),
        Err(_) => Err(invalid("the working directory's name is not UTF-8".to_owned())),
    }
}

/// Whether the link leads into a cloud's bucket, where nothing is read without a creds key.
#[must_use]
pub fn is_in_cloud(text: &str) -> bool {
    split_scheme(text).is_some_and(|(scheme, _)| Cloud::of(scheme).is_some())
}

/// A link as it may be shown: URLs lose user, password, query and fragment; keys of buckets
/// and file paths have none of these.
#[must_use]
pub fn display(text: &str) -> String {
    match split_scheme(text) {
        None | Some(("file", _)) => text.to_owned(),
        Some((scheme, rest)) if Cloud::of(scheme).is_some() => {
            // No bucket has an '@': what stands before one is user info.
            let (bucket, key) = rest.split_once('/').map_or((rest, None), |(b, k)| (b, Some(k)));
            let bucket = bucket.rsplit('@').next().unwrap_or_default();
            key.map_or(format!("{scheme}://{bucket}"), |key| format!("{scheme}://{bucket}/{key}"))
        }
        Some(_) => display_url(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_a_link_or_refused(
            scheme in prop::sample::select(vec!["", "s3://", "http://", "file://", "gs://", "x://"]),
            rest in any::<String>(),
        ) {
            let text = format!("{scheme}{rest}");
            if let Ok(Link::Object { cloud, bucket, key }) = Link::parse(&text) {
                prop_assert_eq!(format!("{scheme}{bucket}/{key}"), text.as_str());
                prop_assert_eq!(cloud == Cloud::S3, scheme == "s3://");
                prop_assert!(is_in_cloud(&text));
            }
            let shown = display(&text);
            prop_assert_eq!(display(&shown), shown);
        }

        #[test]
        fn no_text_makes_a_url_show_its_password(rest in any::<String>()) {
            let shown = display(&format!("https://user:s3cr3t-w0rd@host/{rest}"));
            prop_assert!(!shown.contains("user:s3cr3t-w0rd"), "{}", shown);
        }
    }

    #[test]
    fn links_are_told_apart() {
        let object = |cloud, bucket, key| Link::Object { cloud, bucket, key };
        let s3 = |bucket, key| object(Cloud::S3, bucket, key);
        for (text, link) in [
            ("s3://b/k", s3("b", "k")),
            ("s3://my.bucket-1/a/b c?d#e%20", s3("my.bucket-1", "a/b c?d#e%20")),
            ("gcs://b/k", object(Cloud::Gcs, "b", "k")),
            ("gs://b/a?b", object(Cloud::Gcs, "b", "a?b")),
            ("gcp://b/k", object(Cloud::Gcs, "b", "k")),
            ("http://h/x", Link::Http),
            ("https://h/x?q", Link::Http),
            ("/abs/a.jpg", Link::File("/abs/a.jpg".into())),
            ("file:///abs/a%20b.jpg", Link::File("/abs/a b.jpg".into())),
            ("/odd/a://b", Link::File("/odd/a:/b".into())),
        ] {
            assert_eq!(Link::parse(text).unwrap(), link, "{text}");
        }
    }

    #[test]
    fn what_is_no_link_is_refused_by_name() {
        for (text, kind) in [
            ("", Kind::InvalidInput),
            ("s3://", Kind::InvalidInput),
            ("s3://b", Kind::InvalidInput),
            ("s3://b/", Kind::InvalidInput),
            ("s3://b//k", Kind::InvalidInput),
            ("s3://b/../k", Kind::InvalidInput),
            ("s3://u:p@b/k", Kind::InvalidInput),
            ("file://host/x", Kind::InvalidInput),
            ("ftp://h/x", Kind::InvalidInput),
            ("S3://b/k", Kind::InvalidInput),
            ("gcs://b", Kind::InvalidInput),
            ("gs://u:p@b/k", Kind::InvalidInput),
            ("GS://b/k", Kind::InvalidInput),
            ("az://a/c/k", Kind::Unsupported),
            ("azure://a/c/k", Kind::Unsupported),
            ("gdrive://k", Kind::Unsupported),
        ] {
            let error = Link::parse(text).unwrap_err();
            assert_eq!(error.kind(), kind, "{text}");
            assert!(!error.message().contains("u:p"));
        }
        assert!(Link::parse("az://a/c/k").unwrap_err().message().contains("Azure storage"));
    }

    #[test]
    fn shown_links_hold_no_secrets() {
        assert_eq!(display("https://u:p@h/x?sig=s#f"), "https://h/x");
        assert_eq!(display("s3://u:p@b/k"), "s3://b/k");
        assert_eq!(display("gs://u:p@b/k?v"), "gs://b/k?v");
        assert_eq!(display("s3://b/k?not a query"), "s3://b/k?not a query");
        assert_eq!(display("ftp://u:p@h/x"), "ftp://h/x");
        assert_eq!(display("a/b?c"), "a/b?c");
    }
}
