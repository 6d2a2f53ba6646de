//! Folders by their paths, for systems without `openat2`. Every way is looked at before it is used:
//! who may change the folder at the same time can still make it lead out.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::{Directory, Kind, Links, resolve};

pub(in crate::storage) struct Handle(PathBuf);

fn real(root: &Path, below: &Path, links: Links) -> io::Result<PathBuf> {
    let (root, inside) = resolve(root, below, links)?;
    Ok(root.join(inside))
}

impl Directory for Handle {
    fn open(root: &Path, below: &Path, links: Links) -> io::Result<Self> {
        let path = real(root, below, links)?;
        if path.is_dir() { Ok(Self(path)) } else { Err(ErrorKind::NotADirectory.into()) }
    }

    fn open_file(root: &Path, below: &Path) -> io::Result<File> {
        let path = real(root, below, Links::Inside)?;
        // A pipe would wait for a writer, and there are systems that open no folder.
        super::size_of_file(&fs::metadata(&path)?)?;
        File::open(path)
    }

    fn sync_file(root: &Path, below: &Path) -> io::Result<()> {
        let path = real(root, below, Links::Inside)?;
        // Windows syncs only what may be written.
        OpenOptions::new().read(true).write(cfg!(windows)).open(path)?.sync_data()
    }

    fn metadata(root: &Path, below: &Path) -> io::Result<Metadata> {
        fs::metadata(real(root, below, Links::Inside)?)
    }

    fn make_folder(&self, name: &OsStr) -> io::Result<()> {
        fs::create_dir(self.0.join(name))
    }

    fn create(&self, name: &OsStr) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(self.0.join(name))
    }

    fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))
    }

    fn hard_link(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        fs::hard_link(self.0.join(from), self.0.join(to))
    }

    fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        let path = self.0.join(name);
        if fs::symlink_metadata(&path)?.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        fs::remove_file(path)
    }

    fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_dir(self.0.join(name))
    }

    fn entries(&self) -> io::Result<impl Iterator<Item = io::Result<(OsString, Kind)>>> {
        Ok(fs::read_dir(&self.0)?.filter_map(|entry| {
            let described = entry.and_then(|entry| {
                let kind = match entry.file_type()? {
                    kind if kind.is_dir() => Kind::Folder,
                    kind if kind.is_symlink() => Kind::Link,
                    kind if kind.is_file() => Kind::File(entry.metadata()?.len()),
                    _ => Kind::Other,
                };
                Ok((entry.file_name(), kind))
            });
            match described {
                // Removed since it was listed.
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                described => Some(described),
            }
        }))
    }
}
