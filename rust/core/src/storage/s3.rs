//! Stores in S3 buckets and what speaks like them.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder, S3ConditionalPut};
use object_store::path::Path;
use object_store::{
    BackoffConfig, Error as ObjectError, GetOptions, GetRange, GetResult, ObjectStore, PutMode,
    PutOptions, PutPayload, RetryConfig,
};
use reqwest::Url;

use super::client::Wire;
use super::counters::Counters;
use super::credentials::{CredentialCache, fits_header};
use super::error::StorageError;
use super::incoming::{Body, Incoming};
use super::key::check_key;
use super::reply;
use super::{Backend, Entry, Result};
use crate::error::{Error, Kind};

/// Where requests go when no region is known; S3-compatible servers take it too.
const DEFAULT_REGION: &str = "us-east-1";

/// Tries after the first one, and the time after which no further one is started.
const MAX_RETRIES: usize = 5;
const RETRY_TIMEOUT: Duration = Duration::from_secs(60);

/// Which folder of which bucket, and how to get there.
#[derive(Debug, Clone, Default)]
pub struct S3Config {
    /// The bucket's name.
    pub bucket: String,
    /// The folder in the bucket; empty = the whole bucket.
    pub prefix: String,
    /// The region; `None` = us-east-1.
    pub region: Option<String>,
    /// The server, `http://` or `https://`; `None` = Amazon's of the region.
    pub endpoint_url: Option<String>,
    /// Whether the bucket's name goes into the host name instead of the path.
    pub virtual_host: bool,
    /// Who signs; `None` = requests are not signed.
    pub credentials: Option<Arc<CredentialCache>>,
}

pub(super) struct S3Store {
    store: AmazonS3,
    bucket: String,
    /// The folder with a final '/', or nothing.
    folder: String,
    /// The server as it was named; `None` = Amazon's.
    endpoint: Option<String>,
    credentials: Option<Arc<CredentialCache>>,
}

fn invalid(message: String) -> Error {
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

/// The endpoint as `object_store` wants it: without final '/', and in virtual-host style with the
/// bucket in its name.
fn endpoint(text: &str, bucket: &str, virtual_host: bool) -> Result<String> {
    let refuse = |why: &str| invalid(format!("the endpoint URL cannot be used: {why}"));
    let mut url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("it must start with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(refuse("it must not hold a user, a password or a query"));
    }
    if virtual_host {
        let host = url.domain().ok_or_else(|| refuse("virtual-host style needs a host name"))?;
        let host = format!("{bucket}.{host}");
        url.set_host(Some(&host)).map_err(|error| refuse(&error.to_string()))?;
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

impl S3Store {
    pub(super) fn new(config: S3Config, counters: Arc<Counters>) -> Result<Self> {
        check_bucket(&config.bucket)?;
        let prefix = config.prefix.strip_suffix('/').unwrap_or(&config.prefix);
        let folder = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        if !prefix.is_empty() {
            check_key(prefix).map_err(|rule| {
                invalid(format!("s3://{}/{prefix} cannot be used: {rule}", config.bucket))
            })?;
        }
        if !config.region.as_deref().is_none_or(fits_header) {
            return Err(invalid("the region has characters that no region has".to_owned()));
        }
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&config.bucket)
            .with_region(config.region.as_deref().unwrap_or(DEFAULT_REGION))
            .with_allow_http(true)
            .with_virtual_hosted_style_request(config.virtual_host)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_http_connector(Wire::new(counters))
            .with_retry(retry_config());
        let text = config.endpoint_url.as_deref();
        let server = text.map(|text| endpoint(text, &config.bucket, config.virtual_host));
        let server = server.transpose()?;
        if let Some(server) = &server {
            builder = builder.with_endpoint(server);
        }
        builder = match &config.credentials {
            Some(cache) => builder.with_credentials(Arc::clone(cache) as _),
            None => builder.with_skip_signature(true),
        };
        let store = builder
            .build()
            .map_err(|error| invalid(format!("the S3 settings cannot be used: {error}")))?;
        let S3Config { bucket, credentials, .. } = config;
        Ok(Self { store, bucket, folder, endpoint: server, credentials })
    }

    pub(super) fn url(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.folder.trim_end_matches('/'))
            .trim_end_matches('/')
            .to_owned()
    }

    fn path(&self, verb: &'static str, key: &str) -> Result<Path, StorageError> {
        let full = format!("{}{key}", self.folder);
        Path::parse(&full)
            .map_err(|error| reply::error(verb, self.display(key), error.into(), Instant::now()))
    }

    /// Runs a request; when the store refuses the credentials, renews them once and tries again.
    async fn attempt<T, F, Fut>(
        &self,
        verb: &'static str,
        key: &str,
        request: F,
    ) -> Result<T, StorageError>
    where
        F: Fn(AmazonS3) -> Fut + Send + Sync,
        Fut: Future<Output = object_store::Result<T>> + Send,
        T: Send,
    {
        let started = Instant::now();
        let generation = self.credentials.as_ref().map_or(0, |cache| cache.generation());
        let describe = |error| reply::error(verb, self.display(key), error, started).at_file(key);
        let error = match request(self.store.clone()).await {
            Ok(value) => return Ok(value),
            Err(error) => describe(error),
        };
        let (Some(cache), Some(refusal)) = (&self.credentials, error.refusal()) else {
            return Err(error);
        };
        match cache.renewed(generation, refusal).await {
            Ok(true) => request(self.store.clone()).await.map_err(describe),
            // A source that fails now matters less than what the store said.
            Ok(false) | Err(_) => Err(error),
        }
    }

    /// The size by a request whose reply has no body. Where the store refuses, its code is in no
    /// body either: then nothing, and a read of one byte has to ask.
    async fn head(&self, key: &str) -> Result<Option<u64>, StorageError> {
        let path = self.path("read", key)?;
        let started = Instant::now();
        let options = GetOptions { head: true, ..GetOptions::default() };
        match self.store.get_opts(&path, options).await {
            Ok(reply) => Ok(Some(reply.meta.size)),
            Err(error) => {
                let error = reply::error("read", self.display(key), error, started).at_file(key);
                if error.is_transient() { Err(error) } else { Ok(None) }
            }
        }
    }

    async fn get(
        &self,
        key: &str,
        range: Option<Range<u64>>,
    ) -> Result<Option<GetResult>, StorageError> {
        let path = self.path("read", key)?;
        let reply = self
            .attempt("read", key, |store| {
                let (path, range) = (path.clone(), range.clone().map(GetRange::Bounded));
                async move {
                    let options = GetOptions { range, ..GetOptions::default() };
                    match store.get_opts(&path, options).await {
                        Err(error) if reply::is_past_the_end(&error) => Ok(None),
                        other => other.map(Some),
                    }
                }
            })
            .await?;
        Ok(reply)
    }

    fn body(&self, key: &str, reply: GetResult) -> Body {
        let (place, key, started) = (self.display(key), key.to_owned(), Instant::now());
        let stream = reply.into_stream().map_err(move |error| {
            reply::error("read", place.clone(), error, started).at_file(&key)
        });
        Body::Stream(stream.boxed())
    }

    async fn put_with(&self, key: &str, bytes: Bytes, mode: PutMode) -> Result<bool, StorageError> {
        let path = self.path("write", key)?;
        self.attempt("write", key, |store| {
            let (path, payload) = (path.clone(), PutPayload::from_bytes(bytes.clone()));
            let options = PutOptions::from(mode.clone());
            async move {
                match store.put_opts(&path, payload, options).await {
                    Ok(_) => Ok(true),
                    Err(ObjectError::AlreadyExists { .. }) => Ok(false),
                    Err(error) => Err(error),
                }
            }
        })
        .await
    }
}

fn retry_config() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(8),
            base: 2.0,
        },
        max_retries: MAX_RETRIES,
        retry_timeout: RETRY_TIMEOUT,
    }
}

#[async_trait]
impl Backend for S3Store {
    fn server(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    fn display(&self, key: &str) -> String {
        format!("s3://{}/{}{key}", self.bucket, self.folder)
    }

    async fn open_read(&self, key: &str) -> Result<Incoming, StorageError> {
        let Some(reply) = self.get(key, None).await? else {
            let nothing = Body::Ready(Bytes::new());
            return Ok(Incoming::new(0, self.display(key), Some(key), nothing));
        };
        let size = reply.meta.size;
        Ok(Incoming::new(size, self.display(key), Some(key), self.body(key, reply)))
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StorageError> {
        let Some(reply) = self.get(key, Some(range)).await? else { return Ok(Bytes::new()) };
        let size = reply.range.end.saturating_sub(reply.range.start);
        let incoming = Incoming::new(size, self.display(key), Some(key), self.body(key, reply));
        incoming.collect().await
    }

    async fn size(&self, key: &str) -> Result<u64, StorageError> {
        if let Some(size) = self.head(key).await? {
            return Ok(size);
        }
        Ok(self.get(key, Some(0..1)).await?.map_or(0, |reply| reply.meta.size))
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), StorageError> {
        self.put_with(key, bytes, PutMode::Overwrite).await.map(|_| ())
    }

    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<bool, StorageError> {
        self.put_with(key, bytes, PutMode::Create).await
    }

    async fn delete(&self, keys: &[String]) -> Result<(), StorageError> {
        let paths: Vec<Path> =
            keys.iter().map(|key| self.path("delete", key)).collect::<Result<_, _>>()?;
        let first = keys.first().map_or("", String::as_str);
        self.attempt("delete", first, |store| {
            let paths = futures::stream::iter(paths.clone()).map(Ok).boxed();
            async move {
                let mut done = store.delete_stream(paths);
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

    async fn list(&self, prefix: &str, limit: usize) -> Result<Vec<Entry>, StorageError> {
        let full = format!("{}{prefix}", self.folder);
        let path = self.path("list", prefix)?;
        let found = self
            .attempt("list", prefix, |store| {
                let folder = (!full.is_empty()).then(|| path.clone());
                async move { store.list(folder.as_ref()).take(limit).try_collect::<Vec<_>>().await }
            })
            .await?;
        Ok(found
            .into_iter()
            .filter_map(|object| {
                // Not below the folder: the mark that some tools put for the folder itself.
                let key = object.location.as_ref().strip_prefix(&self.folder)?;
                Some(Entry { key: key.to_owned(), size: object.size })
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_checked_and_completed() {
        assert_eq!(endpoint("http://h:9000/", "b", false).unwrap(), "http://h:9000");
        assert_eq!(endpoint("https://h.net/x/", "b", true).unwrap(), "https://b.h.net/x");
        for bad in ["h:9000", "ftp://h", "http://u:p@h", "http://h?a=b", ""] {
            let error = endpoint(bad, "b", false).unwrap_err();
            assert_eq!(error.kind(), Kind::InvalidInput, "{bad}");
            assert!(!error.message().contains("u:p"));
        }
        assert!(endpoint("http://127.0.0.1:9000", "b", true).is_err());
    }

    #[test]
    fn buckets_and_prefixes_are_checked() {
        let config = |bucket: &str, prefix: &str| S3Config {
            bucket: bucket.into(),
            prefix: prefix.into(),
            ..S3Config::default()
        };
        for (bucket, prefix) in [("", ""), ("a:b@c", ""), ("a/b", ""), ("b", "x//y"), ("b", "../x")]
        {
            let built = S3Store::new(config(bucket, prefix), Arc::default());
            assert!(built.is_err(), "{bucket} {prefix}");
        }
        let store = S3Store::new(config("b", "x/y/"), Arc::default()).unwrap();
        assert_eq!(
            (store.url().as_str(), store.display("k").as_str()),
            ("s3://b/x/y", "s3://b/x/y/k")
        );
        assert_eq!(S3Store::new(config("b", ""), Arc::default()).unwrap().url(), "s3://b");
    }
}
