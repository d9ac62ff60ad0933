//! Notices changes: by the events of the system, or by looking from time to time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use notify::{ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::debounce::{Change, ChangeSet, Debouncer};
use super::paths::{WatchPaths, WatchSet};

/// Changes are reported at least this often, however busy the files are.
const MAX_BUSY: Duration = Duration::from_secs(3);

/// Why changes are looked for from time to time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Polling {
    /// The person wants it.
    Asked,
    /// The file system is one that sends no events of changes made elsewhere.
    FileSystem(&'static str),
    /// The system gives no more events.
    NoEvents(String),
}

/// Notices changes at [`WatchPaths`].
#[derive(Debug)]
pub struct Watcher {
    debouncer: Arc<Debouncer>,
    set: Arc<Mutex<WatchSet>>,
    source: Source,
    quiet: Duration,
    interval: Duration,
    /// When the next look is due, without events.
    due: Instant,
    /// Root and folder of jobs as they were when the watch was set up.
    roots: [Option<(u64, u64)>; 2],
}

#[derive(Debug)]
enum Source {
    Events(RecommendedWatcher),
    Polling(Polling),
}

impl Watcher {
    /// Watches `paths` from now on. A changes ends when it has been quiet for `quiet`. Without events
    /// a look is taken every `interval`; `poll` asks for that.
    pub fn start(paths: WatchPaths, quiet: Duration, interval: Duration, poll: bool) -> Self {
        let sends_none = sends_no_events(&paths.root);
        let set = Arc::new(Mutex::new(WatchSet::of(paths)));
        let debouncer = Arc::new(Debouncer::default());
        let source = match sends_none {
            _ if poll => Source::Polling(Polling::Asked),
            Some(name) => Source::Polling(Polling::FileSystem(name)),
            None => match listen(&debouncer, &set) {
                Ok(watcher) => Source::Events(watcher),
                Err(error) => Source::Polling(Polling::NoEvents(words(&error))),
            },
        };
        let mut watcher = Self {
            debouncer,
            set,
            source,
            quiet,
            interval,
            due: Instant::now() + interval,
            roots: [None; 2],
        };
        watcher.register(&BTreeSet::new());
        watcher
    }

    /// Why changes are looked for from time to time, if they are.
    pub fn polling(&self) -> Option<&Polling> {
        match &self.source {
            Source::Events(_) => None,
            Source::Polling(reason) => Some(reason),
        }
    }

    /// The next reason to look. May be given up and called again.
    pub async fn next(&mut self) -> ChangeSet {
        match self.source {
            Source::Events(_) => self.debouncer.next(self.quiet, MAX_BUSY).await,
            Source::Polling(_) => {
                // A wait that is given up goes on with what is left of it.
                tokio::time::sleep_until(self.due).await;
                self.due = Instant::now() + self.interval;
                ChangeSet::everything()
            }
        }
    }

    /// Follows folders and links that came or went, and other paths.
    pub fn follow(&mut self, paths: WatchPaths) {
        let next = WatchSet::of(paths);
        let before = std::mem::replace(&mut *lock(&self.set), next);
        self.register(&before.folders);
    }

    /// Whether the workspace was removed and made again, which ends all events in silence.
    pub fn root_was_replaced(&self) -> bool {
        matches!(self.source, Source::Events(_)) && self.roots != roots(&lock(&self.set))
    }

    /// Watches each folder on its own, so that folders without job files cost nothing.
    fn register(&mut self, before: &BTreeSet<PathBuf>) {
        let set = lock(&self.set);
        let folders = set.folders.clone();
        let [root, _] = set.roots().map(Path::to_path_buf);
        self.roots = roots(&set);
        drop(set);
        let Source::Events(watcher) = &mut self.source else {
            return;
        };
        for gone in before.difference(&folders) {
            // What is gone from the disk is gone from the watch, too.
            let _ = watcher.unwatch(gone);
        }
        let mut failure = None;
        for folder in &folders {
            // A folder made again under an old name is another folder.
            match watcher.watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => {}
                // `root_was_replaced` notices when it is made again.
                Err(error) if is_absence(&error) && *folder == root => {}
                Err(error) if is_absence(&error) => self.debouncer.put([Change::Anywhere]),
                Err(error) => failure = Some(error),
            }
        }
        if let Some(error) = failure {
            self.source = Source::Polling(Polling::NoEvents(words(&error)));
        }
    }
}

fn listen(
    debouncer: &Arc<Debouncer>,
    set: &Arc<Mutex<WatchSet>>,
) -> notify::Result<RecommendedWatcher> {
    let (debouncer, set) = (Arc::clone(debouncer), Arc::clone(set));
    notify::recommended_watcher(move |event: notify::Result<Event>| match event {
        Ok(event) => {
            let changes = lock(&set).changes(&event);
            debouncer.put(changes);
        }
        // Whatever was missed, a look at everything finds it.
        Err(_) => debouncer.put([Change::Anywhere, Change::WorkspaceFile, Change::State]),
    })
}

fn is_absence(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::PathNotFound | ErrorKind::WatchNotFound => true,
        ErrorKind::Io(error) => error.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

fn words(error: &notify::Error) -> String {
    match error.kind {
        ErrorKind::MaxFilesWatch => "the system's limit of watched folders is reached".to_owned(),
        _ => error.to_string(),
    }
}

fn roots(set: &WatchSet) -> [Option<(u64, u64)>; 2] {
    set.roots().map(identity)
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<(u64, u64)> {
    path.exists().then_some((0, 0))
}

/// The name of the file system at `path`, if changes made elsewhere cause no events on it.
#[cfg(target_os = "linux")]
fn sends_no_events(path: &Path) -> Option<&'static str> {
    let kind = rustix::fs::statfs(path).ok()?.f_type;
    name_without_events(u32::try_from(kind).ok()?)
}

#[cfg(not(target_os = "linux"))]
fn sends_no_events(_path: &Path) -> Option<&'static str> {
    None
}

/// Numbers as `statfs(2)` has them.
#[cfg(target_os = "linux")]
fn name_without_events(kind: u32) -> Option<&'static str> {
    Some(match kind {
        0x6969 => "NFS",
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => "SMB",
        0x6573_5546 => "FUSE",
        0x0102_1997 => "9P",
        0x786f_4256 => "a shared folder of VirtualBox",
        0x00c3_6400 => "Ceph",
        0x5346_414f | 0x6b41_4653 => "AFS",
        _ => return None,
    })
}

fn lock(set: &Mutex<WatchSet>) -> MutexGuard<'_, WatchSet> {
    set.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::path::Path;

    use super::{name_without_events, sends_no_events};

    #[test]
    fn network_file_systems_are_polled_and_local_ones_are_not() {
        const EXT4: u32 = 0xef53;
        assert_eq!(name_without_events(0x6969), Some("NFS"));
        assert_eq!(name_without_events(EXT4), None);
        assert_eq!(sends_no_events(Path::new("/proc")), None);
    }
}
