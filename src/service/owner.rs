//! One process owns a data folder: an OS lock says that it is alive, a file beside it where it listens.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::start_error::StartError;

const LOCK_FILE: &str = "service.lock";
const OWNER_FILE: &str = "service.json";

/// How long to try: [`running_at`] holds the lock briefly to see whether it is free, and a command
/// that a killed owner was just starting holds it until it has started.
const LOCK_TRIES: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The process that owns a data folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Its process id.
    pub process: u32,
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether it accepts the key pair that everyone knows, instead of the folder's.
    #[serde(default = "yes")]
    pub well_known_key_pair: bool,
}

/// Versions that did not write this knew no other pair.
fn yes() -> bool {
    true
}

/// The lock on a data folder; the operating system ends it with the process, however that ends.
#[derive(Debug)]
pub(super) struct Ownership {
    _lock: File,
    data: PathBuf,
}

impl Ownership {
    /// Takes the lock and removes the file of an earlier owner.
    pub(super) async fn take(data: &Path) -> Result<Self, StartError> {
        let path = data.join(LOCK_FILE);
        let lock = open_lock(&path).map_err(|error| StartError::file(&path, error))?;
        for _ in 0..LOCK_TRIES {
            match lock.try_lock() {
                Ok(()) => {
                    remove_if_there(&data.join(OWNER_FILE))?;
                    return Ok(Self {
                        _lock: lock,
                        data: data.to_owned(),
                    });
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_PAUSE).await,
                Err(TryLockError::Error(error)) => return Err(StartError::file(&path, error)),
            }
        }
        Err(StartError::Owned {
            data: data.to_owned(),
            owner: read_owner(data),
        })
    }

    /// Says where this process listens.
    pub(super) fn announce(
        &self,
        address: SocketAddr,
        well_known_key_pair: bool,
    ) -> Result<(), StartError> {
        let owner = Owner {
            process: std::process::id(),
            address,
            well_known_key_pair,
        };
        let path = self.data.join(OWNER_FILE);
        let write = || -> io::Result<()> {
            let file = tempfile::NamedTempFile::new_in(&self.data)?;
            serde_json::to_writer(&file, &owner)?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(|error| StartError::file(&path, error))
    }
}

impl Drop for Ownership {
    /// A process that is just being started may hold the lock a moment longer: no address may stand
    /// beside it then.
    fn drop(&mut self) {
        let _ = fs::remove_file(self.data.join(OWNER_FILE));
    }
}

/// The live service on this data folder, if there is one.
pub fn running_at(data: &Path) -> Option<Owner> {
    let lock = File::open(data.join(LOCK_FILE)).ok()?;
    match lock.try_lock_shared() {
        Err(TryLockError::WouldBlock) => read_owner(data),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    options.open(path)
}

fn read_owner(data: &Path) -> Option<Owner> {
    let text = fs::read(data.join(OWNER_FILE)).ok()?;
    serde_json::from_slice(&text).ok()
}

fn remove_if_there(path: &Path) -> Result<(), StartError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StartError::file(path, error)),
        _ => Ok(()),
    }
}
