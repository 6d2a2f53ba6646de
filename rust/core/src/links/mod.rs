//! From a link's text and creds key to a store and a key in it.
//!
//! Owns the rules of link URLs and the populated credentials; does no I/O itself. Everything is
//! added and found without locks, so a pool works in a forked child.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::process::AppendList;
use crate::error::{Context, Error, Kind, Result, quoted};
use crate::storage::{AwsAccess, GcsAccess, S3Config, Store};

mod url;

use url::Link;
pub use url::display;

/// What one creds key was populated with. Never shown.
#[derive(Clone, Default)]
pub struct LinkCreds {
    /// For `s3://` links.
    pub aws: Option<AwsAccess>,
    /// For `gcs://` links.
    pub gcs: Option<GcsAccess>,
    /// The `Authorization` header for http(s) links.
    pub authorization: Option<String>,
}

impl fmt::Debug for LinkCreds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkCreds")
            .field("aws", &self.aws.is_some())
            .field("gcs", &self.gcs.is_some())
            .field("authorization", &self.authorization.is_some())
            .finish_non_exhaustive()
    }
}

/// Where a link leads.
#[derive(Debug, Clone)]
pub struct Target {
    /// The store that holds the object.
    pub store: Store,
    /// The object's key in it.
    pub key: String,
    /// The link as it may be shown: without query and user info.
    pub display: String,
    /// The creds key in use.
    pub creds_key: Option<String>,
}

impl Target {
    /// What errors about this link carry.
    #[must_use]
    pub fn context(&self) -> Context {
        Context {
            url: Some(self.display.clone()),
            creds_key: self.creds_key.clone(),
            ..Context::default()
        }
    }
}

/// One `populate` call.
struct Populated {
    creds_key: String,
    number: u64,
    creds: LinkCreds,
}

/// A store made for links: of a populate call (none: `number` 0), and of a bucket or of http.
struct Opened {
    number: u64,
    bucket: Option<String>,
    store: Store,
}

/// The populated creds keys of a dataset and the stores that its links need.
#[derive(Debug)]
pub struct LinkPool {
    populated: AppendList<Populated>,
    opened: AppendList<Opened>,
    files: Store,
    calls: AtomicU64,
}

impl Default for LinkPool {
    fn default() -> Self {
        Self::new()
    }
}

impl LinkPool {
    /// A pool without credentials.
    #[must_use]
    pub fn new() -> Self {
        Self {
            populated: AppendList::new(),
            opened: AppendList::new(),
            files: Store::files(),
            calls: AtomicU64::new(0),
        }
    }

    /// Gives `creds_key` its credentials; those given before are not used from now on.
    pub fn populate(&self, creds_key: &str, creds: LinkCreds) {
        let number = self.calls.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        self.populated.push(Populated { creds_key: creds_key.to_owned(), number, creds });
    }

    /// Whether `creds_key` has credentials.
    #[must_use]
    pub fn is_populated(&self, creds_key: &str) -> bool {
        self.find(creds_key).is_some()
    }

    fn find(&self, creds_key: &str) -> Option<&Populated> {
        self.populated.iter().find(|populated| populated.creds_key == creds_key)
    }

    /// Where `url` leads. Makes no request.
    ///
    /// | link | store | creds key |
    /// |---|---|---|
    /// | `s3://bucket/key` | the bucket; the key is the rest as it stands | needed |
    /// | `http://`, `https://` | the URL as it stands | may be given |
    /// | `file:///path` | the file, percent-decoded | ignored |
    /// | anything else without `://` | the file, relative to the working directory | ignored |
    ///
    /// # Errors
    /// [`Kind::Unsupported`] for stores we cannot read yet, [`Kind::InvalidInput`] for what is no
    /// link, [`Kind::MissingCreds`] when the creds key is not populated.
    pub fn resolve(&self, url: &str, creds_key: Option<&str>) -> Result<Target> {
        let place = Context {
            url: Some(display(url)),
            creds_key: creds_key.map(str::to_owned),
            ..Context::default()
        };
        self.target(url, creds_key).map_err(|error| error.with_context(place))
    }

    fn target(&self, url: &str, creds_key: Option<&str>) -> Result<Target> {
        let (store, key, creds_key) = match Link::parse(url)? {
            Link::S3 { bucket, key } => {
                let creds_key = creds_key.ok_or_else(needs_key)?;
                let populated = self.find(creds_key).ok_or_else(|| not_populated(creds_key))?;
                (self.s3(populated, bucket)?, key.to_owned(), Some(creds_key))
            }
            Link::Http => (self.http(creds_key)?, url.to_owned(), creds_key),
            Link::File(path) => (self.files.clone(), path, None),
        };
        let creds_key = creds_key.map(str::to_owned);
        Ok(Target { store, key, display: display(url), creds_key })
    }

    fn s3(&self, populated: &Populated, bucket: &str) -> Result<Store> {
        let aws = populated.creds.aws.as_ref().ok_or_else(|| {
            let key = &populated.creds_key;
            Error::new(
                Kind::MissingCreds,
                format!("the creds key {} is populated, but not for s3 links", quoted(key)),
            )
            .with_hint(repair(key))
        })?;
        self.cached(populated.number, Some(bucket), || {
            Store::s3(S3Config {
                bucket: bucket.to_owned(),
                prefix: String::new(),
                access: aws.clone(),
            })
        })
    }

    fn http(&self, creds_key: Option<&str>) -> Result<Store> {
        let Some(creds_key) = creds_key else {
            return self.cached(0, None, || Store::http(None));
        };
        let populated = self.find(creds_key).ok_or_else(|| not_populated(creds_key))?;
        self.cached(populated.number, None, || {
            Store::http(populated.creds.authorization.as_deref())
        })
    }

    /// The store of that populate call and bucket, made at its first use. Threads that come at the
    /// same time may make two of it, which does no harm.
    fn cached(
        &self,
        number: u64,
        bucket: Option<&str>,
        open: impl FnOnce() -> Result<Store>,
    ) -> Result<Store> {
        let same = |opened: &&Opened| opened.number == number && opened.bucket.as_deref() == bucket;
        if let Some(opened) = self.opened.iter().find(same) {
            return Ok(opened.store.clone());
        }
        let store = open()?;
        let bucket = bucket.map(str::to_owned);
        self.opened.push(Opened { number, bucket, store: store.clone() });
        Ok(store)
    }
}

fn repair(creds_key: &str) -> String {
    let key = quoted(creds_key);
    format!("call ds.populate_creds({key}, {{...}}) with its credentials after opening")
}

fn not_populated(creds_key: &str) -> Error {
    Error::new(
        Kind::MissingCreds,
        format!("the creds key {} has not been populated", quoted(creds_key)),
    )
    .with_hint(repair(creds_key))
}

fn needs_key() -> Error {
    Error::new(Kind::InvalidInput, "links to cloud storage need a creds key").with_hint(
        "add one with ds.add_creds_key(name), populate it with ds.populate_creds(name, {...}), \
         and name it in the link: link(path, creds_key=name)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aws() -> LinkCreds {
        LinkCreds { aws: Some(AwsAccess::default()), ..LinkCreds::default() }
    }

    #[test]
    fn s3_links_need_a_populated_key() {
        let pool = LinkPool::new();
        let kind = |url, key| pool.resolve(url, key).unwrap_err().kind();
        assert_eq!(kind("s3://b/k", None), Kind::InvalidInput);
        assert_eq!(kind("s3://b/k", Some("main")), Kind::MissingCreds);
        let error = pool.resolve("s3://b/k", Some("main")).unwrap_err();
        assert!(error.hint().unwrap().contains("populate_creds('main'"));
        assert_eq!(error.context().creds_key.as_deref(), Some("main"));
        assert_eq!(error.context().url.as_deref(), Some("s3://b/k"));
        pool.populate("main", LinkCreds::default());
        assert_eq!(kind("s3://b/k", Some("main")), Kind::MissingCreds);
        pool.populate("main", aws());
        let target = pool.resolve("s3://b/a b/%2F+ü#?x", Some("main")).unwrap();
        assert_eq!(target.key, "a b/%2F+ü#?x");
        assert_eq!(target.store.url(), "s3://b");
        assert_eq!(target.creds_key.as_deref(), Some("main"));
    }

    #[test]
    fn stores_are_opened_once_for_each_bucket_and_populate_call() {
        let pool = LinkPool::new();
        pool.populate("k", aws());
        for url in ["s3://b/1", "s3://b/2", "s3://c/1"] {
            pool.resolve(url, Some("k")).unwrap();
        }
        for url in ["http://h/1", "https://i/2"] {
            pool.resolve(url, None).unwrap();
        }
        assert_eq!(pool.opened.iter().count(), 3);
        pool.populate("k", aws());
        pool.resolve("s3://b/1", Some("k")).unwrap();
        assert_eq!(pool.opened.iter().count(), 4);
    }

    #[test]
    fn http_and_files_need_no_key() {
        let pool = LinkPool::new();
        let target = pool.resolve("http://u:p@h/a b?token=s", None).unwrap();
        assert_eq!(target.key, "http://u:p@h/a b?token=s");
        assert_eq!(target.display, "http://h/a b");
        assert_eq!(pool.resolve("http://h/", Some("x")).unwrap_err().kind(), Kind::MissingCreds);
        let target = pool.resolve("a/../b c.jpg", Some("x")).unwrap();
        assert!(target.key.ends_with("/a/../b c.jpg") && target.key.starts_with('/'));
        assert_eq!(target.creds_key, None);
    }

    #[test]
    fn secrets_are_not_shown() {
        let creds =
            LinkCreds { authorization: Some("Bearer secret".into()), ..LinkCreds::default() };
        assert!(!format!("{creds:?}").contains("secret"));
    }
}
