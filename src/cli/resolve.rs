//! `stocktake resolve`

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::connection::Connection;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{GlobalOptions, parse_duration};
use super::session::Session;
use super::settings::Settings;
use super::unresolved;
use crate::adopt::Refusal;
use crate::api::client::Client;
use crate::api::name::JobId;
use crate::apply::by_hand::{self, DecisionError};
use crate::diagnostic::Diagnostic;
use crate::job::JobKey;
use crate::report::{self, Ui};
use crate::state::{Keep, Record, Records, Removal, StateStore};

/// End an unresolved submission by hand
///
/// `apply` looks unresolved submissions up by itself. Where it cannot, a person can find out at the
/// service and decide. Without --adopt and --abandon it shows what is known, and the jobs of the
/// service that may be it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake resolve spring-uploads                   what is known
  stocktake resolve spring-uploads --adopt b2f6a1c0  it became this job
  stocktake resolve spring-uploads --abandon         the service never took it
  stocktake resolve spring-uploads --keep b2f6a1c0   this one counts

An abandoned job is submitted, and billed, by the next apply.")]
pub(super) struct ResolveArgs {
    /// The job
    #[arg(value_name = "KEY")]
    key: String,

    /// Record that it became this job of the service
    #[arg(long, value_name = "JOBID", conflicts_with = "abandon")]
    adopt: Option<JobId>,

    /// Record that the service never took it
    #[arg(long)]
    abandon: bool,

    /// Of several jobs that two branches of the state submitted for it, let this one count
    ///
    /// The others stay at the service, and are recorded as removed.
    #[arg(long, value_name = "JOBID", conflicts_with_all = ["adopt", "abandon", "no_check"])]
    keep: Option<JobId>,

    /// Do not ask the service whether that can be
    ///
    /// What may still be on its way to the service is waited for all the same.
    #[arg(long)]
    no_check: bool,

    /// How long to wait for another run that writes the state, such as 5m
    ///
    /// Without it: not at all for a state in a file; the lease and 30s for a shared one.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    lock_timeout: Option<Duration>,
}

pub(super) fn run(
    arguments: &ResolveArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let session = Session::open(options, settings, ui)?;
    if let Some(job_id) = &arguments.keep {
        return keep(&session, arguments, job_id);
    }
    let runtime = tokio::runtime::Runtime::new()?;
    if arguments.adopt.is_none() && !arguments.abandon {
        let records = session.records()?;
        let record = unresolved_record(&records, &arguments.key)?;
        return runtime.block_on(show(&session, &records, &record));
    }
    let record = session.change_state(arguments.lock_timeout, |store| {
        let record = unresolved_record(&store.records(), &arguments.key)?;
        runtime.block_on(decide(&session, store, &record, arguments))
    })?;
    report::resolved(&mut ui.data(), &record)?;
    Ok(Exit::Done)
}

fn keep(session: &Session, arguments: &ResolveArgs, job_id: &JobId) -> Result<Exit, Failure> {
    let key = JobKey::new(&arguments.key);
    let user = session.settings.user.as_deref().unwrap_or("somebody");
    let reason = format!("{job_id} counts instead");
    let decision = Keep {
        key: &key,
        job_id,
        removal: Removal::now(user, Some(reason)),
    };
    let Some(path) = session.state_file() else {
        let message = "--keep ends a merge of two branches, which a shared state knows nothing of";
        let problem = Diagnostic::error("resolve", message);
        return Err(problem
            .help("`stocktake state verify` says what is wrong")
            .into());
    };
    let kept = StateStore::keep(
        path,
        session.expected(),
        arguments.lock_timeout.unwrap_or_default(),
        &decision,
        &mut |_| {},
    )?;
    let Some(record) = kept else {
        let message = format!("job {job_id} is not recorded as `{key}`");
        let problem = Diagnostic::error("resolve", message);
        return Err(problem
            .help("`stocktake state show KEY` shows its jobs; nothing was changed")
            .into());
    };
    report::kept(&mut session.ui.data(), &record, job_id)?;
    Ok(Exit::Done)
}

async fn show(session: &Session, records: &Records, record: &Record) -> Result<Exit, Failure> {
    let connection = connect(session, record).await?;
    let candidates = by_hand::candidates(&connection.client, records, record).await;
    connection.close().await;
    let mut out = session.ui.data();
    match candidates {
        Ok(candidates) => report::unresolved(&mut out, record, Some(&candidates))?,
        // What is recorded can be shown all the same.
        Err(error) => {
            report::unresolved(&mut out, record, None)?;
            out.flush()?;
            let error = DecisionError::from(error);
            session.ui.note(format!(
                "the service cannot be asked for the jobs that may be it: {error}"
            ))?;
        }
    }
    Ok(Exit::Done)
}

async fn decide(
    session: &Session,
    store: &StateStore,
    record: &Arc<Record>,
    arguments: &ResolveArgs,
) -> Result<Arc<Record>, Failure> {
    if arguments.abandon {
        unresolved::wait_for_window(session, std::slice::from_ref(record)).await?;
    }
    if arguments.no_check {
        return Ok(carry_out(store, None, record, arguments).await?);
    }
    let connection = connect(session, record).await?;
    let decided = carry_out(store, Some(&connection.client), record, arguments).await;
    connection.close().await;
    Ok(decided?)
}

async fn carry_out(
    store: &StateStore,
    client: Option<&Client>,
    record: &Record,
    arguments: &ResolveArgs,
) -> Result<Arc<Record>, DecisionError> {
    match &arguments.adopt {
        Some(job_id) => by_hand::adopt(store, client, record, job_id).await,
        None => by_hand::abandon(store, client, record).await,
    }
}

async fn connect(session: &Session, record: &Record) -> Result<Connection, Failure> {
    let (bucket, region) = (&record.work.bucket, &record.work.region);
    Connection::open(session, bucket.clone(), region.clone()).await
}

/// The record under the key that has something to resolve.
fn unresolved_record(records: &Records, key: &str) -> Result<Arc<Record>, Failure> {
    let key = JobKey::new(key);
    let mut under_key = records
        .under_key(&key)
        .filter(|record| record.unresolved().is_some());
    if let Some(record) = under_key.next() {
        return Ok(Arc::clone(record));
    }
    let mut keys: Vec<&str> = records
        .iter()
        .filter(|record| record.unresolved().is_some())
        .map(|record| record.key.as_str())
        .collect();
    keys.sort_unstable();
    let help = if keys.is_empty() {
        "nothing is unresolved".to_owned()
    } else {
        format!("unresolved are: {}", keys.join(", "))
    };
    let problem = Diagnostic::error("not-unresolved", format!("`{key}` has nothing unresolved"));
    Err(problem.help(help).into())
}

impl From<DecisionError> for Failure {
    fn from(error: DecisionError) -> Self {
        let message = error.to_string();
        let help = match error {
            DecisionError::State(error) => return error.into(),
            DecisionError::Call(_) => "with --no-check the service is not asked",
            DecisionError::Refused(Refusal::Taken { .. }) => {
                "one job of the service belongs to one submission"
            }
            DecisionError::Refused(_) => {
                "`stocktake resolve KEY` lists the jobs that may be it; with --no-check the service \
                 is not asked"
            }
            DecisionError::Present(_) => {
                "adopt it with --adopt; or, if it is not this one, abandon it with --no-check"
            }
        };
        Diagnostic::error("resolve", message).help(help).into()
    }
}
