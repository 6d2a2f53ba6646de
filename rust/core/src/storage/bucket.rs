//! What S3 and Google Cloud Storage have in common: objects of a bucket's folder, by `object_store`.
//!
//! Owns which requests make an operation, and what a refusal leads to: other credentials, or the
//! region that the store named. What differs is in `s3` and `gcs`.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    BackoffConfig, Error as ObjectError, Extensions, GetOptions, GetRange, GetResult, ObjectStore,
    PutMode, PutOptions, PutPayload, RetryConfig, UpdateVersion,
};
use reqwest::Url;

use super::credentials::CredentialCache;
use super::error::StorageError;
use super::incoming::{Body, Incoming};
use super::key::check_key;
use super::multipart::{self, MAX_WHOLE_BYTES, PART_BYTES};
use super::retry::Attempts;
use super::secrets::Secret;
use super::{Backend, Found, Result, Version, listing, log, reply};
use crate::error::{Error, Kind};

/// How often the body of one object is continued where it broke off. That is all that is left to
/// `object_store`: requests are tried again, and bounded in time, where they are sent (`client`).
const MAX_CONTINUATIONS: usize = 100;

/// One of the services that keep objects in buckets.
pub(super) trait Service: Send + Sync {
    /// What sends the requests; copies share it.
    type Client: ObjectStore + Clone;
    /// What requests are signed with.
    type Secret: Secret;

    /// What its URLs begin with.
    const SCHEME: &'static str;

    /// What to send the next request by, and the number of that client.
    fn client(&self) -> (Self::Client, u64);

    /// Whether there is another client now, because the store answered to the one of that number
    /// that it is to be asked elsewhere, or otherwise.
    fn moved(&self, number: u64, error: &ObjectError) -> bool;

    /// Who signs.
    fn credentials(&self) -> Option<&CredentialCache<Self::Secret>>;

    /// The server as it was named; `None` = the service's own.
    fn endpoint(&self) -> Option<&str>;
}

/// A folder of a bucket.
pub(super) struct Folder {
    bucket: String,
    /// With a final '/', or nothing.
    prefix: String,
}

pub(super) struct BucketStore<S> {
    service: S,
    folder: Folder,
}

pub(super) fn invalid(message: String) -> Error {
    Error::new(Kind::InvalidInput, message)
}

/// Checks a bucket's name far enough that it cannot change the URL it is put into.
pub(crate) fn check_bucket(bucket: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if bucket.is_empty() || !bucket.chars().all(plain) || bucket.starts_with('.') {
        // Not repeated: what stands there may be "user:password@...".
        return Err(invalid(
            "the bucket's name is not one: letters, digits, '.', '-' and '_' are allowed".into(),
        ));
    }
    Ok(())
}

impl Folder {
    /// The folder `prefix` of `bucket`, if both can be that.
    pub(super) fn new(scheme: &str, bucket: &str, prefix: &str) -> Result<Self> {
        check_bucket(bucket)?;
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if prefix.is_empty() {
            return Ok(Self { bucket: bucket.to_owned(), prefix: String::new() });
        }
        check_key(prefix).map_err(|rule| {
            invalid(format!("{scheme}://{bucket}/{prefix} cannot be used: {rule}"))
        })?;
        Ok(Self { bucket: bucket.to_owned(), prefix: format!("{prefix}/") })
    }
}

/// The endpoint's URL, if requests can go there.
pub(super) fn server(text: &str) -> Result<Url> {
    let refuse = |why: &str| invalid(format!("the endpoint URL cannot be used: {why}"));
    let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("it must start with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(refuse("it must not hold a user, a password or a query"));
    }
    Ok(url)
}

pub(super) fn retry_config() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            base: 2.0,
        },
        max_retries: MAX_CONTINUATIONS,
        retry_timeout: Duration::MAX,
    }
}

impl<S: Service> BucketStore<S> {
    pub(super) fn new(service: S, folder: Folder) -> Self {
        Self { service, folder }
    }

    #[cfg(test)]
    pub(super) fn service(&self) -> &S {
        &self.service
    }

    pub(super) fn url(&self) -> String {
        self.display("").trim_end_matches('/').to_owned()
    }

    fn path(&self, verb: &'static str, key: &str) -> Result<Path, StorageError> {
        let full = format!("{}{key}", self.folder.prefix);
        let attempts = Attempts::default();
        Path::parse(&full)
            .map_err(|error| reply::error(verb, self.display(key), error.into(), &attempts))
    }

    /// Runs a request; once more when the store is elsewhere, and once more when it refuses the
    /// credentials and there are others.
    async fn attempt<T, F, Fut>(
        &self,
        verb: &'static str,
        key: &str,
        request: F,
    ) -> Result<T, StorageError>
    where
        F: Fn(S::Client, Arc<Attempts>) -> Fut + Send + Sync,
        Fut: Future<Output = object_store::Result<T>> + Send,
        T: Send,
    {
        let (mut moved, mut renewed) = (false, false);
        loop {
            let attempts = Arc::<Attempts>::default();
            let generation = self.service.credentials().map_or(0, CredentialCache::generation);
            let (client, number) = self.service.client();
            let error = match log::tried(1, request(client, Arc::clone(&attempts))).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if !moved && self.service.moved(number, &error) {
                moved = true;
                continue;
            }
            let error = reply::error(verb, self.display(key), error, &attempts).at_file(key);
            let (false, Some(cache), Some(refusal)) =
                (renewed, self.service.credentials(), error.refusal())
            else {
                return Err(error);
            };
            match cache.renewed(generation, refusal).await {
                Ok(true) => renewed = true,
                // A source that fails now matters less than what the store said.
                Ok(false) | Err(_) => return Err(error),
            }
        }
    }

    /// The size by a request whose reply has no body. Where the store refuses, its code is in no
    /// body either: then nothing, and a read of one byte has to ask.
    async fn head(&self, key: &str) -> Result<Option<u64>, StorageError> {
        let path = self.path("read", key)?;
        let attempts = Arc::<Attempts>::default();
        let extensions = sharing(&attempts);
        let options = GetOptions { head: true, extensions, ..GetOptions::default() };
        let (client, _) = self.service.client();
        match log::tried(1, client.get_opts(&path, options)).await {
            Ok(reply) => Ok(Some(reply.meta.size)),
            Err(error) => {
                let error = reply::error("read", self.display(key), error, &attempts).at_file(key);
                if error.is_transient() { Err(error) } else { Ok(None) }
            }
        }
    }

    async fn get(
        &self,
        key: &str,
        range: Option<Range<u64>>,
    ) -> Result<Option<(GetResult, Arc<Attempts>)>, StorageError> {
        let path = self.path("read", key)?;
        self.attempt("read", key, |client, attempts| {
            let (path, range) = (path.clone(), range.clone().map(GetRange::Bounded));
            async move {
                let extensions = sharing(&attempts);
                let options = GetOptions { range, extensions, ..GetOptions::default() };
                match client.get_opts(&path, options).await {
                    Err(error) if reply::is_past_the_end(&error) => Ok(None),
                    other => other.map(|reply| Some((reply, attempts))),
                }
            }
        })
        .await
    }

    fn body(&self, key: &str, reply: GetResult, attempts: Arc<Attempts>) -> Body {
        let (place, key) = (self.display(key), key.to_owned());
        let stream = reply.into_stream().map_err(move |error| {
            reply::error("read", place.clone(), error, &attempts).at_file(&key)
        });
        Body::Stream(stream.boxed())
    }

    async fn put_with(&self, key: &str, bytes: Bytes, mode: PutMode) -> Result<Put, StorageError> {
        let path = self.path("write", key)?;
        self.attempt("write", key, |client, attempts| {
            let (path, payload) = (path.clone(), PutPayload::from_bytes(bytes.clone()));
            let extensions = sharing(&attempts);
            let options = PutOptions { mode: mode.clone(), extensions, ..PutOptions::default() };
            async move {
                match client.put_opts(&path, payload, options).await {
                    Ok(_) => Ok(Put::Stored),
                    Err(ObjectError::AlreadyExists { .. } | ObjectError::Precondition { .. }) => {
                        Ok(Put::Refused)
                    }
                    Err(ObjectError::NotImplemented { .. }) => Ok(Put::Unknown),
                    Err(error) => Err(error),
                }
            }
        })
        .await
    }

    /// Writes under a condition, or without it where the server knows none: the caller has looked.
    async fn put_where_possible(
        &self,
        key: &str,
        bytes: Bytes,
        mode: PutMode,
    ) -> Result<bool, StorageError> {
        match self.put_with(key, bytes.clone(), mode).await? {
            Put::Stored => Ok(true),
            Put::Refused => Ok(false),
            Put::Unknown => self.put(key, bytes).await.map(|()| true),
        }
    }
}

/// What became of a conditional write.
#[derive(Clone, Copy)]
enum Put {
    Stored,
    /// There is another object. It may be ours: an earlier reply may have been lost.
    Refused,
    /// The server cannot write under that condition.
    Unknown,
}

/// What lets all requests of an operation share its tries.
fn sharing(attempts: &Arc<Attempts>) -> Extensions {
    let mut extensions = Extensions::new();
    extensions.insert(Arc::clone(attempts));
    extensions
}

#[async_trait]
impl<S: Service> Backend for BucketStore<S> {
    fn server(&self) -> Option<&str> {
        self.service.endpoint()
    }

    fn display(&self, key: &str) -> String {
        format!("{}://{}/{}{key}", S::SCHEME, self.folder.bucket, self.folder.prefix)
    }

    async fn open_read(&self, key: &str) -> Result<Incoming, StorageError> {
        let Some((reply, attempts)) = self.get(key, None).await? else {
            let nothing = Body::Ready(Bytes::new());
            return Ok(Incoming::new(0, self.display(key), Some(key), nothing));
        };
        let (size, e_tag, version) =
            (reply.meta.size, reply.meta.e_tag.clone(), reply.meta.version.clone());
        let body = self.body(key, reply, attempts);
        let incoming = Incoming::new(size, self.display(key), Some(key), body);
        Ok(incoming.tagged(UpdateVersion { e_tag, version }))
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StorageError> {
        let Some((reply, attempts)) = self.get(key, Some(range)).await? else {
            return Ok(Bytes::new());
        };
        let size = reply.range.end.saturating_sub(reply.range.start);
        let body = self.body(key, reply, attempts);
        Incoming::new(size, self.display(key), Some(key), body).collect().await
    }

    async fn size(&self, key: &str) -> Result<u64, StorageError> {
        if let Some(size) = self.head(key).await? {
            return Ok(size);
        }
        Ok(self.get(key, Some(0..1)).await?.map_or(0, |(reply, _)| reply.meta.size))
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), StorageError> {
        if bytes.len() <= MAX_WHOLE_BYTES {
            return self.put_with(key, bytes, PutMode::Overwrite).await.map(|_| ());
        }
        let path = self.path("write", key)?;
        self.attempt("write", key, |client, _| {
            multipart::put(client, path.clone(), bytes.clone(), PART_BYTES)
        })
        .await
    }

    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<bool, StorageError> {
        self.put_where_possible(key, bytes, PutMode::Create).await
    }

    async fn put_if_unchanged(
        &self,
        key: &str,
        bytes: Bytes,
        was: &Version,
    ) -> Result<bool, StorageError> {
        let mode = was.tag.clone().map_or(PutMode::Overwrite, PutMode::Update);
        self.put_where_possible(key, bytes, mode).await
    }

    async fn delete(&self, keys: &[String]) -> Result<(), StorageError> {
        let paths: Vec<Path> =
            keys.iter().map(|key| self.path("delete", key)).collect::<Result<_, _>>()?;
        let first = keys.first().map_or("", String::as_str);
        self.attempt("delete", first, |client, _| {
            let paths = futures::stream::iter(paths.clone()).map(Ok).boxed();
            async move {
                let mut done = client.delete_stream(paths);
                while let Some(result) = done.next().await {
                    match result {
                        Ok(_) | Err(ObjectError::NotFound { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(())
            }
        })
        .await
    }

    async fn list(&self, prefix: &str, limit: usize) -> Result<Found, StorageError> {
        let path = self.path("list", prefix)?;
        let everything = path.as_ref().is_empty();
        let listed = self
            .attempt("list", prefix, |client, _| {
                let folder = (!everything).then(|| path.clone());
                async move {
                    client.list(folder.as_ref()).take(limit).try_collect::<Vec<_>>().await
                }
            })
            .await?;
        let mut found = Found::default();
        for object in listed {
            let full = listing::reveal(object.location.as_ref());
            // Not below the folder: the mark that some tools put for the folder itself.
            let Some(key) = full.strip_prefix(&self.folder.prefix) else { continue };
            found.add(key, object.size);
        }
        Ok(found)
    }

    fn renewals(&self) -> u64 {
        self.service.credentials().map_or(0, CredentialCache::fetches)
    }
}
