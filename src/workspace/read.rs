//! From a target as written to a [`Target`]: every mistake found, each at its place.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use super::file::{ConfirmSpec, NodeProgramSpec, TargetSpec, WorkflowSpec};
use super::state_address::StateAddress;
use super::target::{
    DATA_FOLDER, DEFAULT_CONFIRM, DEFAULT_EMBEDDED_SETTLE, DEFAULT_EMBEDDED_TIMEOUT,
    EmbeddedService, LOOPBACK_WINDOW, NodeProgram, Roles, Service, Target, WebIdentityRole,
    Workflow, is_loopback,
};
use crate::api::name::{BucketName, NameError, Region, WorkflowId};
use crate::diagnostic::Diagnostic;
use crate::source::{Place, SourceFile, Span, Spanned};

/// The default `max_submissions` of a target that costs money.
const DEFAULT_MAX_SUBMISSIONS: usize = 100;

const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);

/// The body of a submission may arrive a minute after the end of its window.
const MIN_SETTLE: Duration = Duration::from_secs(75);

/// Half a minute is enough to send a submission, and short to wait for.
const DEFAULT_WINDOW: Duration = Duration::from_secs(30);
const MIN_WINDOW: Duration = Duration::from_secs(15);
const MIN_LOOPBACK_WINDOW: Duration = Duration::from_secs(2);
const MAX_WINDOW: Duration = Duration::from_mins(5);

const DEFAULT_TIME_LIMIT: Duration = Duration::from_hours(1);

/// Reads one target and collects what is wrong with it.
pub(super) struct TargetReader<'a> {
    root: &'a Path,
    source: &'a Arc<SourceFile>,
    name: &'a Spanned<String>,
    pub(super) spec: &'a TargetSpec,
    problems: Vec<Diagnostic>,
}

impl<'a> TargetReader<'a> {
    pub(super) fn new(
        root: &'a Path,
        source: &'a Arc<SourceFile>,
        name: &'a Spanned<String>,
        spec: &'a TargetSpec,
    ) -> Self {
        Self {
            root,
            source,
            name,
            spec,
            problems: Vec::new(),
        }
    }

    pub(super) fn read(mut self) -> Result<Target, Vec<Diagnostic>> {
        self.check_name();
        let spec = self.spec;
        let embedded = spec.service.is_some();
        let (default_timeout, default_settle) = if embedded {
            (DEFAULT_EMBEDDED_TIMEOUT, DEFAULT_EMBEDDED_SETTLE)
        } else {
            (DEFAULT_TIMEOUT, MIN_SETTLE)
        };
        let endpoint = spec.endpoint.as_ref();
        let on_loopback = embedded || endpoint.is_some_and(|url| is_loopback(&url.value));
        let workflow_names = self.workflow_names();
        let target = Target {
            name: self.name.value.clone(),
            service: if embedded {
                self.embedded()
            } else {
                self.remote()
            },
            bucket: spec
                .bucket
                .as_ref()
                .and_then(|text| self.named(text, "bucket", BucketName::new)),
            region: spec
                .region
                .as_ref()
                .and_then(|text| self.named(text, "region", Region::new)),
            state: self.state(embedded),
            max_submissions: match &spec.max_submissions {
                Some(limit) => Some(limit.value as usize),
                None => (!embedded).then_some(DEFAULT_MAX_SUBMISSIONS),
            },
            max_objects: spec.max_objects.as_ref().map(|limit| limit.value),
            max_bytes: self.max_bytes(),
            max_cost: self.max_cost(),
            prices: self.prices(&workflow_names),
            workflow_names,
            timeout: self.duration(spec.timeout.as_ref(), default_timeout),
            window: self.window(on_loopback),
            settle: self.settle(on_loopback, default_settle),
            rate: spec.rate.as_ref().map(|rate| rate.value),
            confirm: match spec.confirm.as_ref().map(|confirm| confirm.value) {
                Some(ConfirmSpec::Name) => self.name.value.clone(),
                Some(ConfirmSpec::Yes) | None => DEFAULT_CONFIRM.to_owned(),
            },
        };
        if let Some(rate) = &spec.rate
            && rate.value == 0
        {
            self.problem("rate", "a rate of 0 lets nothing through", rate.span);
        }
        if self.problems.is_empty() {
            Ok(target)
        } else {
            Err(self.problems)
        }
    }

    pub(super) fn problem(&mut self, code: &'static str, message: impl Into<String>, span: Span) {
        let place = Place::new(self.source, span);
        self.problems
            .push(Diagnostic::error(code, message).at(place));
    }

    /// The name becomes part of file names.
    fn check_name(&mut self) {
        let is_fine =
            |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
        if self.name.value.is_empty() || !self.name.value.chars().all(is_fine) {
            let message = format!(
                "`{}` cannot name a target: letters, digits, `-` and `_` can",
                self.name.value
            );
            self.problem("target-name", message, self.name.span);
        }
    }

    pub(super) fn named<T>(
        &mut self,
        text: &Spanned<String>,
        what: &str,
        new: impl Fn(&str) -> Result<T, NameError>,
    ) -> Option<T> {
        match new(&text.value) {
            Ok(name) => Some(name),
            Err(error) => {
                let message = format!("the {what} `{}` {error}", text.value);
                self.problem("invalid-name", message, text.span);
                None
            }
        }
    }

    fn duration(&mut self, text: Option<&Spanned<String>>, default: Duration) -> Duration {
        let Some(text) = text else { return default };
        let duration = text.value.parse::<SignedDuration>().ok();
        duration
            .and_then(|duration| Duration::try_from(duration).ok())
            .unwrap_or_else(|| {
                let message = format!(
                    "`{}` is not a length of time such as `30s` or `5m`",
                    text.value
                );
                self.problem("duration", message, text.span);
                default
            })
    }

    fn window(&mut self, on_loopback: bool) -> Duration {
        let (default, least) = if on_loopback {
            (LOOPBACK_WINDOW, MIN_LOOPBACK_WINDOW)
        } else {
            (DEFAULT_WINDOW, MIN_WINDOW)
        };
        let window = self.duration(self.spec.window.as_ref(), default);
        if let Some(text) = &self.spec.window
            && !(least..=MAX_WINDOW).contains(&window)
        {
            let message = format!("`window` is from {least:?} to {MAX_WINDOW:?} for this target");
            self.problem("window", message, text.span);
        }
        window
    }

    fn settle(&mut self, on_loopback: bool, default: Duration) -> Duration {
        let settle = self.duration(self.spec.settle.as_ref(), default);
        if let Some(text) = &self.spec.settle
            && !on_loopback
            && settle < MIN_SETTLE
            && text.value.parse::<SignedDuration>().is_ok()
        {
            let message = format!(
                "`settle` is at least {MIN_SETTLE:?} for a service that is not on this machine: the \
                 body of a submission may arrive that long after its head"
            );
            self.problem("settle", message, text.span);
        }
        settle
    }

    fn state(&mut self, embedded: bool) -> StateAddress {
        let default = format!("{}.state.jsonl", self.name.value);
        let Some(text) = &self.spec.state else {
            let folder = if embedded { DATA_FOLDER } else { "" };
            return StateAddress::File(self.root.join(folder).join(default));
        };
        if text.value.is_empty() {
            self.problem("state", "the path of the state is empty", text.span);
        }
        match StateAddress::parse(&text.value) {
            Ok(StateAddress::File(path)) => StateAddress::File(self.state_file(&path, text.span)),
            Ok(shared) if embedded => {
                let message = "the jobs of an embedded target are on this machine, and so is its state: name a file";
                self.problem("state", message, text.span);
                shared
            }
            Ok(shared) => shared,
            Err(error) => {
                self.problem("state", error.to_string(), text.span);
                StateAddress::File(PathBuf::new())
            }
        }
    }

    /// Requests change the workspace file: it may not name files of the machine.
    fn state_file(&mut self, path: &Path, span: Span) -> PathBuf {
        let state = self.root.join(path);
        let mut parts = state
            .strip_prefix(self.root)
            .into_iter()
            .flat_map(Path::components);
        if !state.starts_with(self.root) || parts.any(|part| part == Component::ParentDir) {
            let message = "the state lies outside the workspace, and only STOCKTAKE_STATE may name such a file";
            self.problem("state", message, span);
        }
        state
    }

    fn remote(&mut self) -> Service {
        let embedded_only = [
            (
                "buckets",
                self.spec.buckets.0.first().map(|(name, _)| name.span),
            ),
            (
                "workflows",
                self.spec.workflows.0.first().map(|(name, _)| name.span),
            ),
            (
                "nodes",
                self.spec.nodes.0.first().map(|(name, _)| name.span),
            ),
        ];
        for (field, span) in embedded_only {
            if let Some(span) = span {
                let message = format!(
                    "`{field}` belongs to the embedded service, and this target has `service` unset"
                );
                self.problem("embedded-only", message, span);
            }
        }
        Service::Remote {
            endpoint: self
                .spec
                .endpoint
                .as_ref()
                .map(|endpoint| endpoint.value.clone()),
            roles: self.roles(),
        }
    }

    fn roles(&mut self) -> Roles {
        let spec = self.spec;
        let web_identity = match (&spec.role_arn, &spec.provider_id) {
            (Some(role_arn), Some(provider_id)) => Some(WebIdentityRole {
                role_arn: self.plain(role_arn, "role_arn"),
                provider_id: self.plain(provider_id, "provider_id"),
            }),
            (None, None) => None,
            (Some(half), None) => {
                let message = "`role_arn` needs a `provider_id` beside it";
                self.problem("web-identity", message, half.span);
                None
            }
            (None, Some(half)) => {
                let message = "`provider_id` needs a `role_arn` beside it";
                self.problem("web-identity", message, half.span);
                None
            }
        };
        Roles {
            web_identity,
            instance: spec.role.is_some(),
        }
    }

    /// A name that is sent as it stands.
    fn plain(&mut self, text: &Spanned<String>, field: &str) -> String {
        let is_plain =
            !text.value.is_empty() && text.value.chars().all(|part| part.is_ascii_graphic());
        if !is_plain {
            let message = format!("`{field}` is empty, or has characters that no such name has");
            self.problem("web-identity", message, text.span);
        }
        text.value.clone()
    }

    fn embedded(&mut self) -> Service {
        if let Some(endpoint) = &self.spec.endpoint {
            let message =
                "an embedded service needs no `endpoint`; remove one of `endpoint` and `service`";
            self.problem("endpoint", message, endpoint.span);
        }
        let spec = self.spec;
        let roles = [
            ("role_arn", spec.role_arn.as_ref().map(|text| text.span)),
            (
                "provider_id",
                spec.provider_id.as_ref().map(|text| text.span),
            ),
            ("role", spec.role.as_ref().map(|role| role.span)),
        ];
        for (field, span) in roles {
            if let Some(span) = span {
                let message =
                    format!("an embedded service needs no `{field}`: it has keys of its own");
                self.problem("remote-only", message, span);
            }
        }
        Service::Embedded(EmbeddedService {
            data: self.root.join(DATA_FOLDER).join(&self.name.value),
            buckets: self.buckets(),
            workflows: self.workflows(),
            nodes: self.nodes(),
        })
    }

    fn buckets(&mut self) -> BTreeMap<BucketName, PathBuf> {
        let spec = self.spec;
        let mut buckets = BTreeMap::new();
        for (name, folder) in &spec.buckets.0 {
            let path = self.root.join(&folder.value);
            if !path.is_dir() {
                let message = format!("the folder `{}` of this bucket is not there", folder.value);
                self.problem("bucket-folder", message, folder.span);
            }
            if let Some(name) = self.named(name, "bucket", BucketName::new) {
                buckets.insert(name, path);
            }
        }
        if let Some(bucket) = &spec.bucket
            && !spec.buckets.0.is_empty()
            && !spec
                .buckets
                .0
                .iter()
                .any(|(name, _)| name.value == bucket.value)
        {
            let message = format!(
                "the embedded service has no bucket `{}`: it is not under `buckets`",
                bucket.value
            );
            self.problem("unknown-bucket", message, bucket.span);
        }
        buckets
    }

    fn workflow_names(&mut self) -> BTreeMap<String, WorkflowId> {
        let spec = self.spec;
        let mut names = BTreeMap::new();
        for (name, id) in &spec.workflow_names.0 {
            if let Some(id) = self.named(id, "workflow id", WorkflowId::new) {
                names.insert(name.value.clone(), id);
            }
        }
        names
    }

    fn workflows(&mut self) -> BTreeMap<WorkflowId, Workflow> {
        let spec = self.spec;
        let mut workflows = BTreeMap::new();
        for (id, spec) in &spec.workflows.0 {
            if let Some(workflow_id) = self.named(id, "workflow id", WorkflowId::new) {
                let workflow = self.workflow(id, spec);
                workflows.insert(workflow_id, workflow);
            }
        }
        workflows
    }

    fn workflow(&mut self, id: &Spanned<String>, spec: &WorkflowSpec) -> Workflow {
        if spec.command.value.first().is_none_or(String::is_empty) {
            self.problem("command", "the command names no program", spec.command.span);
        }
        Workflow {
            name: spec.name.clone().unwrap_or_else(|| id.value.clone()),
            command: spec.command.value.clone(),
            time_limit: self.duration(spec.time_limit.as_ref(), DEFAULT_TIME_LIMIT),
            environment: self.environment(&spec.environment),
            paused: spec.paused,
        }
    }

    fn nodes(&mut self) -> BTreeMap<String, NodeProgram> {
        let spec = self.spec;
        let mut nodes = BTreeMap::new();
        for (kind, spec) in &spec.nodes.0 {
            if let Some(program) = self.node(kind, spec) {
                nodes.insert(kind.value.clone(), program);
            }
        }
        nodes
    }

    /// Either a command or `copy`.
    fn node(&mut self, kind: &Spanned<String>, spec: &NodeProgramSpec) -> Option<NodeProgram> {
        let copies = spec.copy.as_ref().is_some_and(|copy| copy.value);
        match &spec.command {
            None if copies => Some(NodeProgram::Copy),
            Some(command) if !copies => {
                if command.value.first().is_none_or(String::is_empty) {
                    self.problem("command", "the command names no program", command.span);
                }
                Some(NodeProgram::Command(Workflow {
                    name: kind.value.clone(),
                    command: command.value.clone(),
                    time_limit: self.duration(spec.time_limit.as_ref(), DEFAULT_TIME_LIMIT),
                    environment: self.environment(&spec.environment),
                    paused: false,
                }))
            }
            _ => {
                let message = "a node has either a `command` or `copy = true`";
                self.problem("command", message, kind.span);
                None
            }
        }
    }

    fn environment(&mut self, names: &[Spanned<String>]) -> Vec<String> {
        for name in names {
            if name.value.is_empty() || name.value.contains(['=', '\0']) {
                let message = format!("`{}` cannot name a variable of the environment", name.value);
                self.problem("environment", message, name.span);
            }
        }
        names.iter().map(|name| name.value.clone()).collect()
    }
}
