//! The files and folders that a plan depends on.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind};

use super::inbox::Sign;
use crate::document::Syntax;
use crate::jobfile::discover;
use crate::workspace::{FILE_NAME, JOBS_FOLDER};

/// What to keep an eye on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The workspace.
    pub root: PathBuf,
    /// Folders without job files.
    pub exclude: Vec<PathBuf>,
    /// The state file.
    pub state: PathBuf,
}

/// The places as they are on disk at one moment.
#[derive(Debug)]
pub(super) struct Layout {
    places: Places,
    jobs: PathBuf,
    workspace_file: PathBuf,
    /// The folders whose entries matter.
    pub(super) folders: BTreeSet<PathBuf>,
    /// What the links among the job files lead to.
    linked: BTreeSet<PathBuf>,
    /// What the workspace file and the state lead to, where they are links.
    linked_workspace_file: Option<PathBuf>,
    linked_state: Option<PathBuf>,
}

impl Layout {
    /// Looks at the disk.
    pub(super) fn of(places: Places) -> Self {
        let jobs = places.root.join(JOBS_FOLDER);
        let workspace_file = places.root.join(FILE_NAME);
        let (mut folders, linked) = discover::folders(&jobs, &places.root, &places.exclude);
        let linked_workspace_file = behind_link(&workspace_file);
        let linked_state = behind_link(&places.state);
        folders.insert(places.root.clone());
        folders.extend(nearest_folder(&places.state));
        let behind_links = linked
            .iter()
            .chain(&linked_workspace_file)
            .chain(&linked_state);
        folders.extend(behind_links.filter_map(|path| path.parent().map(Path::to_path_buf)));
        Self {
            places,
            jobs,
            workspace_file,
            folders,
            linked,
            linked_workspace_file,
            linked_state,
        }
    }

    /// The folders without which nothing is noticed.
    pub(super) fn anchors(&self) -> [&Path; 2] {
        [&self.places.root, &self.jobs]
    }

    /// What an event says about the places; most say nothing.
    pub(super) fn signs(&self, event: &Event) -> Vec<Sign> {
        if event.need_rescan() {
            return vec![Sign::Anywhere, Sign::WorkspaceFile, Sign::State];
        }
        match event.kind {
            // To look at a file is an event, too; ours would never end.
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => {}
            EventKind::Access(_) => return Vec::new(),
            _ => {}
        }
        let signs = event.paths.iter().map(|path| self.sign(path, event.kind));
        signs.flatten().collect()
    }

    fn sign(&self, path: &Path, kind: EventKind) -> Vec<Sign> {
        let is = |known: &Option<PathBuf>| known.as_deref() == Some(path);
        if path == self.workspace_file || is(&self.linked_workspace_file) {
            return vec![Sign::WorkspaceFile];
        }
        if path == self.places.state || is(&self.linked_state) {
            return vec![Sign::State];
        }
        if self.linked.contains(path) || path == self.places.root {
            return vec![Sign::Anywhere];
        }
        let is_folder = || !is_content(kind) && (self.folders.contains(path) || path.is_dir());
        if self.places.state.starts_with(path) && is_folder() {
            return vec![Sign::Anywhere, Sign::State];
        }
        if !self.may_hold_jobs(path) {
            return Vec::new();
        }
        match Syntax::of(path) {
            _ if is_folder() || (!is_content(kind) && is_link(path)) => vec![Sign::Anywhere],
            Some(_) => vec![Sign::JobFile(path.to_path_buf())],
            None => Vec::new(),
        }
    }

    fn may_hold_jobs(&self, path: &Path) -> bool {
        let Ok(inside) = path.strip_prefix(&self.jobs) else {
            return false;
        };
        let is_hidden = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
        let excluded = |folder: &PathBuf| path.starts_with(self.places.root.join(folder));
        !inside.iter().any(is_hidden) && !self.places.exclude.iter().any(excluded)
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

fn behind_link(path: &Path) -> Option<PathBuf> {
    is_link(path).then(|| fs::canonicalize(path).ok()).flatten()
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

    use super::{Layout, Places};
    use crate::watch::inbox::Sign;

    const WRITE: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));

    #[test]
    fn only_what_a_plan_depends_on_is_a_sign() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for made in ["jobs/a", "jobs/bucket/video", ".stocktake"] {
            std::fs::create_dir_all(root.join(made)).unwrap();
        }
        let layout = Layout::of(Places {
            root: root.to_path_buf(),
            exclude: vec![PathBuf::from("jobs/bucket")],
            state: root.join(".stocktake/local.state.jsonl"),
        });
        assert!(!layout.folders.contains(&root.join("jobs/bucket")));
        let signs =
            |path: &str, kind: EventKind| layout.signs(&Event::new(kind).add_path(root.join(path)));
        let job_file = |path: &str| vec![Sign::JobFile(Path::new(root).join(path))];
        let rename = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        assert_eq!(signs("jobs/x.yaml", WRITE), job_file("jobs/x.yaml"));
        assert_eq!(signs("jobs/a/x.toml", rename), job_file("jobs/a/x.toml"));
        assert_eq!(signs("jobs/a/x.toml", closed), job_file("jobs/a/x.toml"));
        assert_eq!(signs("stocktake.toml", rename), [Sign::WorkspaceFile]);
        assert_eq!(signs(".stocktake/local.state.jsonl", WRITE), [Sign::State]);
        let created = EventKind::Create(CreateKind::Folder);
        assert_eq!(signs("jobs/a", created), [Sign::Anywhere]);
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
            assert_eq!(signs(path, kind), [], "{path}");
        }
    }
}
