//! `stocktake doctor`

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use clap::Args;

use super::connection::checking_client;
use super::consent;
use super::credentials;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{Format, FormatArgs, GlobalOptions};
use super::session::{self, Session};
use super::settings::Settings;
use crate::api::client::{Client, ClientError, Endpoint};
use crate::api::name::{BucketName, Region};
use crate::api::request::Input;
use crate::credentials::Found;
use crate::diagnostic::Diagnostic;
use crate::doctor::{self, Check, Machine, Outcome, Questions, TargetChecks};
use crate::job::Job;
use crate::report::{self, Ui};
use crate::service::{self, Owner};
use crate::state::StateStore;
use crate::workspace::Service;

/// Check whether a target is ready for jobs
///
/// Says what to do where it is not. Asks for keys, clock, name resolution, the bucket's services, queues and role, workflows, inputs and
/// the state; for an embedded target, folders, commands and a port. Changes nothing and submits
/// nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake -t prod doctor              one target
  stocktake doctor --all-targets        every target of stocktake.toml
  stocktake doctor --format json        for programs

Exit codes: 0 every check is ok, a warning or skipped, 1 a check failed.")]
pub(super) struct DoctorArgs {
    /// Check every target
    #[arg(long, conflicts_with = "target")]
    all_targets: bool,

    #[command(flatten)]
    format: FormatArgs,
}

pub(super) fn run(
    arguments: &DoctorArgs,
    options: &GlobalOptions,
    settings: &Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let targets = if arguments.all_targets {
        all_targets(options)?
    } else {
        vec![options.clone()]
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let checked = targets
        .iter()
        .map(|options| runtime.block_on(check(options, settings.clone(), ui)));
    let checked = checked.collect::<Result<Vec<_>, Failure>>()?;
    match arguments.format.format {
        Format::Human => report::doctor_human(&mut ui.data(), &checked)?,
        Format::Json => report::doctor_json(&mut ui.data(), &checked)?,
    }
    let has_failed = checked
        .iter()
        .flat_map(|target| &target.checks)
        .any(|check| check.outcome == Outcome::Failed);
    Ok(if has_failed { Exit::Failed } else { Exit::Done })
}

/// The options, once for each target.
fn all_targets(options: &GlobalOptions) -> Result<Vec<GlobalOptions>, Failure> {
    let workspace = session::workspace(options)?;
    let named = |name| GlobalOptions {
        target: Some(name),
        ..options.clone()
    };
    Ok(workspace.target_names().into_iter().map(named).collect())
}

async fn check(
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<TargetChecks, Failure> {
    let name = options.target.clone();
    let session = match Session::open(options, settings, ui) {
        Ok(session) => session,
        // Another target may be fine.
        Err(failure) if name.is_some() => {
            return Ok(TargetChecks {
                target: name.unwrap_or_default(),
                checks: failure.diagnostics.iter().map(broken).collect(),
            });
        }
        Err(failure) => return Err(failure),
    };
    let loaded = session.load();
    let mut checks = vec![doctor::jobs(&loaded), state(&session)];
    let owner = session
        .target
        .embedded()
        .and_then(|embedded| service::running_at(&embedded.data));
    if let Some(embedded) = session.target.embedded() {
        let machine = Machine {
            path: session.settings.path.as_deref(),
            working_folder: session.workspace.root(),
            running_at: owner.as_ref().map(|owner| owner.address),
        };
        checks.extend(doctor::embedded(embedded, machine));
    }
    // An embedded service that does not run is not started: it would run its jobs.
    if session.target.embedded().is_none() || owner.is_some() {
        checks.extend(asked(&session, &loaded.jobs, owner.as_ref()).await?);
    }
    Ok(TargetChecks {
        target: session.target.name.clone(),
        checks,
    })
}

/// A mistake in stocktake.toml.
fn broken(diagnostic: &Diagnostic) -> Check {
    let finding = (
        Outcome::Failed,
        diagnostic.message.clone(),
        Some("`stocktake validate` shows where it stands".to_owned()),
    );
    Check::new("workspace", "", "read stocktake.toml", finding)
}

fn state(session: &Session) -> Check {
    let read = StateStore::read_at(&session.location, session.expected());
    let records = read.as_ref().map(|read| &read.records);
    let may_be_absent = session.target.embedded().is_some();
    doctor::state(
        &session.target.name,
        &session.location,
        records,
        may_be_absent,
    )
}

/// What the service answers, if there are credentials to ask with.
async fn asked(
    session: &Session,
    jobs: &[Arc<Job>],
    owner: Option<&Owner>,
) -> Result<Vec<Check>, Failure> {
    let mut checks = Vec::new();
    let buckets = buckets(session, jobs);
    let (address, credentials) = match &session.target.service {
        Service::Remote { endpoint, .. } => {
            // Before credentials are looked for.
            if let Some(refused) = refused(session, endpoint.as_deref(), &buckets) {
                checks.push(refused);
                return Ok(checks);
            }
            let mut warnings = Vec::new();
            let found = credentials::find(session, &mut warnings).await;
            checks.push(credentials_check(found.as_ref(), &warnings));
            let Ok(found) = found else { return Ok(checks) };
            (endpoint.clone(), found.provider)
        }
        Service::Embedded(embedded) => {
            let address = owner.map(|owner| format!("http://{}", owner.address));
            let pair = credentials::embedded(&session.settings, &embedded.data, owner)?;
            (address, pair.into())
        }
    };
    let Some(first) = buckets.first().cloned() else {
        let found = "neither the target nor a job names a bucket".to_owned();
        let finding = (Outcome::Skipped, found, None);
        checks.push(Check::new("bucket", "", "", finding));
        return Ok(checks);
    };
    let client = checking_client(session, address.as_deref(), first, credentials);
    match client {
        Ok(client) => {
            let questions = questions(session, jobs, client, buckets);
            checks.extend(doctor::service(&questions).await);
        }
        Err(failure) => checks.extend(failure.diagnostics.iter().map(broken)),
    }
    Ok(checks)
}

/// What the environment of a pipeline does not let this target call.
fn refused(
    session: &Session,
    address: Option<&str>,
    buckets: &BTreeSet<(BucketName, Region)>,
) -> Option<Check> {
    let permitted = consent::permitted(&session.settings)?;
    let base = address.and_then(|address| address.parse().ok());
    let refused = buckets.iter().flat_map(|(bucket, region)| {
        permitted.refused(&Endpoint {
            bucket: bucket.clone(),
            region: region.clone(),
            base: base.clone(),
        })
    });
    let names: BTreeSet<String> = refused.collect();
    if names.is_empty() {
        return None;
    }
    let names = Vec::from_iter(names).join(",");
    let refusal = consent::refusal(&ClientError::NotPermitted { names });
    let finding = (Outcome::Failed, refusal.message, refusal.help);
    Some(Check::new(
        "consent",
        "",
        "STOCKTAKE_ALLOWED_HOSTS",
        finding,
    ))
}

fn questions(
    session: &Session,
    jobs: &[Arc<Job>],
    client: Client,
    buckets: BTreeSet<(BucketName, Region)>,
) -> Questions {
    let workflows = jobs.iter().flat_map(|job| {
        let work = &job.work;
        let ids = work.request.operation.workflow_ids.as_slice().iter();
        ids.map(|id| (work.bucket.clone(), work.region.clone(), id.clone()))
    });
    Questions {
        client,
        is_proxied: session.settings.proxy.is_some() && session.target.embedded().is_none(),
        workflows: workflows.collect(),
        inputs: inputs(jobs),
        buckets,
    }
}

fn buckets(session: &Session, jobs: &[Arc<Job>]) -> BTreeSet<(BucketName, Region)> {
    let target = &session.target;
    let own = target.bucket.clone().zip(target.region.clone());
    let of_jobs = jobs
        .iter()
        .map(|job| (job.work.bucket.clone(), job.work.region.clone()));
    own.into_iter().chain(of_jobs).collect()
}

/// Each input once.
fn inputs(jobs: &[Arc<Job>]) -> Vec<(BucketName, Region, Input)> {
    let mut seen = HashSet::new();
    let all = jobs.iter().map(|job| {
        let work = &job.work;
        (
            work.bucket.clone(),
            work.region.clone(),
            work.request.input.clone(),
        )
    });
    all.filter(|input| seen.insert(input.clone())).collect()
}

fn credentials_check(found: Result<&Found, &Failure>, warnings: &[Diagnostic]) -> Check {
    let asked = "the places of docs/credentials.md, in order";
    let finding = match found {
        Ok(found) => {
            let ends = found.provider.ends();
            let ends = ends.map(|ends| format!(", until {ends}, renewed before"));
            let said = format!("{}{}", found.origin, ends.unwrap_or_default());
            match warnings.first() {
                None => (Outcome::Ok, said, None),
                Some(warning) => (
                    Outcome::Warning,
                    warning.message.clone(),
                    warning.help.clone(),
                ),
            }
        }
        Err(failure) => {
            let first = failure.diagnostics.first();
            (
                Outcome::Failed,
                first.map(|first| first.message.clone()).unwrap_or_default(),
                first.and_then(|first| first.help.clone()),
            )
        }
    };
    Check::new("credentials", "", asked, finding)
}
