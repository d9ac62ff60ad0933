//! The workflows of one bucket: found, shown, written down, changed.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{ChangeArgs, WorkflowCommand};
use crate::api::client::{CallError, ListQuery};
use crate::api::name::{BucketName, Region, WorkflowId};
use crate::api::wire::{JobState, WorkflowDetail};
use crate::cli::approval;
use crate::cli::connection::Connection;
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, call_problem, credentials_refused};
use crate::cli::session::Session;
use crate::diagnostic::{Diagnostic, closest};
use crate::files;
use crate::jobfile::written_workflow::{NewWorkflow, workflow_file};
use crate::load::ReadBack;
use crate::plain_text::{one_line, printable};
use crate::report::{self, WorkflowLine};
use crate::workflow::{DeclaredWorkflow, differences};
use crate::workspace::JOBS_FOLDER;

/// The code of the finding that a name stands for no workflow.
const UNKNOWN: &str = "unknown-workflow";

/// The bucket whose workflows are asked for.
pub(super) struct BucketWorkflows<'a> {
    pub(super) session: &'a Session,
    pub(super) connection: &'a Connection,
    pub(super) bucket: BucketName,
    pub(super) region: Region,
}

impl BucketWorkflows<'_> {
    pub(super) async fn run(&self, command: &WorkflowCommand) -> Result<Exit, Failure> {
        let all = self
            .connection
            .client
            .all_workflows()
            .await
            .map_err(refused)?;
        let declared = self.declared();
        match command {
            WorkflowCommand::List => {
                let lines: Vec<_> = all.iter().map(|workflow| self.line(workflow)).collect();
                let (mut out, look) = (self.session.ui.data(), self.session.ui.look());
                report::workflow_list(&mut out, &lines, look)?;
            }
            WorkflowCommand::Show { workflow } => {
                let found = self.find(&all, &declared, workflow)?;
                self.show(found, &declared)?;
            }
            WorkflowCommand::Import {
                workflow,
                key,
                file,
            } => {
                let found = self.find(&all, &declared, workflow)?;
                let key = key.as_deref().unwrap_or(found.name());
                self.import(found, key, file.as_deref(), &declared)?;
            }
            WorkflowCommand::Pause(arguments) => {
                let found = self.find(&all, &declared, &arguments.workflow)?;
                self.set_state(found, arguments, false).await?;
            }
            WorkflowCommand::Activate(arguments) => {
                let found = self.find(&all, &declared, &arguments.workflow)?;
                self.set_state(found, arguments, true).await?;
            }
            WorkflowCommand::Delete(arguments) => {
                let found = self.find(&all, &declared, &arguments.workflow)?;
                self.delete(found, arguments).await?;
            }
        }
        Ok(Exit::Done)
    }

    /// The workflows that the files declare for this bucket. Files with mistakes are no reason to hide
    /// what the service has.
    fn declared(&self) -> BTreeMap<Arc<str>, Arc<DeclaredWorkflow>> {
        let loaded = self.session.load();
        let here = loaded
            .workflows
            .into_iter()
            .filter(|workflow| workflow.bucket == self.bucket && workflow.region == self.region);
        here.map(|workflow| (Arc::clone(&workflow.key), workflow))
            .collect()
    }

    fn line<'a>(&'a self, workflow: &'a WorkflowDetail) -> WorkflowLine<'a> {
        let names = self.session.target.workflow_names.iter();
        let mut of_id = names.filter(|(_, id)| id.as_str() == workflow.workflow_id);
        WorkflowLine {
            name: of_id.next().map(|(name, _)| name.as_str()),
            workflow,
        }
    }

    /// The workflow that a word stands for; one that stands for several, or for none, is a mistake.
    fn find<'a>(
        &self,
        all: &'a [WorkflowDetail],
        declared: &BTreeMap<Arc<str>, Arc<DeclaredWorkflow>>,
        word: &str,
    ) -> Result<&'a WorkflowDetail, Failure> {
        let id = self.session.target.workflow_names.get(word);
        let id = id.map_or(word, WorkflowId::as_str);
        if let Some(found) = all.iter().find(|workflow| workflow.workflow_id == id) {
            return Ok(found);
        }
        let name = declared.get(word);
        let name = name.map_or(word, |declared| declared.definition.name.as_str());
        let found = all.iter().filter(|workflow| workflow.name() == name);
        let found: Vec<&WorkflowDetail> = found.collect();
        match found.as_slice() {
            [found] => Ok(found),
            [] => {
                let message = format!("{} has no workflow `{word}`", self.bucket);
                let problem = Diagnostic::error(UNKNOWN, message);
                let names = self.session.target.workflow_names.keys();
                let names = names.map(String::as_str);
                let names = names.chain(all.iter().map(WorkflowDetail::name));
                Err(match closest(word, names) {
                    Some(near) => problem.help(format!("did you mean `{near}`?")),
                    None => problem.help("`stocktake workflow list` shows all of them"),
                }
                .into())
            }
            several => {
                let ids: Vec<&str> = several
                    .iter()
                    .map(|workflow| workflow.workflow_id.as_str())
                    .collect();
                let message = format!("`{word}` names several workflows: {}", ids.join(", "));
                Err(Diagnostic::error("ambiguous-workflow", message)
                    .help("name one by its id")
                    .into())
            }
        }
    }

    fn show(
        &self,
        found: &WorkflowDetail,
        declared: &BTreeMap<Arc<str>, Arc<DeclaredWorkflow>>,
    ) -> Result<(), Failure> {
        let line = self.line(found);
        let key = line.name.unwrap_or(found.name());
        let of_key = declared.get(key).or_else(|| {
            let mut declared = declared.values();
            declared.find(|declared| declared.definition.name == found.name())
        });
        let changes = of_key.map(|declared| differences(&found.definition, &declared.definition));
        let new = NewWorkflow {
            key,
            definition: &found.definition,
            active: found.active,
        };
        let text = workflow_file(&new, &schema_path(Path::new("")));
        let text = text.split_once('\n').map_or("", |(_, text)| text);
        let (mut out, look) = (self.session.ui.data(), self.session.ui.look());
        report::workflow_shown(&mut out, &line, text, changes.as_deref(), look)?;
        Ok(())
    }

    fn import(
        &self,
        found: &WorkflowDetail,
        key: &str,
        file: Option<&Path>,
        declared: &BTreeMap<Arc<str>, Arc<DeclaredWorkflow>>,
    ) -> Result<(), Failure> {
        if let Some(known) = declared.get(key) {
            let message = format!("the files declare a workflow `{key}` already");
            return Err(Diagnostic::error("duplicate-key", message)
                .at(known.source.clone())
                .help("give another --key, or compare them with `stocktake workflow show`")
                .into());
        }
        let new = NewWorkflow {
            key,
            definition: &found.definition,
            active: found.active,
        };
        let read_back = ReadBack::default();
        let checked = read_back.check_workflow(&new, &self.bucket, &self.region);
        checked.map_err(|error| {
            let field = error
                .field
                .map_or_else(String::new, |field| format!("`{field}`: "));
            let message = format!(
                "no job file can declare {}: {field}{}",
                found.workflow_id, error.problem
            );
            Diagnostic::error("inexpressible", message).help("nothing was written")
        })?;
        let shown = Path::new(JOBS_FOLDER)
            .join(file.map_or_else(|| PathBuf::from(format!("{key}.yaml")), Path::to_path_buf));
        let path = self.session.workspace.root().join(&shown);
        let text = workflow_file(&new, &schema_path(&shown));
        let failed = |error: std::io::Error| {
            let message = format!("cannot write {}: {error}", printable(&shown));
            Diagnostic::error("file", message)
                .help("nothing was written; --file names another file")
        };
        let folder = path.parent().unwrap_or(self.session.workspace.root());
        std::fs::create_dir_all(folder).map_err(failed)?;
        let mut draft = files::new_beside(&folder.join("new"), ".imported-").map_err(failed)?;
        let written = draft.write_all(text.as_bytes());
        written
            .and_then(|()| draft.as_file().sync_all())
            .map_err(failed)?;
        draft
            .persist_noclobber(&path)
            .map_err(|error| failed(error.error))?;
        let target = &self.session.target.name;
        let id = &found.workflow_id;
        let (file, key) = (printable(&shown), one_line(key));
        writeln!(self.session.ui.data(), "{file} declares {key}")?;
        if !self.session.target.workflow_names.contains_key(&key) {
            self.session.ui.note(format!(
                "jobs can name it once stocktake.toml does: [targets.{target}.workflow_names] {key} = \"{id}\""
            ))?;
        }
        Ok(())
    }

    async fn set_state(
        &self,
        found: &WorkflowDetail,
        arguments: &ChangeArgs,
        active: bool,
    ) -> Result<(), Failure> {
        let (id, done) = (id_of(found)?, if active { "active" } else { "paused" });
        let line = self.line(found);
        let name = one_line(line.name.unwrap_or(found.name()));
        if found.active == active {
            self.session
                .ui
                .note(format!("{name} ({id}) is {done} already"))?;
            return Ok(());
        }
        if !arguments.auto_approve {
            let question = if active {
                format!("From now on uploads start {name} ({id}), and are paid for. Activate it?")
            } else {
                format!("Uploads no longer start {name} ({id}). Pause it?")
            };
            approval::ask(self.session, &question)?;
        }
        self.connection
            .client
            .set_workflow_state(&id, active)
            .await
            .map_err(refused)?;
        writeln!(self.session.ui.data(), "{name} ({id}) is {done}")?;
        Ok(())
    }

    async fn delete(&self, found: &WorkflowDetail, arguments: &ChangeArgs) -> Result<(), Failure> {
        let id = id_of(found)?;
        let line = self.line(found);
        let name = one_line(line.name.unwrap_or(found.name()));
        if found.active {
            let message = format!("{name} ({id}) is active");
            return Err(Diagnostic::error("active-workflow", message)
                .help(format!("pause it first: stocktake workflow pause {id}"))
                .into());
        }
        let query = ListQuery {
            workflow_id: Some(id.clone()),
            states: vec![JobState::Submitted, JobState::Running, JobState::Pause],
            ..ListQuery::default()
        };
        let running = self.connection.client.list(&query).await;
        if let Some(job) = running.map_err(refused)?.first() {
            let message = format!("the batch job {} runs {name} ({id})", job.job_id);
            return Err(Diagnostic::error("running-jobs", message)
                .help("wait for its end, or cancel it first")
                .into());
        }
        if !arguments.auto_approve {
            let question = format!("{name} ({id}) cannot be brought back. Delete it?");
            approval::ask(self.session, &question)?;
        }
        let deleted = self.connection.client.delete_workflow(&id).await;
        deleted.map_err(refused)?;
        writeln!(self.session.ui.data(), "{name} ({id}) is deleted")?;
        Ok(())
    }
}

/// A call that failed. Each of them may be made again.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: CallError) -> Failure {
    let problem = credentials_refused(&error);
    let problem = problem.unwrap_or_else(|| call_problem("workflow", &error, "try again"));
    problem.into()
}

fn id_of(found: &WorkflowDetail) -> Result<WorkflowId, Failure> {
    WorkflowId::new(&found.workflow_id).map_err(|error| {
        let message = format!("the service's id `{}` {error}", found.workflow_id);
        Diagnostic::error(UNKNOWN, message).into()
    })
}

/// The path to the schema as seen from the folder of a file of the workspace.
fn schema_path(file: &Path) -> String {
    let depth = file.components().count().saturating_sub(1);
    format!("{}schema/jobfile.schema.json", "../".repeat(depth))
}
