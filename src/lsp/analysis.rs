//! One workspace, kept up to date: what `validate` would say of it with the texts of the editor.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::worker::{Choices, Follow, Watch};
use crate::diagnostic::Diagnostic;
use crate::document::Syntax;
use crate::job::Job;
use crate::jobfile::open_texts::OpenTexts;
use crate::load::{self, Cache, ChangedFiles};
use crate::state::{Expected, Records, StateError, StateStore};
use crate::watch::{ChangeSet, WatchPaths};
use crate::workspace::{self, FILE_NAME, JOBS_FOLDER, Target, Workspace};

/// A workspace file that is valid, and the target that was chosen of it.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) workspace: Workspace,
    pub(super) target: Target,
    /// Absent for a state that is no file.
    state: Option<PathBuf>,
    pub(super) variables: BTreeMap<String, String>,
}

/// What a workspace came to at one moment.
#[derive(Debug, Clone)]
pub(super) struct Analysis {
    pub(super) root: PathBuf,
    pub(super) findings: Vec<Diagnostic>,
    /// Of the last workspace file that was valid.
    pub(super) setup: Option<Arc<Setup>>,
    pub(super) jobs: Vec<Arc<Job>>,
    /// Absent where the state cannot be read here.
    pub(super) records: Option<Arc<Records>>,
    /// The versions of the documents that it was made of.
    pub(super) versions: BTreeMap<PathBuf, i32>,
}

/// A workspace that is followed.
pub(super) struct Followed {
    root: PathBuf,
    /// Of the last workspace file that was valid.
    setup: Option<Arc<Setup>>,
    /// What is wrong with the workspace itself.
    problems: Vec<Diagnostic>,
    cache: Option<Cache>,
    has_links: bool,
    is_there: bool,
    records: Option<Arc<Records>>,
    follow: Follow,
    watched: WatchPaths,
}

impl Followed {
    /// Knows nothing yet; the first update reads everything.
    pub(super) fn new(root: &Path, watch: &Watch, report: Box<dyn Fn(ChangeSet) + Send>) -> Self {
        let watched = WatchPaths {
            root: root.to_path_buf(),
            exclude: Vec::new(),
            state: root.join(FILE_NAME),
        };
        Self {
            root: root.to_path_buf(),
            setup: None,
            problems: Vec::new(),
            cache: None,
            has_links: false,
            is_there: false,
            records: None,
            follow: watch(watched.clone(), report),
            watched,
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// When another period of a job will have passed.
    pub(super) fn next_period(&self) -> Option<Timestamp> {
        let is_read = self.is_there && self.problems.is_empty();
        let cache = self.cache.as_ref().filter(|_| is_read);
        cache?.next_period()
    }

    /// Whether one of these files can matter here.
    pub(super) fn is_concerned(&self, changed: &BTreeSet<PathBuf>) -> bool {
        changed.iter().any(|path| path.starts_with(&self.root))
    }

    /// Takes in changes of documents and of the disk.
    pub(super) fn update(
        &mut self,
        choices: &Choices,
        texts: &OpenTexts,
        changed: &BTreeSet<PathBuf>,
        disk: &ChangeSet,
    ) -> Analysis {
        let is_there = workspace::find(&self.root).is_ok_and(|root| root == self.root);
        let came = is_there && !self.is_there;
        self.is_there = is_there;
        let reopens = came || disk.workspace_file || changed.contains(&self.root.join(FILE_NAME));
        if reopens {
            self.reopen(choices, texts);
        }
        let files = if came {
            ChangedFiles::Anywhere
        } else {
            self.files(changed, &disk.files)
        };
        // What changes while the files are read is noticed, and they are read again.
        if files == ChangedFiles::Anywhere || reopens {
            self.follow_paths();
        }
        let names_some = !matches!(&files, ChangedFiles::Files(files) if files.is_empty());
        if is_there && self.problems.is_empty() {
            self.read(choices, texts, &files);
        } else if names_some {
            // What changes meanwhile is found when all is well again.
            self.is_there = false;
        }
        if reopens || disk.state {
            self.records = self.setup.as_deref().and_then(read_state).map(Arc::new);
        }
        self.analysis(is_there)
    }

    fn analysis(&self, is_there: bool) -> Analysis {
        let cache = self.cache.as_ref();
        let findings = match cache {
            _ if !is_there => Vec::new(),
            Some(cache) if self.problems.is_empty() => cache.findings(),
            _ => self.problems.clone(),
        };
        let jobs = cache.into_iter().flat_map(Cache::jobs);
        Analysis {
            root: self.root.clone(),
            findings,
            setup: self.setup.clone(),
            jobs: jobs.cloned().collect(),
            records: self.records.clone(),
            versions: BTreeMap::new(),
        }
    }

    /// The job files that documents and the disk name.
    fn files(&self, changed: &BTreeSet<PathBuf>, disk: &ChangedFiles) -> ChangedFiles {
        let ChangedFiles::Files(on_disk) = disk else {
            return ChangedFiles::Anywhere;
        };
        let mut files = on_disk.clone();
        let jobs = self.root.join(JOBS_FOLDER);
        for path in changed.iter().filter(|path| Syntax::of(path).is_some()) {
            let is_known = self
                .cache
                .as_ref()
                .is_some_and(|cache| cache.files().any(|file| file.path == *path));
            // A link may lead to any file, and a new file may be one that is not looked at.
            if self.has_links || (!is_known && path.starts_with(&jobs)) {
                return ChangedFiles::Anywhere;
            }
            if is_known {
                files.insert(path.clone());
            }
        }
        ChangedFiles::Files(files)
    }

    fn reopen(&mut self, choices: &Choices, texts: &OpenTexts) {
        match open(&self.root, choices, texts) {
            Ok(setup) => {
                self.setup = Some(Arc::new(setup));
                self.problems.clear();
            }
            Err(problems) => self.problems = problems,
        }
    }

    fn read(&mut self, choices: &Choices, texts: &OpenTexts, files: &ChangedFiles) {
        let Some(setup) = &self.setup else { return };
        let now = choices.now.unwrap_or_else(Timestamp::now);
        let context = load::context(&setup.target, setup.variables.clone(), now);
        let exclude = load::bucket_folders(&setup.target);
        let cache = self
            .cache
            .get_or_insert_with(|| Cache::new(&self.root, context.clone()));
        cache.set_open_texts(texts.clone());
        cache.update(files, &exclude, context);
        match files {
            ChangedFiles::Files(files) => {
                self.has_links |= files.iter().any(|file| file.is_symlink());
            }
            ChangedFiles::Anywhere => {
                self.has_links = cache.files().any(|file| file.path.is_symlink());
            }
        }
    }

    /// Follows folders that came or went.
    fn follow_paths(&mut self) {
        if let Some(setup) = &self.setup {
            self.watched.exclude = load::bucket_folders(&setup.target);
            if let Some(state) = &setup.state {
                self.watched.state.clone_from(state);
            }
        }
        (self.follow)(self.watched.clone());
    }
}

/// What is recorded; nothing yet is something that is known only of an embedded target.
fn read_state(setup: &Setup) -> Option<Records> {
    let expected = Expected {
        target: &setup.target.name,
        lineage: None,
    };
    match StateStore::read(setup.state.as_deref()?, expected) {
        Ok((_, records)) => Some(records),
        Err(StateError::Missing { .. }) if setup.target.embedded().is_some() => {
            Some(Records::default())
        }
        Err(error) => {
            tracing::debug!(%error, "the state cannot be read");
            None
        }
    }
}

/// Opens a workspace and the chosen target, as commands do.
fn open(root: &Path, choices: &Choices, texts: &OpenTexts) -> Result<Setup, Vec<Diagnostic>> {
    let workspace = Workspace::open_over(root, texts)?;
    let name = choices.target.as_deref();
    let name = name.unwrap_or_else(|| workspace.default_target());
    let target = workspace.target(name)?;
    let state = (choices.check)(&target)?;
    let variables = workspace.variables_given(name, &choices.variables);
    let variables = variables.map_err(|problem| vec![problem])?;
    Ok(Setup {
        workspace,
        target,
        state,
        variables,
    })
}
