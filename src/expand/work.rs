//! What a job makes the service do: its input, its workflows, its time interval.

use jiff::Timestamp;

use super::fields::UNKNOWN_WORKFLOW;
use super::job_builder::{Checked, JobBuilder, Reported};
use super::key_habits;
use super::periods::time_problem;
use super::spec::inside;
use crate::api::name::WorkflowId;
use crate::api::objects::KEY_LIMIT;
use crate::api::request::{Input, TimeInterval, WorkflowIds};
use crate::api::time;
use crate::diagnostic::{Diagnostic, closest};
use crate::document::{Field, FieldRef};
use crate::jobfile::model::{JobSpec, TimeIntervalSpec, WorkflowIdsSpec};
use crate::source::{Span, Spanned};

/// The ids of workflows in one layer, if it has them.
type IdsField<'a> = Option<FieldRef<'a, WorkflowIdsSpec>>;
/// The name of a workflow in one layer, if it has one.
type WorkflowField<'a> = Option<FieldRef<'a, String>>;

/// Makes an input out of its text.
type InputChoice = fn(String) -> Input;

impl<'a> JobBuilder<'a> {
    pub(super) fn input(&mut self) -> Checked<Input> {
        let Some(spec) = self.find(|spec| &spec.input)? else {
            let message = format!(
                "the job `{}` does not say what to read",
                self.spec.key.value
            );
            return self.missing(message, "add an input, such as `input: { prefix: video/ }`");
        };
        let choices: [(&Option<Field<String>>, InputChoice); 4] = [
            (&spec.value.prefix, Input::Prefix),
            (&spec.value.object, Input::Object),
            (&spec.value.manifest, Input::Manifest),
            (&spec.value.url_file, Input::UrlFile),
        ];
        let given: Vec<_> = choices
            .iter()
            .filter_map(|(text, choice)| Some((text.as_ref()?, choice)))
            .collect();
        if let [(text, choice)] = given.as_slice() {
            let text = self.valid(text)?;
            let input = choice(self.text(text)?.into_owned());
            let problem = |message| self.spec.error("input", text.span, message);
            let checked = check_input(&input).map_err(problem);
            self.report(checked)?;
            let doubt = doubt(&input).map(|(message, help)| (message, help.to_owned()));
            let doubt = doubt.or_else(|| {
                let (why, help) = key_habits::unlikely(input.value())?;
                Some((format!("`{}` {why}", input.field()), help.to_owned()))
            });
            if let Some((message, help)) = doubt {
                let warning = Diagnostic::warning("input-matches-nothing", message);
                let place = self.spec.place(text.span);
                self.diagnostics.push(warning.at(place).help(help));
            }
            return Ok(input);
        }
        // Of several, the invalid ones were perhaps not meant to be there.
        for (text, _) in &given {
            self.valid(text)?;
        }

        let message = format!(
            "an input names exactly one of `prefix`, `object`, `manifest` and `url_file`; this one names {}",
            given.len()
        );
        let problem = self.spec.error("input", spec.span, message);
        self.report(Err(problem))
    }

    pub(super) fn workflow_ids(&mut self) -> Checked<WorkflowIds> {
        let (ids, workflow) = self.workflow_choice();
        if let (Some(ids), Some(workflow)) = (&ids, &workflow) {
            let (ids, workflow) = (self.checked(Some(*ids))?, self.checked(Some(*workflow))?);
            let problem = ids.zip(workflow).map(|(ids, workflow)| {
                let message = "`workflow` and `workflow_ids` exclude each other";
                self.spec
                    .error("workflow-and-ids", workflow.span, message)
                    .related(self.spec.place(ids.span), "the ids")
            });
            self.diagnostics.extend(problem);
            return Err(Reported);
        }
        if let Some(workflow) = self.checked(workflow)? {
            return self.named_workflow(workflow).map(WorkflowIds::from);
        }
        let Some(spec) = self.checked(ids)? else {
            let message = format!(
                "the job `{}` does not say which workflow to run",
                self.spec.key.value
            );
            return self.missing(
                message,
                "add `operation: { workflow_ids: w… }`, or put it under `defaults`",
            );
        };
        let ids = match &spec.value {
            WorkflowIdsSpec::One(id) => {
                let text = Spanned::new(id.clone(), spec.span);
                vec![self.workflow_id(&text)]
            }
            WorkflowIdsSpec::Several(ids) => ids.iter().map(|id| self.workflow_id(id)).collect(),
        };
        let ids = ids.into_iter().collect::<Checked<Vec<_>>>()?;
        let ids = WorkflowIds::new(ids).map_err(|_| {
            let message = "this list names no workflow";
            self.spec.error("workflow-ids", spec.span, message)
        });
        self.report(ids)
    }

    /// What the job says of its workflow, or else what the defaults say: a job's own choice replaces
    /// theirs as a whole.
    fn workflow_choice(&self) -> (IdsField<'a>, WorkflowField<'a>) {
        let ids = |spec: &'a JobSpec| {
            inside(spec.operation.as_ref(), |operation| {
                operation.workflow_ids.as_ref().map(Field::get)
            })
        };
        let workflow = |spec: &'a JobSpec| {
            inside(spec.operation.as_ref(), |operation| {
                operation.workflow.as_ref().map(Field::get)
            })
        };
        let own = (ids(self.spec.own), workflow(self.spec.own));
        if own.0.is_some() || own.1.is_some() {
            return own;
        }
        (
            inside(self.spec.defaults, ids),
            inside(self.spec.defaults, workflow),
        )
    }

    /// The id of the workflow that the target lists under this name.
    fn named_workflow(&mut self, text: &Spanned<String>) -> Checked<WorkflowId> {
        let name = self.text(text)?.into_owned();
        let context = &self.expander.context;
        if let Some(id) = context.workflow_names.get(&name) {
            return Ok(id.clone());
        }
        let target = &context.target;
        let names = context.workflow_names.keys().map(String::as_str);
        let is_declared = self.spec.workflow_keys.iter().any(|key| **key == name);
        let (message, help) = if is_declared {
            (
                format!("the target `{target}` has no id for the workflow `{name}` yet"),
                format!(
                    "make the workflow, and list its id: [targets.{target}.workflow_names] {name} = \"w…\""
                ),
            )
        } else {
            let help = match closest(&name, names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    format!("list it under [targets.{target}.workflow_names] in stocktake.toml")
                }
            };
            (
                format!("the target `{target}` knows no workflow `{name}`"),
                help,
            )
        };
        let problem = self.spec.error("unknown-workflow-name", text.span, message);
        self.report(Err(problem.help(help)))
    }

    fn workflow_id(&mut self, text: &Spanned<String>) -> Checked<WorkflowId> {
        let id = self.named(text, "workflow id", WorkflowId::new)?;
        let context = &self.expander.context;
        let known = context.workflows.as_ref();
        if let Some(known) = known.filter(|known| !known.contains(&id)) {
            let target = &context.target;
            let help = match closest(id.as_str(), known.iter().map(WorkflowId::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("add [targets.{target}.workflows.{id}] to stocktake.toml"),
            };
            let message = format!("the target `{target}` has no workflow `{id}`, and refuses it");
            let warning = Diagnostic::warning(UNKNOWN_WORKFLOW, message);
            let warning = warning.at(self.spec.place(text.span)).help(help);
            self.diagnostics.push(warning);
        }
        Ok(id)
    }

    pub(super) fn time_interval(&mut self, input: Option<&Input>) -> Checked<TimeInterval> {
        let written = self.spec.find_nested(interval);
        let written = self.checked(written)?;
        let interval = match (self.spec.find(|spec| &spec.windows), written) {
            (None, None) => return Ok(TimeInterval::default()),
            (Some(Ok(windows)), Some(written)) => {
                let problem = self.interval_and_windows(written.span, windows.span);
                return self.report(Err(problem));
            }
            // Whether there are to be windows is not known.
            (Some(Err(_)), Some(_)) => {
                self.written_interval()?;
                return Err(Reported);
            }
            (Some(_), None) => {
                let window = self.instance.window.as_ref().ok_or(Reported)?;
                TimeInterval {
                    start: Some(window.start),
                    end: Some(window.end),
                }
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
                .at(self.spec.place(written.span));
            self.diagnostics.push(
                warning.help(
                    "older pages of its documentation say that it filters only with `prefix`",
                ),
            );
        }
        Ok(interval)
    }

    fn interval_and_windows(&self, written: Span, windows: Span) -> Diagnostic {
        let message = "`time_interval` and `windows` exclude each other";
        self.spec
            .error("interval-and-windows", written, message)
            .help("each window brings its own time interval")
            .related(self.spec.place(windows), "the windows")
    }

    /// Start and end as written, each from the spec or its defaults.
    fn written_interval(&mut self) -> Checked<TimeInterval> {
        let start_text = self.end_of(|interval| &interval.start);
        let end_text = self.end_of(|interval| &interval.end);
        let start = self.moment(start_text);
        let end = self.moment(end_text);
        let (start, end) = (start?, end?);
        if let (Some(from), Some(to), Ok(Some(text))) = (start, end, end_text)
            && from >= to
        {
            let message = "this interval ends before it starts";
            let problem = self.spec.error("interval-order", text.span, message);
            let start_text = start_text.ok().flatten();
            let problem = start_text
                .into_iter()
                .fold(problem.label("the end"), |problem, text| {
                    problem.related(self.spec.place(text.span), "the start")
                });
            return self.report(Err(problem.help("`start` is earlier than `end`")));
        }
        Ok(TimeInterval { start, end })
    }

    fn end_of(
        &mut self,
        end: impl Fn(&'a TimeIntervalSpec) -> &'a Option<Field<String>>,
    ) -> Checked<Option<&'a Spanned<String>>> {
        let text = self.spec.find_nested(|spec| match interval(spec)? {
            Ok(interval) => end(&interval.value).as_ref().map(Field::get),
            Err(texts) => Some(Err(texts)),
        });
        self.checked(text)
    }

    fn moment(&mut self, text: Checked<Option<&Spanned<String>>>) -> Checked<Option<Timestamp>> {
        let Some(text) = text? else {
            return Ok(None);
        };
        let value = Spanned::new(self.text(text)?.into_owned(), text.span);
        let moment =
            time::parse(&value.value).map_err(|error| time_problem(self.spec, &value, &error));
        self.report(moment).map(Some)
    }
}

fn interval(spec: &JobSpec) -> Option<FieldRef<'_, TimeIntervalSpec>> {
    inside(spec.operation.as_ref(), |operation| {
        operation.time_interval.as_ref().map(Field::get)
    })
}

/// What is valid, and yet hardly ever the key of an object.
fn doubt(input: &Input) -> Option<(String, &'static str)> {
    let (field, value) = (input.field(), input.value());
    let is_key = matches!(input, Input::Prefix(_) | Input::Object(_));
    if is_key && value.contains('*') {
        let message =
            format!("`{field}` is no pattern: `*` matches an object with a `*` in its key alone");
        return Some((
            message,
            "a prefix selects every object whose key begins with it",
        ));
    }
    (is_key && value.starts_with('/')).then(|| {
        let message = format!("`{field}` begins with `/`, as the keys of hardly any object do");
        (
            message,
            "keys have no leading slash: `pictures/`, not `/pictures/`",
        )
    })
}

/// What the service rejects, and what it is not documented to accept.
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
    if is_key && value.len() > KEY_LIMIT {
        return Err(format!(
            "`{field}` has {} bytes; the key of an object has at most {KEY_LIMIT}",
            value.len()
        ));
    }
    Ok(())
}
