//! `stocktake cancel`

use std::sync::Arc;

use clap::Args;

use super::approval;
use super::connection::Connection;
use super::exit::Exit;
use super::failure::Failure;
use super::options::GlobalOptions;
use super::poll;
use super::session::Session;
use super::settings::Settings;
use super::status::wanted;
use crate::api::name::JobId;
use crate::diagnostic::Diagnostic;
use crate::report::{self, Ui};
use crate::state::Record;
use crate::status::{self, Poller};

/// Cancel running jobs at the service
///
/// The service starts no further objects. Objects that are done stay done and are paid for; whether
/// one that is being processed is stopped is the service's decision. A cancelled job is not
/// submitted again unless it says `on_failure: resubmit`, or its `rerun` changes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake cancel spring-uploads
  stocktake -t prod cancel archive-cn archive-sg --auto-approve

Exit codes: 0 every job has ended, 1 at least one could not be cancelled.")]
pub(super) struct CancelArgs {
    /// The jobs: keys, `backfill` for its whole matrix, patterns with `*`
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<String>,

    /// Do not ask
    #[arg(long, short = 'y')]
    auto_approve: bool,
}

pub(super) fn run(
    arguments: &CancelArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let session = Session::open(options, settings, ui)?;
    let records = wanted(&session, &arguments.keys)?;
    let (open, ended): (Vec<_>, Vec<_>) = records
        .into_iter()
        .partition(|record| status::may_change(record));
    for record in &ended {
        ui.note(format!("{} does not run; nothing to cancel", record.key))?;
    }
    let Some(first) = open.first() else {
        return Ok(Exit::Done);
    };
    session.check_running()?;
    if !arguments.auto_approve {
        report::cancelling(&mut ui.messages(), &open, session.now, ui.look())?;
        approval::ask(&session, "Cancel?")?;
    }
    let bucket = (first.work.bucket.clone(), first.work.region.clone());
    tokio::runtime::Runtime::new()?.block_on(async {
        let connection = Connection::open(&session, bucket.0, bucket.1).await?;
        let result = cancel_all(&session, &connection, open).await;
        connection.close().await;
        result
    })
}

async fn cancel_all(
    session: &Session,
    connection: &Connection,
    open: Vec<Arc<Record>>,
) -> Result<Exit, Failure> {
    let mut problems = Vec::new();
    for record in &open {
        if let Some((_, job_id)) = record.accepted()
            && let Err(problem) = cancel(connection, record, job_id).await
        {
            problems.push(problem);
        }
    }
    // What the service made of it is what is recorded.
    let mut poller = Poller::new(connection.client.clone(), open);
    let mut round = poller.poll().await?;
    round.changed.append(&mut round.counted);
    let writer = poll::writer(session, poll::LOCK_TIMEOUT);
    writer.write(&round.changed).await?;
    let (mut out, look) = (session.ui.data(), session.ui.look());
    report::status_human(&mut out, poller.records(), session.now, look)?;
    let errors = round.errors.iter();
    problems.extend(errors.map(|error| Diagnostic::error("status", error.to_string())));
    if problems.is_empty() {
        return Ok(Exit::Done);
    }
    Err(problems.into())
}

async fn cancel(
    connection: &Connection,
    record: &Record,
    job_id: &JobId,
) -> Result<(), Diagnostic> {
    let client = connection
        .client
        .for_bucket(&record.work.bucket, &record.work.region);
    let cancelled = match client {
        Ok(client) => client
            .cancel(job_id)
            .await
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    cancelled.map_err(|error| {
        let message = format!("{} ({job_id}) is not cancelled: {error}", record.key);
        Diagnostic::error("cancel", message)
            .help("see how far it is with `stocktake status`, and try again")
    })
}
