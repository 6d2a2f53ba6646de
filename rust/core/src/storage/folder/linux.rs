//! Folders held open by descriptors, with the kernel watching over the way below the root.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::{Directory, Kind, Links, in_the_way, resolve};

/// How often the kernel is asked again when it cannot tell whether a rename elsewhere let the way
/// lead out.
const MAX_TRIES: usize = 100;

pub(in crate::storage) struct Handle(OwnedFd);

/// `below` as the system calls want it.
fn name_of(below: &Path) -> &Path {
    if below.as_os_str().is_empty() { Path::new(".") } else { below }
}

/// Opens what lies below the root, which itself may be reached by links.
fn open_below(root: &Path, below: &Path, flags: OFlags, links: Links) -> io::Result<OwnedFd> {
    let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let top = rustix::fs::open(root, folder, Mode::empty())?;
    let no_links = match links {
        Links::Inside => ResolveFlags::empty(),
        Links::Refused => ResolveFlags::NO_SYMLINKS,
    };
    match ask(&top, below, flags, no_links) {
        // Absolute links, and those that go above the root and back, the kernel always takes for
        // leading out.
        Err(Errno::XDEV) => {
            let (_, inside) = resolve(root, below, links)?;
            Ok(ask(&top, &inside, flags, ResolveFlags::NO_SYMLINKS)?)
        }
        Err(Errno::LOOP) if links == Links::Refused => Err(in_the_way(root, below)),
        // Kernels before 5.6, and sandboxes that forbid what they do not know.
        Err(Errno::NOSYS | Errno::PERM) => open_checked(&top, root, below, flags, links),
        other => Ok(other?),
    }
}

fn ask(
    top: &OwnedFd,
    below: &Path,
    flags: OFlags,
    no_links: ResolveFlags,
) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | no_links;
    let mut tries = 1;
    loop {
        let flags = flags | OFlags::CLOEXEC;
        match rustix::fs::openat2(top, name_of(below), flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN) if tries < MAX_TRIES => tries += 1,
            result => return result,
        }
    }
}

/// As the other systems do it: looks first, then opens.
pub(super) fn open_checked(
    top: &OwnedFd,
    root: &Path,
    below: &Path,
    flags: OFlags,
    links: Links,
) -> io::Result<OwnedFd> {
    let (_, inside) = resolve(root, below, links)?;
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok(rustix::fs::openat(top, name_of(&inside), flags, Mode::empty())?)
}

impl Handle {
    fn describe(&self, name: &OsStr, listed: FileType) -> Result<Kind, Errno> {
        match listed {
            FileType::Directory => return Ok(Kind::Folder),
            FileType::Symlink => return Ok(Kind::Link),
            // Some file systems do not say.
            FileType::RegularFile | FileType::Unknown => {}
            _ => return Ok(Kind::Other),
        }
        let data = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(match FileType::from_raw_mode(data.st_mode) {
            FileType::RegularFile => Kind::File(u64::try_from(data.st_size).unwrap_or(0)),
            FileType::Directory => Kind::Folder,
            FileType::Symlink => Kind::Link,
            _ => Kind::Other,
        })
    }
}

impl Directory for Handle {
    fn open(root: &Path, below: &Path, links: Links) -> io::Result<Self> {
        open_below(root, below, OFlags::PATH | OFlags::DIRECTORY, links).map(Self)
    }

    fn open_file(root: &Path, below: &Path) -> io::Result<File> {
        // A pipe would wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        open_below(root, below, flags, Links::Inside).map(File::from)
    }

    fn sync_file(root: &Path, below: &Path) -> io::Result<()> {
        Self::open_file(root, below)?.sync_data()
    }

    fn metadata(root: &Path, below: &Path) -> io::Result<Metadata> {
        File::from(open_below(root, below, OFlags::PATH, Links::Inside)?).metadata()
    }

    fn make_folder(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(&self.0, name, Mode::from_raw_mode(0o777))?)
    }

    fn create(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.0, name, flags, Mode::from_raw_mode(0o666))?.into())
    }

    fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, from, &self.0, to)?)
    }

    fn hard_link(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::linkat(&self.0, from, &self.0, to, AtFlags::empty())?)
    }

    fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }

    fn entries(&self) -> io::Result<impl Iterator<Item = io::Result<(OsString, Kind)>>> {
        // The handle itself is only a place to start from.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let listed = Dir::new(rustix::fs::openat(&self.0, ".", flags, Mode::empty())?)?;
        Ok(listed.filter_map(|entry| {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return Some(Err(error.into())),
            };
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                return None;
            }
            match self.describe(name, entry.file_type()) {
                // Removed since it was listed.
                Err(Errno::NOENT) => None,
                kind => Some(kind.map(|kind| (name.to_owned(), kind)).map_err(Into::into)),
            }
        }))
    }
}
