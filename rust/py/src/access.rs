//! How a cloud store is reached: settings and a credentials callable, as the core takes them.

use std::path::PathBuf;

use lakebed_core::storage::{AwsAccess, GcsAccess, Tls};
use pyo3::prelude::*;

use crate::credentials;

/// How to reach S3, or what speaks like it. Buckets that are opened with it share its credentials.
#[pyclass(frozen, name = "AwsAccess", module = "lakebed._core")]
pub(crate) struct PyAwsAccess {
    pub(crate) inner: AwsAccess,
}

/// How to reach Google Cloud Storage. Buckets that are opened with it share its credentials.
#[pyclass(frozen, name = "GcsAccess", module = "lakebed._core")]
pub(crate) struct PyGcsAccess {
    pub(crate) inner: GcsAccess,
}

fn tls(ca_bundle: Option<PathBuf>, verify: bool) -> Tls {
    Tls { ca_bundle, verify }
}

#[pymethods]
impl PyAwsAccess {
    #[new]
    #[pyo3(signature = (*, credentials, region, endpoint_url, virtual_host, ca_bundle, verify))]
    fn new(
        credentials: Option<Py<PyAny>>,
        region: Option<String>,
        endpoint_url: Option<String>,
        virtual_host: bool,
        ca_bundle: Option<PathBuf>,
        verify: bool,
    ) -> Self {
        let credentials = credentials.map(credentials::aws);
        let tls = tls(ca_bundle, verify);
        Self { inner: AwsAccess { credentials, region, endpoint_url, virtual_host, tls } }
    }
}

#[pymethods]
impl PyGcsAccess {
    #[new]
    #[pyo3(signature = (*, credentials, endpoint_url, ca_bundle, verify))]
    fn new(
        credentials: Option<Py<PyAny>>,
        endpoint_url: Option<String>,
        ca_bundle: Option<PathBuf>,
        verify: bool,
    ) -> Self {
        let credentials = credentials.map(credentials::gcs);
        Self { inner: GcsAccess { credentials, endpoint_url, tls: tls(ca_bundle, verify) } }
    }
}
