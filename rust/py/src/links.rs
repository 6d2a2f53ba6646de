//! Credentials of linked objects, and one linked object outside of any dataset.

use lakebed_core::engine::Engine;
use lakebed_core::error::{Context, Setting};
use lakebed_core::links::{AwsAccess, LinkCreds, LinkPool, Policy, display};
use lakebed_core::storage::HttpPolicy;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::credentials;
use crate::dataset::addresses;
use crate::interrupt::enter;

/// The creds key under which [`fetch`] hands its credentials to a pool of its own: the empty one,
/// which no dataset can have and no error shows.
const OWN_KEY: &str = "";

/// What a creds key stands for. With an `Authorization` header alone it is not for S3; with
/// nothing at all, S3 is asked anonymously.
pub(crate) fn link_creds(
    credentials: Option<Py<PyAny>>,
    region: Option<String>,
    endpoint_url: Option<String>,
    virtual_host: bool,
    authorization: Option<String>,
) -> LinkCreds {
    let header_alone = authorization.is_some()
        && credentials.is_none()
        && region.is_none()
        && endpoint_url.is_none();
    let credentials = credentials.map(credentials::cache);
    let access = AwsAccess { region, endpoint_url, virtual_host, credentials };
    LinkCreds { aws: (!header_alone).then_some(access), authorization }
}

/// A link as it may be shown: URLs lose user, password, query and fragment.
#[pyfunction]
pub(crate) fn display_link(url: &str) -> String {
    display(url)
}

/// The bytes of one linked object, of which there may be `max_bytes`.
#[pyfunction]
#[pyo3(signature = (url, *, credentials, region, endpoint_url, virtual_host, authorization, max_bytes, link_addresses))]
#[expect(clippy::too_many_arguments, reason = "keywords of the Python call")]
pub(crate) fn fetch<'py>(
    py: Python<'py>,
    url: &str,
    credentials: Option<Py<PyAny>>,
    region: Option<String>,
    endpoint_url: Option<String>,
    virtual_host: bool,
    authorization: Option<String>,
    max_bytes: u64,
    link_addresses: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let mut creds = link_creds(credentials, region, endpoint_url, virtual_host, authorization);
    // Outside of a dataset nothing else could be meant for an s3 URL than to ask anonymously.
    creds.aws.get_or_insert_default();
    let http = HttpPolicy {
        addresses: addresses(py, link_addresses)?,
        max_unannounced_bytes: max_bytes,
        ..HttpPolicy::default()
    };
    let bytes = enter(py, None, |interrupt| {
        let pool = LinkPool::new(Policy { http, ..Policy::default() });
        pool.populate(OWN_KEY, creds);
        let target = pool.resolve(url, Some(OWN_KEY))?;
        let place = Context { url: Some(target.display.clone()), ..Context::default() };
        let read = async {
            let incoming = target.store.open_read(&target.key).await?;
            incoming.within(max_bytes, Setting::MaxSampleBytes)?.read().await
        };
        Engine::current()?.block_on(read, interrupt).map_err(|error| error.with_context(place))
    })?;
    Ok(PyBytes::new(py, &bytes))
}
