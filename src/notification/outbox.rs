//! Events that the webhook has not taken yet, a file each.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::event::Event;
use crate::files;

/// Where the lock of those who deliver is.
const LOCK: &str = "lock";

/// No event is longer.
const LIMIT: u64 = 4 * 1024 * 1024;

/// The folder of a target's events. The name of a file is the id of its event.
#[derive(Debug, Clone)]
pub struct Outbox(PathBuf);

/// Held by the one process that delivers.
#[derive(Debug)]
pub(super) struct Delivering(#[expect(dead_code, reason = "its end is what counts")] File);

impl Outbox {
    /// The events in this folder, which may not be there yet.
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    fn path(&self, id: &str) -> PathBuf {
        self.0.join(format!("{id}.json"))
    }

    /// Makes an event durable; one that is there already stays.
    pub fn add(&self, event: &Event) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        let path = self.path(&event.id);
        let mut file = files::new_beside(&path, ".event-")?;
        serde_json::to_writer(&mut file, event)?;
        file.flush()?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(&path) {
            Ok(_) => File::open(&self.0)?.sync_all(),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error.error),
        }
    }

    /// The ids of all events. A folder that is not there has none.
    fn ids(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let path = PathBuf::from(entry?.file_name());
            let is_event = path
                .extension()
                .is_some_and(|extension| extension == "json");
            let id = path.file_stem().and_then(|stem| stem.to_str());
            ids.extend(id.filter(|_| is_event).map(str::to_owned));
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.ids().map_or(0, |ids| ids.len())
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Some of the events, oldest first. A file that is none is moved out of the way.
    pub(super) fn some(&self, limit: usize) -> io::Result<Vec<Event>> {
        let mut events = Vec::new();
        for id in self.ids()?.into_iter().take(limit) {
            let path = self.path(&id);
            match read(&path)? {
                Some(event) => events.push(event),
                None => fs::rename(&path, path.with_extension("unreadable"))?,
            }
        }
        events.sort_by(|left: &Event, right| (left.at, &left.id).cmp(&(right.at, &right.id)));
        Ok(events)
    }

    /// Forgets events that were taken.
    pub(super) fn remove(&self, events: &[Event]) -> io::Result<()> {
        for event in events {
            fs::remove_file(self.path(&event.id))?;
        }
        Ok(())
    }

    /// The right to deliver; `None` while another process has it.
    pub(super) fn lock(&self) -> io::Result<Option<Delivering>> {
        let file = File::create(self.0.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Delivering(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

fn read(path: &Path) -> io::Result<Option<Event>> {
    let content = files::read(path, LIMIT)?;
    Ok(content.and_then(|content| serde_json::from_slice(&content).ok()))
}
