//! What every command about a workspace begins with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::failure::Failure;
use super::location;
use super::options::GlobalOptions;
use super::settings::Settings;
use crate::diagnostic::{Diagnostic, closest};
use crate::expand::ExpandContext;
use crate::job::{Job, JobKey};
use crate::load::{self, Loaded};
use crate::plain_text::{clean, printable};
use crate::plan::{self, Limits, Plan, Selection};
use crate::report::{self, Ui, diagnostics};
use crate::service;
use crate::state::{
    Expected, Header, Hold, Location, Reading, Records, StateError, StateStore, WriteOptions,
};
use crate::workspace::{self, Target, Workspace};

/// How long a job file that is being written is waited for, and how often it is looked at.
const WRITING_LIMIT: Duration = Duration::from_mins(1);
const WRITING_PAUSE: Duration = Duration::from_millis(50);

/// A change that other runs come before over and over is given up.
const CHANGE_LIMIT: Duration = Duration::from_mins(1);

/// What is recorded, and in which state: none where nothing was recorded yet.
pub(super) type State = (Option<Header>, Records);

/// A workspace, one of its targets, and how to talk to people.
#[derive(Debug)]
pub(super) struct Session {
    /// How to talk to people.
    pub(super) ui: Ui,
    /// What the environment says.
    pub(super) settings: Settings,
    /// The workspace.
    pub(super) workspace: Workspace,
    /// The target.
    pub(super) target: Target,
    /// Where its state is.
    pub(super) location: Location,
    /// The moment of this run.
    pub(super) now: Timestamp,
    variables: BTreeMap<String, String>,
}

impl Session {
    /// Finds and opens the workspace and the target that the options name.
    pub(super) fn open(
        options: &GlobalOptions,
        settings: Settings,
        ui: Ui,
    ) -> Result<Self, Failure> {
        let start = start_folder(options)?;
        let root = workspace_root(&start)?;
        if root != start {
            ui.note(format!("workspace {}", printable(&relative(&root, &start))))?;
        }
        let workspace = Workspace::open(&root)?;
        let name = match (&options.target, &settings.target) {
            (Some(name), _) => name.clone(),
            (None, Some(name)) => {
                ui.note(format!("target `{name}`, from STOCKTAKE_TARGET"))?;
                name.clone()
            }
            (None, None) => workspace.default_target().to_owned(),
        };
        let is_repeated =
            name != workspace.default_target() && settings.target.as_ref() != Some(&name);
        report::repeat_options(options.dir.as_deref(), is_repeated.then_some(name.as_str()));
        let mut target = workspace.target(&name)?;
        let named_by_environment = settings.state.is_some();
        if let Some(state) = &settings.state {
            target.state = location::address(state)?;
        }
        let location = location::locate(&target, &settings, named_by_environment)?;
        let given = given_variables(&settings, options);
        let variables = workspace.variables_given(&name, &given)?;
        Ok(Self {
            ui,
            settings,
            workspace,
            target,
            location,
            now: options.now.unwrap_or_else(Timestamp::now),
            variables,
        })
    }

    /// What jobs take from outside their files.
    pub(super) fn context(&self) -> ExpandContext {
        load::context(&self.target, self.variables.clone(), self.now)
    }

    /// All jobs of the workspace with every finding.
    pub(super) fn load(&self) -> Loaded {
        load::load(&self.workspace, &self.bucket_folders(), self.context())
    }

    /// A path as messages have it: from the workspace on, if it is in there.
    pub(super) fn shown<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(self.workspace.root()).unwrap_or(path)
    }

    /// The folders that stand for buckets: what is in them is no job file.
    pub(super) fn bucket_folders(&self) -> Vec<PathBuf> {
        load::bucket_folders(&self.target)
    }

    /// All jobs of the workspace; warnings are shown, mistakes end the command.
    pub(super) fn jobs(&self) -> Result<Vec<Arc<Job>>, Failure> {
        self.jobs_of(self.load())
    }

    /// [`Session::jobs`] for a command that submits: files that are being written are waited for.
    pub(super) fn settled_jobs(&self) -> Result<Vec<Arc<Job>>, Failure> {
        let deadline = Instant::now() + WRITING_LIMIT;
        let mut is_said = false;
        while let Some(file) = load::being_written_in(&self.workspace, &self.bucket_folders()) {
            let shown = printable(&file);
            if Instant::now() > deadline {
                let message = format!("{shown} is being written all the time");
                let problem = Diagnostic::error("file-changing", message);
                return Err(problem
                    .help("nothing was submitted; apply when it is whole")
                    .into());
            }
            if !is_said {
                self.ui
                    .note(format!("waiting for {shown}, which is being written"))?;
                is_said = true;
            }
            std::thread::sleep(WRITING_PAUSE);
        }
        self.jobs()
    }

    /// [`Session::jobs`] for a workspace that may have no job file yet.
    pub(super) fn jobs_if_any(&self) -> Result<Vec<Arc<Job>>, Failure> {
        let mut loaded = self.load();
        loaded
            .diagnostics
            .retain(|found| found.code != load::NO_JOB_FILES);
        self.jobs_of(loaded)
    }

    fn jobs_of(&self, loaded: Loaded) -> Result<Vec<Arc<Job>>, Failure> {
        if loaded.has_errors() {
            return Err(loaded.diagnostics.into());
        }
        if !loaded.diagnostics.is_empty() {
            diagnostics::human(
                &mut self.ui.messages(),
                &loaded.diagnostics,
                self.ui.look().width,
            )?;
        }
        Ok(loaded.jobs)
    }

    /// What the state knows, read without its lock.
    pub(super) fn records(&self) -> Result<Records, Failure> {
        self.state().map(|(_, records)| records)
    }

    /// The state, read without its lock. Only the embedded target may have none yet.
    pub(super) fn state(&self) -> Result<State, Failure> {
        Ok(match self.read_state()? {
            Some(read) => (Some(read.header), read.records),
            None => (None, Records::default()),
        })
    }

    /// The state, read without its lock; none where nothing was recorded yet.
    pub(super) fn read_state(&self) -> Result<Option<Reading>, Failure> {
        match StateStore::read_at(&self.location, self.expected()) {
            Ok(read) => Ok(Some(read)),
            Err(StateError::Missing { .. }) if self.target.embedded().is_some() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The file of the state, where it is one.
    pub(super) fn state_file(&self) -> Option<&Path> {
        self.location.file()
    }

    /// Opens the state for writing. Only the embedded target may begin one by itself.
    pub(super) fn open_state(&self, lock_timeout: Option<Duration>) -> Result<StateStore, Failure> {
        Ok(self.lock_state(self.expected(), lock_timeout, Hold::Throughout)?)
    }

    /// Changes the state in one piece. A change that another run came before is made once more, on
    /// what that run left.
    pub(super) fn change_state<T>(
        &self,
        lock_timeout: Option<Duration>,
        mut change: impl FnMut(&StateStore) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let begun = Instant::now();
        loop {
            let store = self.lock_state(self.expected(), lock_timeout, Hold::AtTheEnd)?;
            let changed = change(&store);
            match store.close() {
                Err(StateError::Overtaken { .. })
                    if changed.is_ok() && begun.elapsed() < CHANGE_LIMIT => {}
                closed => {
                    let changed = changed?;
                    return Ok(closed.map(|()| changed)?);
                }
            }
        }
    }

    /// [`Session::open_state`] for a state of which more is expected.
    pub(super) fn lock_state(
        &self,
        expected: Expected<'_>,
        lock_timeout: Option<Duration>,
        hold: Hold,
    ) -> Result<StateStore, StateError> {
        let options = WriteOptions {
            create: self.target.embedded().is_some(),
            lock_timeout,
            hold,
        };
        let ui = self.ui;
        StateStore::open(&self.location, expected, options, &mut |holder| {
            let holder = holder.map(|holder| {
                let run = holder.run.as_ref().map(|run| format!(", {}", clean(run)));
                let (host, run) = (clean(&holder.host), run.unwrap_or_default());
                format!(" (process {} on {host}{run})", holder.pid)
            });
            let holder = holder.unwrap_or_default();
            let _ = ui.note(format!(
                "waiting for another run that writes the state{holder}"
            ));
        })
    }

    /// An embedded service that is not running runs no job; starting it would.
    pub(super) fn check_running(&self) -> Result<(), Failure> {
        let embedded = self.target.embedded();
        if embedded.is_none_or(|service| service::running_at(&service.data).is_some()) {
            return Ok(());
        }
        let problem = Diagnostic::error("not-running", "the embedded service is not running");
        Err(problem
            .help("start it with `stocktake serve`, and ask from another terminal")
            .into())
    }

    /// Which state belongs to the target.
    pub(super) fn expected(&self) -> Expected<'_> {
        Expected {
            target: &self.target.name,
            lineage: None,
        }
    }

    /// What the target allows one plan to do.
    pub(super) fn limits(&self, max_submissions: Option<usize>) -> Limits {
        Limits {
            max_submissions: max_submissions.or(self.target.max_submissions),
            max_objects: self.target.max_objects,
            max_bytes: self.target.max_bytes,
            max_cost: self.target.max_cost,
        }
    }

    /// The plan for those of `jobs` that are named; a name that stands for no job is a mistake.
    pub(super) fn plan_only(
        &self,
        jobs: Vec<Arc<Job>>,
        records: &Records,
        max_submissions: Option<usize>,
        only: &[String],
    ) -> Result<Plan, Failure> {
        let selection = Selection::new(only.to_vec());
        if let Some(unknown) = selection.unknown(&jobs) {
            return Err(unknown_key(unknown, &jobs).into());
        }
        let limits = self.limits(max_submissions);
        Ok(plan::plan_selected(jobs, records, limits, &selection))
    }

    /// The plan that submits those of the named jobs once more that failed.
    pub(super) fn plan_retry(
        &self,
        jobs: Vec<Arc<Job>>,
        records: &Records,
        max_submissions: Option<usize>,
        names: &[String],
    ) -> Result<Plan, Failure> {
        let selection = Selection::new(names.to_vec());
        if let Some(unknown) = selection.unknown(&jobs) {
            return Err(unknown_key(unknown, &jobs).into());
        }
        let limits = self.limits(max_submissions);
        plan::plan_retry(jobs, records, limits, &selection).ok_or_else(|| {
            let problem = Diagnostic::error("nothing-failed", "none of these jobs failed");
            problem
                .help("nothing was sent; `stocktake status --state Failed,Cancel` shows the jobs that did")
                .into()
        })
    }
}

/// The job of that key; a key that stands for none is a mistake.
pub(super) fn job_of<'a>(jobs: &'a [Arc<Job>], key: &JobKey) -> Result<&'a Job, Failure> {
    let job = jobs.iter().find(|job| job.key == *key);
    let job = job.map(Arc::as_ref);
    job.ok_or_else(|| unknown_key(key.as_str(), jobs).into())
}

fn unknown_key(key: &str, jobs: &[Arc<Job>]) -> Diagnostic {
    let keys: Vec<String> = jobs.iter().map(|job| job.key.to_string()).collect();
    let problem = Diagnostic::error("unknown-key", format!("there is no job `{key}`"));
    match closest(key, keys.iter().map(String::as_str)) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help("`stocktake plan --all` lists every job"),
    }
}

/// The folder that the search for the workspace begins in.
fn start_folder(options: &GlobalOptions) -> Result<PathBuf, Failure> {
    match options.start.metadata() {
        Ok(_) => Ok(options.start.clone()),
        Err(error) => {
            let shown = printable(&options.start);
            let message = format!("cannot open the folder {shown}: {error}");
            Err(Diagnostic::error("folder", message).into())
        }
    }
}

/// The workspace that the options lead to.
pub(super) fn workspace(options: &GlobalOptions) -> Result<Workspace, Failure> {
    let root = workspace_root(&start_folder(options)?)?;
    Ok(Workspace::open(&root)?)
}

fn workspace_root(start: &Path) -> Result<PathBuf, Failure> {
    let root = workspace::find(start).map_err(|error| {
        let problem = Diagnostic::error("no-workspace", error.to_string());
        problem.help("go to the folder of one, name it with -C, or begin one with `stocktake init`")
    })?;
    Ok(root)
}

/// A folder above `start`, as seen from there.
fn relative(root: &Path, start: &Path) -> PathBuf {
    let levels = start
        .strip_prefix(root)
        .map_or(0, |rest| rest.components().count());
    std::iter::repeat_n("..", levels).collect()
}

/// The values of variables that the environment and the command line give; the latter win.
pub(super) fn given_variables(
    settings: &Settings,
    options: &GlobalOptions,
) -> Vec<(String, String)> {
    [settings.variables.as_slice(), &options.variables].concat()
}
