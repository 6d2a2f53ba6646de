//! The folder of a local store: names below it are opened, made and removed, and none leads out.
//!
//! Links are followed where they end inside of the folder (which may itself be reached by one);
//! others are refused. On Linux the kernel sees to that while it opens, so that nobody can swap a
//! folder for a link in between; elsewhere the path is looked at before it is used.
//!
//! Knows nothing of objects: what a listing shows and how a file is put in place is `local`'s.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use crate::engine::fork::Mutex;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(not(target_os = "linux"), test))]
mod portable;
#[cfg(test)]
mod tests;

#[cfg(target_os = "linux")]
pub(super) use linux::Handle;
#[cfg(not(target_os = "linux"))]
pub(super) use portable::Handle;

/// How often a folder is made again that others remove because they emptied it.
const MAX_TRIES: usize = 20;

/// Which links are followed on the way to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    /// Those that end inside of the root.
    Inside,
    /// None.
    Refused,
}

/// What lies in a folder under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file of so many bytes.
    File(u64),
    Folder,
    Link,
    /// A pipe, a socket, a device.
    Other,
}

/// What the system does with one folder, held open as far as it can be.
pub(super) trait Directory: Sized {
    /// Opens the folder `below` the root (`""`: the root itself).
    fn open(root: &Path, below: &Path, links: Links) -> io::Result<Self>;
    /// Opens a file below the root for reading.
    fn open_file(root: &Path, below: &Path) -> io::Result<File>;
    /// Makes what a file holds survive a loss of power.
    fn sync_file(root: &Path, below: &Path) -> io::Result<()>;
    /// What lies below the root under that name, without opening it.
    fn metadata(root: &Path, below: &Path) -> io::Result<Metadata>;
    fn make_folder(&self, name: &OsStr) -> io::Result<()>;
    /// Creates a file that is not there yet.
    fn create(&self, name: &OsStr) -> io::Result<File>;
    fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()>;
    fn hard_link(&self, from: &OsStr, to: &OsStr) -> io::Result<()>;
    /// Removes a file, or a link and not what it leads to.
    fn remove_file(&self, name: &OsStr) -> io::Result<()>;
    fn remove_folder(&self, name: &OsStr) -> io::Result<()>;
    /// What lies in the folder; links are not followed.
    fn entries(&self) -> io::Result<impl Iterator<Item = io::Result<(OsString, Kind)>>>;
}

/// The folder of a store, which need not exist.
#[derive(Debug)]
pub(super) struct Root {
    place: PathBuf,
    /// Folders in which one was made since they were last synced.
    grown: Mutex<BTreeSet<PathBuf>>,
}

impl Root {
    pub(super) fn new(place: PathBuf) -> Self {
        Self { place, grown: Mutex::new(BTreeSet::new()) }
    }

    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    /// Opens a file for reading; what is no file of bytes is refused.
    pub(super) fn open_file<D: Directory>(&self, below: &Path) -> io::Result<(File, u64)> {
        let file = D::open_file(&self.place, below)?;
        let size = size_of_file(&file.metadata()?)?;
        Ok((file, size))
    }

    pub(super) fn size<D: Directory>(&self, below: &Path) -> io::Result<u64> {
        size_of_file(&D::metadata(&self.place, below)?)
    }

    pub(super) fn folder<D: Directory>(&self, below: &Path, links: Links) -> io::Result<D> {
        D::open(&self.place, below, links)
    }

    /// Opens a folder, after making it and those above it where they are missing.
    pub(super) fn made_folder<D: Directory>(&self, below: &Path) -> io::Result<D> {
        let mut tries = 1;
        loop {
            match self.folder(below, Links::Inside) {
                Err(error) if error.kind() == ErrorKind::NotFound && tries < MAX_TRIES => {
                    tries += 1;
                    match self.make::<D>(below) {
                        // A folder above was removed meanwhile.
                        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                        _ => {}
                    }
                }
                result => return result,
            }
        }
    }

    fn make<D: Directory>(&self, below: &Path) -> io::Result<()> {
        let (Some(above), Some(name)) = (below.parent(), below.file_name()) else {
            return self.make_root();
        };
        let folder: D = match self.folder(above, Links::Inside) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.make::<D>(above)?;
                self.folder(above, Links::Inside)?
            }
            other => other?,
        };
        match folder.make_folder(name) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        self.note_grown([self.place.join(above)]);
        Ok(())
    }

    fn make_root(&self) -> io::Result<()> {
        let above = self.place.ancestors().skip(1);
        let missing = above.clone().take_while(|folder| !folder.exists()).count();
        fs::create_dir_all(&self.place)?;
        // Each of them now holds a folder more, the first one that was there included.
        self.note_grown(above.take(missing + 1).map(Path::to_owned));
        Ok(())
    }

    /// Notes folders in which others were made, or of which a sync failed.
    pub(super) fn note_grown(&self, folders: impl IntoIterator<Item = PathBuf>) {
        self.grown.lock().unwrap_or_else(PoisonError::into_inner).extend(folders);
    }

    /// Takes the folders that were noted, to be synced or noted again.
    pub(super) fn take_grown(&self) -> BTreeSet<PathBuf> {
        std::mem::take(&mut *self.grown.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Removes a file and the folders that it leaves empty, the root included. Goes through no link.
    pub(super) fn remove<D: Directory>(&self, below: &Path) -> io::Result<()> {
        let (Some(above), Some(name)) = (below.parent(), below.file_name()) else { return Ok(()) };
        match self.folder::<D>(above, Links::Refused).and_then(|folder| folder.remove_file(name)) {
            Ok(()) => {}
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(error),
        }
        let mut left = above;
        while let (Some(above), Some(name)) = (left.parent(), left.file_name()) {
            let folder = self.folder::<D>(above, Links::Refused);
            // Fails on a folder that is not empty, which is where to stop.
            match folder.and_then(|folder| folder.remove_folder(name)) {
                Ok(()) => left = above,
                Err(error) if error.kind() == ErrorKind::NotFound => left = above,
                Err(_) => return Ok(()),
            }
        }
        // As above: a root that still holds something stays.
        drop(fs::remove_dir(&self.place));
        Ok(())
    }
}

/// A folder is no object, nor is anything below a file.
pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}

fn size_of_file(data: &Metadata) -> io::Result<u64> {
    if data.is_file() {
        Ok(data.len())
    } else if data.is_dir() {
        Err(ErrorKind::IsADirectory.into())
    } else {
        Err(io::Error::other("it is no file of bytes but a pipe, a socket or a device"))
    }
}

/// Makes the names in a folder survive a loss of power.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(windows) {
        // It opens no folder as a file, and keeps names together with the files.
        return Ok(());
    }
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Removed since, with what it held.
        Err(error) if is_missing(&error) => Ok(()),
        // The file system has no such thing for folders.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
            Ok(())
        }
        result => result,
    }
}

/// A link on the way to a name that is not followed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LinkRefused {
    /// It ends outside of the root.
    LeadsOut { link: PathBuf, target: PathBuf },
    /// Nothing is removed through links.
    InTheWay { link: PathBuf },
}

impl fmt::Display for LinkRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeadsOut { link, target } => write!(
                f,
                "{} is a link that leads out of the folder, to {}",
                link.display(),
                target.display()
            ),
            Self::InTheWay { link } => {
                write!(f, "{} is a link, and nothing is removed through links", link.display())
            }
        }
    }
}

impl std::error::Error for LinkRefused {}

impl From<LinkRefused> for io::Error {
    fn from(refused: LinkRefused) -> Self {
        Self::other(refused)
    }
}

/// Where `below` is once all links are followed: the real root, and the way from it.
///
/// Fails with [`LinkRefused`] where that is outside.
fn resolve(root: &Path, below: &Path, links: Links) -> io::Result<(PathBuf, PathBuf)> {
    let real_root = fs::canonicalize(root)?;
    let target = fs::canonicalize(real_root.join(below))?;
    match target.strip_prefix(&real_root) {
        Ok(inside) if links == Links::Refused && inside != below => Err(in_the_way(root, below)),
        Ok(inside) => {
            let inside = inside.to_owned();
            Ok((real_root, inside))
        }
        Err(_) if links == Links::Refused => Err(in_the_way(root, below)),
        Err(_) => Err(LinkRefused::LeadsOut { link: first_link(root, below), target }.into()),
    }
}

fn in_the_way(root: &Path, below: &Path) -> io::Error {
    LinkRefused::InTheWay { link: first_link(root, below) }.into()
}

/// The link that a user would look for: the first one on the way.
fn first_link(root: &Path, below: &Path) -> PathBuf {
    let mut way: Vec<PathBuf> = below.ancestors().map(|part| root.join(part)).collect();
    // The shortest one is the root, which may be a link.
    way.pop();
    let is_link = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|data| data.is_symlink());
    way.into_iter().rev().find(is_link).unwrap_or_else(|| root.join(below))
}
