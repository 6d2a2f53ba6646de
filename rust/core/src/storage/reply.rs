//! Reads what `object_store` reports: the code that the store sent, which its variants hide (a
//! wrong secret and a forbidden action are both `PermissionDenied`), is in the error's text only.

use std::error::Error as StdError;
use std::time::SystemTime;

#[cfg(any(test, feature = "fuzzing"))]
use bytes::Bytes;

use object_store::Error as ObjectError;
use object_store::client::{HttpError, HttpErrorKind};

use super::client::innermost;
use super::error::{Detail, Reason, StorageError, classify, is_transient};
use super::hopeless::Hopeless;
use super::http_date;
#[cfg(any(test, feature = "fuzzing"))]
use super::listing;
use super::retry::{Attempts, GaveUp};
use crate::error::Error;

/// Codes of a store that can do later what it cannot now: of a whole request, or of some keys of a
/// deletion.
const LATER: [&str; 3] = ["SlowDown", "InternalError", "ServiceUnavailable"];

/// The same, where the status says that the request is wrong.
const IN_VAIN: [(u16, &str); 3] =
    [(400, "RequestTimeout"), (409, "OperationAborted"), (409, "ConditionalRequestConflict")];

/// Codes of a store that does not take a request for the time at which it was signed.
const SKEWED: [&str; 2] = ["RequestTimeTooSkewed", "RequestInTheFuture"];

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

/// Reads all that is read out of a reply.
#[cfg(any(test, feature = "fuzzing"))]
#[cfg_attr(
    not(feature = "fuzzing"),
    expect(unreachable_pub, reason = "only the fuzz target reaches it from outside")
)]
pub fn read_reply(text: &str) {
    let answer = Answer::read(text);
    drop(passing(503, text.as_bytes()));
    drop(skew(text.as_bytes(), Some(text), SystemTime::UNIX_EPOCH));
    drop(listing::protect(Bytes::copy_from_slice(text.as_bytes())));
    drop(classify(answer.status, answer.code, answer.text));
}

/// What an error was made of at some place below it.
pub(super) fn cause<T: StdError + 'static>(error: &ObjectError) -> Option<&T> {
    let mut next = StdError::source(error);
    while let Some(source) = next {
        if let Some(found) = source.downcast_ref::<T>() {
            return Some(found);
        }
        next = source.source();
    }
    None
}

/// What to say of a refusal with that status and body, if the same request may succeed later.
pub(super) fn passing(status: u16, body: &[u8]) -> Option<Detail> {
    let body = String::from_utf8_lossy(body);
    let (code, text) = (element(&body, "Code"), element(&body, "Message").unwrap_or_default());
    let in_vain = code.is_some_and(|code| IN_VAIN.contains(&(status, code)));
    (in_vain || is_transient(status)).then(|| answered(Some(status), code, text))
}

/// What to say of the reply to a deletion of many keys, if some may be deleted later.
pub(super) fn partly(body: &[u8]) -> Option<Detail> {
    let body = String::from_utf8_lossy(body);
    let of_a_key = |code: &&&str| body.contains(&format!("<Code>{code}</Code>"));
    LATER.iter().find(of_a_key).map(|code| answered(None, Some(code), "to some of the keys"))
}

/// The store's clock and this machine's differ by more than the store allows.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Skew(Detail);

/// By how much the clocks differ, if the store refused a request for that.
pub(super) fn skew(body: &[u8], date: Option<&str>, now: SystemTime) -> Option<Skew> {
    let body = String::from_utf8_lossy(body);
    let code = element(&body, "Code").filter(|code| SKEWED.contains(code))?;
    let theirs = date.and_then(http_date::parse);
    let by = theirs.map(|theirs| match now.duration_since(theirs) {
        Ok(ahead) => format!("{} s ahead of", ahead.as_secs()),
        Err(behind) => format!("{} s behind", behind.duration().as_secs()),
    });
    let by = by.as_deref().unwrap_or("too far from");
    Some(Skew(Detail::new(format!("{code}: this machine's clock is {by} the store's"))))
}

pub(super) fn transport_detail(error: &HttpError) -> Detail {
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

/// The error of an operation that was tried so.
pub(super) fn error(
    verb: &'static str,
    place: String,
    error: ObjectError,
    attempts: &Attempts,
) -> StorageError {
    let error = match from_source(error) {
        Ok(source) => return StorageError::new(verb, place, Reason::Credentials(source)),
        Err(error) => error,
    };
    if let Some(why) = cause::<Hopeless>(&error) {
        let detail = Detail::new(why.to_string());
        let reason = match why {
            Hopeless::Certificate(_) => Reason::Certificate(detail),
            Hopeless::Unknown(_) => Reason::Other(detail),
        };
        return StorageError::new(verb, place, reason);
    }
    let (tries, seconds) = attempts.spent();
    if let Some(GaveUp { tries, seconds, detail }) = cause(&error).cloned() {
        return StorageError::new(verb, place, Reason::Transient { tries, seconds, detail });
    }
    if let Some(Skew(detail)) = cause(&error) {
        return StorageError::new(verb, place, Reason::Clock(detail.clone()));
    }
    if let Some(failure) = cause(&error) {
        let detail = transport_detail(failure);
        return StorageError::new(verb, place, Reason::Transient { tries, seconds, detail });
    }
    let text = error.to_string();
    let answer = Answer::read(&text);
    let status = answer.status.or(match &error {
        ObjectError::NotFound { .. } => Some(404),
        ObjectError::PermissionDenied { .. } => Some(403),
        ObjectError::Unauthenticated { .. } => Some(401),
        _ => None,
    });
    // A 200 that turned out to be none.
    let later = answer.code.is_some_and(|code| LATER.contains(&code));
    let reason = if let Some(reason) = classify(status, answer.code, answer.text) {
        reason
    } else if later {
        let detail = answered(status, answer.code, answer.text);
        Reason::Transient { tries, seconds, detail }
    } else if status.is_none() && answer.code.is_none() {
        // The innermost cause has no URL in it: those are in the layers of the request.
        let what = "the store's answer makes no sense";
        Reason::Other(Detail::with_text(what, &innermost(&error)))
    } else {
        Reason::Other(answered(status, answer.code, answer.text))
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

/// The store's answer in a sentence.
fn answered(status: Option<u16>, code: Option<&str>, text: &str) -> Detail {
    match (status, code) {
        (_, Some(code)) => Detail::with_text(format!("the store answered {code}"), text),
        (Some(status), None) => Detail::new(format!("the store answered http status {status}")),
        (None, None) => Detail::new("the store refused"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_reply_can_be_read(
            mark in prop::sample::select(vec!["", STATUS_MARK, BODY_MARK, "(code: "]),
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("<Code>".to_owned()),
                    Just("</Code>".to_owned()),
                    Just("<Message>".to_owned()),
                    Just("</Message>".to_owned()),
                    Just("503".to_owned()),
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
        let text = "DeleteObjects request failed for key a(code: X)b: no (code: AccessDenied)";
        assert_eq!(Answer::read(text).code, Some("AccessDenied"));
        let nothing = Answer { status: None, code: None, text: "" };
        assert_eq!(Answer::read("whatever"), nothing);
    }

    #[test]
    fn refusals_that_pass_are_told_from_others() {
        let body = |code: &str| format!("<Error><Code>{code}</Code><Message>so</Message></Error>");
        for (status, code, passes) in [
            (503, "SlowDown", true),
            (500, "Whatever", true),
            (429, "", true),
            (400, "RequestTimeout", true),
            (409, "OperationAborted", true),
            (409, "BucketNotEmpty", false),
            (403, "SlowDown", false),
            (403, "AccessDenied", false),
            (404, "", false),
        ] {
            assert_eq!(passing(status, body(code).as_bytes()).is_some(), passes, "{status} {code}");
        }
        let slow = passing(503, body("SlowDown").as_bytes()).unwrap();
        assert_eq!(slow.to_string(), "the store answered SlowDown: so");
        assert_eq!(passing(502, b"").unwrap().to_string(), "the store answered http status 502");
    }

    #[test]
    fn clocks_are_compared_where_the_store_refuses_for_them() {
        let body = b"<Error><Code>RequestTimeTooSkewed</Code></Error>";
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let theirs = http_date::parse(date).unwrap();
        let hour = std::time::Duration::from_secs(3600);
        for (now, date, text) in [
            (theirs + hour, Some(date), "is 3600 s ahead of the store's"),
            (theirs - hour, Some(date), "is 3600 s behind the store's"),
            (theirs, Some("yesterday"), "is too far from the store's"),
            (theirs, None, "is too far from the store's"),
        ] {
            let Skew(detail) = skew(body, date, now).unwrap();
            assert!(detail.to_string().ends_with(text), "{detail}");
        }
        assert!(skew(b"<Error><Code>AccessDenied</Code></Error>", Some(date), theirs).is_none());
    }
}
