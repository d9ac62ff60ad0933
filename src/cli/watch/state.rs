//! What a watch knows: the workspace, its jobs and records, and the last good plan.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::cli::failure::Failure;
use crate::cli::options::GlobalOptions;
use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::diagnostic::Diagnostic;
use crate::expand::ExpandContext;
use crate::files;
use crate::load::{Cache, ChangedFiles, Stamp, Updated};
use crate::plain_text::printable;
use crate::plan::{Difference, Plan, Planner};
use crate::report::{Ui, WatchCause};
use crate::source::Span;
use crate::state::Records;
use crate::status;
use crate::watch::{ChangeSet, WatchPaths};
use crate::workspace::FILE_NAME;

/// The workspace, its jobs, its records, and the last good plan.
pub(super) struct WatchState {
    options: GlobalOptions,
    settings: Settings,
    ui: Ui,
    /// As the last good workspace file says.
    session: Arc<Session>,
    workspace_file: Kept<Option<Vec<u8>>>,
    cache: Cache,
    records: Arc<Records>,
    state: Kept<Option<Stamp>>,
    /// Of the last good plan.
    planner: Option<Planner>,
    /// Those of the last refresh.
    finding_ids: Vec<FindingId>,
    is_broken: bool,
}

/// A file as it was read last, and what was wrong with it.
struct Kept<T> {
    content: T,
    problems: Vec<Diagnostic>,
}

/// Identifies a finding.
#[derive(PartialEq, Eq)]
struct FindingId(String, Option<(PathBuf, Span)>);

/// What a refresh found.
pub(super) struct Refresh {
    /// Why it was made.
    pub(super) cause: WatchCause,
    /// Mistakes and warnings.
    pub(super) findings: Vec<Diagnostic>,
    /// Against the last good plan; absent for the first plan, and where mistakes stand in its way.
    pub(super) difference: Option<Difference>,
    /// Whether mistakes stand in the way of a plan.
    pub(super) is_broken: bool,
}

impl WatchState {
    /// Opens the workspace; its jobs are not read yet.
    pub(super) fn open(
        options: &GlobalOptions,
        settings: Settings,
        ui: Ui,
    ) -> Result<Self, Failure> {
        let session = Session::open(options, settings.clone(), ui)?;
        let content = content_of(session.workspace.root());
        Ok(Self {
            options: options.clone(),
            settings,
            ui,
            workspace_file: Kept {
                content,
                problems: Vec::new(),
            },
            cache: Cache::new(session.workspace.root(), session.context()),
            session: Arc::new(session),
            records: Arc::default(),
            state: Kept {
                content: None,
                problems: Vec::new(),
            },
            planner: None,
            finding_ids: Vec::new(),
            is_broken: false,
        })
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The last good plan.
    pub(super) fn plan(&self) -> Option<&Plan> {
        self.planner.as_ref().map(Planner::plan)
    }

    /// The last good plan, if it is that of what is on disk.
    pub(super) fn current_plan(&self) -> Option<&Plan> {
        self.plan().filter(|_| !self.is_broken)
    }

    /// Whether the service may still have news of a job.
    pub(super) fn has_open_jobs(&self) -> bool {
        self.records.iter().any(|record| status::may_change(record))
    }

    /// A job file that may still be being written.
    pub(super) fn unsettled(&self, by_age_alone: bool) -> Option<&Path> {
        self.cache.unsettled(by_age_alone)
    }

    /// How many job files there are.
    pub(super) fn files(&self) -> usize {
        self.cache.files().len()
    }

    /// The paths to watch.
    pub(super) fn paths(&self) -> WatchPaths {
        WatchPaths {
            root: self.session.workspace.root().to_path_buf(),
            exclude: self.session.bucket_folders(),
            state: self.state_file(),
        }
    }

    /// Empty for a shared state, which cannot be watched.
    fn state_file(&self) -> PathBuf {
        self.session
            .state_file()
            .map(Path::to_path_buf)
            .unwrap_or_default()
    }

    /// Whether a period has passed since the last refresh.
    pub(super) fn is_due(&self) -> bool {
        let next = self.cache.next_period();
        next.is_some_and(|next| next <= self.now())
    }

    /// Reads what may have changed and plans again. None when nothing differs from before.
    pub(super) fn update(&mut self, changes: &ChangeSet) -> Option<Refresh> {
        let reopened = changes.workspace_file && self.reopen();
        let updated = self.load(&changes.files);
        let reread = (changes.state || reopened) && self.reread();
        if self.planner.is_some() && !reopened && !reread && !updated.is_news() {
            return None;
        }
        let is_first = self.planner.is_none() && !self.is_broken;
        let findings = self.findings();
        let finding_ids: Vec<FindingId> = findings.iter().map(FindingId::of).collect();
        let had_same_findings = self.finding_ids == finding_ids;
        self.finding_ids = finding_ids;
        let was_broken = self.is_broken;
        self.is_broken = findings.iter().any(Diagnostic::is_error);
        let difference = (!self.is_broken).then(|| self.replan()).flatten();
        let says_the_same = had_same_findings
            && was_broken == self.is_broken
            && difference.as_ref().is_none_or(Difference::is_empty);
        let is_asked = reopened || !updated.files.is_empty();
        if says_the_same && !is_asked && (self.is_broken || difference.is_some()) {
            return None;
        }
        Some(Refresh {
            cause: if is_first {
                WatchCause::Start
            } else {
                cause(updated, reopened, reread)
            },
            findings,
            difference,
            is_broken: self.is_broken,
        })
    }

    /// Opens the workspace again if its file has changed, or could not be opened before.
    fn reopen(&mut self) -> bool {
        let content = content_of(self.session.workspace.root());
        if content == self.workspace_file.content && self.workspace_file.problems.is_empty() {
            return false;
        }
        let has_changed = content != self.workspace_file.content;
        self.workspace_file.content = content;
        match Session::open(&self.options, self.settings.clone(), self.ui) {
            Ok(session) => {
                let (before, after) = (&self.session.target, &session.target);
                if (&before.name, &before.state) != (&after.name, &after.state) {
                    self.state.content = None;
                }
                self.session = Arc::new(session);
                self.workspace_file.problems.clear();
                true
            }
            Err(failure) => {
                let mut problems = failure.diagnostics;
                if !self.session.workspace.root().is_dir() {
                    problems = vec![gone(self.session.workspace.root())];
                }
                self.workspace_file.problems = problems;
                has_changed
            }
        }
    }

    fn load(&mut self, changes: &ChangedFiles) -> Updated {
        let context = ExpandContext {
            now: self.now(),
            ..self.session.context()
        };
        let exclude = self.session.bucket_folders();
        self.cache.update(changes, &exclude, context)
    }

    /// Reads the state unless it is as it was.
    fn reread(&mut self) -> bool {
        let stamp = Stamp::of(&self.state_file()).ok().flatten();
        if stamp.is_some() && stamp == self.state.content {
            return false;
        }
        self.state.content = stamp;
        match self.session.records() {
            Ok(records) => {
                self.records = Arc::new(records);
                self.state.problems.clear();
            }
            Err(failure) => self.state.problems = failure.diagnostics,
        }
        true
    }

    fn findings(&self) -> Vec<Diagnostic> {
        let mut findings = self.workspace_file.problems.clone();
        findings.extend(self.cache.findings());
        findings.extend(self.state.problems.iter().cloned());
        findings
    }

    /// Plans, and compares with the last good plan, if there is one.
    fn replan(&mut self) -> Option<Difference> {
        let limits = self.session.limits(None);
        let job_changes = self.cache.job_changes();
        match &mut self.planner {
            Some(planner) if planner.is_for(&self.records, limits) => {
                let step = planner.update(&job_changes.removed, &job_changes.added);
                Some(Difference::between(&step.before, &step.after))
            }
            planner => {
                let jobs = self.cache.jobs().cloned();
                let after = Planner::new(jobs, Arc::clone(&self.records), limits);
                let before = planner.replace(after);
                let (before, after) = before.as_ref().zip(planner.as_ref())?;
                Some(Difference::between(before.plan(), after.plan()))
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.options.now.unwrap_or_else(Timestamp::now)
    }
}

/// The bytes of the workspace file, unless there are none to read.
fn content_of(root: &Path) -> Option<Vec<u8>> {
    const LIMIT: u64 = 64 * 1024 * 1024;
    files::read(&root.join(FILE_NAME), LIMIT).ok().flatten()
}

impl FindingId {
    fn of(finding: &Diagnostic) -> Self {
        let place = finding.place.as_ref();
        let place = place.map(|place| (place.file.path().to_path_buf(), place.span));
        Self(finding.message.clone(), place)
    }
}

fn gone(root: &Path) -> Diagnostic {
    let message = format!("the folder {} is gone", printable(root));
    Diagnostic::error("folder", message).help("the watch goes on when it is there again")
}

fn cause(updated: Updated, reopened: bool, reread: bool) -> WatchCause {
    let mut files = updated.files;
    if reopened {
        files.insert(0, Path::new(FILE_NAME).to_path_buf());
    }
    match files.is_empty() {
        false => WatchCause::Files(files),
        true if updated.expanded > 0 => WatchCause::Period,
        true if reread => WatchCause::State,
        true => WatchCause::Start,
    }
}
