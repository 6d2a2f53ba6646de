//! Reads what `object_store` reports: the code that the store sent, which its variants hide (a
//! wrong secret and a forbidden action are both `PermissionDenied`), is in the error's text only.

use std::error::Error as StdError;
use std::time::Instant;

use object_store::Error as ObjectError;
use object_store::client::{HttpError, HttpErrorKind};

use super::client::innermost;
use super::error::{Detail, Reason, StorageError, classify, is_transient};
use crate::error::Error;

/// What stands before status and body in `object_store`'s text.
const STATUS_MARK: &str = "Server returned non-2xx status code: ";
const BODY_MARK: &str = "Server returned error response: ";

/// The store's answer in an error's text.
#[derive(Debug, PartialEq, Eq)]
struct Answer<'a> {
    status: Option<u16>,
    code: Option<&'a str>,
    text: &'a str,
}

impl<'a> Answer<'a> {
    fn read(text: &'a str) -> Self {
        let body = [STATUS_MARK, BODY_MARK]
            .iter()
            .filter_map(|mark| text.split_once(mark))
            .map(|(_, body)| body)
            .next();
        let Some(body) = body else {
            // One key of a bulk delete: "...: message (code: CODE)".
            let code = text.rsplit_once("(code: ").and_then(|(_, rest)| rest.split_once(')'));
            return Self { status: None, code: code.map(|(code, _)| code), text: "" };
        };
        Self {
            status: body.get(..3).and_then(|digits| digits.parse().ok()),
            code: element(body, "Code"),
            text: element(body, "Message").unwrap_or_default(),
        }
    }
}

/// The text of the first XML element of that name, if it is plain.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    (!text.is_empty()).then_some(text)
}

/// The requests behind an error: "after N retries" in its text, plus the first.
fn tries(text: &str) -> u32 {
    let count = text.split_once(", after ").and_then(|(_, rest)| rest.split_once(" retries"));
    count.and_then(|(count, _)| count.parse::<u32>().ok()).unwrap_or(0).saturating_add(1)
}

/// Reads all that is read out of a reply.
#[cfg(any(test, feature = "fuzzing"))]
#[cfg_attr(
    not(feature = "fuzzing"),
    expect(unreachable_pub, reason = "only the fuzz target reaches it from outside")
)]
pub fn read_reply(text: &str) {
    let answer = Answer::read(text);
    assert!(tries(text) > 0, "the first request counts");
    drop(classify(answer.status, answer.code, answer.text));
}

fn transport(error: &ObjectError) -> Option<&HttpError> {
    let mut next = StdError::source(error);
    while let Some(source) = next {
        if let Some(found) = source.downcast_ref::<HttpError>() {
            return Some(found);
        }
        next = source.source();
    }
    None
}

fn transport_detail(error: &HttpError) -> Detail {
    match error.kind() {
        HttpErrorKind::Timeout => Detail::new("the server did not answer in time"),
        HttpErrorKind::Connect => {
            Detail::with_text("the server cannot be reached", &innermost(error))
        }
        _ => Detail::with_text("the connection failed", &innermost(error)),
    }
}

/// The region that the store names in the body of a refusal.
pub(super) fn region(error: &ObjectError) -> Option<String> {
    let text = error.to_string();
    let answer = Answer::read(&text);
    let moved = matches!(answer.status, Some(301 | 307 | 400)) || answer.code.is_some();
    if moved { element(&text, "Region").map(str::to_owned) } else { None }
}

/// Whether the store said that a range begins behind the object's end.
pub(super) fn is_past_the_end(error: &ObjectError) -> bool {
    let text = error.to_string();
    let answer = Answer::read(&text);
    answer.status == Some(416) || answer.code == Some("InvalidRange")
}

/// The error of an operation that began at `started`.
pub(super) fn error(
    verb: &'static str,
    place: String,
    error: ObjectError,
    started: Instant,
) -> StorageError {
    let error = match from_source(error) {
        Ok(source) => return StorageError::new(verb, place, Reason::Credentials(source)),
        Err(error) => error,
    };
    let text = error.to_string();
    let seconds = started.elapsed().as_secs_f64();
    let transient = |detail| Reason::Transient { tries: tries(&text), seconds, detail };
    if let Some(failure) = transport(&error) {
        return StorageError::new(verb, place, transient(transport_detail(failure)));
    }
    let answer = Answer::read(&text);
    let status = answer.status.or(match &error {
        ObjectError::NotFound { .. } => Some(404),
        ObjectError::PermissionDenied { .. } => Some(403),
        ObjectError::Unauthenticated { .. } => Some(401),
        _ => None,
    });
    let slow = matches!(answer.code, Some("SlowDown" | "InternalError" | "ServiceUnavailable"));
    let reason = if let Some(reason) = classify(status, answer.code, answer.text) {
        reason
    } else if slow || status.is_some_and(is_transient) {
        transient(other(&error, status, &answer))
    } else {
        Reason::Other(other(&error, status, &answer))
    };
    StorageError::new(verb, place, reason)
}

/// An error of a credential source, which travelled through `object_store`.
fn from_source(error: ObjectError) -> Result<Box<Error>, ObjectError> {
    match error {
        ObjectError::Generic { store, source } => {
            source.downcast::<Error>().map_err(|source| ObjectError::Generic { store, source })
        }
        other => Err(other),
    }
}

fn other(error: &ObjectError, status: Option<u16>, answer: &Answer<'_>) -> Detail {
    match (status, answer.code) {
        (_, Some(code)) => Detail::with_text(format!("the store answered {code}"), answer.text),
        (Some(status), None) => Detail::new(format!("the store answered http status {status}")),
        // The innermost cause has no URL in it: those are in the layers of the request.
        (None, None) => Detail::with_text("the store's answer makes no sense", &innermost(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_reply_can_be_read(
            mark in prop::sample::select(vec!["", STATUS_MARK, BODY_MARK, ", after ", "(code: "]),
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("<Code>".to_owned()),
                    Just("</Code>".to_owned()),
                    Just("<Message>".to_owned()),
                    Just("</Message>".to_owned()),
                    Just("503".to_owned()),
                    Just("99999999999 retries".to_owned()),
                    any::<String>(),
                ],
                0..8,
            ),
        ) {
            read_reply(&(mark.to_owned() + &parts.concat()));
        }

        #[test]
        fn a_code_is_found_between_whatever(before in "[^<]*", code in "[A-Za-z]{1,20}") {
            let text = format!("{STATUS_MARK}403 {before}<Code>{code}</Code>");
            prop_assert_eq!(Answer::read(&text).code, Some(code.as_str()));
        }
    }

    #[test]
    fn answers_are_read_from_the_text() {
        let text = "Generic S3 error: Error performing GET http://h/b/k in 1.2s, after 5 retries, \
                    max_retries: 5, retry_timeout: 60s  - Server returned non-2xx status code: 503 \
                    Service Unavailable: <Error><Code>SlowDown</Code><Message>wait</Message></Error>";
        let expected = Answer { status: Some(503), code: Some("SlowDown"), text: "wait" };
        assert_eq!(Answer::read(text), expected);
        assert_eq!(tries(text), 6);
        let text = "DeleteObjects request failed for key a(code: X)b: no (code: AccessDenied)";
        assert_eq!(Answer::read(text).code, Some("AccessDenied"));
        let nothing = Answer { status: None, code: None, text: "" };
        assert_eq!(Answer::read("whatever"), nothing);
    }
}
