//! The one place where a core error becomes a Python exception.
//!
//! The classes live in `lakebed.errors`; this file knows only the function that builds them.

use std::error::Error as StdError;

use lakebed_core::error::{Error, Kind};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// How many causes are followed: more than any real chain has, so that a cycle ends.
const MAX_CAUSES: usize = 16;

/// Turns a core error into the exception that `lakebed.errors` has for it.
///
/// An exception of the user's own code (a credentials provider) that lies at the bottom of the
/// chain becomes the innermost `__cause__`, as the object that was raised.
pub(crate) fn to_py(py: Python<'_>, error: &Error) -> PyErr {
    build(py, error).unwrap_or_else(|broken| broken)
}

/// Whether an exception is one of `lakebed.errors`.
pub(crate) fn is_ours(py: Python<'_>, raised: &PyErr) -> bool {
    let base = py.import("lakebed.errors").and_then(|errors| errors.getattr("LakebedError"));
    base.is_ok_and(|base| raised.is_instance(py, &base))
}

/// The exception for an argument that does not fit.
pub(crate) fn invalid(py: Python<'_>, message: impl Into<String>) -> PyErr {
    to_py(py, &Error::new(Kind::InvalidInput, message))
}

fn build(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let failures =
        error.failures().iter().map(|one| describe(py, one)).collect::<PyResult<Vec<_>>>()?;
    let (kind, message, hint, context, causes) = describe(py, error)?;
    let exception = py
        .import("lakebed.errors")?
        .getattr("from_core")?
        .call1((kind, message, hint, context, causes, failures))?;
    let exception = PyErr::from_value(exception);
    if let Some(raised) = python_cause(error) {
        innermost(py, &exception).set_cause(py, Some(raised.clone_ref(py)));
    }
    Ok(exception)
}

type Described<'py> =
    (&'static str, String, Option<String>, Bound<'py, PyDict>, Vec<(&'static str, String)>);

fn describe<'py>(py: Python<'py>, error: &Error) -> PyResult<Described<'py>> {
    let place = error.context();
    let context = PyDict::new(py);
    let texts = [
        ("path", &place.path),
        ("tensor", &place.tensor),
        ("url", &place.url),
        ("creds_key", &place.creds_key),
        ("file", &place.file),
    ];
    for (key, value) in texts {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            context.set_item(key, value)?;
        }
    }
    for (key, value) in [("index", place.index), ("offset", place.offset)] {
        if let Some(value) = value {
            context.set_item(key, value)?;
        }
    }
    let hint = error.hint().map(str::to_owned);
    Ok((error.kind().code(), error.message().to_owned(), hint, context, causes(error)))
}

/// The causes from the nearest to the innermost. A foreign error has no kind of its own and takes
/// that of the core error it caused; one that only repeats the sentence above it is left out.
fn causes(error: &Error) -> Vec<(&'static str, String)> {
    let mut kind = error.kind();
    let mut above = error.message().to_owned();
    let mut found = Vec::new();
    for source in sources(error) {
        if source.is::<PyErr>() {
            break;
        }
        if let Some(core) = source.downcast_ref::<Error>() {
            kind = core.kind();
        }
        let message = source.to_string();
        if message != above {
            found.push((kind.code(), message.clone()));
            above = message;
        }
    }
    found
}

fn python_cause(error: &Error) -> Option<&PyErr> {
    sources(error).find_map(|source| source.downcast_ref::<PyErr>())
}

fn sources(error: &Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&source| source.source()).take(MAX_CAUSES)
}

/// The last exception of the chain of `__cause__`.
fn innermost(py: Python<'_>, exception: &PyErr) -> PyErr {
    let mut last = exception.clone_ref(py);
    for _ in 0..MAX_CAUSES {
        match last.cause(py) {
            Some(cause) => last = cause,
            None => break,
        }
    }
    last
}

/// The codes of all kinds of errors, in a stable order.
#[pyfunction]
pub(crate) fn error_kinds(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let codes = PyTuple::new(py, Kind::ALL.iter().map(|kind| kind.code()))?;
    Ok(codes.to_list().into_any())
}
