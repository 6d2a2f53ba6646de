//! `Store`: the place of a dataset, and what can be done there without opening one.

use std::path::Path;
use std::time::Duration;

use lakebed_core::dataset::Dataset;
use lakebed_core::engine::{Engine, Interrupt};
use lakebed_core::storage::{Entry, GcsConfig, Patience, S3Config, Store};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::access::{PyAwsAccess, PyGcsAccess};
use crate::interrupt::enter;

/// Keys with their bytes, and keys that no path leads to.
type Listed = (Vec<(String, u64)>, Vec<String>);

/// How long servers are waited for, by all that begins from now on in this process.
#[pyfunction]
#[pyo3(signature = (*, retry_s, idle_timeout_s))]
pub(crate) fn set_patience(retry_s: u64, idle_timeout_s: u64) {
    let (retry, idle) = (Duration::from_secs(retry_s), Duration::from_secs(idle_timeout_s));
    Patience { retry, idle }.set();
}

/// A place that holds at most one dataset.
#[pyclass(frozen, name = "Store", module = "lakebed._core")]
pub(crate) struct PyStore {
    inner: Store,
}

impl PyStore {
    /// The core's store.
    pub(crate) fn inner(&self) -> &Store {
        &self.inner
    }

    fn build(
        py: Python<'_>,
        make: impl FnOnce() -> lakebed_core::Result<Store> + Send,
    ) -> PyResult<Self> {
        Ok(Self { inner: enter(py, None, |_| make())? })
    }
}

#[pymethods]
impl PyStore {
    #[getter]
    fn url(&self) -> String {
        self.inner.url().to_owned()
    }

    fn __repr__(&self) -> String {
        format!("Store({:?})", self.inner.url())
    }

    #[staticmethod]
    fn local(py: Python<'_>, root: &str) -> PyResult<Self> {
        Self::build(py, || Ok(Store::local(Path::new(root))))
    }

    #[staticmethod]
    fn memory(py: Python<'_>, name: &str) -> PyResult<Self> {
        Self::build(py, || Ok(Store::memory(name)))
    }

    #[staticmethod]
    fn s3(py: Python<'_>, bucket: String, prefix: String, access: &PyAwsAccess) -> PyResult<Self> {
        let config = S3Config { bucket, prefix, access: access.inner.clone() };
        Self::build(py, || Store::s3(config))
    }

    #[staticmethod]
    fn gcs(py: Python<'_>, bucket: String, prefix: String, access: &PyGcsAccess) -> PyResult<Self> {
        let config = GcsConfig { bucket, prefix, access: access.inner.clone() };
        Self::build(py, || Store::gcs(config))
    }

    #[staticmethod]
    fn http(py: Python<'_>, url: &str, authorization: Option<&str>) -> PyResult<Self> {
        Self::build(py, || Store::http_folder(url, authorization))
    }

    fn has_dataset(&self, py: Python<'_>) -> PyResult<bool> {
        enter(py, None, |interrupt| Dataset::exists(&self.inner, interrupt))
    }

    fn is_empty(&self, py: Python<'_>) -> PyResult<bool> {
        enter(py, None, |interrupt| {
            Engine::current()?.block_on(self.inner.has_any(), interrupt).map(|any| !any)
        })
    }

    fn total_bytes(&self, py: Python<'_>) -> PyResult<u64> {
        enter(py, None, |interrupt| {
            Ok(list(&self.inner, interrupt)?.iter().map(|entry| entry.size).sum())
        })
    }

    fn delete_all(&self, py: Python<'_>) -> PyResult<(usize, Vec<String>)> {
        enter(py, None, |interrupt| {
            let found = Engine::current()?.block_on(self.inner.list_all(""), interrupt)?;
            let keys: Vec<_> = found.entries.into_iter().map(|entry| entry.key).collect();
            Engine::current()?.block_on(self.inner.delete(&keys), interrupt)?;
            Ok((keys.len(), found.odd))
        })
    }

    fn get<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = enter(py, None, |interrupt| {
            Engine::current()?.block_on(self.inner.get(key), interrupt)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn put(&self, py: Python<'_>, key: &str, data: Vec<u8>) -> PyResult<()> {
        enter(py, None, |interrupt| {
            Engine::current()?.block_on(self.inner.put(key, data.into()), interrupt)
        })
    }

    #[expect(clippy::needless_pass_by_value, reason = "what pyo3 makes of a list")]
    fn delete(&self, py: Python<'_>, keys: Vec<String>) -> PyResult<()> {
        enter(py, None, |interrupt| {
            Engine::current()?.block_on(self.inner.delete(&keys), interrupt)
        })
    }

    fn list(&self, py: Python<'_>, prefix: &str, limit: usize) -> PyResult<Listed> {
        enter(py, None, |interrupt| {
            let found = self.inner.list_some(prefix, limit);
            let found = Engine::current()?.block_on(found, interrupt)?;
            let entries = found.entries.into_iter().map(|entry| (entry.key, entry.size)).collect();
            Ok((entries, found.odd))
        })
    }

    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counters = self.inner.counters();
        let dict = PyDict::new(py);
        dict.set_item("requests", counters.requests)?;
        dict.set_item("retries", counters.retries)?;
        dict.set_item("bytes_read", counters.bytes_read)?;
        dict.set_item("bytes_written", counters.bytes_written)?;
        dict.set_item("renewals", counters.renewals)?;
        Ok(dict)
    }
}

fn list(store: &Store, interrupt: &dyn Interrupt) -> lakebed_core::Result<Vec<Entry>> {
    Engine::current()?.block_on(store.list(""), interrupt)
}
