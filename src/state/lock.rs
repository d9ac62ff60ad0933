//! One writer at a time.
//!
//! The lock is the operating system's, on a file beside the state (the state itself is replaced by
//! compaction): it ends with its process, so that a killed one leaves nothing to clean.

use std::ffi::OsString;
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::StateError;
use super::file::refers_to;
use crate::files;
use crate::plain_text::clean;

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// What a holder writes is far shorter.
const HOLDER_LIMIT: u64 = 4096;

/// Who holds the lock, for the message to those who wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// The machine it runs on.
    pub host: String,
    /// Since when.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub since: Timestamp,
    /// The address of the run of a pipeline that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

impl Holder {
    /// This process, from now on.
    pub fn this_process(run: Option<String>) -> Self {
        Self {
            pid: std::process::id(),
            host: host_name(),
            since: Timestamp::now(),
            run,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pid,
            host,
            since,
            run,
        } = self;
        // Other machines wrote it.
        let host = clean(host);
        write!(formatter, "process {pid} on {host}, since {since:.0}")?;
        match run {
            Some(run) => write!(formatter, ", of {}", clean(run)),
            None => Ok(()),
        }
    }
}

/// The lock, held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the state at `state`, waiting for at most `timeout`.
    pub(super) fn take(
        state: &Path,
        timeout: Duration,
        on_wait: &mut dyn FnMut(Option<&Holder>),
    ) -> Result<Self, StateError> {
        let path = path_of(state);
        let deadline = Instant::now() + timeout;
        let mut pause = FIRST_PAUSE;
        let mut has_told = false;
        loop {
            let mut file = open(&path)?;
            match file.try_lock() {
                // A process that removed the file meanwhile made a second lock possible.
                Ok(()) if !refers_to(&path, &file) => continue,
                Ok(()) => {
                    sign(&mut file).map_err(StateError::io("write", &path))?;
                    return Ok(Self { _file: file });
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => {
                    return Err(StateError::io("lock", &path)(source));
                }
            }
            let holder = read_holder(&mut file);
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let path = state.to_owned();
                return Err(StateError::Locked { path, holder });
            }
            if !has_told {
                on_wait(holder.as_ref());
                has_told = true;
            }
            thread::sleep(pause.min(left));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// The file beside the state that carries the lock; it is never removed.
fn path_of(state: &Path) -> PathBuf {
    let mut path = OsString::from(state);
    path.push(".lock");
    PathBuf::from(path)
}

fn open(path: &Path) -> Result<File, StateError> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .custom_flags(files::NO_WAITING)
        .open(path)
        .and_then(files::regular)
        .map_err(StateError::io("open the lock", path))
}

/// Says who holds it. A reader may see half of it, and then knows nothing.
fn sign(file: &mut File) -> std::io::Result<()> {
    let holder = Holder::this_process(None);
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    serde_json::to_writer(&*file, &holder)?;
    file.write_all(b"\n")
}

/// The name of this machine.
pub(super) fn host_name() -> String {
    let system = rustix::system::uname();
    system.nodename().to_string_lossy().into_owned()
}

fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.take(HOLDER_LIMIT).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}
