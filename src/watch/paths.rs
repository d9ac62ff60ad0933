//! The files and folders that a plan depends on.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind};

use super::debounce::Change;
use crate::document::Syntax;
use crate::files;
use crate::jobfile::discover;
use crate::workspace::{FILE_NAME, JOBS_FOLDER};

/// What to keep an eye on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchPaths {
    /// The workspace.
    pub root: PathBuf,
    /// Folders without job files.
    pub exclude: Vec<PathBuf>,
    /// The state file.
    pub state: PathBuf,
}

/// The paths as they are on disk at one moment.
#[derive(Debug)]
pub(super) struct WatchSet {
    paths: WatchPaths,
    jobs: PathBuf,
    /// The folders whose entries matter.
    pub(super) folders: BTreeSet<PathBuf>,
    /// The links on the way to the workspace and its job files, and where they lead.
    linked: BTreeSet<PathBuf>,
    /// The same for the workspace file and the state, with those themselves.
    workspace_file_way: BTreeSet<PathBuf>,
    state_way: BTreeSet<PathBuf>,
}

impl WatchSet {
    /// Looks at the disk.
    pub(super) fn of(paths: WatchPaths) -> Self {
        let jobs = paths.root.join(JOBS_FOLDER);
        let workspace_file = paths.root.join(FILE_NAME);
        let (mut folders, mut linked) = discover::folders(&jobs, &paths.root, &paths.exclude);
        linked.extend(files::links_to(&jobs));
        linked.remove(&jobs);
        let way = |path: &Path| {
            let mut way: BTreeSet<PathBuf> = files::links_to(path).into_iter().collect();
            way.insert(path.to_path_buf());
            way
        };
        let (workspace_file_way, state_way) = (way(&workspace_file), way(&paths.state));
        folders.insert(paths.root.clone());
        folders.extend(nearest_folder(&paths.state));
        let link_targets = linked.iter().chain(&workspace_file_way).chain(&state_way);
        let parents = link_targets.filter_map(|path| path.parent());
        folders.extend(
            parents
                .filter(|folder| folder.is_dir())
                .map(Path::to_path_buf),
        );
        Self {
            paths,
            jobs,
            folders,
            linked,
            workspace_file_way,
            state_way,
        }
    }

    /// The folders without which nothing is noticed.
    pub(super) fn roots(&self) -> [&Path; 2] {
        [&self.paths.root, &self.jobs]
    }

    /// What an event says about the paths; most say nothing.
    pub(super) fn changes(&self, event: &Event) -> Vec<Change> {
        if event.need_rescan() {
            return vec![Change::Anywhere, Change::WorkspaceFile, Change::State];
        }
        match event.kind {
            // To look at a file is an event, too; ours would never end.
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => {}
            EventKind::Access(_) => return Vec::new(),
            _ => {}
        }
        let changes = event.paths.iter().map(|path| self.change(path, event.kind));
        changes.flatten().collect()
    }

    fn change(&self, path: &Path, kind: EventKind) -> Vec<Change> {
        let is_linked = self.linked.contains(path) || path == self.paths.root;
        let known = [
            (
                self.workspace_file_way.contains(path),
                Change::WorkspaceFile,
            ),
            (self.state_way.contains(path), Change::State),
            (is_linked, Change::Anywhere),
        ];
        let known: Vec<Change> = known
            .into_iter()
            .filter_map(|(is, change)| is.then_some(change))
            .collect();
        if !known.is_empty() {
            return known;
        }
        let is_folder = || !is_content(kind) && (self.folders.contains(path) || path.is_dir());
        if self.paths.state.starts_with(path) && is_folder() {
            return vec![Change::Anywhere, Change::State];
        }
        if !self.may_hold_jobs(path) {
            return Vec::new();
        }
        match Syntax::of(path) {
            _ if is_folder() || (!is_content(kind) && is_link(path)) => vec![Change::Anywhere],
            Some(_) => vec![Change::JobFile(path.to_path_buf())],
            None => Vec::new(),
        }
    }

    fn may_hold_jobs(&self, path: &Path) -> bool {
        let Ok(inside) = path.strip_prefix(&self.jobs) else {
            return false;
        };
        let is_hidden = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
        let excluded = |folder: &PathBuf| path.starts_with(self.paths.root.join(folder));
        !inside.iter().any(is_hidden) && !self.paths.exclude.iter().any(excluded)
    }
}

/// Whether an event is about what a file holds, not about whether it is there.
fn is_content(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Access(_)
            | EventKind::Modify(
                notify::event::ModifyKind::Data(_) | notify::event::ModifyKind::Metadata(_)
            )
    )
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
}

/// The folder that a file is in or will be in, or else the nearest one above that is there.
fn nearest_folder(path: &Path) -> Option<PathBuf> {
    let mut above = path.ancestors().skip(1);
    above.find(|folder| folder.is_dir()).map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use notify::event::{AccessKind, AccessMode, CreateKind, DataChange, ModifyKind, RenameMode};
    use notify::{Event, EventKind};

    use super::{WatchPaths, WatchSet};
    use crate::watch::debounce::Change;

    const WRITE: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));

    #[test]
    fn only_what_a_plan_depends_on_is_a_sign() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for made in ["jobs/a", "jobs/bucket/video", ".stocktake"] {
            std::fs::create_dir_all(root.join(made)).unwrap();
        }
        let set = WatchSet::of(WatchPaths {
            root: root.to_path_buf(),
            exclude: vec![PathBuf::from("jobs/bucket")],
            state: root.join(".stocktake/local.state.jsonl"),
        });
        assert!(!set.folders.contains(&root.join("jobs/bucket")));
        let changes =
            |path: &str, kind: EventKind| set.changes(&Event::new(kind).add_path(root.join(path)));
        let job_file = |path: &str| vec![Change::JobFile(Path::new(root).join(path))];
        let rename = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        assert_eq!(changes("jobs/x.yaml", WRITE), job_file("jobs/x.yaml"));
        assert_eq!(changes("jobs/a/x.toml", rename), job_file("jobs/a/x.toml"));
        assert_eq!(changes("jobs/a/x.toml", closed), job_file("jobs/a/x.toml"));
        assert_eq!(changes("stocktake.toml", rename), [Change::WorkspaceFile]);
        assert_eq!(
            changes(".stocktake/local.state.jsonl", WRITE),
            [Change::State]
        );
        let created = EventKind::Create(CreateKind::Folder);
        assert_eq!(changes("jobs/a", created), [Change::Anywhere]);
        for (path, kind) in [
            ("jobs/x.yaml", opened),
            ("jobs/.x.yaml.swp", WRITE),
            ("jobs/.#x.yaml", WRITE),
            ("jobs/x.yaml~", rename),
            ("jobs/4913", WRITE),
            ("jobs/#x.yaml#", WRITE),
            ("jobs/.git/a.yaml", WRITE),
            ("jobs/bucket/video/a.yaml", WRITE),
            ("README.md", WRITE),
            (".git/index", rename),
            (".stocktake/local.state.jsonl.lock", WRITE),
            (".stocktake/.stocktake-state-abc", rename),
        ] {
            assert_eq!(changes(path, kind), [], "{path}");
        }
    }
}
