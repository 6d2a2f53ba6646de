//! `Dataset`: one open dataset. Every method is one call of the core.

use std::collections::BTreeMap;
use std::time::Duration;

use lakebed_core::dataset::{Dataset, Limits, OpenOptions, TensorSpec};
use lakebed_core::engine::Interrupt;
use lakebed_core::fetch;
use lakebed_core::format::RawJson;
use lakebed_core::storage::Addresses;
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::access::{PyAwsAccess, PyGcsAccess};
use crate::convert::{self, PyColumn, field};
use crate::error;
use crate::interrupt::enter;
use crate::links::link_creds;
use crate::store::PyStore;

/// One open dataset.
#[pyclass(frozen, name = "Dataset", module = "lakebed._core")]
pub(crate) struct PyDataset {
    inner: Dataset,
}

impl PyDataset {
    /// Calls the core detached: a getter too may have to wait for a write to end. Every error says
    /// which dataset it is about.
    fn call<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Dataset, &dyn Interrupt) -> lakebed_core::Result<T> + Send,
    ) -> PyResult<T> {
        enter(py, None, |interrupt| {
            work(&self.inner, interrupt).map_err(|error| error.at_path(self.inner.path()))
        })
    }

    fn get<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&Dataset) -> T + Send) -> PyResult<T> {
        self.call(py, |dataset, _| Ok(work(dataset)))
    }
}

#[pymethods]
impl PyDataset {
    #[staticmethod]
    #[pyo3(signature = (store, *, lock_enabled, lock_timeout, memory_cache_bytes, fsync, limits, link_addresses, allow_local_links))]
    #[expect(clippy::too_many_arguments, reason = "keywords of the Python call")]
    fn create(
        py: Python<'_>,
        store: &PyStore,
        lock_enabled: bool,
        lock_timeout: Option<f64>,
        memory_cache_bytes: u64,
        fsync: bool,
        limits: &Bound<'_, PyDict>,
        link_addresses: &str,
        allow_local_links: bool,
    ) -> PyResult<Self> {
        let lock_timeout = timeout(py, lock_timeout)?;
        let options = OpenOptions {
            lock_enabled,
            lock_timeout,
            memory_cache_bytes,
            fsync,
            limits: limits_of(limits)?,
            link_addresses: addresses(py, link_addresses)?,
            allow_local_links,
            ..OpenOptions::default()
        };
        let store = store.inner().clone();
        let inner = enter(py, None, |interrupt| Dataset::create(store, &options, interrupt))?;
        Ok(Self { inner })
    }

    #[staticmethod]
    #[pyo3(signature = (store, *, address, read_only, check_integrity, lock_enabled, lock_timeout, memory_cache_bytes, fsync, limits, link_addresses, allow_local_links))]
    #[expect(clippy::too_many_arguments, reason = "keywords of the Python call")]
    fn open(
        py: Python<'_>,
        store: &PyStore,
        address: Option<String>,
        read_only: Option<bool>,
        check_integrity: Option<bool>,
        lock_enabled: bool,
        lock_timeout: Option<f64>,
        memory_cache_bytes: u64,
        fsync: bool,
        limits: &Bound<'_, PyDict>,
        link_addresses: &str,
        allow_local_links: bool,
    ) -> PyResult<Self> {
        let options = OpenOptions {
            address,
            read_only,
            check_integrity,
            lock_enabled,
            lock_timeout: timeout(py, lock_timeout)?,
            memory_cache_bytes,
            fsync,
            limits: limits_of(limits)?,
            link_addresses: addresses(py, link_addresses)?,
            allow_local_links,
            ..OpenOptions::default()
        };
        let store = store.inner().clone();
        let inner = enter(py, None, |interrupt| Dataset::open(store, &options, interrupt))?;
        Ok(Self { inner })
    }

    fn __repr__(&self) -> String {
        format!("Dataset({:?})", self.inner.path())
    }

    #[getter]
    fn path(&self) -> &str {
        self.inner.path()
    }

    #[getter]
    fn read_only(&self, py: Python<'_>) -> PyResult<bool> {
        self.get(py, Dataset::read_only)
    }

    /// Waits for nothing, so that it can be asked all the time.
    #[getter]
    fn closed(&self) -> bool {
        self.inner.is_closed()
    }

    #[getter]
    fn is_head(&self, py: Python<'_>) -> PyResult<bool> {
        self.get(py, Dataset::is_head)
    }

    #[getter]
    fn branch(&self, py: Python<'_>) -> PyResult<String> {
        self.get(py, Dataset::branch)
    }

    #[getter]
    fn commit_id(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.get(py, Dataset::commit_id)
    }

    #[getter]
    fn pending_commit_id(&self, py: Python<'_>) -> PyResult<String> {
        self.get(py, Dataset::pending_commit_id)
    }

    #[getter]
    fn branches(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.get(py, Dataset::branches)
    }

    #[getter]
    fn lock_notice(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.get(py, |dataset| dataset.notice().map(|notice| notice.message))
    }

    #[getter]
    fn lock_hint(&self, py: Python<'_>) -> PyResult<Option<&'static str>> {
        self.get(py, |dataset| dataset.notice().map(|notice| notice.hint))
    }

    #[getter]
    fn newer_version(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.get(py, Dataset::newer_version)
    }

    #[getter]
    fn allow_delete(&self, py: Python<'_>) -> PyResult<bool> {
        self.get(py, Dataset::allow_delete)
    }

    fn set_allow_delete(&self, py: Python<'_>, allow: bool) -> PyResult<()> {
        self.call(py, |dataset, interrupt| dataset.set_allow_delete(allow, interrupt))
    }

    fn commits<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let records = self.get(py, Dataset::commits)?;
        records
            .into_iter()
            .map(|record| {
                let dict = PyDict::new(py);
                dict.set_item("commit", record.id)?;
                dict.set_item("author", record.author)?;
                dict.set_item("time", record.time)?;
                let message =
                    record.message.map(|text| python_json(py, text.as_str())).transpose()?;
                dict.set_item("message", message)?;
                Ok(dict)
            })
            .collect()
    }

    fn tensor_names(&self, py: Python<'_>, hidden: bool) -> PyResult<Vec<String>> {
        self.get(py, |dataset| dataset.tensor_names(hidden))
    }

    fn groups(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.get(py, Dataset::groups)
    }

    fn tensor_meta<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let (meta, key) = self.call(py, |dataset, _| {
            Ok((dataset.tensor_meta(name)?.to_bytes(), dataset.tensor_key(name)?))
        })?;
        let fields = py.import("json")?.call_method1("loads", (PyBytes::new(py, &meta),))?;
        fields.set_item("key", key)?;
        Ok(fields)
    }

    fn num_samples(&self, py: Python<'_>, name: &str) -> PyResult<u64> {
        self.call(py, |dataset, _| dataset.num_samples(name))
    }

    fn create_group(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        self.call(py, |dataset, interrupt| dataset.create_group(name, interrupt))
    }

    fn create_tensor(&self, py: Python<'_>, name: &str, spec: &Bound<'_, PyDict>) -> PyResult<()> {
        let spec = tensor_spec(spec)?;
        self.call(py, |dataset, interrupt| dataset.create_tensor(name, &spec, interrupt))
    }

    fn info<'py>(&self, py: Python<'py>, name: Option<&str>) -> PyResult<Bound<'py, PyBytes>> {
        let info = self.call(py, |dataset, interrupt| dataset.info(name, interrupt))?;
        Ok(PyBytes::new(py, &info))
    }

    fn set_info(&self, py: Python<'_>, name: Option<&str>, info: Vec<u8>) -> PyResult<()> {
        self.call(py, |dataset, interrupt| dataset.set_info(name, info, interrupt))
    }

    #[expect(clippy::needless_pass_by_value, reason = "pyo3 hands arguments over by value")]
    fn read<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        index: PyReadonlyArray1<'py, i64>,
        mode: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let index = convert::index(&index)?;
        let mode = convert::read_mode(py, mode)?;
        let column =
            self.call(py, |dataset, interrupt| dataset.read(name, &index, mode, interrupt))?;
        convert::column(py, column)
    }

    #[expect(clippy::needless_pass_by_value, reason = "pyo3 hands arguments over by value")]
    fn shapes<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        index: PyReadonlyArray1<'py, i64>,
    ) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let index = convert::index(&index)?;
        let shapes = self.call(py, |dataset, interrupt| dataset.shapes(name, &index, interrupt))?;
        shapes.iter().map(|shape| PyTuple::new(py, shape)).collect()
    }

    fn extend<'py>(
        &self,
        py: Python<'py>,
        columns: &Bound<'py, PyDict>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let columns = columns
            .iter()
            .map(|(name, column)| PyColumn::parse(name.extract()?, column.cast()?))
            .collect::<PyResult<Vec<_>>>()?;
        let batch = columns.iter().map(|column| column.borrow(py)).collect::<PyResult<Vec<_>>>()?;
        enter(py, progress, |interrupt| self.inner.extend(batch, interrupt))
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, Dataset::flush)
    }

    fn end_writing(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, Dataset::end_writing)
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, Dataset::close)
    }

    fn abandon(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, Dataset::abandon)
    }

    fn creds_keys(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.get(py, Dataset::creds_keys)
    }

    fn add_creds_key(&self, py: Python<'_>, creds_key: &str) -> PyResult<()> {
        self.call(py, |dataset, interrupt| dataset.add_creds_key(creds_key, interrupt))
    }

    fn rename_creds_key(&self, py: Python<'_>, old: &str, new: &str) -> PyResult<()> {
        self.call(py, |dataset, interrupt| dataset.rename_creds_key(old, new, interrupt))
    }

    #[pyo3(signature = (creds_key, *, aws, gcs, authorization))]
    fn populate_creds(
        &self,
        py: Python<'_>,
        creds_key: &str,
        aws: Option<&PyAwsAccess>,
        gcs: Option<&PyGcsAccess>,
        authorization: Option<String>,
    ) -> PyResult<()> {
        let creds = link_creds(aws, gcs, authorization);
        self.call(py, |dataset, _| dataset.populate_creds(creds_key, creds))
    }
}

/// Where links may lead, by the setting's word for it.
pub(crate) fn addresses(py: Python<'_>, text: &str) -> PyResult<Addresses> {
    enter(py, None, |_| text.parse())
}

/// The limits of a handle, all of which the caller has to state.
fn limits_of(limits: &Bound<'_, PyDict>) -> PyResult<Limits> {
    let number = |key: &str| limits.as_any().get_item(key)?.extract::<u64>();
    let count = |key: &str| number(key).map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    Ok(Limits {
        fetch: fetch::Limits {
            max_requests: count("max_requests")?,
            max_bytes_in_flight: number("max_bytes_in_flight")?,
        },
        max_sample_bytes: number("max_sample_bytes")?,
        max_requests_per_host: count("max_requests_per_host")?,
    })
}

/// The name of a new tensor or group without superfluous slashes, if it may have that name.
#[pyfunction]
pub(crate) fn check_tensor_name(py: Python<'_>, name: &str) -> PyResult<String> {
    enter(py, None, |_| Ok(lakebed_core::format::check_tensor_name(name)?))
}

/// Seconds as a duration; `None` waits for ever.
fn timeout(py: Python<'_>, seconds: Option<f64>) -> PyResult<Option<Duration>> {
    seconds
        .map(|seconds| {
            Duration::try_from_secs_f64(seconds).map_err(|_| {
                error::invalid(py, format!("a lock timeout of {seconds} s is not possible"))
            })
        })
        .transpose()
}

/// The fields of the JSON object in `spec[key]`, which may be missing, as the text they have.
fn json_object(spec: &Bound<'_, PyDict>, key: &str) -> PyResult<BTreeMap<String, RawJson>> {
    let Some(text) = field::<Vec<u8>>(spec, key)? else { return Ok(BTreeMap::new()) };
    RawJson::fields(&text).map_err(|broken| {
        error::invalid(spec.py(), format!("{key:?} is not a JSON object: {broken}"))
    })
}

/// What Python's own parser makes of a JSON text: it knows values that no other does.
fn python_json<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (text,))
}

fn tensor_spec(spec: &Bound<'_, PyDict>) -> PyResult<TensorSpec> {
    let flag = |key: &str| -> PyResult<bool> { spec.as_any().get_item(key)?.extract() };
    Ok(TensorSpec {
        htype: field(spec, "htype")?,
        dtype: field(spec, "dtype")?,
        typestr: field(spec, "typestr")?,
        sample_compression: field(spec, "sample_compression")?,
        chunk_compression: field(spec, "chunk_compression")?,
        is_sequence: flag("is_sequence")?,
        is_link: flag("is_link")?,
        hidden: flag("hidden")?,
        verify: flag("verify")?,
        max_chunk_size: field(spec, "max_chunk_size")?,
        tiling_threshold: field(spec, "tiling_threshold")?,
        extra: json_object(spec, "extra")?,
        info: field(spec, "info")?,
        info_companion: flag("info_companion")?,
        shape_companion: flag("shape_companion")?,
        id_companion: flag("id_companion")?,
    })
}
