//! How a cloud store is reached: who signs, which server, and whose certificates are trusted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::credentials::CredentialCache;
use super::secrets::{AwsSecret, GcsSecret};

/// Which certificates of a server are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tls {
    /// A PEM file of the authorities to trust; `None` = those of the system.
    pub ca_bundle: Option<PathBuf>,
    /// Whether certificates are checked at all.
    pub verify: bool,
}

impl Tls {
    /// Trusts the authorities of a PEM file, or the system's.
    #[must_use]
    pub fn checked(ca_bundle: Option<&Path>) -> Self {
        Self { ca_bundle: ca_bundle.map(Path::to_owned), verify: true }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self::checked(None)
    }
}

/// How to reach S3, or what speaks like it.
#[derive(Debug, Clone, Default)]
pub struct AwsAccess {
    /// Who signs; `None` = requests are not signed.
    pub credentials: Option<Arc<CredentialCache<AwsSecret>>>,
    /// The region; `None` = learned from what the store answers, for each bucket.
    pub region: Option<String>,
    /// The server, `http://` or `https://`; `None` = Amazon's of the region.
    pub endpoint_url: Option<String>,
    /// Whether the bucket's name goes into the host name instead of the path.
    pub virtual_host: bool,
    /// Whose certificates are trusted.
    pub tls: Tls,
}

/// How to reach Google Cloud Storage, or what speaks like it.
#[derive(Debug, Clone, Default)]
pub struct GcsAccess {
    /// Who asks; `None` = nobody, as for public buckets.
    pub credentials: Option<Arc<CredentialCache<GcsSecret>>>,
    /// The server, `http://` or `https://`; `None` = Google's.
    pub endpoint_url: Option<String>,
    /// Whose certificates are trusted.
    pub tls: Tls,
}
