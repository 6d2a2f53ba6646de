//! Both kinds of handles, on a folder with links of every sort.

use std::os::unix::fs::symlink;

use super::*;

/// `root/` with a file, a folder, and links inside and out of it; the root is reached by a link.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        fs::create_dir_all(real.join("sub/deep")).unwrap();
        fs::create_dir(folder.path().join("outside")).unwrap();
        fs::write(folder.path().join("outside/secret"), "secret").unwrap();
        fs::write(real.join("sub/file"), "inside").unwrap();
        symlink(&real, folder.path().join("root")).unwrap();
        for (name, target) in [
            ("near", Path::new("sub/file")),
            ("around", Path::new("../real/sub/file")),
            ("absolute", &real.join("sub/file")),
            ("chain", Path::new("absolute")),
            ("folder", Path::new("sub")),
            ("absolute-folder", &real.join("sub")),
            ("out", Path::new("../outside/secret")),
            ("absolute-out", &folder.path().join("outside/secret")),
            ("folder-out", Path::new("../outside")),
            ("chain-out", Path::new("folder-out/secret")),
            ("dangling", Path::new("nothing")),
            ("loop", Path::new("loop")),
        ] {
            symlink(target, real.join(name)).unwrap();
        }
        Self { folder }
    }

    fn root(&self) -> Root {
        Root::new(self.folder.path().join("root"))
    }

    fn outside(&self) -> Vec<(OsString, Vec<u8>)> {
        let entries = fs::read_dir(self.folder.path().join("outside")).unwrap();
        entries
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap()))
            .collect()
    }
}

fn refused(error: &io::Error) -> Option<&LinkRefused> {
    error.get_ref()?.downcast_ref()
}

fn links_are_followed_inside_only<D: Directory>() {
    let place = Place::new();
    let root = place.root();
    let inside =
        ["sub/file", "near", "around", "absolute", "chain", "folder/file", "absolute-folder/file"];
    for name in inside {
        let (file, size) = root.open_file::<D>(Path::new(name)).unwrap();
        assert_eq!((io::read_to_string(file).unwrap().as_str(), size), ("inside", 6), "{name}");
        assert_eq!(root.size::<D>(Path::new(name)).unwrap(), 6, "{name}");
        D::sync_file(root.place(), Path::new(name)).unwrap();
    }
    for name in ["out", "absolute-out", "folder-out/secret", "chain-out"] {
        let below = Path::new(name);
        for error in [
            root.open_file::<D>(below).map(drop).unwrap_err(),
            root.size::<D>(below).map(drop).unwrap_err(),
            D::sync_file(root.place(), below).unwrap_err(),
        ] {
            let Some(LinkRefused::LeadsOut { link, target }) = refused(&error) else {
                panic!("{name}: {error}")
            };
            assert!(fs::symlink_metadata(link).unwrap().is_symlink(), "{name}: {error}");
            assert!(target.ends_with("outside/secret"), "{name}: {error}");
        }
    }
    for name in ["dangling", "nothing", "sub", "sub/file/below"] {
        let error = root.open_file::<D>(Path::new(name)).map(drop).unwrap_err();
        assert!(is_missing(&error), "{name}: {error}");
    }
    assert!(root.open_file::<D>(Path::new("loop")).is_err());
}

fn folders_are_made_inside_only<D: Directory>() {
    let place = Place::new();
    let root = place.root();
    let names = ["new", "sub/new/and/new", "folder/new", "absolute-folder/newer"];
    for name in names {
        root.made_folder::<D>(Path::new(name)).unwrap();
    }
    let real = place.folder.path().join("real");
    for made in ["new", "sub/new/and/new", "sub/newer"] {
        assert!(real.join(made).is_dir(), "{made}");
    }
    for name in ["folder-out", "folder-out/new"] {
        let error = root.made_folder::<D>(Path::new(name)).map(drop).unwrap_err();
        assert!(matches!(refused(&error), Some(LinkRefused::LeadsOut { .. })), "{name}: {error}");
    }
    assert_eq!(place.outside().len(), 1);
}

fn nothing_is_removed_through_links<D: Directory>() {
    let place = Place::new();
    let root = place.root();
    let before = place.outside();
    let names = ["folder/file", "absolute-folder/file", "folder-out/secret"];
    for name in names {
        let error = root.remove::<D>(Path::new(name)).unwrap_err();
        assert!(matches!(refused(&error), Some(LinkRefused::InTheWay { .. })), "{name}: {error}");
    }
    assert_eq!(root.size::<D>(Path::new("sub/file")).unwrap(), 6);
    // A link itself goes, not what it leads to; a folder is no object.
    for name in ["near", "out", "folder-out", "folder", "dangling", "sub", "nothing/at/all"] {
        root.remove::<D>(Path::new(name)).unwrap();
    }
    let real = place.folder.path().join("real");
    for name in ["near", "out", "folder-out", "folder", "dangling"] {
        assert!(fs::symlink_metadata(real.join(name)).is_err(), "{name}");
    }
    assert_eq!(root.size::<D>(Path::new("sub/file")).unwrap(), 6);
    assert_eq!(place.outside(), before);
}

fn listings_say_what_is_there<D: Directory>() {
    let place = Place::new();
    let folder: D = place.root().folder(Path::new(""), Links::Inside).unwrap();
    let mut found: Vec<_> = folder.entries().unwrap().map(Result::unwrap).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let kinds = found.iter().map(|(_, kind)| *kind);
    assert_eq!(kinds.clone().filter(|kind| *kind == Kind::Link).count(), 12);
    assert_eq!(kinds.filter(|kind| *kind == Kind::Folder).count(), 1);
    let sub: D = place.root().folder(Path::new("folder"), Links::Inside).unwrap();
    let found: Vec<_> = sub.entries().unwrap().map(Result::unwrap).collect();
    assert!(found.contains(&("file".into(), Kind::File(6))), "{found:?}");
    assert!(place.root().folder::<D>(Path::new("folder"), Links::Refused).is_err());
}

macro_rules! for_handles {
    ($($test:ident),*) => {
        mod on_this_system { $(#[test] fn $test() { super::$test::<super::Handle>(); })* }
        mod on_others { $(#[test] fn $test() { super::$test::<super::portable::Handle>(); })* }
    };
}

for_handles!(
    links_are_followed_inside_only,
    folders_are_made_inside_only,
    nothing_is_removed_through_links,
    listings_say_what_is_there
);

#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let place = Place::new();
    let pipe = place.folder.path().join("real/pipe");
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    for error in [
        place.root().open_file::<Handle>(Path::new("pipe")).map(drop).unwrap_err(),
        place.root().open_file::<portable::Handle>(Path::new("pipe")).map(drop).unwrap_err(),
    ] {
        assert!(error.to_string().contains("no file of bytes"), "{error}");
    }
}

#[test]
fn folders_that_were_made_wait_to_be_synced() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::new(folder.path().join("a/root"));
    root.made_folder::<Handle>(Path::new("x/y")).unwrap();
    let expected = ["", "a", "a/root", "a/root/x"].map(|name| folder.path().join(name));
    let grown: Vec<PathBuf> = root.take_grown().into_iter().collect();
    // Without a name it is joined as "folder/".
    assert_eq!(grown, expected);
    root.made_folder::<Handle>(Path::new("x/y")).unwrap();
    assert!(root.take_grown().is_empty());
}

/// A kernel that has no `openat2`, or a sandbox that forbids it.
#[cfg(target_os = "linux")]
#[test]
fn without_the_kernels_help_the_way_is_looked_at() {
    use rustix::fs::{Mode, OFlags};
    let place = Place::new();
    let root = place.root();
    let top = rustix::fs::open(root.place(), OFlags::PATH | OFlags::DIRECTORY, Mode::empty());
    let top = top.unwrap();
    let open = |name: &str, links| {
        linux::open_checked(&top, root.place(), Path::new(name), OFlags::RDONLY, links)
    };
    for name in ["absolute", "chain", "folder/file"] {
        let file = File::from(open(name, Links::Inside).unwrap());
        assert_eq!(io::read_to_string(file).unwrap(), "inside");
        let error = open(name, Links::Refused).unwrap_err();
        assert!(matches!(refused(&error), Some(LinkRefused::InTheWay { .. })), "{error}");
    }
    let error = open("chain-out", Links::Inside).unwrap_err();
    assert!(matches!(refused(&error), Some(LinkRefused::LeadsOut { .. })), "{error}");
}
