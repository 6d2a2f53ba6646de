//! A Python callable as the core's source of secrets.
//!
//! Values pass through and are kept by the core's cache only; nothing here prints them.

use std::sync::Arc;

use lakebed_core::error::{Error, Kind, Result};
use lakebed_core::storage::{AwsSecret, CredentialCache, GcsSecret, SecretSource};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert::field;
use crate::error;

/// A cache over a callable that gives keys of AWS.
pub(crate) fn aws(callable: Py<PyAny>) -> Arc<CredentialCache<AwsSecret>> {
    Arc::new(CredentialCache::new(Arc::new(AwsCallable(callable))))
}

/// A cache over a callable that gives access tokens of Google Cloud.
pub(crate) fn gcs(callable: Py<PyAny>) -> Arc<CredentialCache<GcsSecret>> {
    Arc::new(CredentialCache::new(Arc::new(GcsCallable(callable))))
}

struct AwsCallable(Py<PyAny>);

struct GcsCallable(Py<PyAny>);

impl SecretSource<AwsSecret> for AwsCallable {
    fn fetch(&self) -> Result<AwsSecret> {
        let wanted = "aws_access_key_id, aws_secret_access_key and aws_session_token (or None)";
        ask(&self.0, wanted, |answer| {
            Ok(AwsSecret {
                access_key: answer.as_any().get_item("aws_access_key_id")?.extract()?,
                secret_key: answer.as_any().get_item("aws_secret_access_key")?.extract()?,
                session_token: field(answer, "aws_session_token")?,
                expires_unix: field(answer, "expiry")?,
            })
        })
    }
}

impl SecretSource<GcsSecret> for GcsCallable {
    fn fetch(&self) -> Result<GcsSecret> {
        ask(&self.0, "access_token", |answer| {
            Ok(GcsSecret {
                access_token: answer.as_any().get_item("access_token")?.extract()?,
                expires_unix: field(answer, "expiry")?,
            })
        })
    }
}

/// Calls it and reads its answer, which has the texts `wanted`.
fn ask<S>(
    callable: &Py<PyAny>,
    wanted: &str,
    read: impl Fn(&Bound<'_, PyDict>) -> PyResult<S>,
) -> Result<S> {
    Python::try_attach(|py| call(callable.bind(py), wanted, read))
        .unwrap_or_else(|| Err(Error::new(Kind::Interrupted, "the interpreter is shutting down")))
}

fn call<S>(
    callable: &Bound<'_, PyAny>,
    wanted: &str,
    read: impl Fn(&Bound<'_, PyDict>) -> PyResult<S>,
) -> Result<S> {
    let py = callable.py();
    let answer = callable.call0().map_err(|raised| failed(py, raised))?;
    let secret = answer.cast::<PyDict>().map_err(PyErr::from).and_then(read);
    // What is wrong with it is not passed on: some errors carry the value, which is the secret.
    secret.map_err(|_| {
        Error::new(Kind::Authentication, "the credentials provider gave an unusable answer")
            .with_hint(format!(
                "it has to return a dict with the texts {wanted}, and expiry: Unix seconds, or None"
            ))
    })
}

/// Errors of ours hold no secrets: what they say is repeated, and they are passed on. Of others only
/// the class is told: their words may be those of a login that failed, with the password.
fn failed(py: Python<'_>, raised: PyErr) -> Error {
    let failed = |why: &str| Error::new(Kind::Authentication, why);
    if error::is_ours(py, &raised) {
        // The frames that it came through may hold secrets; a class of ours has the method.
        let _ = raised.value(py).call_method0("without_frames");
        let said = |name: &str| -> Option<String> {
            raised.value(py).getattr(name).and_then(|text| text.extract()).ok()
        };
        let mut error = failed(said("message").as_deref().unwrap_or("their source failed"));
        if let Some(hint) = said("hint") {
            error = error.with_hint(hint);
        }
        return error.with_source(raised);
    }
    let class = raised.get_type(py).qualname();
    let class = class.map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
    failed(&format!("the credentials provider raised {class}")).with_hint(
        "call the provider by itself to see what it says; its words may hold secrets and are not \
         repeated here",
    )
}
