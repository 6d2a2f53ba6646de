//! Replies and failures that no further try changes, though others like them are tried again: a
//! certificate that is not trusted, and requests that a server does not know.

use std::error::Error as StdError;

use object_store::client::{HttpError, HttpErrorKind, HttpRequest, HttpResponse};
use reqwest::header::{HeaderMap, IF_MATCH, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};

/// How rustls begins what it says of a certificate.
const CERTIFICATE_MARK: &str = "invalid peer certificate: ";

/// Why a request is not tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Hopeless {
    /// Nobody who is trusted vouches for the server.
    #[error("the server's certificate is not trusted ({0})")]
    Certificate(String),
    /// The server does not know the request.
    #[error("the server does not know this kind of request (http status 501)")]
    Unknown(Option<Optional>),
}

/// What S3-like servers may do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Optional {
    /// Writes under a condition.
    ConditionalPut,
    /// The deletion of many objects by one request.
    BatchDelete,
}

impl Optional {
    /// What a request makes use of.
    pub(super) fn of(request: &HttpRequest) -> Option<Self> {
        Self::used(request.method(), request.headers(), request.uri().query().unwrap_or_default())
    }

    fn used(method: &Method, headers: &HeaderMap, query: &str) -> Option<Self> {
        if *method == Method::POST && query.split('&').any(|part| part.starts_with("delete")) {
            return Some(Self::BatchDelete);
        }
        let condition = headers.contains_key(IF_MATCH) || headers.contains_key(IF_NONE_MATCH);
        (*method == Method::PUT && condition).then_some(Self::ConditionalPut)
    }
}

/// Turns what is hopeless into an error that is not tried again.
pub(super) fn judge(
    used: Option<Optional>,
    outcome: Result<HttpResponse, HttpError>,
) -> Result<HttpResponse, HttpError> {
    let why = match &outcome {
        Ok(reply) if reply.status() == StatusCode::NOT_IMPLEMENTED => Hopeless::Unknown(used),
        Err(error) => match untrusted(error) {
            Some(why) => Hopeless::Certificate(why),
            None => return outcome,
        },
        Ok(_) => return outcome,
    };
    Err(HttpError::new(HttpErrorKind::Unknown, why))
}

fn untrusted(error: &HttpError) -> Option<String> {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(why) = error.to_string().strip_prefix(CERTIFICATE_MARK) {
            return Some(why.to_owned());
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_requests_are_known() {
        let mut headers = HeaderMap::new();
        assert_eq!(Optional::used(&Method::PUT, &headers, ""), None);
        assert_eq!(Optional::used(&Method::POST, &headers, "uploads"), None);
        assert_eq!(Optional::used(&Method::POST, &headers, "delete"), Some(Optional::BatchDelete));
        assert_eq!(Optional::used(&Method::POST, &headers, "delete="), Some(Optional::BatchDelete));
        headers.insert(IF_NONE_MATCH, "*".parse().unwrap());
        assert_eq!(Optional::used(&Method::GET, &headers, ""), None);
        assert_eq!(Optional::used(&Method::PUT, &headers, ""), Some(Optional::ConditionalPut));
    }

    #[test]
    fn certificates_are_told_from_other_failures() {
        #[derive(Debug, thiserror::Error)]
        #[error("{0}")]
        struct Text(&'static str);
        let failed = |text| HttpError::new(HttpErrorKind::Connect, Text(text));
        let untrusted = judge(None, Err(failed("invalid peer certificate: UnknownIssuer")));
        let error = untrusted.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Unknown);
        assert!(error.source().unwrap().to_string().contains("not trusted (UnknownIssuer)"));
        let refused = judge(None, Err(failed("connection refused"))).unwrap_err();
        assert_eq!(refused.kind(), HttpErrorKind::Connect);
    }
}
