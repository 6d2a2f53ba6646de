//! The stores that there are, and what all parts of the suite do with them.

use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use lakebed_core::engine::{Engine, NeverInterrupted};
use lakebed_core::storage::{
    AwsAccess, AwsSecret, CredentialCache, GcsAccess, GcsConfig, GcsSecret, S3Config, SecretSource,
    Store,
};
use lakebed_core::{Kind, Result};

struct Fixed<S>(S);

impl<S: Clone + Send + Sync> SecretSource<S> for Fixed<S> {
    fn fetch(&self) -> Result<S> {
        Ok(self.0.clone())
    }
}

pub(crate) fn wait<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    Engine::current()?.block_on(future, &NeverInterrupted)
}

pub(crate) fn kind<T>(future: impl Future<Output = Result<T>>) -> Option<Kind> {
    wait(future).err().map(|error| error.kind())
}

pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The place of one part of one run.
fn prefix(name: &str) -> String {
    format!("conformance-{}/{name}", std::process::id())
}

/// The S3 bucket of the environment, if one is named; `change` may turn it into another one.
pub(crate) fn s3(name: &str, change: impl FnOnce(&mut S3Config, &mut AwsSecret)) -> Option<Store> {
    let mut config = S3Config {
        bucket: variable("LAKEBED_TEST_S3_BUCKET")?,
        prefix: prefix(name),
        access: AwsAccess {
            endpoint_url: variable("LAKEBED_TEST_S3_ENDPOINT"),
            region: variable("AWS_REGION"),
            ..AwsAccess::default()
        },
    };
    let mut secret = AwsSecret {
        access_key: variable("AWS_ACCESS_KEY_ID").unwrap(),
        secret_key: variable("AWS_SECRET_ACCESS_KEY").unwrap(),
        session_token: variable("AWS_SESSION_TOKEN"),
        expires_unix: None,
    };
    change(&mut config, &mut secret);
    config.access.credentials = Some(Arc::new(CredentialCache::new(Arc::new(Fixed(secret)))));
    Some(Store::s3(config).unwrap())
}

fn gcs(name: &str) -> Option<Store> {
    let secret = GcsSecret {
        access_token: variable("LAKEBED_TEST_GCS_TOKEN").unwrap_or_default(),
        expires_unix: None,
    };
    let config = GcsConfig {
        bucket: variable("LAKEBED_TEST_GCS_BUCKET")?,
        prefix: prefix(name),
        access: GcsAccess {
            credentials: Some(Arc::new(CredentialCache::new(Arc::new(Fixed(secret))))),
            endpoint_url: variable("LAKEBED_TEST_GCS_ENDPOINT"),
            ..GcsAccess::default()
        },
    };
    Some(Store::gcs(config).unwrap())
}

/// Runs one part of the suite on every store there is, each of them empty.
pub(crate) fn on_every_store(name: &str, part: impl Fn(&Store)) {
    let folder = tempfile::tempdir().unwrap();
    part(&Store::local(&folder.path().join("root")));
    part(&Store::memory(&format!("conformance/{name}")));
    for store in [s3(name, |_, _| ()), gcs(name)].into_iter().flatten() {
        part(&store);
        let left = keys(&store, "");
        wait(store.delete(&left)).unwrap();
        assert!(!wait(store.has_any()).unwrap());
    }
}

/// Whether of several conditional writes at the same time exactly one is told `true`.
pub(crate) fn decides(store: &Store) -> bool {
    !(store.is_remote() && variable("LAKEBED_TEST_CONDITIONS").as_deref() == Some("ignored"))
}

pub(crate) fn put(store: &Store, key: &str, bytes: &'static [u8]) {
    wait(store.put(key, Bytes::from_static(bytes))).unwrap();
}

pub(crate) fn keys(store: &Store, prefix: &str) -> Vec<String> {
    wait(store.list(prefix)).unwrap().into_iter().map(|entry| entry.key).collect()
}

/// A key of so many bytes, in parts that file systems take.
pub(crate) fn long_key(bytes: usize) -> String {
    let mut key = String::new();
    while key.len() < bytes {
        write!(key, "{:x>99}/", key.len()).unwrap();
    }
    key.truncate(bytes);
    if key.ends_with('/') {
        key.pop();
        key.push('y');
    }
    key
}
