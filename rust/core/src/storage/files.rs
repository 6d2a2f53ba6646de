//! Single local files, read-only: the key is the file's path as the system takes it.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::counters::Counters;
use super::error::{Reason, StorageError};
use super::incoming::{Body, Incoming};
use super::local::{blocking, read_range, reason};
use super::{Backend, Found, Result, Version};

const WHAT: &str = "a linked file";

pub(super) struct FileStore {
    counters: Arc<Counters>,
}

impl FileStore {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self { counters }
    }

    async fn run<T: Send + 'static>(
        &self,
        key: &str,
        work: impl FnOnce(PathBuf) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.counters.request();
        let path = PathBuf::from(key);
        let done = blocking(move || work(path)).await;
        done.map_err(|error| StorageError::new("read", key, reason(&error)))
    }
}

/// Opens a file for reading and says how long it is.
fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = File::open(path)?;
    let data = file.metadata()?;
    if data.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    Ok((file, data.len()))
}

fn read_only<T>(verb: &'static str, key: &str) -> Result<T, StorageError> {
    Err(StorageError::new(verb, key, Reason::ReadOnlyStore(WHAT)))
}

#[async_trait]
impl Backend for FileStore {
    fn check(&self, key: &str) -> Result<(), &'static str> {
        match key {
            "" => Err("the path is empty"),
            _ if key.contains('\0') => Err("paths cannot hold a zero byte"),
            _ => Ok(()),
        }
    }

    fn display(&self, key: &str) -> String {
        key.to_owned()
    }

    async fn open_read(&self, key: &str) -> Result<Incoming, StorageError> {
        let (file, size) = self.run(key, |path| open(&path)).await?;
        Ok(Incoming::new(size, key.to_owned(), None, Body::File(file)))
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StorageError> {
        self.run(key, move |path| read_range(open(&path)?, &range)).await
    }

    async fn size(&self, key: &str) -> Result<u64, StorageError> {
        self.run(key, |path| open(&path).map(|(_, size)| size)).await
    }

    async fn put(&self, key: &str, _bytes: Bytes) -> Result<(), StorageError> {
        read_only("write", key)
    }

    async fn put_new(&self, key: &str, _bytes: Bytes) -> Result<bool, StorageError> {
        read_only("write", key)
    }

    async fn put_if_unchanged(
        &self,
        key: &str,
        _bytes: Bytes,
        _was: &Version,
    ) -> Result<bool, StorageError> {
        read_only("write", key)
    }

    async fn delete(&self, _keys: &[String]) -> Result<(), StorageError> {
        read_only("delete", WHAT)
    }

    async fn list(&self, _prefix: &str, _limit: usize) -> Result<Found, StorageError> {
        read_only("list", WHAT)
    }
}
