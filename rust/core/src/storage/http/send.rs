//! One GET: to which address, through which redirects, with which headers, and how much comes back.

use std::error::Error as StdError;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderValue, LOCATION, RANGE, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url};

use super::HttpPolicy;
use super::address::Refused;
use super::slots::{Slot, wait_for_slot};
use super::urls::same_origin;
use crate::error::Error;
use crate::storage::client::{innermost, links};
use crate::storage::counters::Counters;
use crate::storage::error::{Detail, Reason, classify, is_transient};
use crate::storage::log::Asked;
use crate::storage::retry::{Setback, asked_wait};

/// Redirects that a request may take.
const MAX_REDIRECTS: usize = 10;

/// Why one try failed.
pub(super) enum Failure {
    /// Trying again makes no sense.
    Final(Reason),
    /// It may pass.
    Transient(Setback, Detail),
}

impl Failure {
    pub(super) fn other(text: impl Into<String>) -> Self {
        Self::Final(Reason::Other(Detail::new(text)))
    }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        if let Some(refused) = refusal(&error) {
            return Self::from(refused);
        }
        // The innermost cause only: the layers above name the URL with its query.
        if error.is_connect() {
            let detail = Detail::with_text("the server cannot be reached", &innermost(&error));
            return Self::Transient(Setback::Unreached, detail);
        }
        let detail = match error.is_timeout() {
            true => Detail::new("the server did not answer in time"),
            false => Detail::with_text("the connection failed", &innermost(&error.without_url())),
        };
        Self::Transient(Setback::Lost, detail)
    }
}

impl From<&Refused> for Failure {
    fn from(refused: &Refused) -> Self {
        Self::Final(Reason::NotAllowed(refused.to_string()))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::other(error.to_string())
    }
}

/// Our own refusal to connect, under what the client made of it.
fn refusal<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e Refused> {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.filter_map(|cause| cause.downcast_ref::<Refused>()).next()
}

/// Sends the requests of one store.
#[derive(Clone)]
pub(super) struct Sender {
    pub(super) authorization: Option<HeaderValue>,
    pub(super) policy: HttpPolicy,
    pub(super) counters: Arc<Counters>,
}

/// A reply of success, whose body has not been read yet.
pub(super) struct Reply {
    pub(super) response: Response,
    /// Kept until the body has come; `None` where the caller has the slot.
    pub(super) slot: Option<Slot>,
}

impl Sender {
    /// Asks for the URL, or a part of it, in a slot of its host.
    ///
    /// Redirects are followed here, so that each place is judged before it is asked. What is meant
    /// for the first server is sent to no other origin, nor back to it from there.
    pub(super) async fn get(&self, url: Url, range: Option<&Range<u64>>) -> Result<Reply, Failure> {
        self.follow(url, range, true).await
    }

    /// As [`Sender::get`], for who has a slot already: waiting for one more could last for ever.
    pub(super) async fn get_again(&self, url: Url) -> Result<Reply, Failure> {
        self.follow(url, None, false).await
    }

    async fn follow(
        &self,
        mut url: Url,
        range: Option<&Range<u64>>,
        in_slot: bool,
    ) -> Result<Reply, Failure> {
        let mut authorization = self.authorization.as_ref();
        for _ in 0..=MAX_REDIRECTS {
            let slot = match in_slot {
                true => Some(wait_for_slot(&url, self.policy.max_requests_per_host).await?),
                false => None,
            };
            let response = self.send(url.clone(), authorization, range).await?;
            let Some(target) = redirect(&response, &url)? else {
                return Ok(Reply { response: checked(response, range.is_some())?, slot });
            };
            if !same_origin(&url, &target) {
                authorization = None;
            }
            url = target;
        }
        Err(Failure::other(format!("the server redirected more than {MAX_REDIRECTS} times")))
    }

    async fn send(
        &self,
        mut url: Url,
        authorization: Option<&HeaderValue>,
        range: Option<&Range<u64>>,
    ) -> Result<Response, Failure> {
        self.policy.addresses.check_host(&url).map_err(|refused| Failure::from(&refused))?;
        self.counters.request();
        if authorization.is_some() {
            // Else the client would send a second header for the user of the URL.
            let _ = url.set_username("").and_then(|()| url.set_password(None));
        }
        let client = links(self.policy.addresses)?;
        let asked = Asked::new(&Method::GET, &url, 0);
        // What comes is the object, byte for byte: nothing here unpacks what a server packed.
        let mut request = client.get(url).header(ACCEPT_ENCODING, "identity");
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        if let Some(range) = range {
            let last = range.end.saturating_sub(1);
            request = request.header(RANGE, format!("bytes={}-{last}", range.start));
        }
        let reply = request.send().await;
        if let Some(asked) = asked {
            let head = |reply: &Response| (reply.status().as_u16(), reply.content_length());
            asked.heard(reply.as_ref().map(head).map_err(|error| error as _));
        }
        Ok(reply?)
    }
}

/// Where the server says that the object is; nothing when the reply is no redirect.
fn redirect(response: &Response, from: &Url) -> Result<Option<Url>, Failure> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).map(HeaderValue::as_bytes);
    let location = location.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let target = location.and_then(|location| from.join(location).ok());
    let target = target.ok_or_else(|| Failure::other("the server redirected to no URL"))?;
    if matches!(target.scheme(), "http" | "https") {
        return Ok(Some(target));
    }
    Err(Failure::other(format!("the server redirected to a {}: URL", target.scheme())))
}

/// The reply if it is a success, or 416 where a range was asked for.
fn checked(response: Response, with_range: bool) -> Result<Response, Failure> {
    let status = response.status();
    let past_the_end = with_range && status == StatusCode::RANGE_NOT_SATISFIABLE;
    if status == StatusCode::OK || status == StatusCode::PARTIAL_CONTENT || past_the_end {
        return Ok(response);
    }
    let detail = Detail::new(format!("the server answered http status {}", status.as_u16()));
    if is_transient(status.as_u16()) {
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let asked = asked.and_then(|value| asked_wait(value, SystemTime::now()));
        return Err(Failure::Transient(Setback::Refused(asked), detail));
    }
    let reason = classify(Some(status.as_u16()), None, "");
    Err(Failure::Final(reason.unwrap_or(Reason::Other(detail))))
}

impl Reply {
    /// The body, or as much of it as `wanted` bytes.
    pub(super) async fn first(mut self, wanted: u64) -> Result<Bytes, Failure> {
        let mut bytes = BytesMut::new();
        while (bytes.len() as u64) < wanted
            && let Some(part) = self.response.chunk().await?
        {
            bytes.extend_from_slice(&part);
        }
        let mut bytes = bytes.freeze();
        bytes.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
        Ok(bytes)
    }

    /// The whole body, of which there may be `most` bytes.
    pub(super) async fn whole(self, most: u64) -> Result<Bytes, Failure> {
        let bytes = self.first(most.saturating_add(1)).await?;
        if bytes.len() as u64 > most {
            return Err(Failure::other(format!(
                "more than {most} bytes came, without the server saying how many it has"
            )));
        }
        Ok(bytes)
    }
}
