//! Named bytes in a local folder, in memory, in a bucket of S3 or Google Cloud Storage, or behind
//! http URLs: one [`Store`].
//!
//! Owns the clients, retries, credential refresh and the classification of what stores answer. It
//! is the only room that names `object_store`, `reqwest` or (for data) `std::fs`, and it knows
//! nothing of datasets. A `Store` works in a forked child: what a fork would break is looked up by
//! process id (see `client`).

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::{Error, Kind, Result, quoted};

mod access;
mod bucket;
mod client;
mod conditional;
mod counters;
pub mod credentials;
mod error;
mod files;
mod folder;
mod gcs;
mod hopeless;
mod http;
mod http_date;
mod incoming;
mod key;
mod listing;
mod local;
mod log;
mod memory;
mod multipart;
mod reply;
mod retry;
mod s3;
mod secrets;

pub use access::{AwsAccess, GcsAccess, Tls};
pub(crate) use bucket::check_bucket;
pub use conditional::Version;
pub use counters::Counts;
pub use credentials::{CredentialCache, SecretSource};
pub use error::{Reason, StorageError};
pub use gcs::GcsConfig;
pub use http::{Addresses, HttpPolicy};
pub(crate) use http::{display_url, file_url_path};
pub use incoming::Incoming;
pub use key::check_key;
#[cfg(feature = "fuzzing")]
pub use reply::read_reply;
pub use retry::Patience;
pub use s3::S3Config;
pub use secrets::{AwsSecret, GcsSecret, Secret};

use counters::Counters;

/// No object is longer; servers refuse ranges whose end does not fit into a signed number.
const MAX_OBJECT_BYTES: u64 = i64::MAX as u64;

/// What [`Store::get_optional`] takes into memory: metas and tables, which no format lets grow
/// further.
const MAX_SMALL_BYTES: u64 = 1 << 30;

fn too_large(key: &str, size: u64) -> Error {
    let message =
        format!("{key} has {size} bytes, and no such file over {MAX_SMALL_BYTES} is read");
    Error::new(Kind::LimitExceeded, message).at_file(key)
}

/// An object of a listing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The key below the store's root.
    pub key: String,
    /// Bytes of the object.
    pub size: u64,
}

/// What a listing found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The objects.
    pub entries: Vec<Entry>,
    /// What lies there and is no object: keys that are refused everywhere else (see [`check_key`]);
    /// in local folders links that end nowhere, outside or at a folder, pipes, names that are no
    /// text.
    pub odd: Vec<String>,
}

impl Found {
    /// Takes what a bucket has. The empty objects that some tools put for folders are no objects.
    fn add(&mut self, key: &str, size: u64) {
        let folder = key.strip_suffix('/').unwrap_or(key);
        if check_key(key).is_ok() {
            self.entries.push(Entry { key: key.to_owned(), size });
        } else if size > 0 || !(folder.is_empty() || check_key(folder).is_ok()) {
            self.odd.push(key.to_owned());
        }
    }
}

impl From<Vec<Entry>> for Found {
    fn from(entries: Vec<Entry>) -> Self {
        Self { entries, odd: Vec::new() }
    }
}

/// What every kind of store can do. Keys have been checked where [`Backend::check`] says so.
#[async_trait]
trait Backend: Send + Sync {
    /// Refuses keys that this kind of store would not keep as they are.
    fn check(&self, key: &str) -> Result<(), &'static str> {
        check_key(key)
    }

    /// The object as it may be shown: no query, no user info.
    fn display(&self, key: &str) -> String;

    /// The server that was named, where the URL does not say it.
    fn server(&self) -> Option<&str> {
        None
    }

    async fn open_read(&self, key: &str) -> Result<Incoming, StorageError>;

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StorageError>;

    async fn size(&self, key: &str) -> Result<u64, StorageError>;

    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), StorageError>;

    /// `false`: there is an object of that name already.
    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<bool, StorageError>;

    /// `false`: the object is not what it was, and stays so. Where the store cannot tell, it is
    /// replaced.
    async fn put_if_unchanged(
        &self,
        key: &str,
        bytes: Bytes,
        was: &Version,
    ) -> Result<bool, StorageError>;

    async fn delete(&self, keys: &[String]) -> Result<(), StorageError>;

    /// Objects below the folder `prefix` (`""`: all), at most about `limit` of them.
    async fn list(&self, prefix: &str, limit: usize) -> Result<Found, StorageError>;

    /// Makes objects survive a loss of power, where a put alone does not.
    async fn sync(&self, _keys: &[String]) -> Result<(), StorageError> {
        Ok(())
    }

    /// How often credentials were fetched.
    fn renewals(&self) -> u64 {
        0
    }
}

struct Inner {
    backend: Box<dyn Backend>,
    url: String,
    identity: String,
    remote: bool,
    counters: Arc<Counters>,
}

/// A handle on one store root; clones share it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

impl Store {
    /// The folder `root`, which need not exist yet.
    #[must_use]
    pub fn local(root: &Path) -> Self {
        let counters = Arc::<Counters>::default();
        let backend = local::LocalStore::new(root, Arc::clone(&counters));
        Self::build(Box::new(backend), root.display().to_string(), false, counters)
    }

    /// Single files by their path, read-only: what local links point to.
    #[must_use]
    pub fn files() -> Self {
        let counters = Arc::<Counters>::default();
        let backend = files::FileStore::new(Arc::clone(&counters));
        Self::build(Box::new(backend), "file".to_owned(), false, counters)
    }

    /// The memory store of that name in this process, which lives as long as a `Store` of it.
    #[must_use]
    pub fn memory(name: &str) -> Self {
        let counters = Arc::<Counters>::default();
        let backend = memory::MemoryStore::open(name, Arc::clone(&counters));
        Self::build(Box::new(backend), format!("mem://{name}"), false, counters)
    }

    /// A folder of an S3 bucket. Makes no request.
    ///
    /// # Errors
    /// [`crate::Kind::InvalidInput`] when bucket, prefix or endpoint cannot be right.
    pub fn s3(config: S3Config) -> Result<Self> {
        let counters = Arc::<Counters>::default();
        let backend = s3::open(config, Arc::clone(&counters))?;
        let url = backend.url();
        Ok(Self::build(Box::new(backend), url, true, counters))
    }

    /// A folder of a bucket of Google Cloud Storage. Makes no request.
    ///
    /// # Errors
    /// [`crate::Kind::InvalidInput`] when bucket, prefix or endpoint cannot be right.
    pub fn gcs(config: GcsConfig) -> Result<Self> {
        let counters = Arc::<Counters>::default();
        let backend = gcs::open(config, Arc::clone(&counters))?;
        let url = backend.url();
        Ok(Self::build(Box::new(backend), url, true, counters))
    }

    /// Objects by their full http(s) URL, read-only. `authorization` is sent as the header of that
    /// name, and not to other origins that a server redirects to.
    ///
    /// # Errors
    /// [`crate::Kind::InvalidInput`] when `authorization` cannot be a header.
    pub fn http(authorization: Option<&str>, policy: HttpPolicy) -> Result<Self> {
        let counters = Arc::<Counters>::default();
        let backend = http::HttpStore::new(None, authorization, policy, Arc::clone(&counters))?;
        Ok(Self::build(Box::new(backend), "http".to_owned(), true, counters))
    }

    /// A folder of a web server, read-only and without listings. `authorization` as of
    /// [`Store::http`].
    ///
    /// # Errors
    /// [`crate::Kind::InvalidInput`] when `base` is no http(s) URL, or has a query.
    pub fn http_folder(base: &str, authorization: Option<&str>) -> Result<Self> {
        let counters = Arc::<Counters>::default();
        let policy = HttpPolicy::default();
        let backend =
            http::HttpStore::new(Some(base), authorization, policy, Arc::clone(&counters))?;
        let url = display_url(base).trim_end_matches('/').to_owned();
        Ok(Self::build(Box::new(backend), url, true, counters))
    }

    fn build(
        backend: Box<dyn Backend>,
        url: String,
        remote: bool,
        counters: Arc<Counters>,
    ) -> Self {
        let identity = backend.server().map_or_else(|| url.clone(), |at| format!("{at} {url}"));
        Self { inner: Arc::new(Inner { backend, url, identity, remote, counters }) }
    }

    /// What tells this place from all others in this process: the same URL on two servers is two.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.inner.identity
    }

    /// The store's root as it may be shown.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// One object's place as it may be shown: no query, no user info.
    #[must_use]
    pub fn display(&self, key: &str) -> String {
        self.inner.backend.display(key)
    }

    /// Whether requests go over a network.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.inner.remote
    }

    /// Requests made and bytes moved so far, retries included.
    #[must_use]
    pub fn counters(&self) -> Counts {
        Counts { renewals: self.inner.backend.renewals(), ..self.inner.counters.snapshot() }
    }

    /// The whole object.
    ///
    /// # Errors
    /// [`crate::Kind::ObjectNotFound`] when it is missing; else what the store refused, or why it
    /// could not be reached.
    pub async fn get(&self, key: &str) -> Result<Bytes> {
        self.open_read(key).await?.read().await
    }

    /// The whole (small) object, or nothing when it is missing.
    ///
    /// # Errors
    /// As [`Store::get`], a missing object excepted; and one of more than [`MAX_SMALL_BYTES`].
    pub async fn get_optional(&self, key: &str) -> Result<Option<Bytes>> {
        match self.backend("read", key)?.open_read(key).await {
            Ok(incoming) if incoming.size > MAX_SMALL_BYTES => Err(too_large(key, incoming.size)),
            Ok(incoming) => Ok(Some(self.counted(incoming).read().await?)),
            Err(error) if error.is_object_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The bytes of `range` that the object has: fewer, or none, when it is shorter.
    ///
    /// # Errors
    /// As [`Store::get`]. An empty range asks nobody, and so misses nothing.
    pub async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        let backend = self.backend("read", key)?;
        let range = range.start..range.end.min(MAX_OBJECT_BYTES);
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let bytes = backend.get_range(key, range).await?;
        self.inner.counters.read(bytes.len());
        Ok(bytes)
    }

    /// Asks for the object and gives its size; the body waits until [`Incoming::read`]. Between the
    /// two a caller can wait for the memory that the body will take.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn open_read(&self, key: &str) -> Result<Incoming> {
        let incoming = self.backend("read", key)?.open_read(key).await?;
        Ok(self.counted(incoming))
    }

    fn counted(&self, incoming: Incoming) -> Incoming {
        incoming.counted(Arc::clone(&self.inner.counters))
    }

    /// Bytes of the object.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn size(&self, key: &str) -> Result<u64> {
        Ok(self.backend("read", key)?.size(key).await?)
    }

    /// Puts the object in place, whole or not at all.
    ///
    /// # Errors
    /// What the store refused, or why it could not be reached.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        let length = bytes.len();
        self.backend("write", key)?.put(key, bytes).await?;
        self.inner.counters.wrote(length);
        Ok(())
    }

    /// Removes the objects; those that are missing already are fine.
    ///
    /// # Errors
    /// As [`Store::put`]; some of the objects may be gone then.
    pub async fn delete(&self, keys: &[String]) -> Result<()> {
        for key in keys {
            self.backend("delete", key)?;
        }
        if keys.is_empty() {
            return Ok(());
        }
        Ok(self.inner.backend.delete(keys).await?)
    }

    /// All objects below the folder `prefix` (`""`: the whole store), sorted by key. Those with odd
    /// keys are left out.
    ///
    /// # Errors
    /// As [`Store::get`]; a folder without objects is an empty list.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        Ok(self.list_all(prefix).await?.entries)
    }

    /// As [`Store::list`], with the odd keys, sorted too.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn list_all(&self, prefix: &str) -> Result<Found> {
        self.list_some(prefix, usize::MAX).await
    }

    /// Whether the store holds any object.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn has_any(&self) -> Result<bool> {
        // The first one may be the mark of the folder itself.
        let found = self.list_some("", 2).await?;
        Ok(!(found.entries.is_empty() && found.odd.is_empty()))
    }

    /// Makes objects that were put survive a loss of power, all in one go. Servers have seen to that
    /// when they answer a put, and memory never does.
    ///
    /// # Errors
    /// As [`Store::put`]; some of the objects may not be on the disk then.
    pub async fn sync(&self, keys: &[String]) -> Result<()> {
        for key in keys {
            self.backend("sync", key)?;
        }
        Ok(self.inner.backend.sync(keys).await?)
    }

    /// Objects below the folder `prefix`, sorted by key, and the odd keys that no path leads to;
    /// once there are `limit` of them, the store is asked for no further page.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn list_some(&self, prefix: &str, limit: usize) -> Result<Found> {
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let backend = match prefix {
            "" => self.inner.backend.as_ref(),
            _ => self.backend("list", prefix)?,
        };
        let mut found = backend.list(prefix, limit).await?;
        found.entries.sort_unstable();
        found.odd.sort_unstable();
        Ok(found)
    }

    /// The backend, after it has accepted the key.
    fn backend(&self, verb: &'static str, key: &str) -> Result<&dyn Backend> {
        let backend = self.inner.backend.as_ref();
        match backend.check(key) {
            Ok(()) => Ok(backend),
            Err(rule) => {
                let place = format!("{} in {}", quoted(key), self.url());
                Err(StorageError::new(verb, place, Reason::Key(rule)).into())
            }
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("url", &self.inner.url).finish_non_exhaustive()
    }
}
