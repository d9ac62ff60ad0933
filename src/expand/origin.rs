//! Where each field of a complete job got its value from.

use std::collections::BTreeSet;

use crate::api::time;
use crate::document::Field;
use crate::job::{Job, OnFailure, Overlap};
use crate::jobfile::JobFile;
use crate::jobfile::model::{JobSpec, WorkflowIdsSpec};
use crate::source::{Place, Span};

/// What a value was taken from.
#[derive(Debug, Clone)]
pub enum Layer {
    /// The job's own spec.
    Job(Place),
    /// The `defaults` of its file.
    Defaults(Place),
    /// It is one of the periods of `windows`.
    Windows(Place),
    /// The target.
    Target,
    /// No file sets it.
    BuiltIn,
}

/// A field of a complete job, and where its value comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The field, in the words of a job file.
    pub field: String,
    /// Its value.
    pub value: String,
    /// The text with expressions that it was expanded from.
    pub template: Option<String>,

    pub layer: Layer,
}

/// The fields of `job`, which was expanded from a spec of `job_file`.
pub fn origins(job: &Job, job_file: &JobFile) -> Vec<Origin> {
    let mut specs = job_file.job_specs().iter();
    let spec = specs.find(|(key, _)| key.span == job.source.span);
    let finder = Finder {
        job,
        spec: spec.and_then(|(_, spec)| value(spec)).map(Box::as_ref),
        defaults: job_file.defaults.as_ref().and_then(value),
    };
    let work = &job.work;
    let request = &work.request;
    let mut origins = vec![
        finder.text("bucket", work.bucket.as_str(), Layer::Target, |spec| {
            spec.bucket.as_ref()
        }),
        finder.text("region", work.region.as_str(), Layer::Target, |spec| {
            spec.region.as_ref()
        }),
        finder.text("name", request.name.as_str(), Layer::BuiltIn, |spec| {
            spec.name.as_ref()
        }),
        finder.input(),
        finder.workflow_ids(),
    ];
    origins.extend(finder.interval());
    if let Some(rerun) = &work.rerun {
        origins.push(finder.text("rerun", rerun, Layer::BuiltIn, |spec| spec.rerun.as_ref()));
    }
    origins.push(finder.on_failure());
    origins.push(finder.overlap());
    origins
}

/// The names of the variables that the texts use.
pub fn variables_used(origins: &[Origin]) -> BTreeSet<String> {
    let templates = origins
        .iter()
        .filter_map(|origin| origin.template.as_deref());
    let uses = templates.flat_map(|template| template.split("vars.").skip(1));
    let name = |rest: &str| {
        let is_name = |character: char| character.is_alphanumeric() || character == '_';
        let end = rest
            .find(|character| !is_name(character))
            .unwrap_or(rest.len());
        rest[..end].to_owned()
    };
    uses.map(name).collect()
}

fn origin(field: &str, value: String, found: Option<(&str, Layer)>, other: Layer) -> Origin {
    let (template, layer) = match found {
        Some((text, layer)) => (text.contains("${").then(|| text.to_owned()), layer),
        None => (None, other),
    };
    Origin {
        field: field.to_owned(),
        value,
        template,
        layer,
    }
}

/// The value of a field; a job that is complete has no broken one.
fn value<T>(field: &Field<T>) -> Option<&T> {
    Some(&field.valid()?.value)
}

fn text(field: &Field<String>) -> Option<(&str, Span)> {
    let text = field.valid()?;
    Some((&text.value, text.span))
}

fn place<T>(field: &Field<T>) -> Option<((), Span)> {
    Some(((), field.valid()?.span))
}

struct Finder<'a> {
    job: &'a Job,
    spec: Option<&'a JobSpec>,
    defaults: Option<&'a JobSpec>,
}

impl<'a> Finder<'a> {
    /// The value of a field and the layer that sets it.
    fn find<T>(&self, field: impl Fn(&'a JobSpec) -> Option<(T, Span)>) -> Option<(T, Layer)> {
        let place = |span| Place::new(&self.job.source.file, span);
        if let Some((value, span)) = self.spec.and_then(&field) {
            return Some((value, Layer::Job(place(span))));
        }
        let (value, span) = self.defaults.and_then(&field)?;
        Some((value, Layer::Defaults(place(span))))
    }

    fn text(
        &self,
        field: &str,
        value: &str,
        other: Layer,
        get: impl Fn(&'a JobSpec) -> Option<&'a Field<String>>,
    ) -> Origin {
        let found = self.find(|spec| text(get(spec)?));
        origin(field, value.to_owned(), found, other)
    }

    fn input(&self) -> Origin {
        let found = self.find(|spec| {
            let input = value(spec.input.as_ref()?)?;
            let fields = [
                &input.prefix,
                &input.object,
                &input.manifest,
                &input.url_file,
            ];
            text(fields.into_iter().flatten().next()?)
        });
        let input = &self.job.work.request.input;
        let field = format!("input.{}", input.field());
        origin(&field, input.value().to_owned(), found, Layer::BuiltIn)
    }

    fn workflow_ids(&self) -> Origin {
        let found = self.find(|spec| {
            let operation = value(spec.operation.as_ref()?)?;
            if let Some(workflow) = operation.workflow.as_ref().and_then(Field::valid) {
                return Some((workflow.value.clone(), workflow.span));
            }
            let ids = operation.workflow_ids.as_ref()?.valid()?;
            let text = match &ids.value {
                WorkflowIdsSpec::One(id) => id.clone(),
                WorkflowIdsSpec::Several(ids) => {
                    let ids: Vec<&str> = ids.iter().map(|id| id.value.as_str()).collect();
                    ids.join(", ")
                }
            };
            Some((text, ids.span))
        });
        let found = found
            .as_ref()
            .map(|(text, layer)| (text.as_str(), layer.clone()));
        let value = self.job.work.request.operation.workflow_ids.joined();
        origin("operation.workflow_ids", value, found, Layer::BuiltIn)
    }

    fn interval(&self) -> Vec<Origin> {
        let interval = self.job.work.request.operation.time_interval;
        let windows = self.find(|spec| place(spec.windows.as_ref()?));
        let other = match windows {
            Some(((), Layer::Job(place) | Layer::Defaults(place))) => Layer::Windows(place),
            _ => Layer::BuiltIn,
        };
        let end = |name: &str, moment: Option<_>, is_start: bool| {
            let found = self.find(|spec| {
                let operation = value(spec.operation.as_ref()?)?;
                let interval = value(operation.time_interval.as_ref()?)?;
                let end = if is_start {
                    &interval.start
                } else {
                    &interval.end
                };
                text(end.as_ref()?)
            });
            let field = format!("operation.time_interval.{name}");
            Some(origin(&field, time::format(moment?), found, other.clone()))
        };
        let ends = [
            end("start", interval.start, true),
            end("end", interval.end, false),
        ];
        ends.into_iter().flatten().collect()
    }

    fn on_failure(&self) -> Origin {
        let value = match self.job.on_failure {
            OnFailure::Leave => "leave".to_owned(),
            OnFailure::Resubmit { max_attempts } => {
                format!("resubmit, {max_attempts} attempts in all")
            }
        };
        let found = self.find(|spec| place(spec.on_failure.as_ref()?));
        let found = found.map(|((), layer)| ("", layer));
        origin("on_failure", value, found, Layer::BuiltIn)
    }

    fn overlap(&self) -> Origin {
        let value = match self.job.overlap {
            Overlap::Deny => "deny",
            Overlap::Allow => "allow",
        };
        let found = self.find(|spec| place(spec.overlap.as_ref()?));
        let found = found.map(|((), layer)| ("", layer));
        origin("overlap", value.to_owned(), found, Layer::BuiltIn)
    }
}
