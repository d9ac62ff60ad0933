//! A workflow of several nodes over one object, node by node in the order of the links.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::command::{self, Outcome, Output, Subject, Surroundings};
use super::context::{RunnerContext, Stop};
use super::message::cut;
use super::object_name::Names;
use crate::api::name::BucketName;
use crate::api::wire::{Definition, Element, JobState, Node, find};
use crate::service::bucket::{Bucket, is_plain};
use crate::service::settings::NodeSettings;
use crate::service::store::{StoreError, StoredTask};
use crate::service::{ids, objects, topology};

/// One run of a definition.
pub(super) struct NodeRun<'a> {
    pub(super) context: &'a Arc<RunnerContext>,
    pub(super) bucket: &'a Arc<Bucket>,
    pub(super) definition: &'a Definition,
    /// The object that the run is about.
    pub(super) key: &'a str,
    /// Its id.
    pub(super) run: &'a str,
    /// Where results go that are no objects.
    pub(super) results: PathBuf,
}

/// How a task ended, and where its object is, if it wrote one.
type TaskEnd = (Outcome, Option<PathBuf>);

impl NodeRun<'_> {
    /// Runs the nodes until one fails.
    pub(super) async fn run(&self, stop: watch::Receiver<Stop>) -> Result<Outcome, StoreError> {
        let store = &self.context.store;
        store.forget_tasks(self.run.to_owned()).await?;
        let topology = &self.definition.topology;
        let order = match topology::order(topology) {
            Ok(order) => order,
            Err(problem) => return Ok(Outcome::Failed(problem)),
        };
        // What each node reads: the object that a node before it wrote, or what that one read.
        let mut inputs: BTreeMap<&str, PathBuf> = BTreeMap::new();
        for name in order {
            if *stop.borrow() != Stop::GoOn {
                return Ok(Outcome::Stopped);
            }
            let Some(node) = topology.nodes.get(name) else {
                continue;
            };
            let whole = || self.bucket.path(self.key);
            let input = inputs.remove(name).unwrap_or_else(whole);
            let mut task = StoredTask {
                id: ids::task_id(),
                execution: self.run.to_owned(),
                node: name.to_owned(),
                kind: node.kind.clone(),
                state: JobState::Running,
                message: String::new(),
                created: Timestamp::now(),
                ended: None,
            };
            store.note_tasks(vec![task.clone()]).await?;
            let (outcome, written) = self.task(node, &task, &input, stop.clone()).await?;
            let (state, message) = match &outcome {
                Outcome::Success => (JobState::Success, String::new()),
                Outcome::Failed(message) => (JobState::Failed, cut(message.clone())),
                Outcome::Stopped => (JobState::Cancel, "ended".to_owned()),
            };
            task.state = state;
            task.message = message;
            task.ended = Some(Timestamp::now());
            store.note_tasks(vec![task]).await?;
            match outcome {
                Outcome::Success => {}
                Outcome::Failed(message) => {
                    return Ok(Outcome::Failed(format!("{name}: {message}")));
                }
                Outcome::Stopped => return Ok(Outcome::Stopped),
            }
            let passed = written.unwrap_or(input);
            for next in topology.dependencies.get(name).into_iter().flatten() {
                inputs.entry(next).or_insert_with(|| passed.clone());
            }
        }
        Ok(Outcome::Success)
    }

    async fn task(
        &self,
        node: &Node,
        task: &StoredTask,
        input: &Path,
        stop: watch::Receiver<Stop>,
    ) -> Result<TaskEnd, StoreError> {
        let failed = |message: String| Ok((Outcome::Failed(message), None));
        let Some(settings) = self.context.nodes.get(&node.kind) else {
            return failed(no_command(&node.kind));
        };
        let place = match self.place(node, &task.id) {
            Ok(place) => place,
            Err(problem) => return failed(problem),
        };
        let file = self.context.running.join(format!("{}.object", task.id));
        let ended = match settings {
            NodeSettings::Copy => fs::copy(input, &file).map(|_| Outcome::Success),
            NodeSettings::Command(_) => self.command(settings, task, input, &file, stop).await,
        };
        let outcome = ended.unwrap_or_else(|error| Outcome::Failed(error.to_string()));
        let end = match (outcome, place) {
            (Outcome::Success, Some((bucket, key))) => {
                match self.keep(&file, &bucket, &key).await? {
                    Ok(path) => (Outcome::Success, Some(path)),
                    Err(problem) => (Outcome::Failed(problem), None),
                }
            }
            (outcome, _) => (outcome, None),
        };
        let _ = fs::remove_file(&file);
        Ok(end)
    }

    async fn command(
        &self,
        settings: &NodeSettings,
        task: &StoredTask,
        input: &Path,
        file: &Path,
        stop: watch::Receiver<Stop>,
    ) -> io::Result<Outcome> {
        let NodeSettings::Command(settings) = settings else {
            return Ok(Outcome::Success);
        };
        let output = Output::new(&self.context.running, &task.id);
        let subject = Subject {
            object: input,
            key: self.key,
            bucket: self.bucket.name.as_str(),
            output: Some(file),
        };
        let surroundings = Surroundings {
            folder: &self.context.working_folder,
            environment: &self.context.environment,
        };
        let ended = command::run(settings, surroundings, subject, &output, stop).await;
        if matches!(ended, Ok(Outcome::Success)) {
            output.keep(&self.results.join(&task.node).join(self.key))?;
        }
        output.discard();
        ended
    }

    /// Where the object of a node goes; `None` for a node that writes none.
    fn place(&self, node: &Node, task: &str) -> Result<Option<(Arc<Bucket>, String)>, String> {
        let operation = find(&node.elements, "Operation");
        let Some(output) = operation.and_then(|operation| operation.find("Output")) else {
            return Ok(None);
        };
        let text = |name: &str| {
            let text = output.find(name).and_then(Element::as_text);
            text.filter(|text| !text.is_empty())
        };
        let object = ["Object", "AuObject", "SpriteObject"]
            .iter()
            .find_map(|name| text(name));
        let Some(object) = object else {
            return Ok(None);
        };
        let names = Names {
            key: self.key,
            run: self.run,
            task,
        };
        let key = names.fill(object)?;
        if !is_plain(&key) {
            return Err(format!("`{key}` cannot be the key of an object here"));
        }
        let bucket = match text("Bucket") {
            None => self.bucket,
            Some(name) => {
                let bucket = BucketName::new(name).ok();
                let bucket = bucket.and_then(|name| self.context.buckets.get(&name));
                bucket.ok_or_else(|| format!("there is no bucket `{name}` here to write to"))?
            }
        };
        Ok(Some((Arc::clone(bucket), key)))
    }

    /// Makes an object of what a node wrote. The inner result is what is wrong with it.
    async fn keep(
        &self,
        file: &Path,
        bucket: &Arc<Bucket>,
        key: &str,
    ) -> Result<Result<PathBuf, String>, StoreError> {
        let (from, into, owned) = (file.to_owned(), Arc::clone(bucket), key.to_owned());
        let _placing = self.context.placing.lock().await;
        let kept = tokio::task::spawn_blocking(move || {
            let mut from = match File::open(&from) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(io::Error::other("the command wrote nothing to {output}"));
                }
                Err(error) => return Err(error),
            };
            let mut new = into.new_file()?;
            io::copy(&mut from, &mut new)?;
            new.flush()?;
            new.sync()?;
            into.keep(new, &owned)
        });
        match kept.await.map_err(|_| StoreError::Closed)? {
            Ok(object) => {
                let stamp = object.as_ref().map(objects::stamp);
                let store = &self.context.store;
                store
                    .forget_object_records(bucket.name.clone(), key.to_owned(), stamp)
                    .await?;
                Ok(Ok(bucket.path(key)))
            }
            Err(error) => Ok(Err(format!("`{key}`: {error}"))),
        }
    }
}

/// A node without a command fails, because a run that did nothing would look like one that did.
fn no_command(kind: &str) -> String {
    format!(
        "no command for {kind} nodes; add to stocktake.toml: [targets.local.nodes.{kind}] \
         command = [\"cp\", \"{{object}}\", \"{{output}}\"]"
    )
}
