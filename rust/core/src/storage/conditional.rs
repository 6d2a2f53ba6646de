//! Writes that depend on what is there: creating an object, and replacing what one has read.
//!
//! Folders, memory and most servers decide such a write in one step. But there are servers that take
//! the condition and ignore it, others refuse it, and a reply can be lost. So on servers the object
//! is looked at before, and read back after every conditional write: `true` means that it held
//! these bytes then. Who writes something that nobody else would write knows by that whose it is. On
//! servers that know no conditions the last one of several that write in the same moment wins, and
//! the others may have been told `true`: who must be alone waits and looks again.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use object_store::UpdateVersion;

use super::{MAX_SMALL_BYTES, Result, Store, too_large};

/// What an object was when it was read.
#[derive(Clone)]
pub struct Version {
    pub(super) content: Bytes,
    /// What the server calls it.
    pub(super) tag: Option<UpdateVersion>,
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Version").field("tag", &self.tag).finish_non_exhaustive()
    }
}

impl Version {
    fn is(&self, other: &Self) -> bool {
        match (&self.tag, &other.tag) {
            (Some(one), Some(two)) => one == two,
            _ => self.content == other.content,
        }
    }
}

impl Store {
    /// The whole (small) object and what it is now, or nothing when it is missing.
    ///
    /// # Errors
    /// As [`Store::get_optional`].
    pub async fn get_versioned(&self, key: &str) -> Result<Option<(Bytes, Version)>> {
        let incoming = match self.backend("read", key)?.open_read(key).await {
            Err(error) if error.is_object_not_found() => return Ok(None),
            other => other?,
        };
        if incoming.size > MAX_SMALL_BYTES {
            return Err(too_large(key, incoming.size));
        }
        let tag = incoming.tag().cloned();
        let content = incoming.counted(Arc::clone(&self.inner.counters)).read().await?;
        Ok(Some((content.clone(), Version { content, tag })))
    }

    /// Creates the object; `false` when there is one of that name, which then stays as it is.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub async fn put_new(&self, key: &str, bytes: Bytes) -> Result<bool> {
        let backend = self.backend("write", key)?;
        if !self.is_remote() {
            let created = backend.put_new(key, bytes.clone()).await?;
            return Ok(self.count_written(&bytes, created));
        }
        match backend.open_read(key).await {
            Ok(_) => return Ok(false),
            Err(error) if error.is_object_not_found() => {}
            Err(error) => return Err(error.into()),
        }
        let created = backend.put_new(key, bytes.clone()).await?;
        self.count_written(&bytes, created);
        self.holds(key, &bytes).await
    }

    /// Replaces the object; `false` when it is no more what it was when it was read, or is gone, and
    /// then stays so. Writing the bytes that it holds already may count as no change.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub async fn put_if_unchanged(&self, key: &str, bytes: Bytes, was: &Version) -> Result<bool> {
        let backend = self.backend("write", key)?;
        if !self.is_remote() {
            let replaced = backend.put_if_unchanged(key, bytes.clone(), was).await?;
            return Ok(self.count_written(&bytes, replaced));
        }
        if !self.get_versioned(key).await?.is_some_and(|(_, now)| now.is(was)) {
            return Ok(false);
        }
        let replaced = backend.put_if_unchanged(key, bytes.clone(), was).await?;
        self.count_written(&bytes, replaced);
        self.holds(key, &bytes).await
    }

    async fn holds(&self, key: &str, bytes: &Bytes) -> Result<bool> {
        Ok(self.get_optional(key).await?.is_some_and(|found| found == bytes))
    }

    fn count_written(&self, bytes: &Bytes, written: bool) -> bool {
        if written {
            self.inner.counters.wrote(bytes.len());
        }
        written
    }
}
