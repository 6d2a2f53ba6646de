//! Objects behind http(s) URLs, read-only: single ones, whose key is the whole URL with its query,
//! or those below a folder of a web server.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryStreamExt};
use reqwest::header::{CONTENT_RANGE, HeaderValue};
use reqwest::{Response, StatusCode, Url};

use super::counters::Counters;
use super::error::{Detail, Reason, StorageError};
use super::incoming::{Body, Incoming};
use super::log;
use super::memory::slice;
use super::retry::Attempts;
use super::{Backend, Found, Result, Version, check_key};
use crate::error::{Error, Kind};

mod address;
mod send;
mod slots;
mod urls;

pub use address::Addresses;
pub(super) use address::Resolver;
use send::{Failure, Reply, Sender};
use urls::Folder;
pub(crate) use urls::{display_url, file_url_path};

/// How URLs are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpPolicy {
    /// Where URLs, and what they redirect to, may lead.
    pub addresses: Addresses,
    /// Requests of this process to one host at the same time.
    pub max_requests_per_host: usize,
    /// Bytes of an object whose server does not say how many it has.
    pub max_unannounced_bytes: u64,
}

impl Default for HttpPolicy {
    fn default() -> Self {
        Self {
            addresses: Addresses::default(),
            max_requests_per_host: 16,
            max_unannounced_bytes: 2 << 30,
        }
    }
}

#[derive(Clone)]
pub(super) struct HttpStore {
    sender: Sender,
    /// Keys are below it; without it, a key is a URL.
    folder: Option<Arc<Place>>,
}

/// A folder, and whether anything was read there.
struct Place {
    folder: Folder,
    is_open: AtomicBool,
}

impl HttpStore {
    pub(super) fn new(
        base: Option<&str>,
        authorization: Option<&str>,
        policy: HttpPolicy,
        counters: Arc<Counters>,
    ) -> Result<Self> {
        let authorization = authorization.map(header).transpose()?;
        let place = |folder| Arc::new(Place { folder, is_open: AtomicBool::new(false) });
        let folder = base.map(Folder::parse).transpose()?.map(place);
        Ok(Self { sender: Sender { authorization, policy, counters }, folder })
    }

    fn url_of(&self, key: &str) -> Result<Url, Reason> {
        match &self.folder {
            Some(place) => Ok(place.folder.url_of(key)),
            None => Url::parse(key).map_err(|error| {
                Reason::Other(Detail::with_text("this is no URL", &error.to_string()))
            }),
        }
    }

    fn error(&self, key: &str, reason: Reason) -> StorageError {
        let error = StorageError::new("read", self.display(key), reason);
        // The key of a single object may hold a query.
        if self.folder.is_some() { error.at_file(key) } else { error }
    }

    fn incoming(&self, key: &str, size: u64, body: Body) -> Incoming {
        let file = self.folder.is_some().then_some(key);
        Incoming::new(size, self.display(key), file, body)
    }

    /// The body of a reply. When it breaks off, the whole object is asked for again: without a
    /// version in the reply, the rest alone could be another object's.
    fn body(&self, key: &str, reply: Reply, size: u64) -> Body {
        let started = Instant::now();
        let (store, place) = (self.clone(), key.to_owned());
        let Reply { response, slot } = reply;
        // The slot is the stream's, and then that of the second attempt.
        let slot = Arc::new(slot);
        let held = Arc::clone(&slot);
        let stream = response.bytes_stream().map_err(move |error| {
            let _until_the_body_has_come = &held;
            let seconds = started.elapsed().as_secs_f64();
            let reason = match Failure::from(error) {
                Failure::Final(reason) => reason,
                Failure::Transient(_, detail) => Reason::Transient { tries: 1, seconds, detail },
            };
            store.error(&place, reason)
        });
        let (store, key) = (self.clone(), key.to_owned());
        let again = async move {
            let _held_until_it_ends = slot;
            let sender = &store.sender;
            let read = move |url| async move { sender.get_again(url).await?.whole(size).await };
            store.retried(&key, read).await
        };
        Body::Fragile(stream.boxed(), again.boxed())
    }

    /// Runs `work` until it succeeds, fails for good, or tries and time are used up.
    async fn retried<T, F, Fut>(&self, key: &str, work: F) -> Result<T, StorageError>
    where
        F: Fn(Url) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, Failure>> + Send,
    {
        let url = self.url_of(key).map_err(|reason| self.error(key, reason))?;
        let attempts = Attempts::default();
        loop {
            attempts.sending();
            let (tries, _) = attempts.spent();
            let (setback, detail) = match log::tried(tries, work(url.clone())).await {
                Ok(value) => {
                    self.note_success();
                    return Ok(value);
                }
                Err(Failure::Final(reason)) => return Err(self.error(key, self.judged(reason))),
                Err(Failure::Transient(setback, detail)) => (setback, detail),
            };
            let Some(wait) = attempts.wait(setback) else {
                let (tries, seconds) = attempts.spent();
                return Err(self.error(key, Reason::Transient { tries, seconds, detail }));
            };
            tokio::time::sleep(wait).await;
            self.sender.counters.retry();
        }
    }

    fn note_success(&self) {
        if let Some(place) = &self.folder {
            place.is_open.store(true, Ordering::Relaxed);
        }
    }

    /// Buckets that anybody may read, but not list, answer 403 for objects that are not there. Where
    /// other objects of a folder could be read, that is what it means.
    fn judged(&self, reason: Reason) -> Reason {
        let is_open = self.folder.as_ref().is_some_and(|at| at.is_open.load(Ordering::Relaxed));
        match reason {
            Reason::Authorization(_) if is_open => Reason::ObjectNotFound,
            reason => reason,
        }
    }

    fn read_only<T>(&self, verb: &'static str, key: &str) -> Result<T, StorageError> {
        let reason = Reason::ReadOnlyStore("what lies behind an http URL");
        Err(StorageError::new(verb, self.display(key), reason))
    }
}

fn header(authorization: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(authorization).map_err(|_| {
        Error::new(
            Kind::InvalidInput,
            "the Authorization value cannot be sent: it holds line breaks or other characters \
             that a header cannot have",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The whole length in `bytes 0-0/1234`.
fn total(reply: &Response) -> Option<u64> {
    let value = reply.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    value.rsplit_once('/')?.1.trim().parse().ok()
}

#[async_trait]
impl Backend for HttpStore {
    fn check(&self, key: &str) -> Result<(), &'static str> {
        if self.folder.is_some() {
            check_key(key)
        } else if key.starts_with("http://") || key.starts_with("https://") {
            Ok(())
        } else {
            Err("it must start with http:// or https://")
        }
    }

    fn display(&self, key: &str) -> String {
        match &self.folder {
            Some(place) => display_url(place.folder.url_of(key).as_str()),
            None => display_url(key),
        }
    }

    async fn open_read(&self, key: &str) -> Result<Incoming, StorageError> {
        let most = self.sender.policy.max_unannounced_bytes;
        let reply = self
            .retried(key, |url| async {
                let reply = self.sender.get(url, None).await?;
                match reply.response.content_length() {
                    Some(size) => Ok((size, Err(reply))),
                    // The server does not say how much will come: it has to come to be known.
                    None => {
                        let bytes = reply.whole(most).await?;
                        Ok((bytes.len() as u64, Ok(bytes)))
                    }
                }
            })
            .await?;
        let (size, body) = match reply {
            (size, Ok(bytes)) => (size, Body::Ready(bytes)),
            (size, Err(reply)) => (size, self.body(key, reply, size)),
        };
        Ok(self.incoming(key, size, body))
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StorageError> {
        self.retried(key, |url| async {
            let reply = self.sender.get(url, Some(&range)).await?;
            match reply.response.status() {
                StatusCode::RANGE_NOT_SATISFIABLE => Ok(Bytes::new()),
                StatusCode::PARTIAL_CONTENT => {
                    Ok(reply.first(range.end.saturating_sub(range.start)).await?)
                }
                // The server knows no ranges and sends everything.
                _ => Ok(slice(&reply.first(range.end).await?, &range)),
            }
        })
        .await
    }

    async fn size(&self, key: &str) -> Result<u64, StorageError> {
        let most = self.sender.policy.max_unannounced_bytes;
        self.retried(key, |url| async {
            let reply = self.sender.get(url, Some(&(0..1))).await?;
            match reply.response.status() {
                StatusCode::OK => match reply.response.content_length() {
                    Some(size) => Ok(size),
                    None => Ok(reply.whole(most).await?.len() as u64),
                },
                StatusCode::RANGE_NOT_SATISFIABLE => Ok(total(&reply.response).unwrap_or(0)),
                _ => total(&reply.response).ok_or_else(|| {
                    Failure::other("the server does not say how long the object is")
                }),
            }
        })
        .await
    }

    async fn put(&self, key: &str, _bytes: Bytes) -> Result<(), StorageError> {
        self.read_only("write", key)
    }

    async fn put_new(&self, key: &str, _bytes: Bytes) -> Result<bool, StorageError> {
        self.read_only("write", key)
    }

    async fn put_if_unchanged(
        &self,
        key: &str,
        _bytes: Bytes,
        _was: &Version,
    ) -> Result<bool, StorageError> {
        self.read_only("write", key)
    }

    async fn delete(&self, keys: &[String]) -> Result<(), StorageError> {
        self.read_only("delete", keys.first().map_or("", String::as_str))
    }

    async fn list(&self, prefix: &str, _limit: usize) -> Result<Found, StorageError> {
        let reason = Reason::Other(Detail::new("web servers do not list what they have"));
        Err(StorageError::new("list", self.display(prefix), reason))
    }
}
