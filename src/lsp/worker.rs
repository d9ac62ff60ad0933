//! The thread that reads workspaces, so that nothing that an editor asks has to wait for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use jiff::Timestamp;

use super::analysis::{Analysis, Followed};
use crate::diagnostic::Diagnostic;
use crate::jobfile::open_texts::{OpenTexts, real_path};
use crate::load::ChangedFiles;
use crate::watch::{ChangeSet, WatchPaths};
use crate::workspace::{self, Target};

/// More workspaces than an editor shows; those beyond are not read.
const WORKSPACE_LIMIT: usize = 16;

/// How long the thread waits at most before it looks at the clock again.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// What is chosen for every workspace.
#[derive(Clone)]
pub struct Choices {
    /// The target, instead of the default one.
    pub target: Option<String>,
    /// Values of variables; later ones win.
    pub variables: Vec<(String, String)>,
    /// The present moment, instead of the clock's.
    pub now: Option<Timestamp>,
    /// What commands find wrong with a target before they read job files.
    pub check: TargetCheck,
}

/// Tells whether a target can be worked with, and the file of its state if it has one.
pub type TargetCheck =
    Arc<dyn Fn(&Target) -> Result<Option<PathBuf>, Vec<Diagnostic>> + Send + Sync>;

/// Tells a watch of other paths; returns once it follows them.
pub type Follow = Box<dyn Fn(WatchPaths) + Send>;

/// Begins to watch paths, and reports what may have changed there.
pub type Watch = Box<dyn Fn(WatchPaths, Box<dyn Fn(ChangeSet) + Send>) -> Follow + Send>;

/// What is still to be looked at. However much happens, it holds each thing once.
#[derive(Debug, Default)]
struct Pending {
    /// Folders in which workspaces are looked for.
    starts: BTreeSet<PathBuf>,
    texts: OpenTexts,
    versions: BTreeMap<PathBuf, i32>,
    changed: BTreeSet<PathBuf>,
    disk: BTreeMap<PathBuf, ChangeSet>,
}

/// Where work is left for the thread.
#[derive(Debug, Clone)]
pub(super) struct Inbox {
    pending: Arc<Mutex<Pending>>,
    wake: Sender<()>,
}

impl Inbox {
    /// Leaves the documents as they are now, with those that came, changed or went, and folders that
    /// may lie in a workspace.
    pub(super) fn leave(
        &self,
        texts: OpenTexts,
        versions: BTreeMap<PathBuf, i32>,
        changed: BTreeSet<PathBuf>,
        starts: BTreeSet<PathBuf>,
    ) {
        let mut pending = lock(&self.pending);
        pending.texts = texts;
        pending.versions = versions;
        pending.changed.extend(changed);
        pending.starts.extend(starts);
        drop(pending);
        self.wake();
    }

    fn leave_disk(&self, root: &Path, changes: ChangeSet) {
        let mut pending = lock(&self.pending);
        match pending.disk.get_mut(root) {
            Some(before) => merge(before, changes),
            None => _ = pending.disk.insert(root.to_path_buf(), changes),
        }
        drop(pending);
        self.wake();
    }

    fn wake(&self) {
        // One that is waiting already is enough.
        let _ = self.wake.try_send(());
    }
}

/// The thread's own side.
struct Worker {
    choices: Choices,
    watch: Watch,
    inbox: Inbox,
    woken: Receiver<()>,
    results: Sender<Analysis>,
    workspaces: Vec<Followed>,
    /// Folders without a workspace so far.
    starts: BTreeSet<PathBuf>,
    texts: OpenTexts,
    versions: BTreeMap<PathBuf, i32>,
}

/// Starts the thread; it ends when nobody listens to its results any more.
pub(super) fn start(
    choices: Choices,
    watch: Watch,
    results: Sender<Analysis>,
) -> std::io::Result<Inbox> {
    let (wake, woken) = bounded(1);
    let inbox = Inbox {
        pending: Arc::default(),
        wake,
    };
    let mut worker = Worker {
        choices,
        watch,
        inbox: inbox.clone(),
        woken,
        results,
        workspaces: Vec::new(),
        starts: BTreeSet::new(),
        texts: OpenTexts::default(),
        versions: BTreeMap::new(),
    };
    let thread = std::thread::Builder::new().name("lsp-worker".to_owned());
    thread.spawn(move || while worker.step().is_some() {})?;
    Ok(inbox)
}

impl Worker {
    /// Waits for work and does it; `None` when there is nobody to do it for.
    fn step(&mut self) -> Option<()> {
        // A wait that is over is a look at the clock.
        let _ = self.woken.recv_timeout(self.wait());
        let pending = std::mem::take(&mut *lock(&self.inbox.pending));
        // Without changes the texts were not left anew.
        if !pending.changed.is_empty() {
            self.texts = pending.texts;
            self.versions = pending.versions;
        }
        self.starts.extend(pending.starts);
        let came = self.find_workspaces();
        let now = self.choices.now.unwrap_or_else(Timestamp::now);
        for (index, followed) in self.workspaces.iter_mut().enumerate() {
            let nothing = ChangeSet::nothing();
            let disk = pending.disk.get(followed.root());
            let is_due = followed.next_period().is_some_and(|next| next <= now);
            let is_new = index >= came;
            if !is_new && !is_due && disk.is_none() && !followed.is_concerned(&pending.changed) {
                continue;
            }
            let disk = disk.unwrap_or(&nothing);
            let mut analysis = followed.update(&self.choices, &self.texts, &pending.changed, disk);
            analysis.versions.clone_from(&self.versions);
            self.results.send(analysis).ok()?;
        }
        Some(())
    }

    fn wait(&self) -> Duration {
        // A moment that was given does not pass.
        if self.choices.now.is_some() {
            return LONGEST_WAIT;
        }
        let periods = self.workspaces.iter().filter_map(Followed::next_period);
        let left = |next: Timestamp| next.duration_since(Timestamp::now()).try_into();
        let next = periods.min().map(|next| left(next).unwrap_or_default());
        next.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT)
    }

    /// Follows the workspaces that have come; returns how many were known before.
    fn find_workspaces(&mut self) -> usize {
        let known = self.workspaces.len();
        for start in std::mem::take(&mut self.starts) {
            let Ok(root) = workspace::find(&real_path(&start)) else {
                self.starts.insert(start);
                continue;
            };
            let is_known = self.workspaces.iter().any(|other| other.root() == root);
            if is_known || self.workspaces.len() >= WORKSPACE_LIMIT {
                continue;
            }
            let (inbox, reported) = (self.inbox.clone(), root.clone());
            let report = Box::new(move |changes| inbox.leave_disk(&reported, changes));
            let begun = Instant::now();
            self.workspaces
                .push(Followed::new(&root, &self.watch, report));
            tracing::debug!(?root, took = ?begun.elapsed(), "a workspace");
        }
        known
    }
}

fn merge(before: &mut ChangeSet, later: ChangeSet) {
    before.workspace_file |= later.workspace_file;
    before.state |= later.state;
    match (&mut before.files, later.files) {
        (ChangedFiles::Files(before), ChangedFiles::Files(later)) => before.extend(later),
        (all, _) => *all = ChangedFiles::Anywhere,
    }
}

fn lock(pending: &Mutex<Pending>) -> MutexGuard<'_, Pending> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}
