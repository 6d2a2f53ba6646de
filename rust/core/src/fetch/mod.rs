//! Many requests at once, bounded in number and in bytes, their results in the caller's hands.
//!
//! Owns order, limits, cancellation and the rule which failure counts; knows no tensors. What a job
//! asks for and what is done with its output is the caller's business.

use std::any::Any;

use futures::future::BoxFuture;

mod budget;
mod failures;
mod run;
#[cfg(test)]
mod tests;

pub use budget::{Budget, Permit};
pub use failures::Failures;
pub use run::run;

use crate::error::{Error, Result};

/// How much may be under way at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Jobs that run at once.
    pub max_requests: usize,
    /// Bytes that jobs hold, or are about to receive, until they are processed.
    pub max_bytes_in_flight: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_requests: 64, max_bytes_in_flight: 256 * 1024 * 1024 }
    }
}

/// One part of a fetch.
pub trait Job: Send + 'static {
    /// What it brings; it carries its [`Permit`], so that the bytes count until they are processed.
    type Output: Send + 'static;

    /// The lowest output position that the job serves.
    fn index(&self) -> u64;

    /// Does the requests. Before bytes arrive, their number is taken from `budget`.
    fn run(self, budget: Budget) -> BoxFuture<'static, Result<Self::Output>>;
}

/// The error for a panic, which is a defect of ours.
fn panicked(what: &str, payload: &(dyn Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Error::internal(format!("{what} broke: {text}"))
}
