//! The error of this room: which rule of the format was broken, and at which byte.

use crate::error::{Context, Error, Kind};
use std::borrow::Cow;

/// Shorthand for results of this room.
pub type Result<T, E = FormatError> = std::result::Result<T, E>;

/// The sort of a [`FormatError`]; it decides the [`Kind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Stored bytes contradict the format.
    Corrupt,
    /// A limit of the format or of [`super::limits`] would be exceeded.
    Limit,
    /// A name that cannot be a tensor's.
    BadName,
    /// A sample of another rank than its neighbours.
    ShapeMismatch,
    /// Neither a branch nor a commit that can be opened.
    UnknownAddress,
}

/// A broken rule of the format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct FormatError {
    /// The sort of failure.
    pub reason: Reason,
    /// The rule that is broken, as a sentence.
    pub rule: Cow<'static, str>,
    /// The byte of the file at which it is broken, where that makes sense.
    pub offset: Option<u64>,
}

impl FormatError {
    /// A broken rule of a certain sort, at no certain byte.
    pub fn new(reason: Reason, rule: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, rule: rule.into(), offset: None }
    }

    /// Stored bytes that contradict the format.
    pub fn corrupt(rule: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Reason::Corrupt, rule)
    }

    /// A number beyond a limit.
    pub fn limit(rule: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Reason::Limit, rule)
    }

    /// Adds the byte offset, unless a more exact one is there.
    #[must_use]
    pub fn at(mut self, offset: usize) -> Self {
        self.offset = self.offset.or(u64::try_from(offset).ok());
        self
    }
}

impl From<FormatError> for Error {
    fn from(error: FormatError) -> Self {
        let kind = match error.reason {
            Reason::Corrupt => Kind::Corrupt,
            Reason::Limit => Kind::LimitExceeded,
            Reason::BadName => Kind::InvalidInput,
            Reason::ShapeMismatch => Kind::ShapeMismatch,
            Reason::UnknownAddress => Kind::CheckoutFailed,
        };
        let context = Context { offset: error.offset, ..Context::default() };
        Self::new(kind, error.rule.into_owned()).with_context(context)
    }
}
