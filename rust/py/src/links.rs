//! Credentials of linked objects, and one linked object outside of any dataset.

use lakebed_core::engine::Engine;
use lakebed_core::error::{Context, Setting};
use lakebed_core::links::{LinkCreds, LinkPool, Policy, display};
use lakebed_core::storage::HttpPolicy;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::access::{PyAwsAccess, PyGcsAccess};
use crate::dataset::addresses;
use crate::interrupt::enter;

/// The creds key under which [`fetch`] hands its credentials to a pool of its own: the empty one,
/// which no dataset can have and no error shows.
const OWN_KEY: &str = "";

/// What a creds key stands for.
pub(crate) fn link_creds(
    aws: Option<&PyAwsAccess>,
    gcs: Option<&PyGcsAccess>,
    authorization: Option<String>,
) -> LinkCreds {
    LinkCreds {
        aws: aws.map(|access| access.inner.clone()),
        gcs: gcs.map(|access| access.inner.clone()),
        authorization,
    }
}

/// A link as it may be shown: URLs lose user, password, query and fragment.
#[pyfunction]
pub(crate) fn display_link(url: &str) -> String {
    display(url)
}

/// The bytes of one linked object, of which there may be `max_bytes`.
#[pyfunction]
#[pyo3(signature = (url, *, aws, gcs, authorization, max_bytes, link_addresses))]
pub(crate) fn fetch<'py>(
    py: Python<'py>,
    url: &str,
    aws: Option<&PyAwsAccess>,
    gcs: Option<&PyGcsAccess>,
    authorization: Option<String>,
    max_bytes: u64,
    link_addresses: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let creds = link_creds(aws, gcs, authorization);
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
