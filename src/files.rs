//! Files that people name: read without ever waiting for a writer, and written without replacing
//! what is not a file.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::OFlags;
use tempfile::NamedTempFile;

/// A flag for opening files: a FIFO is not waited for.
#[expect(clippy::cast_possible_wrap, reason = "the flags of open(2) are an int")]
pub(crate) const NO_WAITING: i32 = OFlags::NONBLOCK.bits() as i32;
/// How often a file is read again that changes while it is read.
const ATTEMPTS: usize = 20;
const PAUSE: Duration = Duration::from_millis(25);
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Opens a regular file for reading. Anything else is an error: opening a FIFO waits for a writer,
/// and a device may have no end.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    regular(options.read(true).custom_flags(NO_WAITING).open(path)?)
}

/// An open file, unless it is something else than a regular one.
pub(crate) fn regular(file: File) -> io::Result<File> {
    match kind(&file.metadata()?) {
        None => Ok(file),
        Some(kind) => Err(not_regular(kind)),
    }
}

/// [`open`] for input that may also come through a pipe: `/dev/stdin`, `<(command)`.
pub(crate) fn open_stream(path: &Path) -> io::Result<File> {
    let metadata = fs::metadata(path)?;
    if metadata.file_type().is_fifo() {
        return File::open(path);
    }
    open(path)
}

/// The content of a regular file as it was at one moment; `None` when it is longer than `limit`.
///
/// A file that changes while it is read is read again: half of it may be a whole file to a parser.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    for _ in 0..ATTEMPTS {
        let mut file = open(path)?;
        let before = version(&file.metadata()?);
        let content = read_all(&mut file, limit)?;
        if before == version(&fs::metadata(path)?) {
            return Ok(content);
        }
        thread::sleep(PAUSE);
    }
    Err(io::Error::other(
        "it changes all the time; try again when nothing writes it",
    ))
}

/// The rest of an open file; `None` when it is longer than `limit`.
pub(crate) fn read_all(file: &mut File, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut content)?;
    Ok((content.len() as u64 <= limit).then_some(content))
}

/// Without the byte order mark that some editors put at the beginning.
pub(crate) fn without_mark(content: &[u8]) -> &[u8] {
    content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(content)
}

/// Writes output to a path that a person named: a regular file is replaced as a whole, links are
/// followed to such files alone, and what is named and not a regular file (a device, a pipe,
/// `/dev/stdout`) is written into.
pub(crate) fn write_output(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let target = match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && !is_descriptor(path) => fs::canonicalize(path)?,
        Ok(metadata) if path.is_symlink() && !is_descriptor(path) => {
            // Of a link that leads to a device or a pipe, its name says nothing.
            let kind = kind(&metadata).unwrap_or("no file");
            let message = format!("it is a link to {kind}; name that itself");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Ok(_) => return write_into(path, write),
        // Through a link to nowhere, the file is made where the link leads.
        Err(_) if path.is_symlink() => return write(&mut File::create(path)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_path_buf(),
        Err(error) => return Err(error),
    };
    let mut temporary = new_beside(&target, ".stocktake-output-")?;
    write(temporary.as_file_mut())?;
    keep_owner_and_mode(&target, temporary.as_file())?;
    temporary.as_file().sync_all()?;
    temporary.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

/// A new file in the folder of `path`, with the mode that the umask leaves.
pub(crate) fn new_beside(path: &Path, prefix: &str) -> io::Result<NamedTempFile> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    tempfile::Builder::new()
        .prefix(prefix)
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
}

/// Gives a file the mode of the one that it is to replace, and its owner as far as this process may.
pub(crate) fn keep_owner_and_mode(replaced: &Path, file: &File) -> io::Result<()> {
    let before = match fs::metadata(replaced) {
        Ok(before) => before,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let now = file.metadata()?;
    if (before.uid(), before.gid()) != (now.uid(), now.gid()) {
        // Only root may give files away; the group alone may be ours to give.
        let both = fchown(file, Some(before.uid()), Some(before.gid()));
        let _ = both.or_else(|_| fchown(file, None, Some(before.gid())));
    }
    file.set_permissions(before.permissions())
}

/// What changes with every write to a file, and with another file in its place.
pub(crate) fn version(metadata: &Metadata) -> (u64, u64, u64, i64, i64) {
    (
        metadata.dev(),
        metadata.ino(),
        metadata.len(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    )
}

/// Every link that is passed on the way to what `path` names, and where the way ends. A change of
/// any of them changes what `path` leads to.
pub(crate) fn links_to(path: &Path) -> Vec<PathBuf> {
    const MOST_LINKS: usize = 40;
    let mut links = Vec::new();
    let mut reached = PathBuf::new();
    let mut rest: Vec<PathBuf> = parts(path);
    while let Some(part) = rest.pop() {
        if part.as_os_str() == ".." {
            reached.pop();
            continue;
        }
        reached.push(&part);
        if let Ok(target) = fs::read_link(&reached) {
            links.push(reached.clone());
            if links.len() > MOST_LINKS {
                return links;
            }
            reached.pop();
            rest.extend(parts(&target));
        }
    }
    links.push(reached);
    links
}

/// Whether the way to a path passes a link that leads nowhere.
pub(crate) fn is_dangling(path: &Path) -> bool {
    let passed = links_to(path);
    passed
        .iter()
        .any(|link| link.is_symlink() && !link.exists())
}

/// The parts of a path, the last one first.
fn parts(path: &Path) -> Vec<PathBuf> {
    let parts = path.iter().filter(|part| *part != ".");
    let mut parts: Vec<PathBuf> = parts.map(PathBuf::from).collect();
    parts.reverse();
    parts
}

fn write_into(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let is_regular = fs::metadata(path)?.is_file();
    let mut file = OpenOptions::new()
        .write(true)
        .append(is_regular)
        .custom_flags(NO_WAITING)
        .open(path)
        .map_err(|error| match rustix::io::Errno::from_io_error(&error) {
            Some(rustix::io::Errno::NXIO) => io::Error::other("nothing reads from it"),
            _ => error,
        })?;
    // From here on, a slow reader is waited for.
    let status = rustix::fs::fcntl_getfl(&file)?;
    rustix::fs::fcntl_setfl(&file, status - OFlags::NONBLOCK)?;
    write(&mut file)?;
    file.flush()
}

/// Whether a path is one of an open descriptor or a device, whose file is not ours to replace.
fn is_descriptor(path: &Path) -> bool {
    let absolute = std::path::absolute(path);
    absolute.is_ok_and(|path| path.starts_with("/dev") || path.starts_with("/proc"))
}

fn kind(metadata: &Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    Some(match () {
        () if kind.is_file() => return None,
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a FIFO",
        () if kind.is_socket() => "a socket",
        () => "a device",
    })
}

fn not_regular(kind: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("it is {kind}, not a file"),
    )
}
