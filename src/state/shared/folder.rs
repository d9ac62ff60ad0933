//! A store in a folder, for runners that share a file system.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;

use super::store::{Answer, Created, Store, StoreError};
use crate::plain_text::printable;

/// A store in a folder. The folder is not for git: it is one place, not a copy.
#[derive(Debug, Clone)]
pub struct FolderStore {
    root: PathBuf,
}

impl FolderStore {
    /// The store in this folder, which is made when something is written.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    fn call<'a, T: Send + 'static>(
        &'a self,
        action: &'static str,
        name: &'a str,
        call: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Answer<'a, T> {
        let path = self.root.join(name);
        Box::pin(async move {
            let done = spawn_blocking(move || call(&path)).await;
            let reason = match done {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            Err(StoreError::Refused {
                store: printable(&self.root),
                action,
                name: name.to_owned(),
                reason,
            })
        })
    }
}

impl Store for FolderStore {
    fn create<'a>(
        &'a self,
        name: &'a str,
        bytes: &'a [u8],
        _ends: Option<Timestamp>,
    ) -> Answer<'a, Created> {
        let bytes = bytes.to_vec();
        self.call("create", name, move |path| {
            let temporary = write_beside(path, &bytes)?;
            // A link is made or not, at once and for one caller alone. A file system without links is
            // refused: neither a rename nor an exclusive open gives a whole file that was not there.
            match fs::hard_link(temporary.path(), path) {
                Ok(()) => sync_folder(path).map(|()| Created::Created),
                // It may be from a call that died before its name was durable.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    sync_folder(path).map(|()| Created::Exists)
                }
                Err(error) => Err(error),
            }
        })
    }

    fn read<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        self.call("read", name, |path| match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
    }

    fn write_hint<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Answer<'a, ()> {
        let bytes = bytes.to_vec();
        self.call("write", name, move |path| {
            write_beside(path, &bytes)?.persist(path)?;
            sync_folder(path)
        })
    }

    fn list<'a>(&'a self, prefix: &'a str) -> Answer<'a, Vec<String>> {
        // A prefix may end in the middle of a name: the folder is what comes before its last slash.
        let (folder, start) = prefix.rsplit_once('/').unwrap_or((".", prefix));
        let begin = prefix[..prefix.len() - start.len()].to_owned();
        let start = start.to_owned();
        self.call("list", folder, move |path| {
            let entries = match fs::read_dir(path) {
                Ok(entries) => entries,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error),
            };
            let mut names = Vec::new();
            for entry in entries {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if entry.file_type()?.is_file()
                    && name.starts_with(&start)
                    && !name.starts_with(TEMPORARY)
                {
                    names.push(format!("{begin}{name}"));
                }
            }
            names.sort_unstable();
            Ok(names)
        })
    }
}

const TEMPORARY: &str = ".stocktake-";

fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    if !folder.is_dir() {
        fs::create_dir_all(folder)?;
        sync_folder(folder)?;
    }
    let mut temporary = NamedTempFile::with_prefix_in(TEMPORARY, folder)?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    Ok(temporary)
}

/// A new name is durable when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
