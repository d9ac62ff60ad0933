//! What was noticed and not yet looked at. However much happens, it holds each file once.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::load::ChangedFiles;

/// Where something may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// In this job file.
    JobFile(PathBuf),
    /// In any job file; folders may have come or gone.
    Anywhere,
    /// In the workspace file.
    WorkspaceFile,
    /// In the state.
    State,
}

/// What is to be looked at together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSet {
    /// The job files.
    pub files: ChangedFiles,
    /// The workspace file.
    pub workspace_file: bool,
    /// The state.
    pub state: bool,
    /// Whether it has been quiet since: then no file is half-written.
    pub settled: bool,
}

impl ChangeSet {
    /// A look at everything.
    pub fn everything() -> Self {
        Self {
            files: ChangedFiles::Anywhere,
            workspace_file: true,
            state: true,
            settled: true,
        }
    }

    /// A look at the clock alone.
    pub fn nothing() -> Self {
        Self {
            files: ChangedFiles::Files(BTreeSet::new()),
            workspace_file: false,
            state: false,
            settled: true,
        }
    }

    /// A look at the state.
    pub fn state() -> Self {
        Self {
            state: true,
            ..Self::nothing()
        }
    }

    /// Whether it is about the state and nothing else.
    pub fn is_state_only(&self) -> bool {
        let no_files = matches!(&self.files, ChangedFiles::Files(files) if files.is_empty());
        self.state && no_files && !self.workspace_file
    }
}

/// Collects changes until it is quiet.
#[derive(Debug, Default)]
pub(super) struct Debouncer {
    pending: Mutex<Pending>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Pending {
    files: BTreeSet<PathBuf>,
    anywhere: bool,
    workspace_file: bool,
    state: bool,
    /// When the first and the last sign came.
    since: Option<(Instant, Instant)>,
}

impl Debouncer {
    pub(super) fn put(&self, changes: impl IntoIterator<Item = Change>) {
        let mut pending = self.pending();
        let mut any = false;
        for change in changes {
            any = true;
            match change {
                Change::JobFile(path) => {
                    pending.files.insert(path);
                }
                Change::Anywhere => pending.anywhere = true,
                Change::WorkspaceFile => pending.workspace_file = true,
                Change::State => pending.state = true,
            }
        }
        if any {
            let now = Instant::now();
            let first = pending.since.map_or(now, |(first, _)| first);
            pending.since = Some((first, now));
            drop(pending);
            self.arrived.notify_one();
        }
    }

    /// What has come, once nothing has come for `quiet`, or `longest` after the first sign. Nothing
    /// is lost when the wait is given up.
    pub(super) async fn next(&self, quiet: Duration, longest: Duration) -> ChangeSet {
        loop {
            let since = self.pending().since;
            let Some((first, last)) = since else {
                self.arrived.notified().await;
                continue;
            };
            let due = (last + quiet).min(first + longest);
            if due <= Instant::now() {
                return self.take(last + quiet <= due);
            }
            sleep_until(due).await;
        }
    }

    fn take(&self, settled: bool) -> ChangeSet {
        let pending = std::mem::take(&mut *self.pending());
        ChangeSet {
            files: if pending.anywhere {
                ChangedFiles::Anywhere
            } else {
                ChangedFiles::Files(pending.files)
            },
            workspace_file: pending.workspace_file,
            state: pending.state,
            settled,
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::{Change, Debouncer};

    const QUIET: Duration = Duration::from_millis(100);
    const MAX_BUSY: Duration = Duration::from_secs(3);

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_one_batch_and_waits_for_quiet() {
        let debouncer = Debouncer::default();
        let start = Instant::now();
        let burst = async {
            for _ in 0..5 {
                debouncer.put([Change::State]);
                sleep(Duration::from_millis(60)).await;
            }
        };
        let (changes, ()) = tokio::join!(debouncer.next(QUIET, MAX_BUSY), burst);
        assert!(changes.settled && changes.state && !changes.workspace_file);
        assert_eq!(start.elapsed(), Duration::from_millis(4 * 60 + 100));
        let nothing = tokio::time::timeout(MAX_BUSY, debouncer.next(QUIET, MAX_BUSY)).await;
        assert!(nothing.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_rests_is_looked_at_but_not_settled() {
        let debouncer = Debouncer::default();
        let busy = async {
            loop {
                debouncer.put([Change::Anywhere]);
                sleep(Duration::from_millis(60)).await;
            }
        };
        let changes = tokio::select! {
            changes = debouncer.next(QUIET, MAX_BUSY) => changes,
            () = busy => return,
        };
        assert!(!changes.settled);
    }
}
