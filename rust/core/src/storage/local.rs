//! Stores in a local folder. An object appears whole or not at all: it is written under another
//! name in the same folder and renamed.
//!
//! Links in the folder are followed when something is read, as the reference does: whoever can place
//! one there can write there anyway. Listings, and so deletions, do not go through links to folders.
//!
//! Nothing is synced to the disk: a crash of the process loses nothing that was put, a loss of
//! power may.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::counters::Counters;
use super::error::{Detail, Reason, StorageError};
use super::incoming::{Body, Incoming};
use super::key::check_key_of_files;
use super::{Backend, Entry, Found, Result};

/// How names of files that are still being written start. Listings leave them out.
const TEMPORARY_PREFIX: &str = ".lakebed-tmp-";

/// How often a folder is made again that others remove because they emptied it.
const MAX_FOLDER_TRIES: usize = 20;

pub(super) struct LocalStore {
    root: PathBuf,
    counters: Arc<Counters>,
}

impl LocalStore {
    pub(super) fn new(root: &Path, counters: Arc<Counters>) -> Self {
        // The store must stay where it is when the process changes its working directory.
        let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        Self { root, counters }
    }

    /// Runs `work` on the file of `key` where blocking is allowed.
    async fn run<T: Send + 'static>(
        &self,
        verb: &'static str,
        key: &str,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.counters.request();
        let path = self.root.join(key);
        blocking(move || work(&path)).await.map_err(|error| {
            StorageError::new(verb, self.display(key), reason(&error)).at_file(key)
        })
    }
}

/// Runs file work on a thread that may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// What a failure of the file system means. A folder is no object, nor is anything below a file.
pub(super) fn reason(error: &io::Error) -> Reason {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory => {
            Reason::ObjectNotFound
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            Reason::Forbidden(Detail::new(error.to_string()))
        }
        _ => Reason::Other(Detail::new(error.to_string())),
    }
}

/// Opens a file for reading and says how long it is.
pub(super) fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = File::open(path)?;
    let data = file.metadata()?;
    if data.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    Ok((file, data.len()))
}

/// The bytes of `range` that the file has.
pub(super) fn read_range(path: &Path, range: &Range<u64>) -> io::Result<Bytes> {
    let (mut file, size) = open(path)?;
    let end = range.end.min(size);
    if range.start >= end {
        return Ok(Bytes::new());
    }
    let length = end.saturating_sub(range.start);
    file.seek(SeekFrom::Start(range.start))?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(length).map_err(io::Error::other)?)?;
    file.take(length).read_to_end(&mut bytes)?;
    Ok(Bytes::from(bytes))
}

#[async_trait]
impl Backend for LocalStore {
    fn check(&self, key: &str) -> Result<(), &'static str> {
        if cfg!(windows) && key.contains(['\\', ':']) {
            // They would lead out of the folder.
            return Err("keys cannot hold '\\' and ':' on this system");
        }
        check_key_of_files(key)
    }

    fn display(&self, key: &str) -> String {
        self.root.join(key).display().to_string()
    }

    async fn open_read(&self, key: &str) -> Result<Incoming, StorageError> {
        let (file, size) = self.run("read", key, open).await?;
        Ok(Incoming::new(size, self.display(key), Some(key), Body::File(file)))
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StorageError> {
        self.run("read", key, move |path| read_range(path, &range)).await
    }

    async fn size(&self, key: &str) -> Result<u64, StorageError> {
        self.run("read", key, |path| open(path).map(|(_, size)| size)).await
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), StorageError> {
        let write = move |path: &Path| {
            let temporary = write_temporary(path, &bytes)?;
            fs::rename(&temporary, path).inspect_err(|_| drop(fs::remove_file(&temporary)))
        };
        self.run("write", key, move |path| writing(write(path))).await
    }

    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<bool, StorageError> {
        let write = move |path: &Path| {
            let temporary = write_temporary(path, &bytes)?;
            let linked = fs::hard_link(&temporary, path);
            fs::remove_file(&temporary)?;
            match linked {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
                // Some file systems have no hard links; there, readers may see a part of the file.
                Err(_) => create_directly(path, &bytes),
            }
        };
        self.run("write", key, move |path| writing(write(path))).await
    }

    async fn delete(&self, keys: &[String]) -> Result<(), StorageError> {
        for key in keys {
            let root = self.root.clone();
            self.run("delete", key, move |path| remove(&root, path)).await?;
        }
        Ok(())
    }

    async fn list(&self, prefix: &str, limit: usize) -> Result<Found, StorageError> {
        let root = self.root.clone();
        self.run("list", prefix, move |folder| {
            let mut found = Vec::new();
            collect(&root, folder, limit, &mut found)?;
            Ok(Found::from(found))
        })
        .await
    }
}

/// A failed write never means "no such object": says what stands in the way instead.
fn writing<T>(result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| match error.kind() {
        ErrorKind::NotADirectory | ErrorKind::NotFound | ErrorKind::IsADirectory => {
            io::Error::other(error.to_string())
        }
        _ => error,
    })
}

/// Writes `bytes` beside `path`, making the folders, and gives the name.
fn write_temporary(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new(""));
    // The process id keeps a forked child apart, which inherits the random numbers to come; the
    // random number keeps apart the machines that share a folder.
    let unique =
        format!("{TEMPORARY_PREFIX}{}-{:016x}", std::process::id(), crate::random::unique_u64());
    let temporary = folder.join(unique);
    let mut tries = 1;
    let mut file = loop {
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(file) => break file,
            Err(error) if error.kind() == ErrorKind::NotFound && tries < MAX_FOLDER_TRIES => {
                tries += 1;
                match fs::create_dir_all(folder) {
                    // A folder above was removed meanwhile.
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            Err(error) => return Err(error),
        }
    };
    let written = file.write_all(bytes);
    drop(file);
    written.inspect_err(|_| drop(fs::remove_file(&temporary)))?;
    Ok(temporary)
}

fn create_directly(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(error),
    };
    file.write_all(bytes).map(|()| true)
}

/// Removes a file and the folders that it leaves empty, up to and including the root.
fn remove(root: &Path, path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if matches!(reason(&error), Reason::ObjectNotFound) || path.is_dir() => {}
        Err(error) => return Err(error),
    }
    for folder in path.ancestors().skip(1).take_while(|folder| folder.starts_with(root)) {
        // Fails on a folder that is not empty, which is where to stop.
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}

/// Files below `folder`, in no order; links to folders are not followed.
fn collect(root: &Path, folder: &Path, limit: usize, found: &mut Vec<Entry>) -> io::Result<()> {
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            // Missing, or removed since it was listed.
            Err(error) if matches!(reason(&error), Reason::ObjectNotFound) => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                waiting.push(entry.path());
            } else if let Some(listed) = describe(root, &entry)? {
                found.push(listed);
                if found.len() >= limit {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// A file as an entry; nothing for what is no object: unfinished files, links to folders, files
/// removed since, names that are no text.
fn describe(root: &Path, entry: &fs::DirEntry) -> io::Result<Option<Entry>> {
    let path = entry.path();
    let below = path.strip_prefix(root).map_err(io::Error::other)?;
    let parts: Option<Vec<&str>> = below.iter().map(|part| part.to_str()).collect();
    let Some(parts) = parts else { return Ok(None) };
    if parts.last().is_some_and(|name| name.starts_with(TEMPORARY_PREFIX)) {
        return Ok(None);
    }
    match fs::metadata(&path) {
        Ok(data) if data.is_dir() => Ok(None),
        Ok(data) => Ok(Some(Entry { key: parts.join("/"), size: data.len() })),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
