//! Stores in buckets of Google Cloud Storage.

use std::sync::Arc;

use object_store::Error as ObjectError;
use object_store::gcp::{GoogleCloudStorage, GoogleCloudStorageBuilder};

use super::Result;
use super::access::GcsAccess;
use super::bucket::{BucketStore, Folder, Service, invalid, retry_config, server};
use super::client::Wire;
use super::counters::Counters;
use super::credentials::CredentialCache;
use super::secrets::GcsSecret;

/// Which folder of which bucket, and how to get there.
#[derive(Debug, Clone, Default)]
pub struct GcsConfig {
    /// The bucket's name.
    pub bucket: String,
    /// The folder in the bucket; empty = the whole bucket.
    pub prefix: String,
    /// How to reach it.
    pub access: GcsAccess,
}

pub(super) struct Gcs {
    client: GoogleCloudStorage,
    credentials: Option<Arc<CredentialCache<GcsSecret>>>,
    endpoint: Option<String>,
}

/// A folder of a bucket of Google Cloud Storage.
pub(super) fn open(config: GcsConfig, counters: Arc<Counters>) -> Result<BucketStore<Gcs>> {
    let GcsConfig { bucket, prefix, access } = config;
    let folder = Folder::new(Gcs::SCHEME, &bucket, &prefix)?;
    let endpoint = access.endpoint_url.as_deref().map(server).transpose()?;
    let endpoint = endpoint.map(|url| url.as_str().trim_end_matches('/').to_owned());
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(&bucket)
        .with_http_connector(Wire::new(&access.tls, counters)?)
        .with_retry(retry_config());
    if let Some(server) = &endpoint {
        builder = builder.with_base_url(server);
    }
    builder = match &access.credentials {
        Some(cache) => builder.with_credentials(Arc::clone(cache) as _),
        None => builder.with_skip_signature(true),
    };
    let client = builder
        .build()
        .map_err(|error| invalid(format!("the settings of gcs:// cannot be used: {error}")))?;
    let service = Gcs { client, credentials: access.credentials, endpoint };
    Ok(BucketStore::new(service, folder))
}

impl Service for Gcs {
    type Client = GoogleCloudStorage;
    type Secret = GcsSecret;

    const SCHEME: &'static str = "gcs";

    fn client(&self) -> (GoogleCloudStorage, u64) {
        (self.client.clone(), 0)
    }

    fn moved(&self, _number: u64, _error: &ObjectError) -> bool {
        false
    }

    fn credentials(&self) -> Option<&CredentialCache<GcsSecret>> {
        self.credentials.as_deref()
    }

    fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }
}
