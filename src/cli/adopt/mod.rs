//! `stocktake adopt`

mod file;
mod listed;
mod named;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::exit::Exit;
use super::failure::{Failure, call_problem};
use super::options::{Format, FormatArgs, GlobalOptions, parse_duration, parse_moment};
use super::session::Session;
use super::settings::Settings;
use crate::api::client::CallError;
use crate::api::name::{JobId, JobName, WorkflowId};
use crate::api::wire::JobState;
use crate::job::JobKey;
use crate::report::{self, Adoption, Ui};
use crate::state::{Record, StateStore};

use file::NewFile;

/// Record jobs that were triggered by other means
///
/// Lists the jobs of the buckets that the files and the target name, and records those that do the
/// work of a job of the files, so that apply does not submit them again. With KEY=JOBID it records
/// the jobs that are named, and refuses those that do other work. With --file the rest is written
/// into a new job file and recorded as well. Submits nothing; a second run changes nothing.
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
    ///
    /// Without it: not at all for a state in a file; the lease and 30s for a shared one.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    lock_timeout: Option<Duration>,

    #[command(flatten)]
    format: FormatArgs,
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
    if arguments.named.is_empty() {
        listed::adopt(&session, arguments, &jobs, file)
    } else {
        named::adopt(&session, arguments, &jobs)?;
        Ok(Exit::Done)
    }
}

/// Does something with the state, which is locked meanwhile: not while the service is asked.
fn with_state<T>(
    session: &Session,
    arguments: &AdoptArgs,
    change: impl FnOnce(&StateStore) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let store = session.open_state(arguments.lock_timeout)?;
    let changed = change(&store);
    store.close()?;
    changed
}

fn record(store: &StateStore, records: &[Record]) -> Result<(), Failure> {
    for record in records {
        store.append_blocking(record.clone())?;
    }
    Ok(())
}

fn show(session: &Session, arguments: &AdoptArgs, adoption: &Adoption<'_>) -> Result<(), Failure> {
    let mut out = session.ui.data();
    match arguments.format.format {
        Format::Human => report::adoption_human(&mut out, adoption)?,
        Format::Json => report::adoption_json(&mut out, &session.target.name, adoption)?,
    }
    Ok(())
}

fn not_asked(error: &CallError) -> Failure {
    call_problem("adopt", error, "nothing was recorded; adopt again").into()
}
