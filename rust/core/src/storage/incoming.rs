//! An object whose size is known and whose body has not been read yet.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use object_store::UpdateVersion;

use super::counters::Counters;
use super::error::{Detail, Reason, StorageError};
use crate::error::{Error, Result, Setting};

pub(super) enum Body {
    Ready(Bytes),
    File(File),
    Stream(BoxStream<'static, Result<Bytes, StorageError>>),
    /// A stream that does not recover by itself, and the whole body once more for when it breaks.
    Fragile(
        BoxStream<'static, Result<Bytes, StorageError>>,
        BoxFuture<'static, Result<Bytes, StorageError>>,
    ),
}

/// The reply to a read: the size is known, the body comes with [`Incoming::read`].
pub struct Incoming {
    /// Bytes that the body will have.
    pub size: u64,
    place: String,
    file: Option<String>,
    body: Body,
    tag: Option<UpdateVersion>,
    counters: Option<Arc<Counters>>,
}

impl Incoming {
    /// `place` is the object as it may be shown, `file` its key if that may be shown.
    pub(super) fn new(size: u64, place: String, file: Option<&str>, body: Body) -> Self {
        Self { size, place, file: file.map(str::to_owned), body, tag: None, counters: None }
    }

    /// With what the server calls this version of the object.
    pub(super) fn tagged(mut self, tag: UpdateVersion) -> Self {
        self.tag = (tag.e_tag.is_some() || tag.version.is_some()).then_some(tag);
        self
    }

    pub(super) fn tag(&self) -> Option<&UpdateVersion> {
        self.tag.as_ref()
    }

    pub(super) fn counted(mut self, counters: Arc<Counters>) -> Self {
        self.counters = Some(counters);
        self
    }

    /// Itself, unless it is larger than a limit: then the body never comes.
    ///
    /// # Errors
    /// [`crate::Kind::LimitExceeded`], which names the setting.
    pub fn within(self, max_bytes: u64, setting: Setting) -> Result<Self> {
        if self.size <= max_bytes {
            return Ok(self);
        }
        let what = format!("reading {}", self.place);
        let error = Error::over_limit(what, self.size, max_bytes, setting);
        Err(match &self.file {
            Some(file) => error.at_file(file),
            None => error,
        })
    }

    /// The body, of exactly `size` bytes.
    ///
    /// # Errors
    /// Why the body did not come whole.
    pub async fn read(self) -> Result<Bytes> {
        let counters = self.counters.clone();
        let bytes = self.collect().await?;
        if let Some(counters) = counters {
            counters.read(bytes.len());
        }
        Ok(bytes)
    }

    pub(super) async fn collect(self) -> Result<Bytes, StorageError> {
        let Self { size, place, file, body, .. } = self;
        let fail = |text: String| {
            let error = StorageError::new("read", &place, Reason::Other(Detail::new(text)));
            match &file {
                Some(key) => error.at_file(key),
                None => error,
            }
        };
        let too_big = || fail(format!("its {size} bytes do not fit into memory"));
        let length = usize::try_from(size).map_err(|_| too_big())?;
        let bytes = match body {
            Body::Ready(bytes) => return Ok(bytes),
            Body::File(opened) => {
                let read = move || read_file(opened, length);
                let done = tokio::task::spawn_blocking(read).await;
                let read = done.unwrap_or_else(|broken| Err(broken.into()));
                Bytes::from(read.map_err(|error| fail(error.to_string()))?)
            }
            Body::Stream(stream) => join(stream, length).await?.ok_or_else(too_big)?,
            Body::Fragile(stream, again) => match join(stream, length).await {
                Ok(bytes) => bytes.ok_or_else(too_big)?,
                Err(_) => again.await?,
            },
        };
        if bytes.len() == length {
            Ok(bytes)
        } else {
            Err(fail(format!("{} bytes came where {size} were announced", bytes.len())))
        }
    }
}

/// The parts of a stream as one; nothing when there is no memory for `length` bytes.
async fn join(
    mut stream: BoxStream<'static, Result<Bytes, StorageError>>,
    length: usize,
) -> Result<Option<Bytes>, StorageError> {
    let mut all = Vec::new();
    if all.try_reserve_exact(length).is_err() {
        return Ok(None);
    }
    while let Some(part) = stream.next().await {
        all.extend_from_slice(&part?);
    }
    Ok(Some(Bytes::from(all)))
}

/// Reads `length` bytes, or fewer if the file was cut since it was opened.
fn read_file(file: File, length: usize) -> std::io::Result<Vec<u8>> {
    let mut all = Vec::new();
    all.try_reserve_exact(length)?;
    file.take(length as u64).read_to_end(&mut all)?;
    Ok(all)
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("place", &self.place)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}
