//! The fields of one job, each from the spec or its defaults, with its expressions evaluated.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use minijinja::Value;

use super::expand::{Element, Layers, time_problem};
use super::expression::Expressions;
use super::uses::Tracker;
use super::{Resolver, place};
use crate::api::name::{BucketName, JobName, NameError, Region, WorkflowId, is_job_name_character};
use crate::api::request::{Input, JobType, Operation, Request, TimeInterval, WorkflowIds};
use crate::api::time;
use crate::diagnostic::Diagnostic;
use crate::job::{Job, JobKey, OnFailure, Work};
use crate::jobfile::model::{MatrixValue, OnFailureSpec, WorkflowIdsSpec};
use crate::source::{Span, Spanned};

/// The longest key of an object that COS takes, in bytes.
const OBJECT_KEY_LIMIT: usize = 850;

/// A field is wrong, and that has been reported.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reported;

type Checked<T> = Result<T, Reported>;

/// Makes an input out of its text.
type InputChoice = fn(String) -> Input;

/// One element of a spec on its way to a job.
pub(super) struct Scope<'a> {
    resolver: &'a Resolver,
    layers: &'a Layers<'a>,
    element: &'a Element<'a>,
    tracker: &'a Tracker,
    key: String,
    context: OnceCell<Value>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(
        resolver: &'a Resolver,
        layers: &'a Layers<'a>,
        element: &'a Element<'a>,
        tracker: &'a Tracker,
    ) -> Self {
        Self {
            tracker,
            resolver,
            layers,
            element,
            key: element.key(&layers.key.value),
            context: OnceCell::new(),
            diagnostics: Vec::new(),
        }
    }

    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// The complete job, unless something is wrong; every mistake is found, not only the first.
    pub(super) fn job(&mut self) -> Checked<Job> {
        let bucket = self.bucket();
        let region = self.region();
        let name = self.name();
        let input = self.input();
        let workflow_ids = self.workflow_ids();
        let time_interval = self.time_interval(input.as_ref().ok());
        let rerun = self.optional_text(|spec| spec.rerun.as_ref());
        let description = self.optional_text(|spec| spec.description.as_ref());
        let on_failure = self.on_failure();
        let operation = Operation {
            workflow_ids: workflow_ids?,
            time_interval: time_interval?,
        };
        let request = Request {
            name: name?,
            kind: JobType::Workflow,
            input: input?,
            operation,
        };
        let work = Work {
            bucket: bucket?,
            region: region?,
            request,
            rerun: rerun?,
        };
        Ok(Job {
            key: JobKey::new(&self.key),
            fingerprint: work.fingerprint(),
            work,
            description: description?.map(Arc::from),
            on_failure: on_failure?,
            overlap: self
                .layers
                .find(|spec| spec.overlap.as_ref())
                .map(|overlap| overlap.value)
                .unwrap_or_default(),
            source: place(self.layers, self.layers.key.span),
        })
    }

    fn report<T>(&mut self, result: Result<T, Diagnostic>) -> Checked<T> {
        result.map_err(|problem| {
            self.diagnostics.push(problem);
            Reported
        })
    }

    fn missing<T>(&mut self, message: String, help: &str) -> Checked<T> {
        let problem = Diagnostic::error("missing-field", message)
            .at(place(self.layers, self.layers.key.span));
        self.report(Err(problem.help(help)))
    }

    fn bucket(&mut self) -> Checked<BucketName> {
        let surroundings = &self.resolver.surroundings;
        match (
            self.layers.find(|spec| spec.bucket.as_ref()),
            &surroundings.bucket,
        ) {
            (Some(text), _) => self.named(text, "bucket", BucketName::new),
            (None, Some(bucket)) => {
                self.tracker.uses_bucket();
                Ok(bucket.clone())
            }
            (None, None) => {
                self.tracker.uses_bucket();
                let message = format!(
                    "no bucket: neither this job nor the target `{}` names one",
                    surroundings.target
                );
                self.missing(
                    message,
                    "set `bucket` in the target's section of stocktake.toml",
                )
            }
        }
    }

    fn region(&mut self) -> Checked<Region> {
        let surroundings = &self.resolver.surroundings;
        match (
            self.layers.find(|spec| spec.region.as_ref()),
            &surroundings.region,
        ) {
            (Some(text), _) => self.named(text, "region", Region::new),
            (None, Some(region)) => {
                self.tracker.uses_region();
                Ok(region.clone())
            }
            (None, None) => {
                self.tracker.uses_region();
                let message = format!(
                    "no region: neither this job nor the target `{}` names one",
                    surroundings.target
                );
                self.missing(
                    message,
                    "set `region` in the target's section of stocktake.toml",
                )
            }
        }
    }

    /// A text that has to be a name of the API.
    fn named<T>(
        &mut self,
        text: &Spanned<String>,
        field: &'static str,
        new: impl Fn(&str) -> Result<T, NameError>,
    ) -> Checked<T> {
        let value = self.text(text)?;
        let name = new(&value).map_err(|error| self.name_problem(text.span, field, &value, &error));
        self.report(name)
    }

    fn name_problem(&self, span: Span, field: &str, value: &str, error: &NameError) -> Diagnostic {
        let shown = if value.chars().count() > 40 {
            String::new()
        } else {
            format!(" `{value}`")
        };
        Diagnostic::error("invalid-name", format!("the {field}{shown} {error}"))
            .at(place(self.layers, span))
    }

    /// The name as written, or made of the key and the element's values.
    fn name(&mut self) -> Checked<JobName> {
        if let Some(text) = self.layers.find(|spec| spec.name.as_ref()) {
            return self.named(text, "name", JobName::new);
        }
        let values = self.element.named_values().map(|(_, value)| value);
        let parts: Vec<String> = std::iter::once(self.layers.key.value.clone())
            .chain(values)
            .collect();
        let joined = parts.join("_");
        let name: String = joined
            .chars()
            .map(|character| {
                if is_job_name_character(character) {
                    character
                } else {
                    '-'
                }
            })
            .collect();
        let name = JobName::new(&name).map_err(|error| {
            let problem =
                self.name_problem(self.layers.key.span, "name made of this key", &name, &error);
            problem.help("give the job a `name` of its own")
        });
        self.report(name)
    }

    fn input(&mut self) -> Checked<Input> {
        let Some(spec) = self.layers.find(|spec| spec.input.as_ref()) else {
            let message = format!(
                "the job `{}` does not say what to read",
                self.layers.key.value
            );
            return self.missing(message, "add an input, such as `input: { prefix: video/ }`");
        };
        let choices: [(&Option<Spanned<String>>, InputChoice); 4] = [
            (&spec.value.prefix, Input::Prefix),
            (&spec.value.object, Input::Object),
            (&spec.value.manifest, Input::Manifest),
            (&spec.value.url_file, Input::UrlFile),
        ];
        let given: Vec<_> = choices
            .iter()
            .filter_map(|(text, choice)| Some((text.as_ref()?, choice)))
            .collect();
        let [(text, choice)] = given.as_slice() else {
            let message = format!(
                "an input names exactly one of `prefix`, `object`, `manifest` and `url_file`; this one names {}",
                given.len()
            );
            let problem = Diagnostic::error("input", message).at(place(self.layers, spec.span));
            return self.report(Err(problem));
        };
        let input = choice(self.text(text)?.into_owned());
        let checked = check_input(&input).map_err(|message| {
            Diagnostic::error("input", message).at(place(self.layers, text.span))
        });
        self.report(checked)?;
        Ok(input)
    }

    fn workflow_ids(&mut self) -> Checked<WorkflowIds> {
        let Some(spec) = self
            .layers
            .find(|spec| spec.operation.as_ref()?.workflow_ids.as_ref())
        else {
            let message = format!(
                "the job `{}` does not say which workflow to run",
                self.layers.key.value
            );
            return self.missing(
                message,
                "add `operation: { workflow_ids: w… }`, or put it under `defaults`",
            );
        };
        let ids = match &spec.value {
            WorkflowIdsSpec::One(id) => {
                let text = Spanned::new(id.clone(), spec.span);
                vec![self.named(&text, "workflow id", WorkflowId::new)]
            }
            WorkflowIdsSpec::Several(ids) => ids
                .iter()
                .map(|id| self.named(id, "workflow id", WorkflowId::new))
                .collect(),
        };
        let ids = ids.into_iter().collect::<Checked<Vec<_>>>()?;
        let ids = WorkflowIds::new(ids).map_err(|_| {
            Diagnostic::error("workflow-ids", "this list names no workflow")
                .at(place(self.layers, spec.span))
        });
        self.report(ids)
    }

    fn time_interval(&mut self, input: Option<&Input>) -> Checked<TimeInterval> {
        let written = self
            .layers
            .find(|spec| spec.operation.as_ref()?.time_interval.as_ref());
        let interval = match (&self.element.window, written) {
            (Some(window), None) => TimeInterval {
                start: Some(window.start),
                end: Some(window.end),
            },
            (None, None) => return Ok(TimeInterval::default()),
            (Some(_), Some(written)) => {
                let windows = self.layers.find(|spec| spec.windows.as_ref());
                let problem = Diagnostic::error(
                    "interval-and-windows",
                    "`time_interval` and `windows` exclude each other",
                );
                let problem = problem
                    .at(place(self.layers, written.span))
                    .help("each window brings its own time interval");
                let problem = windows.into_iter().fold(problem, |problem, windows| {
                    problem.related(place(self.layers, windows.span), "the windows")
                });
                return self.report(Err(problem));
            }
            (None, Some(_)) => self.written_interval()?,
        };
        if let (Some(written), Some(input)) = (written, input)
            && !matches!(input, Input::Prefix(_))
        {
            let message = format!(
                "the service may ignore a time interval with `{}`",
                input.field()
            );
            let warning = Diagnostic::warning("interval-may-be-ignored", message)
                .at(place(self.layers, written.span));
            self.diagnostics.push(
                warning.help(
                    "older pages of its documentation say that it filters only with `prefix`",
                ),
            );
        }
        Ok(interval)
    }

    /// Start and end as written, each from the spec or its defaults.
    fn written_interval(&mut self) -> Checked<TimeInterval> {
        let interval = |spec: &'a crate::jobfile::model::JobSpec| {
            Some(&spec.operation.as_ref()?.time_interval.as_ref()?.value)
        };
        let start_text = self.layers.find(|spec| interval(spec)?.start.as_ref());
        let end_text = self.layers.find(|spec| interval(spec)?.end.as_ref());
        let start = start_text.map(|text| self.moment(text));
        let end = end_text.map(|text| self.moment(text));
        let (start, end) = (start.transpose()?, end.transpose()?);
        if let (Some(from), Some(to), Some(text)) = (start, end, end_text)
            && from >= to
        {
            let problem =
                Diagnostic::error("interval-order", "this interval ends before it starts");
            let problem = problem.at(place(self.layers, text.span)).label("the end");
            let problem = start_text.into_iter().fold(problem, |problem, text| {
                problem.related(place(self.layers, text.span), "the start")
            });
            return self.report(Err(problem.help("`start` is earlier than `end`")));
        }
        Ok(TimeInterval { start, end })
    }

    fn moment(&mut self, text: &Spanned<String>) -> Checked<Timestamp> {
        let value = Spanned::new(self.text(text)?.into_owned(), text.span);
        let moment =
            time::parse(&value.value).map_err(|error| time_problem(self.layers, &value, &error));
        self.report(moment)
    }

    fn on_failure(&mut self) -> Checked<OnFailure> {
        let on_failure = self.layers.find(|spec| spec.on_failure.as_ref());
        let max_attempts = self.layers.find(|spec| spec.max_attempts.as_ref());
        let resubmit =
            on_failure.is_some_and(|on_failure| on_failure.value == OnFailureSpec::Resubmit);
        match (resubmit, max_attempts) {
            (false, None) => Ok(OnFailure::Leave),
            (true, None) => Ok(OnFailure::Resubmit { max_attempts: 2 }),
            (true, Some(attempts)) if (2..=100).contains(&attempts.value) => {
                Ok(OnFailure::Resubmit {
                    max_attempts: attempts.value,
                })
            }
            (true, Some(attempts)) => {
                let problem = Diagnostic::error(
                    "max-attempts",
                    "`max_attempts` counts the first attempt too: 2 to 100",
                );
                self.report(Err(problem.at(place(self.layers, attempts.span))))
            }
            (false, Some(attempts)) => {
                let problem = Diagnostic::error(
                    "max-attempts",
                    "`max_attempts` has no effect without `on_failure: resubmit`",
                );
                self.report(Err(problem.at(place(self.layers, attempts.span))))
            }
        }
    }

    /// A field that may be absent.
    fn optional_text(
        &mut self,
        field: impl Fn(&'a crate::jobfile::model::JobSpec) -> Option<&'a Spanned<String>>,
    ) -> Checked<Option<String>> {
        let text = self
            .layers
            .find(field)
            .map(|text| self.text(text).map(Cow::into_owned));
        text.transpose()
    }

    /// A text with its expressions evaluated; what is wrong with them is underlined inside it.
    fn text<'t>(&mut self, text: &'t Spanned<String>) -> Checked<Cow<'t, str>> {
        if !Expressions::is_template(&text.value) {
            return Ok(Cow::Borrowed(&text.value));
        }
        let context = self.context.get_or_init(|| self.make_context());
        let result = self
            .resolver
            .expressions
            .evaluate(&text.value, context)
            .map_err(|error| {
                let span = error.range.and_then(|range| self.span_inside(text, range));
                let problem = Diagnostic::error("expression", error.message);
                let problem = problem.at(place(self.layers, span.unwrap_or(text.span)));
                error.help.into_iter().fold(problem, Diagnostic::help)
            });
        self.report(result).map(Cow::Owned)
    }

    /// The place of a part of a text. Where escapes or indentation make the file differ from the
    /// text, it is the part that reads alike and comes as often before it.
    fn span_inside(&self, text: &Spanned<String>, range: std::ops::Range<usize>) -> Option<Span> {
        let source = self.layers.file.slice(text.span);
        let start = text.span.start as usize;
        // A range may end within a character that the expression parser did not expect.
        let range =
            text.value.floor_char_boundary(range.start)..text.value.ceil_char_boundary(range.end);
        if let Some(offset) = source.find(&text.value) {
            return Some(Span::new(
                start + offset + range.start,
                start + offset + range.end,
            ));
        }
        let part = text
            .value
            .get(range.clone())
            .filter(|part| !part.is_empty())?;
        let before = text.value.get(..range.start)?.matches(part).count();
        let (offset, _) = source.match_indices(part).nth(before)?;
        Some(Span::new(start + offset, start + offset + part.len()))
    }

    fn make_context(&self) -> Value {
        let mut context = BTreeMap::from([
            ("vars", self.tracker.variables()),
            ("key", Value::from(self.layers.key.value.as_str())),
        ]);
        if !self.element.matrix.is_empty() {
            let matrix = self
                .element
                .matrix
                .iter()
                .map(|(name, value)| (*name, matrix_value(value)));
            context.insert("matrix", Value::from(matrix.collect::<BTreeMap<_, _>>()));
        }
        if let Some(window) = &self.element.window {
            let ends = BTreeMap::from([("start", window.start_text()), ("end", window.end_text())]);
            context.insert("window", Value::from(ends));
        }
        Value::from(context)
    }
}

fn matrix_value(value: &MatrixValue) -> Value {
    match value {
        MatrixValue::Boolean(value) => Value::from(*value),
        MatrixValue::Integer(value) => Value::from(*value),
        MatrixValue::Text(value) => Value::from(value.as_str()),
    }
}

/// What the service would choke on, or what nobody knows how it takes.
fn check_input(input: &Input) -> Result<(), String> {
    let (field, value) = (input.field(), input.value());
    if value.is_empty() {
        return Err(format!(
            "`{field}` is empty, and what the service makes of that is not documented"
        ));
    }
    if let Some(character) = value.chars().find(|character| character.is_control()) {
        return Err(format!(
            "`{field}` contains the control character {character:?}"
        ));
    }
    let is_key = matches!(input, Input::Prefix(_) | Input::Object(_));
    if is_key && value.len() > OBJECT_KEY_LIMIT {
        return Err(format!(
            "`{field}` has {} bytes; the key of an object has at most {OBJECT_KEY_LIMIT}",
            value.len()
        ));
    }
    Ok(())
}
