//! The workspace: its root and its `stocktake.toml`.

pub mod file;
mod prices;
mod read;
mod state_address;
mod target;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, closest};
use crate::document::schema::Schema;
use crate::document::{self, Syntax};
use crate::jobfile::discover;
use crate::jobfile::open_texts::OpenTexts;
use crate::plain_text::printable;
use crate::source::{Place, SourceFile};

pub use file::NotifyForm;
use file::WorkspaceFile;
use read::TargetReader;
pub use state_address::{AddressError, StateAddress};
pub use target::{
    DATA_FOLDER, DEFAULT_CONFIRM, EmbeddedService, LOCAL, NodeProgram, Roles, Service, Target,
    WebIdentityRole, Workflow,
};

/// The name of the workspace file.
pub const FILE_NAME: &str = "stocktake.toml";

/// The folder of the job files.
pub const JOBS_FOLDER: &str = "jobs";

/// The JSON schema of the workspace file, as editors use it.
pub fn schema_json() -> serde_json::Value {
    Schema::<WorkspaceFile>::new().json().clone()
}

/// A folder with job files and, mostly, a workspace file.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
    source: Option<Arc<SourceFile>>,
    file: WorkspaceFile,
}

/// There is no workspace here or above.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no workspace: {} has no {JOBS_FOLDER} folder, and neither it nor a folder above has a {FILE_NAME}",
    printable(.start)
)]
pub struct NoWorkspace {
    /// Where the search began.
    pub start: PathBuf,
}

/// The folder of the workspace that `start` lies in: the nearest one, walking up, with a workspace
/// file, or else `start` itself if it has a folder of jobs. Folders of that name are common, so those of
/// its parents do not count.
pub fn find(start: &Path) -> Result<PathBuf, NoWorkspace> {
    let with_file = start.ancestors().find(|folder| has_workspace_file(folder));
    let with_jobs = || Some(start).filter(|folder| folder.join(JOBS_FOLDER).is_dir());
    let folder = with_file.or_else(with_jobs);
    folder.map(Path::to_path_buf).ok_or_else(|| NoWorkspace {
        start: start.to_path_buf(),
    })
}

/// Whether there is anything by that name: what is no readable file is an error, and not skipped.
fn has_workspace_file(folder: &Path) -> bool {
    let metadata = fs::symlink_metadata(folder.join(FILE_NAME));
    metadata.is_ok_and(|metadata| !metadata.is_dir())
}

impl Workspace {
    /// Reads the workspace file in `root`, if there is one.
    pub fn open(root: &Path) -> Result<Self, Vec<Diagnostic>> {
        Self::open_over(root, &OpenTexts::default())
    }

    /// [`Workspace::open`] with the texts of an editor before those on disk.
    pub fn open_over(root: &Path, open_texts: &OpenTexts) -> Result<Self, Vec<Diagnostic>> {
        let path = root.join(FILE_NAME);
        let mut workspace = Self {
            root: root.to_path_buf(),
            source: None,
            file: WorkspaceFile::default(),
        };
        // A link that leads nowhere is an error, not a missing file.
        if path.symlink_metadata().is_ok() || open_texts.has(&path) {
            let shown = Path::new(FILE_NAME);
            discover::check_link(root, &path, shown).map_err(|problem| vec![problem])?;
            let source = open_texts.open_as(&path, shown);
            let source = source.map_err(|problem| vec![problem])?;
            let (file, problems) =
                document::read(&source, Syntax::Toml, &Schema::<WorkspaceFile>::new());
            workspace.file = file.ok_or(problems)?;
            workspace.source = Some(source);
        }
        Ok(workspace)
    }

    /// The workspace file, if there is one.
    pub fn source(&self) -> Option<&SourceFile> {
        self.source.as_deref()
    }

    /// In which form a webhook is told what happens; `None` where nobody is.
    pub fn notify(&self) -> Option<NotifyForm> {
        self.file.notify.map(|notify| notify.form)
    }

    /// The folder of the workspace.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The name of the target that commands use when none is named.
    pub fn default_target(&self) -> &str {
        self.file
            .default_target
            .as_ref()
            .map_or(LOCAL, |name| &name.value)
    }

    /// The target `name` with everything filled in, or all that is wrong with it.
    pub fn target(&self, name: &str) -> Result<Target, Vec<Diagnostic>> {
        let spec = self
            .file
            .targets
            .0
            .iter()
            .find(|(other, _)| other.value == name);
        match (spec, &self.source) {
            (Some((name, spec)), Some(source)) => {
                TargetReader::new(&self.root, source, name, spec).read()
            }
            _ if name == LOCAL => Ok(Target::local(&self.root)),
            _ => Err(vec![self.unknown_target(name)]),
        }
    }

    /// The names of all targets.
    pub fn target_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .file
            .targets
            .0
            .iter()
            .map(|(name, _)| name.value.clone())
            .collect();
        if !names.iter().any(|name| name == LOCAL) {
            names.push(LOCAL.to_owned());
        }
        names.sort();
        names
    }

    /// Variables with the values that the workspace gives them for `target`: those of the target go
    /// before those of the workspace.
    pub fn variables(&self, target: &str) -> BTreeMap<String, String> {
        let spec = self
            .file
            .targets
            .0
            .iter()
            .find(|(name, _)| name.value == target);
        let of_target = spec.into_iter().flat_map(|(_, spec)| &spec.vars.0);
        let all = self.file.vars.0.iter().chain(of_target);
        all.map(|(name, value)| (name.value.clone(), value.value.clone()))
            .collect()
    }

    /// [`Workspace::variables`] with values from elsewhere, of which later ones win. A variable that no
    /// file declares is a misspelt one.
    pub fn variables_given(
        &self,
        target: &str,
        given: &[(String, String)],
    ) -> Result<BTreeMap<String, String>, Diagnostic> {
        let mut variables = self.variables(target);
        let declared: Vec<String> = variables.keys().cloned().collect();
        for (name, value) in given {
            if !variables.contains_key(name) {
                let message = format!("the variable `{name}` is not declared");
                let problem = Diagnostic::error("undeclared-variable", message);
                let help = match closest(name, declared.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("declare it in {FILE_NAME} under [vars], with its usual value"),
                };
                return Err(problem.help(help));
            }
            variables.insert(name.clone(), value.clone());
        }
        Ok(variables)
    }

    /// Whether `target` itself gives the variable its value.
    pub fn is_variable_of_target(&self, target: &str, variable: &str) -> bool {
        let mut targets = self.file.targets.0.iter();
        let spec = targets.find(|(name, _)| name.value == target);
        spec.is_some_and(|(_, spec)| spec.vars.0.iter().any(|(name, _)| name.value == variable))
    }

    fn unknown_target(&self, name: &str) -> Diagnostic {
        let names = self.target_names();
        let problem = Diagnostic::error("unknown-target", format!("there is no target `{name}`"));
        let problem = match (&self.file.default_target, &self.source) {
            (Some(written), Some(source)) if written.value == name => {
                problem.at(Place::new(source, written.span))
            }
            _ => problem,
        };
        // `-target=ADDRESS` of Terraform is `-t arget=ADDRESS` here.
        if let Some(job) = name.strip_prefix("arget=") {
            return problem.help(format!(
                "`--only {job}` chooses jobs; -t takes the name of a target"
            ));
        }
        match closest(name, names.iter().map(String::as_str)) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help(format!("{FILE_NAME} has: {}", names.join(", "))),
        }
    }
}
