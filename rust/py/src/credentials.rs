//! A Python callable as the core's source of secrets.
//!
//! Values pass through and are kept by the core's cache only; nothing here prints them.

use std::sync::Arc;

use lakebed_core::error::{Error, Kind, Result};
use lakebed_core::storage::{AwsSecret, CredentialCache, SecretSource};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert::field;
use crate::error;

/// A cache over `callable`, which is asked whenever the cache wants fresh secrets.
pub(crate) fn cache(callable: Py<PyAny>) -> Arc<CredentialCache> {
    Arc::new(CredentialCache::new(Arc::new(PyCredentials(callable))))
}

struct PyCredentials(Py<PyAny>);

impl SecretSource for PyCredentials {
    fn fetch(&self) -> Result<AwsSecret> {
        Python::try_attach(|py| call(self.0.bind(py))).unwrap_or_else(|| {
            Err(Error::new(Kind::Interrupted, "the interpreter is shutting down"))
        })
    }
}

fn call(callable: &Bound<'_, PyAny>) -> Result<AwsSecret> {
    let py = callable.py();
    let answer = callable.call0().map_err(|raised| failed(py, raised))?;
    // What is wrong with it is not passed on: some errors carry the value, which is the secret.
    read(&answer).map_err(|_| {
        Error::new(Kind::Authentication, "the credentials provider gave an unusable answer")
            .with_hint(
                "it has to return a dict with the texts aws_access_key_id, aws_secret_access_key \
                 and aws_session_token (or None), and expiry: Unix seconds, or None",
            )
    })
}

/// Errors of ours hold no secrets and are passed on. Of others only the class is told: their words
/// may be those of a login that failed, with the password.
fn failed(py: Python<'_>, raised: PyErr) -> Error {
    let failed = |why: &str| Error::new(Kind::Authentication, why);
    if error::is_ours(py, &raised) {
        return failed("the credentials provider failed").with_source(raised);
    }
    let class = raised.get_type(py).qualname();
    let class = class.map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
    failed(&format!("the credentials provider raised {class}")).with_hint(
        "call the provider by itself to see what it says; its words may hold secrets and are not \
         repeated here",
    )
}

fn read(answer: &Bound<'_, PyAny>) -> PyResult<AwsSecret> {
    let answer = answer.cast::<PyDict>()?;
    Ok(AwsSecret {
        access_key: answer.as_any().get_item("aws_access_key_id")?.extract()?,
        secret_key: answer.as_any().get_item("aws_secret_access_key")?.extract()?,
        session_token: field(answer, "aws_session_token")?,
        expires_unix: field(answer, "expiry")?,
    })
}
