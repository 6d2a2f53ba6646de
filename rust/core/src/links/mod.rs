//! From a link's text and creds key to a store and a key in it.
//!
//! Owns the rules of link URLs and the populated credentials; does no I/O itself. Everything is
//! added and found without locks, so a pool works in a forked child.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::process::AppendList;
use crate::error::{Context, Error, Kind, Result, quoted};
use crate::storage::{AwsAccess, GcsAccess, GcsConfig, HttpPolicy, S3Config, Store};

mod url;

use url::{Cloud, Link};
pub use url::{display, is_in_cloud};

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

/// What links may make the reading process do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How http(s) links are read.
    pub http: HttpPolicy,
    /// Whether links may lead to files of this machine.
    pub local_files: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { http: HttpPolicy::default(), local_files: true }
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

/// One `populate` call, or the end of one: then there are no credentials.
struct Populated {
    creds_key: String,
    number: u64,
    creds: Option<Arc<LinkCreds>>,
}

/// A store made for links: of a populate call (none: `number` 0), and of a bucket or of http.
struct Opened {
    number: u64,
    bucket: Option<(Cloud, String)>,
    store: Store,
}

/// The populated creds keys of a dataset and the stores that its links need.
#[derive(Debug)]
pub struct LinkPool {
    populated: AppendList<Populated>,
    opened: AppendList<Opened>,
    files: Store,
    calls: AtomicU64,
    policy: Policy,
}

impl Default for LinkPool {
    fn default() -> Self {
        Self::new(Policy::default())
    }
}

impl LinkPool {
    /// A pool without credentials.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            populated: AppendList::new(),
            opened: AppendList::new(),
            files: Store::files(),
            calls: AtomicU64::new(0),
        }
    }

    /// Gives `creds_key` its credentials; those given before are not used from now on.
    pub fn populate(&self, creds_key: &str, creds: LinkCreds) {
        let number = self.calls.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        self.note(creds_key, number, Some(Arc::new(creds)));
    }

    /// Makes the credentials of `old` those of `new`, unless that has its own.
    pub fn rename(&self, old: &str, new: &str) {
        let Some((number, creds)) = self.find(old).filter(|_| old != new) else { return };
        if self.find(new).is_none() {
            self.note(new, number, Some(Arc::clone(creds)));
        }
        self.note(old, number, None);
    }

    fn note(&self, creds_key: &str, number: u64, creds: Option<Arc<LinkCreds>>) {
        self.populated.push(Populated { creds_key: creds_key.to_owned(), number, creds });
    }

    /// Whether `creds_key` has credentials.
    #[must_use]
    pub fn is_populated(&self, creds_key: &str) -> bool {
        self.find(creds_key).is_some()
    }

    /// The credentials behind a creds key, and the number of the call that gave them.
    fn find(&self, creds_key: &str) -> Option<(u64, &Arc<LinkCreds>)> {
        let newest = self.populated.iter().find(|populated| populated.creds_key == creds_key)?;
        Some((newest.number, newest.creds.as_ref()?))
    }

    fn populated(&self, creds_key: &str) -> Result<(u64, &LinkCreds)> {
        let found = self.find(creds_key).ok_or_else(|| not_populated(creds_key))?;
        Ok((found.0, found.1))
    }

    /// Where `url` leads. Makes no request.
    ///
    /// | link | store | creds key |
    /// |---|---|---|
    /// | `s3://bucket/key` | the bucket; the key is the rest as it stands | needed |
    /// | `gcs://bucket/key`, `gs://`, `gcp://` | likewise | needed |
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
            Link::Object { cloud, bucket, key } => {
                let creds_key = creds_key.ok_or_else(needs_key)?;
                (self.bucket(creds_key, cloud, bucket)?, key.to_owned(), Some(creds_key))
            }
            Link::Http => (self.http(creds_key)?, url.to_owned(), creds_key),
            Link::File(_) if !self.policy.local_files => return Err(local_file()),
            Link::File(path) => (self.files.clone(), path, None),
        };
        let creds_key = creds_key.map(str::to_owned);
        Ok(Target { store, key, display: display(url), creds_key })
    }

    fn bucket(&self, creds_key: &str, cloud: Cloud, bucket: &str) -> Result<Store> {
        let (number, creds) = self.populated(creds_key)?;
        let (bucket, prefix) = (bucket.to_owned(), String::new());
        self.cached(number, Some((cloud, bucket.as_str())), || {
            let lacking = || of_another_cloud(creds_key, cloud);
            match cloud {
                Cloud::S3 => {
                    let access = creds.aws.clone().ok_or_else(lacking)?;
                    Store::s3(S3Config { bucket: bucket.clone(), prefix, access })
                }
                Cloud::Gcs => {
                    let access = creds.gcs.clone().ok_or_else(lacking)?;
                    Store::gcs(GcsConfig { bucket: bucket.clone(), prefix, access })
                }
            }
        })
    }

    fn http(&self, creds_key: Option<&str>) -> Result<Store> {
        let Some(creds_key) = creds_key else {
            return self.cached(0, None, || Store::http(None, self.policy.http));
        };
        let (number, creds) = self.populated(creds_key)?;
        self.cached(number, None, || Store::http(creds.authorization.as_deref(), self.policy.http))
    }

    /// The store of that populate call and bucket, made at its first use. Threads that come at the
    /// same time may make two of it, which does no harm.
    fn cached(
        &self,
        number: u64,
        bucket: Option<(Cloud, &str)>,
        open: impl FnOnce() -> Result<Store>,
    ) -> Result<Store> {
        let same = |opened: &&Opened| {
            let of = opened.bucket.as_ref().map(|(cloud, bucket)| (*cloud, bucket.as_str()));
            opened.number == number && of == bucket
        };
        if let Some(opened) = self.opened.iter().find(same) {
            return Ok(opened.store.clone());
        }
        let store = open()?;
        let bucket = bucket.map(|(cloud, bucket)| (cloud, bucket.to_owned()));
        self.opened.push(Opened { number, bucket, store: store.clone() });
        Ok(store)
    }
}

fn repair(creds_key: &str) -> String {
    let key = quoted(creds_key);
    format!("call ds.populate_creds({key}, {{...}}) with its credentials after opening")
}

fn not_populated(creds_key: &str) -> Error {
    // The words of Deep Lake v3, which people search for.
    let key = quoted(creds_key);
    let message = format!("Creds keys {{{key}}} are used in the data but not populated");
    Error::new(Kind::MissingCreds, message).with_hint(repair(creds_key))
}

fn of_another_cloud(creds_key: &str, cloud: Cloud) -> Error {
    let (key, scheme) = (quoted(creds_key), cloud.scheme());
    let message = format!("the creds key {key} is populated, but not for {scheme}:// links");
    Error::new(Kind::MissingCreds, message).with_hint(repair(creds_key))
}

fn local_file() -> Error {
    Error::new(
        Kind::LinkNotAllowed,
        "it leads to a file of the machine that reads, and the dataset came over a network: who \
         wrote it would choose which of your files are read",
    )
    .with_hint(
        "if you trust them, open the dataset with allow_local_links=True, or set \
         LAKEBED_ALLOW_LOCAL_LINKS=1",
    )
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
        let pool = LinkPool::default();
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
        let pool = LinkPool::default();
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
    fn a_key_is_for_the_clouds_it_was_populated_for() {
        let pool = LinkPool::default();
        let gcs = LinkCreds { gcs: Some(GcsAccess::default()), ..LinkCreds::default() };
        pool.populate("g", gcs.clone());
        let refused = pool.resolve("s3://b/k", Some("g")).unwrap_err();
        assert_eq!(refused.kind(), Kind::MissingCreds);
        assert!(refused.message().contains("not for s3:// links"), "{refused}");
        for scheme in ["gcs", "gs", "gcp"] {
            let target = pool.resolve(&format!("{scheme}://b/a b"), Some("g")).unwrap();
            assert_eq!((target.store.url(), target.key.as_str()), ("gcs://b", "a b"));
        }
        // One key, and a bucket of the same name in two clouds.
        pool.populate("both", LinkCreds { aws: Some(AwsAccess::default()), ..gcs });
        let url = |link| pool.resolve(link, Some("both")).unwrap().store.url().to_owned();
        assert_eq!((url("s3://b/k"), url("gs://b/k")), ("s3://b".into(), "gcs://b".into()));
    }

    #[test]
    fn http_and_files_need_no_key() {
        let pool = LinkPool::default();
        let target = pool.resolve("http://u:p@h/a b?token=s", None).unwrap();
        assert_eq!(target.key, "http://u:p@h/a b?token=s");
        assert_eq!(target.display, "http://h/a b");
        assert_eq!(pool.resolve("http://h/", Some("x")).unwrap_err().kind(), Kind::MissingCreds);
        let target = pool.resolve("a/../b c.jpg", Some("x")).unwrap();
        assert!(target.key.ends_with("/a/../b c.jpg") && target.key.starts_with('/'));
        assert_eq!(target.creds_key, None);
    }

    #[test]
    fn files_are_read_only_where_that_is_allowed() {
        let pool = LinkPool::new(Policy { local_files: false, ..Policy::default() });
        for url in ["/etc/passwd", "a.jpg", "file:///etc/passwd"] {
            let error = pool.resolve(url, None).unwrap_err();
            assert_eq!(error.kind(), Kind::LinkNotAllowed);
            assert!(error.hint().unwrap().contains("allow_local_links=True"));
            assert_eq!(error.context().url.as_deref(), Some(url));
        }
        assert!(pool.resolve("http://h/x", None).is_ok());
    }

    #[test]
    fn a_renamed_key_takes_its_credentials_along() {
        let pool = LinkPool::default();
        pool.rename("nobody", "else");
        pool.populate("old", aws());
        pool.resolve("s3://b/1", Some("old")).unwrap();
        pool.rename("old", "new");
        pool.resolve("s3://b/1", Some("new")).unwrap();
        assert_eq!(pool.opened.iter().count(), 1);
        assert!(pool.is_populated("new") && !pool.is_populated("old"));
        pool.populate("other", LinkCreds::default());
        pool.rename("new", "other");
        // It has its own, which are for nothing.
        let refused = pool.resolve("s3://b/1", Some("other")).unwrap_err();
        assert_eq!(refused.kind(), Kind::MissingCreds);
        assert!(!pool.is_populated("new"));
        pool.rename("other", "other");
        assert!(pool.is_populated("other"));
    }

    #[test]
    fn secrets_are_not_shown() {
        let creds =
            LinkCreds { authorization: Some("Bearer secret".into()), ..LinkCreds::default() };
        assert!(!format!("{creds:?}").contains("secret"));
    }
}
