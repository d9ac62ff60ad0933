//! `stocktake adopt`

mod file;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::connection::Connection;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{GlobalOptions, parse_duration, parse_moment};
use super::session::{Session, job_of};
use super::settings::Settings;
use crate::adopt::{self, Matches};
use crate::api::client::{CallError, Client, ListQuery};
use crate::api::name::{BucketName, JobId, JobName, Region, WorkflowId};
use crate::api::wire::{JobDetail, JobState};
use crate::diagnostic::Diagnostic;
use crate::job::{Job, JobKey};
use crate::report::{self, Adoption, Ui};
use crate::state::{Record, StateStore};

use file::NewFile;

/// Record jobs that were triggered by other means
///
/// Lists the jobs of the target's bucket and records those that do the work of a job of the files,
/// so that apply does not submit them again. With KEY=JOBID it records the jobs that are named, and
/// refuses those that do other work. With --file the rest is written into a new job file and
/// recorded as well. Submits nothing; a second run changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake -t prod adopt --since 2022-06-01T00:00:00+0800
  stocktake -t prod adopt --name batch_demo-1 --state Success
  stocktake -t prod adopt --file jobs/found.yaml
  stocktake -t prod adopt spring-uploads=b32fdf81a77a11ed92155ff0b1a5d0f5

Exit codes: 0 done, 1 something is wrong, or a named job is not the work of its
key, 5 the state is locked.")]
pub(super) struct AdoptArgs {
    /// Record this job of the service as the job of this key; then nothing is listed
    #[arg(value_name = "KEY=JOBID", value_parser = parse_pair,
        conflicts_with_all = ["since", "name", "workflow", "states", "file"])]
    named: Vec<(JobKey, JobId)>,

    /// Only jobs that were created then or later
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    since: Option<Timestamp>,

    /// Only jobs of this name
    #[arg(long, value_name = "NAME")]
    name: Option<JobName>,

    /// Only jobs of this workflow
    #[arg(long, value_name = "ID")]
    workflow: Option<WorkflowId>,

    /// Only jobs in these states, such as Success,Running
    #[arg(long = "state", value_name = "STATE", value_delimiter = ',', value_parser = parse_state)]
    states: Vec<JobState>,

    /// Write jobs of other work into this job file, which must not be there yet
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// How long to wait for another run that writes the state, such as 5m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_duration)]
    lock_timeout: Duration,

    /// The form of the output: human, json
    #[arg(
        long,
        value_name = "FORM",
        default_value = "human",
        hide_possible_values = true
    )]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

/// Keys of a matrix have a `=` of their own, ids have none.
fn parse_pair(text: &str) -> Result<(JobKey, JobId), String> {
    let (key, job_id) = text.rsplit_once('=').ok_or("write it as KEY=JOBID")?;
    if key.is_empty() {
        return Err("the key is missing: write it as KEY=JOBID".to_owned());
    }
    let job_id = JobId::new(job_id).map_err(|error| format!("the id {error}"))?;
    Ok((JobKey::new(key), job_id))
}

fn parse_state(text: &str) -> Result<JobState, String> {
    const STATES: [JobState; 6] = [
        JobState::Submitted,
        JobState::Running,
        JobState::Success,
        JobState::Failed,
        JobState::Pause,
        JobState::Cancel,
    ];
    let mut states = STATES.into_iter();
    let found = states.find(|state| state.as_str().eq_ignore_ascii_case(text));
    found.ok_or_else(|| {
        let words = STATES.map(|state| state.to_string()).join(", ");
        format!("the states are {words}")
    })
}

pub(super) fn run(
    arguments: &AdoptArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let session = Session::open(options, settings, ui)?;
    let file = arguments.file.as_deref();
    let file = file.map(|path| NewFile::at(&session, path)).transpose()?;
    let jobs = if file.is_some() {
        session.jobs_if_any()?
    } else {
        session.jobs()?
    };
    let store = session.open_state(arguments.lock_timeout)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let adopted = runtime.block_on(async {
        if arguments.named.is_empty() {
            adopt_listed(&session, arguments, &jobs, &store, file).await
        } else {
            adopt_named(&session, arguments, &jobs, &store).await
        }
    });
    store.close()?;
    adopted?;
    Ok(Exit::Done)
}

/// All or none: somebody who mistook one of them may have mistaken others.
async fn adopt_named(
    session: &Session,
    arguments: &AdoptArgs,
    jobs: &[Job],
    store: &StateStore,
) -> Result<(), Failure> {
    let mut pairs = Vec::new();
    for (key, job_id) in &arguments.named {
        pairs.push((job_of(jobs, key)?, job_id));
    }
    let Some((first, _)) = pairs.first() else {
        return Ok(());
    };
    let work = &first.work;
    let connection = Connection::open(session, work.bucket.clone(), work.region.clone()).await?;
    let details = describe_all(&connection.client, &pairs).await;
    connection.close().await;
    let mut records = store.records();
    let (mut adopted, mut known, mut refusals) = (Vec::new(), Vec::new(), Vec::new());
    for ((job, job_id), detail) in pairs.into_iter().zip(details?) {
        match adopt::named(job, job_id, detail.as_ref(), &records, session.now) {
            // A job that is named twice is one of two keys, or none.
            Ok(Some(record)) => {
                records.insert(record.clone().into());
                adopted.push(record);
            }
            Ok(None) => known.push(job.key.clone()),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if !refusals.is_empty() {
        let problems: Vec<Diagnostic> = refusals.iter().map(report::refusal).collect();
        return Err(problems.into());
    }
    record(store, &adopted).await?;
    let adoption = Adoption {
        adopted: &adopted,
        known: &known,
        ..Adoption::default()
    };
    show(session, arguments, &adoption)
}

async fn describe_all(
    client: &Client,
    pairs: &[(&Job, &JobId)],
) -> Result<Vec<Option<JobDetail>>, Failure> {
    let mut details = Vec::with_capacity(pairs.len());
    for (job, job_id) in pairs {
        let client = client.for_bucket(&job.work.bucket, &job.work.region)?;
        let detail = client.describe(job_id).await;
        details.push(detail.map_err(|error| not_asked(&error))?);
    }
    Ok(details)
}

async fn adopt_listed(
    session: &Session,
    arguments: &AdoptArgs,
    jobs: &[Job],
    store: &StateStore,
    file: Option<NewFile>,
) -> Result<(), Failure> {
    let (bucket, region) = bucket(session)?;
    let query = ListQuery {
        name: arguments.name.clone(),
        workflow_id: arguments.workflow.clone(),
        states: arguments.states.clone(),
        created_from: arguments.since,
        ..ListQuery::default()
    };
    let connection = Connection::open(session, bucket.clone(), region.clone()).await?;
    let listed = connection.client.list(&query).await;
    connection.close().await;
    let mut listed = listed.map_err(|error| not_asked(&error))?;
    // The filter is the service's; what it lets through is checked all the same.
    listed.retain(|job| arguments.states.is_empty() || arguments.states.contains(&job.state));
    let now = Timestamp::now();
    let records = store.records();
    let Matches {
        mut adopted,
        unmatched,
        mut repeated,
    } = adopt::matches(&bucket, &region, listed, jobs, &records, now);
    let mut others = unmatched;
    let mut written = None;
    if let Some(file) = file {
        let rest = adopt::unwritten(others);
        others = rest.unreadable;
        let found = rest.jobs.iter().map(|(detail, _)| detail.clone());
        let draft = file.draft(session, jobs, &records, &rest.jobs)?;
        let again = found.chain(rest.repeated).collect();
        let new = adopt::matches(&bucket, &region, again, draft.jobs(), &records, now);
        adopted.extend(new.adopted);
        repeated.extend(new.repeated);
        others.extend(new.unmatched);
        // A job that the files ask for and the state does not know would be submitted.
        record(store, &adopted).await?;
        written = draft.keep()?;
    } else {
        record(store, &adopted).await?;
    }
    let adoption = Adoption {
        adopted: &adopted,
        known: &[],
        repeated: &repeated,
        others: &others,
        written: written
            .as_ref()
            .map(|(path, number)| (path.as_path(), *number)),
    };
    show(session, arguments, &adoption)?;
    if !others.is_empty() && arguments.file.is_none() && !session.settings.automation {
        let hint = "`stocktake adopt --file jobs/found.yaml` writes jobs of other work down";
        session.ui.note(hint)?;
    }
    Ok(())
}

/// What is listed is a bucket.
fn bucket(session: &Session) -> Result<(BucketName, Region), Failure> {
    let target = &session.target;
    target
        .bucket
        .clone()
        .zip(target.region.clone())
        .ok_or_else(|| {
            let message = format!("the target `{}` has no bucket to list", target.name);
            let problem = Diagnostic::error("no-bucket", message);
            problem
                .help("give it `bucket` and `region` in stocktake.toml")
                .into()
        })
}

async fn record(store: &StateStore, records: &[Record]) -> Result<(), Failure> {
    for record in records {
        store.append(record.clone()).await?;
    }
    Ok(())
}

fn show(session: &Session, arguments: &AdoptArgs, adoption: &Adoption<'_>) -> Result<(), Failure> {
    let mut out = session.ui.data();
    match arguments.format {
        Format::Human => report::adoption_human(&mut out, adoption)?,
        Format::Json => report::adoption_json(&mut out, &session.target.name, adoption)?,
    }
    Ok(())
}

fn not_asked(error: &CallError) -> Failure {
    let problem = Diagnostic::error("adopt", error.to_string());
    problem.help("nothing was recorded; adopt again").into()
}
