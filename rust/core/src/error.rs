//! The one error type that leaves the crate: a kind, a sentence, and where it happened.
//!
//! Rooms that know no datasets (`format`, `codec`, `storage`) have small enums of their own and
//! fold into [`Error`] by `From`; the dataset room adds path, tensor and index on the way up.

use std::error::Error as StdError;
use std::fmt;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident => $code:literal,)*) => {
        /// What went wrong, as a stable code. Codes are only ever added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// Every kind, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code that crosses the language line.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

kinds! {
    /// An argument that cannot be right, whatever the state.
    InvalidInput => "invalid_input",
    /// No dataset at the path.
    DatasetNotFound => "dataset_not_found",
    /// A dataset is already at the path.
    DatasetExists => "dataset_exists",
    /// The folder holds files but no dataset.
    PathNotEmpty => "path_not_empty",
    /// No tensor of that name.
    TensorNotFound => "tensor_not_found",
    /// A tensor or group of that name exists.
    TensorExists => "tensor_exists",
    /// A group of that name exists.
    GroupExists => "group_exists",
    /// No branch or commit of that name.
    CheckoutFailed => "checkout_failed",
    /// A sample index outside of the tensor.
    IndexOutOfRange => "index_out_of_range",
    /// Samples of different shapes were asked for as one array.
    DynamicShape => "dynamic_shape",
    /// Nothing but empty samples of unknown rank was asked for.
    EmptyTensor => "empty_tensor",
    /// A sample's dtype does not fit the tensor's.
    DtypeMismatch => "dtype_mismatch",
    /// A sample's shape does not fit the tensor's.
    ShapeMismatch => "shape_mismatch",
    /// The dataset was opened, or fell back, to read-only.
    ReadOnly => "read_only",
    /// Another process holds the write lock.
    Locked => "locked",
    /// The write lock was lost, or the store changed under a writer.
    Conflict => "conflict",
    /// The store does not know who is asking.
    Authentication => "authentication",
    /// The store knows who is asking, and says no.
    Authorization => "authorization",
    /// Temporary credentials ran out.
    CredentialsExpired => "credentials_expired",
    /// The bucket does not exist.
    BucketNotFound => "bucket_not_found",
    /// An object does not exist.
    ObjectNotFound => "object_not_found",
    /// The store failed in another way.
    Storage => "storage",
    /// The store failed in a way that may pass; retries are used up.
    StorageTransient => "storage_transient",
    /// Stored bytes contradict the format.
    Corrupt => "corrupt",
    /// A chunk is missing or unreadable.
    Chunk => "chunk",
    /// Bytes of a sample do not decode.
    Decode => "decode",
    /// A linked object cannot be read.
    Link => "link",
    /// A linked object given to be appended is not what it should be.
    BadLink => "bad_link",
    /// A creds key is unknown, or not populated.
    MissingCreds => "missing_creds",
    /// A creds key exists already.
    CredsExist => "creds_exist",
    /// A stated limit would be exceeded.
    LimitExceeded => "limit_exceeded",
    /// A feature of the format that this version does not have yet.
    Unsupported => "unsupported",
    /// The handle was closed.
    Closed => "closed",
    /// The caller asked to stop (Ctrl-C).
    Interrupted => "interrupted",
    /// A defect of this package.
    Internal => "internal",
    /// What was named does not exist: for what only the API above the core names, as the next ones.
    NotFound => "not_found",
    /// What was to be made exists.
    AlreadyExists => "already_exists",
    /// A sample cannot be read or stored.
    Sample => "sample",
    /// A hub refused or failed.
    Hub => "hub",
    /// A linked object cannot be read for want of good credentials.
    LinkCreds => "link_creds",
    /// A rule of the reading process forbids to follow a link.
    LinkNotAllowed => "link_not_allowed",
}

/// A limit that users can raise: the name of its setting, in the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// Bytes of one decoded sample, and of one linked object.
    MaxSampleBytes,
    /// Bytes that requests hold at once. An object that has more is read alone.
    MaxBytesInFlight,
}

impl Setting {
    /// The environment variable; `lakebed.settings` has the same name in small letters.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::MaxSampleBytes => "LAKEBED_MAX_SAMPLE_BYTES",
            Self::MaxBytesInFlight => "LAKEBED_MAX_BYTES_IN_FLIGHT",
        }
    }
}

/// Where an error happened, as far as it is known. Never holds a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// The dataset's path or URL.
    pub path: Option<String>,
    /// The tensor's name.
    pub tensor: Option<String>,
    /// The sample's index in the tensor.
    pub index: Option<u64>,
    /// A linked object's URL, without query.
    pub url: Option<String>,
    /// The creds key in use.
    pub creds_key: Option<String>,
    /// The key below the dataset root.
    pub file: Option<String>,
    /// The byte offset in that file.
    pub offset: Option<u64>,
}

/// An error of lakebed's core.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: String,
    reason: Option<String>,
    hint: Option<String>,
    context: Context,
    source: Option<Box<dyn StdError + Send + Sync>>,
    failures: Vec<Error>,
}

/// A name as messages show it: in quotes, as Python shows texts, without control characters.
#[must_use]
pub fn quoted(name: &str) -> String {
    let quote = if name.contains('\'') && !name.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for char in name.chars() {
        if char.is_control() { out.extend(char.escape_default()) } else { out.push(char) }
    }
    out.push(quote);
    out
}

/// How many failures of one batch are kept.
pub const MAX_FAILURES: usize = 100;

impl Error {
    /// A new error of `kind` that says `message`.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            reason: None,
            hint: None,
            context: Context::default(),
            source: None,
            failures: Vec::new(),
        }))
    }

    /// A defect of ours: a state that the code believed impossible.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// A part of the format that is not implemented yet.
    pub fn unsupported(feature: impl fmt::Display) -> Self {
        Self::new(Kind::Unsupported, format!("not supported yet: {feature}"))
    }

    /// `what` would take more than a limit that can be raised.
    pub fn over_limit(what: impl fmt::Display, bytes: u64, limit: u64, setting: Setting) -> Self {
        let name = setting.variable();
        let reason = format!("takes {bytes} bytes, over the limit of {limit} ({name})");
        let error = Self::new(Kind::LimitExceeded, format!("{what} {reason}"));
        error.with_reason(format!("it {reason}")).with_hint(format!(
            "if that is what you want, raise it: set {name}, or lakebed.settings.{}, and open \
             the dataset again",
            name.trim_start_matches("LAKEBED_").to_lowercase()
        ))
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The sentence, without hint and context.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Why it failed, without what failed and where: for an error around this one that says that
    /// itself. The whole sentence, where nothing shorter was given.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.0.reason.as_deref().unwrap_or(&self.0.message)
    }

    /// What to do next, if that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Where it happened.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.0.context
    }

    /// Failures of a batch, lowest index first, this one included; empty for a single operation.
    #[must_use]
    pub fn failures(&self) -> &[Self] {
        &self.0.failures
    }

    /// Says the part of the sentence that [`Error::reason`] gives.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.0.reason = Some(reason.into());
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Keeps the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds what is known about the place; what is already known wins. The failures of a batch
    /// share path and tensor.
    #[must_use]
    pub fn with_context(mut self, add: Context) -> Self {
        for failure in &mut self.0.failures {
            let own = &mut failure.0.context;
            own.path = own.path.take().or_else(|| add.path.clone());
            own.tensor = own.tensor.take().or_else(|| add.tensor.clone());
        }
        let own = &mut self.0.context;
        own.path = own.path.take().or(add.path);
        own.tensor = own.tensor.take().or(add.tensor);
        own.index = own.index.or(add.index);
        own.url = own.url.take().or(add.url);
        own.creds_key = own.creds_key.take().or(add.creds_key);
        own.file = own.file.take().or(add.file);
        own.offset = own.offset.or(add.offset);
        self
    }

    /// Adds the dataset path.
    #[must_use]
    pub fn at_path(self, path: &str) -> Self {
        self.with_context(Context { path: Some(path.to_owned()), ..Context::default() })
    }

    /// Adds the tensor.
    #[must_use]
    pub fn at_tensor(self, tensor: &str) -> Self {
        self.with_context(Context { tensor: Some(tensor.to_owned()), ..Context::default() })
    }

    /// Adds the sample's index.
    #[must_use]
    pub fn at_index(self, index: u64) -> Self {
        self.with_context(Context { index: Some(index), ..Context::default() })
    }

    /// Adds the key of the file.
    #[must_use]
    pub fn at_file(self, file: &str) -> Self {
        self.with_context(Context { file: Some(file.to_owned()), ..Context::default() })
    }

    /// Wraps `self` as the cause of an error of another kind: `what` failed, for the same reason,
    /// at the same place, and the same can be done about it.
    #[must_use]
    pub fn wrap(self, kind: Kind, what: impl fmt::Display) -> Self {
        let reason = self.reason().to_owned();
        let mut outer = Self::new(kind, format!("{what}: {reason}"))
            .with_reason(reason)
            .with_context(self.0.context.clone());
        outer.0.hint.clone_from(&self.0.hint);
        outer.with_source(self)
    }

    /// The error of a batch: the first of `errors`, with up to [`MAX_FAILURES`] of them as its
    /// failures; `None` when there are none.
    pub fn of_batch(errors: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut errors = errors.into_iter();
        let mut first = errors.next()?;
        let summary = first.summary();
        first.0.failures = std::iter::once(summary).chain(errors).take(MAX_FAILURES).collect();
        Some(first)
    }

    /// The error without its cause, which cannot be in two places.
    pub(crate) fn summary(&self) -> Self {
        let mut copy = Self::new(self.kind(), self.message()).with_context(self.context().clone());
        copy.0.hint.clone_from(&self.0.hint);
        copy.0.reason.clone_from(&self.0.reason);
        copy
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("context", &self.0.context)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<_> = Kind::ALL.iter().map(|kind| kind.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Kind::ALL.len());
    }

    #[test]
    fn context_nearest_to_the_cause_wins() {
        let error = Error::internal("x").at_tensor("inner").at_tensor("outer").at_index(3);
        assert_eq!(error.context().tensor.as_deref(), Some("inner"));
        assert_eq!(error.context().index, Some(3));
    }

    #[test]
    fn names_are_quoted_as_python_does() {
        for (name, shown) in
            [("a", "'a'"), ("a\"b", "'a\"b'"), ("a'b", "\"a'b\""), ("a\n", "'a\\n'"), ("ü", "'ü'")]
        {
            assert_eq!(quoted(name), shown);
        }
    }

    #[test]
    fn wrapping_errors_name_the_place_once() {
        let inner = Error::new(Kind::Storage, "cannot read s3://b/k: it is gone").with_hint("look");
        let outer = inner.with_reason("it is gone").wrap(Kind::Link, "cannot read the link");
        let outmost = outer.wrap(Kind::BadLink, "the link s3://b/k cannot be appended");
        assert_eq!(outmost.message(), "the link s3://b/k cannot be appended: it is gone");
        assert_eq!(outmost.hint(), Some("look"));
        assert_eq!(outmost.source().unwrap().to_string(), "cannot read the link: it is gone");
    }
}
