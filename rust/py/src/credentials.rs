//! A Python callable as the core's source of secrets.
//!
//! Values pass through and are kept by the core's cache only; nothing here prints them.

use std::sync::Arc;

use lakebed_core::error::{Error, Kind, Result};
use lakebed_core::storage::{AwsSecret, CredentialCache, SecretSource};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert::field;

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
    let answer = callable.call0().map_err(|raised| {
        Error::new(Kind::Authentication, "the credentials provider failed").with_source(raised)
    })?;
    read(&answer).map_err(|raised| {
        // Not the value: it may be the secret itself.
        Error::new(Kind::Authentication, "the credentials provider gave an unusable answer")
            .with_source(raised)
    })
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
