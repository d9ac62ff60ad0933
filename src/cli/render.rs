//! `stocktake render`

use std::io::Write as _;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::failure::Failure;
use super::options::GlobalOptions;
use super::session::Session;
use super::settings::Settings;
use crate::api::client::Endpoint;
use crate::api::host::Side;
use crate::api::wire;
use crate::diagnostic::{Diagnostic, closest};
use crate::document::Syntax;
use crate::expand::{Origin, origins, variables_used};
use crate::job::Job;
use crate::jobfile::Reader;
use crate::report::{self, Rendered, Ui, VariableOrigin};

/// Show what a job becomes: the exact request, and where each value comes from
///
/// Sends nothing and reads no state.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake render spring-uploads               every value with its origin
  stocktake render 'archive[folder=cn]'         one job of a matrix
  stocktake render demo --format xml            the body as it is sent
  stocktake -t prod render demo --format curl   a script that sends it by hand")]
pub(super) struct RenderArgs {
    /// The job
    #[arg(value_name = "KEY")]
    key: String,

    /// The form
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Values with their origins, for people
    Human,
    /// The body as it is sent
    Xml,
    /// One document, for programs
    Json,
    /// A shell script that signs and sends it
    Curl,
}

pub(super) fn run(
    arguments: &RenderArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let session = Session::open(options, settings, ui)?;
    let jobs = session.jobs()?;
    let job = find(&jobs, &arguments.key)?;
    let body = wire::encode_request(&job.work.request)
        .map_err(|error| Diagnostic::error("request", error.to_string()))?;
    let endpoint = Endpoint {
        bucket: job.work.bucket.clone(),
        region: job.work.region.clone(),
        base: None,
    };
    let origins = origins_of(job);
    let rendered = Rendered {
        job,
        target: &session.target.name,
        host: &endpoint.host(Side::Ci).to_string(),
        body: &body,
        origins: &origins,
        variables: &session.variable_origins(options, &origins),
    };
    let mut out = ui.data();
    match arguments.format {
        Format::Human => report::render_human(&mut out, &rendered)?,
        Format::Xml => writeln!(out, "{body}")?,
        Format::Json => report::render_json(&mut out, &rendered)?,
        Format::Curl => report::render_curl(&mut out, &rendered)?,
    }
    out.flush()?;
    Ok(Exit::Done)
}

fn find<'a>(jobs: &'a [Arc<Job>], key: &str) -> Result<&'a Job, Diagnostic> {
    if let Some(job) = jobs.iter().find(|job| job.key.as_str() == key) {
        return Ok(job);
    }
    let problem = Diagnostic::error("unknown-job", format!("there is no job `{key}`"));
    let expanded = jobs.iter().find(|job| {
        let rest = job.key.as_str().strip_prefix(key);
        rest.is_some_and(|rest| rest.starts_with('['))
    });
    let keys = jobs.iter().map(|job| job.key.as_str());
    let meant = expanded
        .map(|job| job.key.as_str())
        .or_else(|| closest(key, keys));
    Err(match meant {
        Some(meant) => problem.help(format!("did you mean `{meant}`?")),
        None => problem.help("`stocktake plan --all` lists every job"),
    })
}

/// The job's file is read once more: what a job keeps of it is only its place.
fn origins_of(job: &Job) -> Vec<Origin> {
    let file = &job.source.file;
    let syntax = Syntax::of(file.path()).unwrap_or(Syntax::Yaml);
    let (job_file, _) = Reader::new().load(&Arc::clone(file), syntax);
    job_file.map_or_else(Vec::new, |job_file| origins(job, &job_file))
}

impl Session {
    /// The variables that the texts use, each with where its value comes from.
    fn variable_origins(&self, options: &GlobalOptions, origins: &[Origin]) -> Vec<VariableOrigin> {
        let given =
            |list: &[(String, String)], name: &str| list.iter().any(|(given, _)| given == name);
        let origin = |name: String| {
            let target = &self.target.name;
            let source = if given(&options.variables, &name) {
                "--var".to_owned()
            } else if given(&self.settings.variables, &name) {
                format!("environment: STOCKTAKE_VAR_{name}")
            } else if self.workspace.is_variable_of_target(target, &name) {
                format!("stocktake.toml: target {target}")
            } else {
                "stocktake.toml: [vars]".to_owned()
            };
            let value = self.context().variables.remove(&name)?;
            Some(VariableOrigin {
                name,
                value,
                source,
            })
        };
        variables_used(origins)
            .into_iter()
            .filter_map(origin)
            .collect()
    }
}
