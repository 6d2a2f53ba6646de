//! Stores in S3 buckets and what speaks like them: who is asked, in which region, and without what
//! a server does not offer.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use object_store::Error as ObjectError;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};

use super::access::AwsAccess;
use super::bucket::{BucketStore, Folder, Service, invalid, retry_config, server};
use super::client::Wire;
use super::counters::Counters;
use super::credentials::CredentialCache;
use super::hopeless::{Hopeless, Optional};
use super::secrets::{AwsSecret, fits_header};
use super::{Result, reply};
use crate::engine::fork::{Mutex, RwLock};

/// Who is asked first when no region is known; S3-compatible servers take it too.
const DEFAULT_REGION: &str = "us-east-1";

/// What stores told of themselves in this process, by server and bucket.
static LEARNED: Mutex<Option<HashMap<(String, String), Learned>>> = Mutex::new(None);

/// How a bucket is to be asked, as its answers told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Learned {
    region: Option<String>,
    no_conditional_put: bool,
    no_batch_delete: bool,
}

impl Learned {
    fn lacks(&mut self, what: Optional) {
        match what {
            Optional::ConditionalPut => self.no_conditional_put = true,
            Optional::BatchDelete => self.no_batch_delete = true,
        }
    }
}

/// Which folder of which bucket, and how to get there.
#[derive(Debug, Clone, Default)]
pub struct S3Config {
    /// The bucket's name.
    pub bucket: String,
    /// The folder in the bucket; empty = the whole bucket.
    pub prefix: String,
    /// How to reach it.
    pub access: AwsAccess,
}

pub(super) struct S3 {
    bucket: String,
    access: AwsAccess,
    /// The server as it was named; `None` = Amazon's.
    endpoint: Option<String>,
    wire: Wire,
    current: RwLock<Current>,
}

/// Who is asked now.
struct Current {
    client: AmazonS3,
    learned: Learned,
    number: u64,
}

/// The endpoint as `object_store` wants it: without final '/', and in virtual-host style with the
/// bucket in its name.
fn endpoint(text: &str, bucket: &str, virtual_host: bool) -> Result<String> {
    let refuse = |why: &str| invalid(format!("the endpoint URL cannot be used: {why}"));
    let mut url = server(text)?;
    if virtual_host {
        let host = url.domain().ok_or_else(|| refuse("virtual-host style needs a host name"))?;
        let host = format!("{bucket}.{host}");
        url.set_host(Some(&host)).map_err(|error| refuse(&error.to_string()))?;
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// A folder of an S3 bucket.
pub(super) fn open(config: S3Config, counters: Arc<Counters>) -> Result<BucketStore<S3>> {
    let S3Config { bucket, prefix, mut access } = config;
    // Amazon's certificates hold for one name in front of its host.
    access.virtual_host &= access.endpoint_url.is_some() || !bucket.contains('.');
    let folder = Folder::new(S3::SCHEME, &bucket, &prefix)?;
    if !access.region.as_deref().is_none_or(fits_header) {
        return Err(invalid("the region has characters that no region has".to_owned()));
    }
    let text = access.endpoint_url.as_deref();
    let endpoint = text.map(|text| endpoint(text, &bucket, access.virtual_host)).transpose()?;
    let wire = Wire::new(&access.tls, counters)?;
    let learned = known(endpoint.as_deref(), &bucket);
    let client = client(&bucket, &learned, endpoint.as_deref(), &access, &wire)?;
    let current = RwLock::new(Current { client, learned, number: 0 });
    Ok(BucketStore::new(S3 { bucket, access, endpoint, wire, current }, folder))
}

/// The region to sign for: as the bucket named it, as it was given, or the usual one.
fn region<'a>(learned: &'a Learned, access: &'a AwsAccess) -> &'a str {
    learned.region.as_deref().or(access.region.as_deref()).unwrap_or(DEFAULT_REGION)
}

fn client(
    bucket: &str,
    learned: &Learned,
    endpoint: Option<&str>,
    access: &AwsAccess,
    wire: &Wire,
) -> Result<AmazonS3> {
    let conditional_put = match learned.no_conditional_put {
        true => S3ConditionalPut::Disabled,
        false => S3ConditionalPut::ETagMatch,
    };
    let no_batch_delete = learned.no_batch_delete.to_string();
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(region(learned, access))
        .with_allow_http(true)
        .with_virtual_hosted_style_request(access.virtual_host)
        .with_conditional_put(conditional_put)
        .with_config(AmazonS3ConfigKey::DisableBulkDelete, no_batch_delete)
        .with_http_connector(wire.clone())
        .with_retry(retry_config());
    if let Some(server) = endpoint {
        builder = builder.with_endpoint(server);
    }
    builder = match &access.credentials {
        Some(cache) => builder.with_credentials(Arc::clone(cache) as _),
        None => builder.with_skip_signature(true),
    };
    builder.build().map_err(|error| invalid(format!("the S3 settings cannot be used: {error}")))
}

fn place(endpoint: Option<&str>, bucket: &str) -> (String, String) {
    (endpoint.unwrap_or_default().to_owned(), bucket.to_owned())
}

fn known(endpoint: Option<&str>, bucket: &str) -> Learned {
    let learned = LEARNED.lock().unwrap_or_else(PoisonError::into_inner);
    let known = learned.as_ref().and_then(|learned| learned.get(&place(endpoint, bucket)));
    known.cloned().unwrap_or_default()
}

impl Service for S3 {
    type Client = AmazonS3;
    type Secret = AwsSecret;

    const SCHEME: &'static str = "s3";

    fn client(&self) -> (AmazonS3, u64) {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        (current.client.clone(), current.number)
    }

    /// Whether the bucket's region is another one (S3 says so in a header of its refusal, others in
    /// the body), or the server lacks what the request made use of.
    fn moved(&self, number: u64, error: &ObjectError) -> bool {
        let named = reply::region(error).or_else(|| self.wire.take_region());
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.number != number {
            return true;
        }
        let mut learned = current.learned.clone();
        if let Some(Hopeless::Unknown(Some(lacking))) = reply::cause(error) {
            learned.lacks(*lacking);
        }
        let is_other =
            |named: &String| fits_header(named) && named != region(&learned, &self.access);
        if let Some(named) = named.filter(is_other) {
            learned.region = Some(named);
        }
        if learned == current.learned {
            return false;
        }
        let endpoint = self.endpoint.as_deref();
        let Ok(client) = client(&self.bucket, &learned, endpoint, &self.access, &self.wire) else {
            return false;
        };
        tracing::info!(bucket = self.bucket, ?learned, "the bucket is asked in another way");
        let mut all = LEARNED.lock().unwrap_or_else(PoisonError::into_inner);
        let all = all.get_or_insert_with(HashMap::new);
        all.insert(place(endpoint, &self.bucket), learned.clone());
        *current = Current { client, learned, number: number.saturating_add(1) };
        true
    }

    fn credentials(&self) -> Option<&CredentialCache<AwsSecret>> {
        self.access.credentials.as_deref()
    }

    fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::storage::Backend;

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
    fn names_with_dots_stay_out_of_amazons_host() {
        for (bucket, endpoint_url, kept) in
            [("b", None, true), ("b.of.mine", None, false), ("b.c", Some("https://h.net"), true)]
        {
            let endpoint_url = endpoint_url.map(str::to_owned);
            let access = AwsAccess { virtual_host: true, endpoint_url, ..AwsAccess::default() };
            let config = S3Config { bucket: bucket.into(), access, ..S3Config::default() };
            let opened = open(config, Arc::default()).unwrap();
            assert_eq!(opened.service().access.virtual_host, kept, "{bucket}");
        }
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
            let built = open(config(bucket, prefix), Arc::default());
            assert!(built.is_err(), "{bucket} {prefix}");
        }
        let store = open(config("b", "x/y/"), Arc::default()).unwrap();
        assert_eq!(
            (store.url().as_str(), store.display("k").as_str()),
            ("s3://b/x/y", "s3://b/x/y/k")
        );
        assert_eq!(open(config("b", ""), Arc::default()).unwrap().url(), "s3://b");
    }
}
