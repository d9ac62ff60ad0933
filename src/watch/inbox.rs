//! What was noticed and not yet looked at. However much happens, it holds each file once.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::load::Changes;

/// Where something may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sign {
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
pub struct Batch {
    /// The job files.
    pub changes: Changes,
    /// The workspace file.
    pub workspace_file: bool,
    /// The state.
    pub state: bool,
    /// Whether it has been quiet since, so that nothing is half-written.
    pub settled: bool,
}

impl Batch {
    /// A look at everything.
    pub fn everything() -> Self {
        Self {
            changes: Changes::Anywhere,
            workspace_file: true,
            state: true,
            settled: true,
        }
    }

    /// A look at the clock alone.
    pub fn nothing() -> Self {
        Self {
            changes: Changes::Files(BTreeSet::new()),
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
        let no_files = matches!(&self.changes, Changes::Files(files) if files.is_empty());
        self.state && no_files && !self.workspace_file
    }
}

/// Collects signs until it is quiet.
#[derive(Debug, Default)]
pub(super) struct Inbox {
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

impl Inbox {
    pub(super) fn put(&self, signs: impl IntoIterator<Item = Sign>) {
        let mut pending = self.pending();
        let mut any = false;
        for sign in signs {
            any = true;
            match sign {
                Sign::JobFile(path) => {
                    pending.files.insert(path);
                }
                Sign::Anywhere => pending.anywhere = true,
                Sign::WorkspaceFile => pending.workspace_file = true,
                Sign::State => pending.state = true,
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
    pub(super) async fn next(&self, quiet: Duration, longest: Duration) -> Batch {
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

    fn take(&self, settled: bool) -> Batch {
        let pending = std::mem::take(&mut *self.pending());
        Batch {
            changes: if pending.anywhere {
                Changes::Anywhere
            } else {
                Changes::Files(pending.files)
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

    use super::{Inbox, Sign};

    const QUIET: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(3);

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_one_batch_and_waits_for_quiet() {
        let inbox = Inbox::default();
        let start = Instant::now();
        let burst = async {
            for _ in 0..5 {
                inbox.put([Sign::State]);
                sleep(Duration::from_millis(60)).await;
            }
        };
        let (batch, ()) = tokio::join!(inbox.next(QUIET, LONGEST), burst);
        assert!(batch.settled && batch.state && !batch.workspace_file);
        assert_eq!(start.elapsed(), Duration::from_millis(4 * 60 + 100));
        let nothing = tokio::time::timeout(LONGEST, inbox.next(QUIET, LONGEST)).await;
        assert!(nothing.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_rests_is_looked_at_but_not_settled() {
        let inbox = Inbox::default();
        let busy = async {
            loop {
                inbox.put([Sign::Anywhere]);
                sleep(Duration::from_millis(60)).await;
            }
        };
        let batch = tokio::select! {
            batch = inbox.next(QUIET, LONGEST) => batch,
            () = busy => return,
        };
        assert!(!batch.settled);
    }
}
