//! What went wrong in a store, told by the store's own code, never with secrets or signed queries.

use std::fmt;

use crate::error::{Context, Error, Kind};

/// How much of a server's own sentence is passed on.
const MAX_SERVER_TEXT_CHARS: usize = 200;

/// A failed operation on one object, or one listing.
#[derive(Debug, thiserror::Error)]
#[error("cannot {} {}: {}", .0.verb, .0.place, .0.reason)]
pub struct StorageError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    verb: &'static str,
    place: String,
    file: Option<String>,
    reason: Reason,
}

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// The object is not there.
    #[error("there is no such object")]
    ObjectNotFound,
    /// The bucket is not there.
    #[error("the bucket does not exist")]
    BucketNotFound,
    /// The store does not know the access key, or the secret is not the key's.
    #[error("the store does not accept the credentials ({0})")]
    Authentication(Detail),
    /// Temporary credentials ran out.
    #[error("the credentials have expired ({0})")]
    Expired(Detail),
    /// The credentials are good but do not suffice.
    #[error("the credentials do not give the permission ({0})")]
    Authorization(Detail),
    /// The request was signed at a time that is not the store's.
    #[error("the store does not take the time at which the request was signed ({0})")]
    Clock(Detail),
    /// Something that may pass, tried until the limit.
    #[error("{detail}; gave up after {tries} tries in {seconds:.1} s")]
    Transient {
        /// Requests made.
        tries: u32,
        /// From the first request to giving up.
        seconds: f64,
        /// What happened to the last request.
        detail: Detail,
    },
    /// A key that no store would keep as it is.
    #[error("{0}")]
    Key(&'static str),
    /// The kind of store can only be read.
    #[error("{0} can only be read")]
    ReadOnlyStore(&'static str),
    /// The source of credentials failed.
    #[error("no credentials: {0}")]
    Credentials(Box<Error>),
    /// The file system refused.
    #[error("{0}")]
    Forbidden(Detail),
    /// Nobody who is trusted vouches for the server.
    #[error("{0}")]
    Certificate(Detail),
    /// A link of the file system that is not followed.
    #[error("{0}")]
    Link(Detail),
    /// A rule of this process forbids it.
    #[error("{0}")]
    NotAllowed(String),
    /// Anything else.
    #[error("{0}")]
    Other(Detail),
}

/// A store's code and sentence, shortened to what may be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail {
    code: String,
    text: Option<String>,
}

impl Detail {
    /// A code of the store, or a sentence of ours.
    pub fn new(code: impl Into<String>) -> Self {
        Self { code: code.into(), text: None }
    }

    /// With the server's own sentence, of which control characters and a too long end are dropped.
    pub fn with_text(code: impl Into<String>, text: &str) -> Self {
        let text: String =
            text.chars().filter(|c| !c.is_control()).take(MAX_SERVER_TEXT_CHARS).collect();
        Self { code: code.into(), text: (!text.is_empty()).then_some(text) }
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        match &self.text {
            Some(text) => write!(f, ": {text}"),
            None => Ok(()),
        }
    }
}

impl StorageError {
    /// `verb` is what was tried ("read"), `place` the object as it may be shown.
    pub(super) fn new(verb: &'static str, place: impl Into<String>, reason: Reason) -> Self {
        Self(Box::new(Inner { verb, place: place.into(), file: None, reason }))
    }

    /// Adds the key below the store's root (not of http stores, whose keys may hold a query).
    pub(super) fn at_file(mut self, key: &str) -> Self {
        self.0.file = Some(key.to_owned());
        self
    }

    /// Why it failed.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.0.reason
    }

    pub(super) fn is_object_not_found(&self) -> bool {
        matches!(self.0.reason, Reason::ObjectNotFound)
    }

    pub(super) fn is_transient(&self) -> bool {
        matches!(self.0.reason, Reason::Transient { .. })
    }

    /// Whether other credentials might help.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self.0.reason {
            Reason::Authentication(_) | Reason::Expired(_) => Some(Refusal::Unknown),
            Reason::Authorization(_) => Some(Refusal::Denied),
            _ => None,
        }
    }

    fn kind(&self) -> Kind {
        match &self.0.reason {
            Reason::ObjectNotFound => Kind::ObjectNotFound,
            Reason::BucketNotFound => Kind::BucketNotFound,
            Reason::Authentication(_) | Reason::Clock(_) => Kind::Authentication,
            Reason::Expired(_) => Kind::CredentialsExpired,
            Reason::Authorization(_) | Reason::Forbidden(_) => Kind::Authorization,
            Reason::Transient { .. } => Kind::StorageTransient,
            Reason::Key(_) => Kind::InvalidInput,
            Reason::ReadOnlyStore(_) => Kind::ReadOnly,
            Reason::Credentials(error) => error.kind(),
            Reason::NotAllowed(_) => Kind::LinkNotAllowed,
            Reason::Certificate(_) | Reason::Link(_) | Reason::Other(_) => Kind::Storage,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match &self.0.reason {
            Reason::BucketNotFound => "check the bucket's name, the endpoint and the region",
            Reason::Authentication(_) => {
                "check the access key, the secret key and the session token (temporary ones may \
                 have run out), and the endpoint they belong to"
            }
            Reason::Clock(_) => "set this machine's clock (by NTP, for example) and try again",
            Reason::Expired(_) => "get fresh credentials and open again",
            Reason::Authorization(_) => {
                "ask the owner of the store for the permission, or use other credentials"
            }
            Reason::Certificate(_) => {
                "name the PEM file of its authority by `ca_bundle` in `creds` (for AWS also by \
                 AWS_CA_BUNDLE)"
            }
            Reason::Link(_) => {
                "put the files themselves in the place of the link, or link to what lies in the \
                 same folder"
            }
            Reason::Transient { .. } => "check the network and the endpoint, then try again",
            _ => return None,
        })
    }
}

/// How a store said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It does not accept the credentials (any more).
    Unknown,
    /// It knows them, and they do not suffice.
    Denied,
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        let file = error.0.file.clone();
        let mut out =
            Self::new(error.kind(), error.to_string()).with_reason(error.0.reason.to_string());
        if let Some(hint) = error.hint() {
            out = out.with_hint(hint);
        }
        if let Reason::Credentials(source) = error.0.reason {
            if let (None, Some(hint)) = (out.hint(), source.hint()) {
                let hint = hint.to_owned();
                out = out.with_hint(hint);
            }
            out = out.with_source(*source);
        }
        out.with_context(Context { file, ..Context::default() })
    }
}

/// The reason behind an S3 error code, or an http status where there is no code.
pub(super) fn classify(status: Option<u16>, code: Option<&str>, text: &str) -> Option<Reason> {
    let by_code = code.and_then(|code| {
        let detail = Detail::with_text(code, text);
        Some(match code {
            "NoSuchKey" => Reason::ObjectNotFound,
            "NoSuchBucket" => Reason::BucketNotFound,
            "SignatureDoesNotMatch"
            | "InvalidAccessKeyId"
            | "AuthFailure"
            | "InvalidToken"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "RequestTimeTooSkewed"
            | "AuthorizationHeaderMalformed"
            | "MissingAuthenticationToken"
            | "AuthenticationRequired" => Reason::Authentication(detail),
            "ExpiredToken"
            | "TokenExpired"
            | "ExpiredTokenException"
            | "RequestExpired"
            | "TokenRefreshRequired" => Reason::Expired(detail),
            "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => {
                Reason::Authorization(detail)
            }
            _ => return None,
        })
    });
    by_code.or_else(|| {
        let detail = || match (code, status) {
            (Some(code), _) => Detail::with_text(code, text),
            (None, Some(status)) => Detail::new(format!("http status {status}")),
            (None, None) => Detail::new("no reason given"),
        };
        match status? {
            401 => Some(Reason::Authentication(detail())),
            403 => Some(Reason::Authorization(detail())),
            404 | 410 => Some(Reason::ObjectNotFound),
            _ => None,
        }
    })
}

/// Whether the same request may succeed a little later.
pub(super) fn is_transient(status: u16) -> bool {
    status >= 500 || status == 429 || status == 408
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(status: u16, code: Option<&str>) -> Option<Kind> {
        let reason = classify(Some(status), code, "a sentence")?;
        Some(Error::from(StorageError::new("read", "s3://b/k", reason)).kind())
    }

    #[test]
    fn the_code_counts_more_than_the_status() {
        for (status, code, kind) in [
            (403, Some("SignatureDoesNotMatch"), Some(Kind::Authentication)),
            (403, Some("InvalidAccessKeyId"), Some(Kind::Authentication)),
            (403, Some("AccessDenied"), Some(Kind::Authorization)),
            (400, Some("ExpiredToken"), Some(Kind::CredentialsExpired)),
            (404, Some("NoSuchBucket"), Some(Kind::BucketNotFound)),
            (404, Some("NoSuchKey"), Some(Kind::ObjectNotFound)),
            (404, None, Some(Kind::ObjectNotFound)),
            (401, None, Some(Kind::Authentication)),
            (403, Some("SomethingNew"), Some(Kind::Authorization)),
            (400, Some("InvalidArgument"), None),
        ] {
            assert_eq!(kind_of(status, code), kind, "{status} {code:?}");
        }
    }

    #[test]
    fn messages_say_what_where_and_why() {
        let reason = classify(Some(403), Some("AccessDenied"), "no\n\u{7} way").unwrap();
        let error = Error::from(StorageError::new("write", "s3://b/k", reason).at_file("k"));
        assert_eq!(
            error.message(),
            "cannot write s3://b/k: the credentials do not give the permission (AccessDenied: no way)"
        );
        assert_eq!(error.context().file.as_deref(), Some("k"));
        assert!(error.hint().is_some());
    }
}
