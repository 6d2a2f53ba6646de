//! Objects behind http(s) URLs, read-only: the key is the whole URL, query included.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryStreamExt};
use reqwest::header::{AUTHORIZATION, CONTENT_RANGE, HeaderValue, RANGE};
use reqwest::{Method, Response, StatusCode, Url};

use super::client::{innermost, links};
use super::counters::Counters;
use super::error::{Detail, Reason, StorageError, classify, is_transient};
use super::incoming::{Body, Incoming};
use super::log::{self, Asked};
use super::memory::slice;
use super::{Backend, Found, Result, Version};
use crate::error::{Error, Kind};

/// Tries of one read, first one included, and the time after which no further one is started.
const MAX_TRIES: u32 = 6;
const RETRY_TIMEOUT: Duration = Duration::from_secs(60);

/// The wait before the second try; it doubles from try to try.
const FIRST_WAIT: Duration = Duration::from_millis(100);

const WHAT: &str = "an http URL";

#[derive(Clone)]
pub(super) struct HttpStore {
    authorization: Option<HeaderValue>,
    counters: Arc<Counters>,
}

/// Why one try failed.
enum Failure {
    /// Trying again makes no sense.
    Final(Reason),
    /// It may pass.
    Transient(Detail),
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        if error.is_redirect() {
            return Self::Final(Reason::Other(Detail::new("too many redirects")));
        }
        Self::Transient(if error.is_timeout() {
            Detail::new("the server did not answer in time")
        } else if error.is_connect() {
            Detail::with_text("the server cannot be reached", &innermost(&error))
        } else {
            // The innermost cause only: the layers above name the URL with its query.
            Detail::with_text("the connection failed", &innermost(&error.without_url()))
        })
    }
}

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

impl HttpStore {
    pub(super) fn new(authorization: Option<&str>, counters: Arc<Counters>) -> Result<Self> {
        let authorization = authorization
            .map(|text| {
                let mut value = HeaderValue::from_str(text).map_err(|_| {
                    Error::new(
                        Kind::InvalidInput,
                        "the Authorization value cannot be sent: it holds line breaks or other \
                         characters that a header cannot have",
                    )
                })?;
                value.set_sensitive(true);
                Ok::<_, Error>(value)
            })
            .transpose()?;
        Ok(Self { authorization, counters })
    }

    fn error(key: &str, reason: Reason) -> StorageError {
        StorageError::new("read", display_url(key), reason)
    }

    /// The body of a reply. When it breaks off, the whole object is asked for again: without a
    /// version in the reply, the rest alone could be another object's.
    fn body(&self, key: &str, reply: Response) -> Body {
        let started = Instant::now();
        let url = key.to_owned();
        let stream = reply.bytes_stream().map_err(move |error| {
            let seconds = started.elapsed().as_secs_f64();
            let reason = match Failure::from(error) {
                Failure::Final(reason) => reason,
                Failure::Transient(detail) => Reason::Transient { tries: 1, seconds, detail },
            };
            Self::error(&url, reason)
        });
        let (store, url) = (self.clone(), key.to_owned());
        let again = async move {
            let (store, whole) = (&store, url.as_str());
            let read = move |url| async move {
                Ok(store.send(Method::GET, url, None).await?.bytes().await?)
            };
            store.retried(whole, read).await
        };
        Body::Fragile(stream.boxed(), again.boxed())
    }

    /// One request, answered by success, or by 416 where a range was asked for.
    async fn send(
        &self,
        method: Method,
        url: Url,
        range: Option<&Range<u64>>,
    ) -> Result<Response, Failure> {
        self.counters.request();
        let client = links()
            .map_err(|error| Failure::Final(Reason::Other(Detail::new(error.to_string()))))?;
        let asked = Asked::new(&method, &url, 0);
        let mut request = client.request(method, url);
        if let Some(value) = &self.authorization {
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
        let reply = reply?;
        let status = reply.status();
        let past_the_end = range.is_some() && status == StatusCode::RANGE_NOT_SATISFIABLE;
        if status == StatusCode::OK || status == StatusCode::PARTIAL_CONTENT || past_the_end {
            return Ok(reply);
        }
        let detail = Detail::new(format!("the server answered http status {}", status.as_u16()));
        if is_transient(status.as_u16()) {
            return Err(Failure::Transient(detail));
        }
        let reason = classify(Some(status.as_u16()), None, "");
        Err(Failure::Final(reason.unwrap_or(Reason::Other(detail))))
    }

    /// Runs `work` until it succeeds, fails for good, or tries and time are used up.
    async fn retried<T, F, Fut>(&self, key: &str, work: F) -> Result<T, StorageError>
    where
        F: Fn(Url) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, Failure>> + Send,
    {
        let url = Url::parse(key).map_err(|error| {
            let detail = Detail::with_text("this is no URL", &error.to_string());
            Self::error(key, Reason::Other(detail))
        })?;
        let started = Instant::now();
        let mut tries = 1;
        loop {
            let detail = match log::tried(tries, work(url.clone())).await {
                Ok(value) => return Ok(value),
                Err(Failure::Final(reason)) => return Err(Self::error(key, reason)),
                Err(Failure::Transient(detail)) => detail,
            };
            let seconds = started.elapsed().as_secs_f64();
            if tries >= MAX_TRIES || started.elapsed() >= RETRY_TIMEOUT {
                return Err(Self::error(key, Reason::Transient { tries, seconds, detail }));
            }
            // Half of the wait is random, so that those who failed together do not come back so.
            let wait = FIRST_WAIT.saturating_mul(1 << (tries - 1));
            tokio::time::sleep(wait.mul_f64(0.5 + 0.5 * rand::random::<f64>())).await;
            tries += 1;
        }
    }
}

/// The whole length in `bytes 0-0/1234`.
fn total(reply: &Response) -> Option<u64> {
    let value = reply.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    value.rsplit_once('/')?.1.trim().parse().ok()
}

fn read_only<T>(verb: &'static str, place: &str) -> Result<T, StorageError> {
    Err(StorageError::new(verb, display_url(place), Reason::ReadOnlyStore(WHAT)))
}

#[async_trait]
impl Backend for HttpStore {
    fn check(&self, key: &str) -> Result<(), &'static str> {
        if key.starts_with("http://") || key.starts_with("https://") {
            Ok(())
        } else {
            Err("it must start with http:// or https://")
        }
    }

    fn display(&self, key: &str) -> String {
        display_url(key)
    }

    async fn open_read(&self, key: &str) -> Result<Incoming, StorageError> {
        let reply = self
            .retried(key, |url| async {
                let reply = self.send(Method::GET, url, None).await?;
                match reply.content_length() {
                    Some(size) => Ok((size, Err(reply))),
                    // The server does not say how much will come: it has to come to be known.
                    None => {
                        let bytes = reply.bytes().await?;
                        Ok((bytes.len() as u64, Ok(bytes)))
                    }
                }
            })
            .await?;
        let (size, body) = match reply {
            (size, Ok(bytes)) => (size, Body::Ready(bytes)),
            (size, Err(reply)) => (size, self.body(key, reply)),
        };
        Ok(Incoming::new(size, display_url(key), None, body))
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StorageError> {
        self.retried(key, |url| async {
            let reply = self.send(Method::GET, url, Some(&range)).await?;
            match reply.status() {
                StatusCode::RANGE_NOT_SATISFIABLE => Ok(Bytes::new()),
                StatusCode::PARTIAL_CONTENT => Ok(reply.bytes().await?),
                // The server knows no ranges and sent everything.
                _ => Ok(slice(&reply.bytes().await?, &range)),
            }
        })
        .await
    }

    async fn size(&self, key: &str) -> Result<u64, StorageError> {
        self.retried(key, |url| async {
            let reply = self.send(Method::GET, url, Some(&(0..1))).await?;
            match reply.status() {
                StatusCode::OK => match reply.content_length() {
                    Some(size) => Ok(size),
                    None => Ok(reply.bytes().await?.len() as u64),
                },
                StatusCode::RANGE_NOT_SATISFIABLE => Ok(total(&reply).unwrap_or(0)),
                _ => total(&reply).ok_or_else(|| {
                    let detail = Detail::new("the server does not say how long the object is");
                    Failure::Final(Reason::Other(detail))
                }),
            }
        })
        .await
    }

    async fn put(&self, key: &str, _bytes: Bytes) -> Result<(), StorageError> {
        read_only("write", key)
    }

    async fn put_new(&self, key: &str, _bytes: Bytes) -> Result<bool, StorageError> {
        read_only("write", key)
    }

    async fn put_if_unchanged(
        &self,
        key: &str,
        _bytes: Bytes,
        _was: &Version,
    ) -> Result<bool, StorageError> {
        read_only("write", key)
    }

    async fn delete(&self, keys: &[String]) -> Result<(), StorageError> {
        read_only("delete", keys.first().map_or("", String::as_str))
    }

    async fn list(&self, prefix: &str, _limit: usize) -> Result<Found, StorageError> {
        read_only("list", prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::display_url;

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
}
