//! Stores in a local folder. An object appears whole or not at all: it is written under another
//! name in the same folder and renamed.
//!
//! Links in the folder are followed when something is read, where they end inside of it. Listings,
//! and so deletions, do not go through links to folders.
//!
//! What was put survives a crash of the process at once, and a loss of power after
//! [`Backend::sync`].

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::counters::Counters;
use super::error::{Detail, Reason, StorageError};
use super::folder::{Directory, Handle, Kind, LinkRefused, Links, Root, is_missing, sync_folder};
use super::incoming::{Body, Incoming};
use super::key::check_key_of_files;
use super::{Backend, Entry, Found, Result, Version};

/// How names of files that are still being written start. Listings leave them out.
const TEMPORARY_PREFIX: &str = ".lakebed-tmp-";

/// How often a file is begun again whose folder others remove because they emptied it.
const MAX_TRIES: usize = 20;

/// Files synced at the same time: the disk writes them in one go.
const MAX_PARALLEL_SYNCS: usize = 16;

/// How long another process may keep a folder locked, which takes it a millisecond, and how often to
/// look.
const MAX_LOCKED: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(1);

pub(super) struct LocalStore {
    root: Arc<Root>,
    counters: Arc<Counters>,
}

impl LocalStore {
    pub(super) fn new(root: &Path, counters: Arc<Counters>) -> Self {
        // The store must stay where it is when the process changes its working directory.
        let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        Self { root: Arc::new(Root::new(root)), counters }
    }

    /// Runs `work` on the name of `key` where blocking is allowed.
    async fn run<T: Send + 'static>(
        &self,
        verb: &'static str,
        key: &str,
        work: impl FnOnce(&Root, &Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.counters.request();
        self.run_uncounted(verb, key, work).await
    }

    async fn run_uncounted<T: Send + 'static>(
        &self,
        verb: &'static str,
        key: &str,
        work: impl FnOnce(&Root, &Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StorageError> {
        let (root, below) = (Arc::clone(&self.root), PathBuf::from(key));
        blocking(move || work(&root, &below)).await.map_err(|error| {
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

/// What a failure of the file system means.
pub(super) fn reason(error: &io::Error) -> Reason {
    if is_missing(error) {
        return Reason::ObjectNotFound;
    }
    let detail = Detail::new(error.to_string());
    if error.get_ref().is_some_and(|error| error.is::<LinkRefused>()) {
        return Reason::Link(detail);
    }
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Reason::Forbidden(detail),
        ErrorKind::InvalidFilename => Reason::Key("the file system takes no name as long as that"),
        _ => Reason::Other(detail),
    }
}

/// The bytes of `range` that a file of `size` bytes has.
pub(super) fn read_range((mut file, size): (File, u64), range: &Range<u64>) -> io::Result<Bytes> {
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

/// Whether somebody still waits for a write. One that was given up must not reach its object later,
/// over what was put there since: it looks here before it does.
#[derive(Default)]
struct Waiting(Arc<AtomicBool>);

impl Waiting {
    fn has_ended(&self) -> impl Fn() -> bool + Send + 'static {
        let ended = Arc::clone(&self.0);
        move || ended.load(Ordering::Acquire)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
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
        self.root.place().join(key).display().to_string()
    }

    async fn open_read(&self, key: &str) -> Result<Incoming, StorageError> {
        let (file, size) = self.run("read", key, Root::open_file::<Handle>).await?;
        Ok(Incoming::new(size, self.display(key), Some(key), Body::File(file)))
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StorageError> {
        let read =
            move |root: &Root, below: &Path| read_range(root.open_file::<Handle>(below)?, &range);
        self.run("read", key, read).await
    }

    async fn size(&self, key: &str) -> Result<u64, StorageError> {
        self.run("read", key, Root::size::<Handle>).await
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), StorageError> {
        let waiting = Waiting::default();
        let given_up = waiting.has_ended();
        self.run("write", key, move |root, below| {
            writing(
                Temporary::write(root, below, &bytes)
                    .and_then(|file| if given_up() { Ok(()) } else { file.put_in_place() }),
            )
        })
        .await
    }

    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<bool, StorageError> {
        let waiting = Waiting::default();
        let given_up = waiting.has_ended();
        self.run("write", key, move |root, below| {
            writing(Temporary::write(root, below, &bytes).and_then(|file| {
                if given_up() { Ok(false) } else { file.put_where_nothing_is(&bytes) }
            }))
        })
        .await
    }

    async fn put_if_unchanged(
        &self,
        key: &str,
        bytes: Bytes,
        was: &Version,
    ) -> Result<bool, StorageError> {
        let waiting = Waiting::default();
        let (given_up, was) = (waiting.has_ended(), was.content.clone());
        self.run("write", key, move |root, below| {
            let _alone = Alone::wait(root.place(), &given_up)?;
            let now = match root.open_file::<Handle>(below) {
                Err(error) if is_missing(&error) => return Ok(false),
                file => read_range(file?, &(0..u64::MAX))?,
            };
            if now != was || given_up() {
                return Ok(false);
            }
            writing(Temporary::write(root, below, &bytes).and_then(Temporary::put_in_place))?;
            Ok(true)
        })
        .await
    }

    async fn delete(&self, keys: &[String]) -> Result<(), StorageError> {
        for key in keys {
            self.run("delete", key, Root::remove::<Handle>).await?;
        }
        Ok(())
    }

    async fn list(&self, prefix: &str, limit: usize) -> Result<Found, StorageError> {
        self.run("list", prefix, move |root, below| collect(root, below, limit)).await
    }

    async fn sync(&self, keys: &[String]) -> Result<(), StorageError> {
        let files = stream::iter(keys.to_vec()).map(|key| async move {
            self.run_uncounted("sync", &key, |root, below| {
                match Handle::sync_file(root.place(), below) {
                    // Removed since.
                    Err(error) if is_missing(&error) => Ok(()),
                    result => result,
                }
            })
            .await
        });
        files.buffer_unordered(MAX_PARALLEL_SYNCS).try_collect::<()>().await?;
        // Names count only with the folders above them.
        let mut folders = self.root.take_grown();
        folders.extend(
            keys.iter().filter_map(|key| Some(self.root.place().join(Path::new(key).parent()?))),
        );
        let sync_each = {
            let folders = folders.clone();
            move || folders.iter().try_for_each(|folder| sync_folder(folder))
        };
        blocking(sync_each).await.map_err(|error| {
            self.root.note_grown(folders);
            StorageError::new("sync", self.display(""), reason(&error))
        })
    }
}

/// A failed write never means "no such object": says what stands in the way instead.
fn writing<T>(result: io::Result<T>) -> io::Result<T> {
    result.map_err(
        |error| {
            if is_missing(&error) { io::Error::other(error.to_string()) } else { error }
        },
    )
}

/// The only one that compares and replaces in a folder, of those that ask by this.
struct Alone(Option<File>);

impl Alone {
    /// Where the file system has no locks, or the system none of folders, nobody is kept out: then of
    /// two that replace an object in the same instant the later one wins.
    fn wait(root: &Path, given_up: &impl Fn() -> bool) -> io::Result<Self> {
        let Ok(folder) = File::open(root) else { return Ok(Self(None)) };
        let started = Instant::now();
        loop {
            match folder.try_lock() {
                Ok(()) => return Ok(Self(Some(folder))),
                Err(TryLockError::Error(_)) => return Ok(Self(None)),
                Err(TryLockError::WouldBlock) if given_up() || started.elapsed() > MAX_LOCKED => {
                    return Err(io::Error::other("another process keeps the folder locked"));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK_AGAIN),
            }
        }
    }
}

impl Drop for Alone {
    /// Closing would not do: a child that was forked meanwhile has the file open, too.
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            drop(folder.unlock());
        }
    }
}

/// A file written beside the place of its object. Removed unless it was put there.
struct Temporary<'a> {
    folder: Handle,
    temporary: OsString,
    name: &'a OsStr,
}

impl<'a> Temporary<'a> {
    fn write(root: &Root, below: &'a Path, bytes: &[u8]) -> io::Result<Self> {
        // No checked key is without either.
        let (Some(above), Some(name)) = (below.parent(), below.file_name()) else {
            return Err(ErrorKind::InvalidFilename.into());
        };
        // The process id keeps a forked child apart, which inherits the random numbers to come; the
        // random number keeps apart the machines that share a folder.
        let (process, number) = (std::process::id(), crate::random::unique_u64());
        let temporary = OsString::from(format!("{TEMPORARY_PREFIX}{process}-{number:016x}"));
        let mut tries = 1;
        let (folder, mut file) = loop {
            let folder: Handle = root.made_folder(above)?;
            match folder.create(&temporary) {
                Ok(file) => break (folder, file),
                Err(error) if error.kind() == ErrorKind::NotFound && tries < MAX_TRIES => {
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        };
        let written = Self { folder, temporary, name };
        file.write_all(bytes)?;
        Ok(written)
    }

    fn put_in_place(self) -> io::Result<()> {
        self.folder.rename(&self.temporary, self.name)
    }

    fn put_where_nothing_is(self, bytes: &[u8]) -> io::Result<bool> {
        match self.folder.hard_link(&self.temporary, self.name) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            // Some file systems have no hard links; there, readers may see a part of the file.
            Err(_) => match self.folder.create(self.name) {
                Ok(mut file) => file.write_all(bytes).map(|()| true),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(error),
            },
        }
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // It is gone already where it was renamed; else it is in nobody's way.
        drop(self.folder.remove_file(&self.temporary));
    }
}

/// What lies below `folder`, in no order; links to folders are not followed.
fn collect(root: &Root, folder: &Path, limit: usize) -> io::Result<Found> {
    let mut found = Found::default();
    let mut waiting = vec![folder.to_owned()];
    while let Some(below) = waiting.pop() {
        let opened = match root.folder::<Handle>(&below, Links::Inside) {
            // Missing, or removed since it was listed.
            Err(error) if is_missing(&error) => continue,
            opened => opened?,
        };
        for entry in opened.entries()? {
            let (name, kind) = entry?;
            let path = below.join(&name);
            match kind {
                Kind::Folder => waiting.push(path),
                _ if name.as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) => {}
                kind => match size_of_object(root, &path, kind).zip(key_of(&path)) {
                    Some((size, key)) => found.entries.push(Entry { key, size }),
                    None => found.odd.push(path.to_string_lossy().into_owned()),
                },
            }
            if found.entries.len() + found.odd.len() >= limit {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// The key, if the name is text.
fn key_of(path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path.iter().map(OsStr::to_str).collect();
    Some(parts?.join("/"))
}

/// The size, if it is a file or a link to one inside of the folder. A link that cannot be followed
/// is no object, whatever stands in the way.
fn size_of_object(root: &Root, path: &Path, kind: Kind) -> Option<u64> {
    match kind {
        Kind::File(size) => Some(size),
        Kind::Link => {
            let data = Handle::metadata(root.place(), path).ok()?;
            data.is_file().then_some(data.len())
        }
        Kind::Folder | Kind::Other => None,
    }
}
