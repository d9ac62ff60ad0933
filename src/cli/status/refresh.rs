//! Asking the service for what `status` shows.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};

use super::{Format, StatusArgs, has_state};
use crate::cli::connection::Connection;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::poll::{self, follow};
use crate::cli::session::Session;
use crate::cli::signals::Interrupts;
use crate::diagnostic::Diagnostic;
use crate::page::FAILED_OBJECTS;
use crate::remedy;
use crate::report::{self, ObjectReport};
use crate::service;
use crate::state::{Record, StateError};
use crate::status::{self, FailedObject, PollError, Poller, Selected};

/// Ended jobs whose objects one `status` counts; the next one counts further.
const MAX_COUNTS: usize = 100;
/// How many jobs are asked about at once.
const PARALLELISM: usize = 4;

/// Whether there is a service to ask: an embedded one has to be running.
pub(super) fn is_reachable(session: &Session) -> bool {
    let embedded = session.target.embedded();
    embedded.is_none_or(|service| service::running_at(&service.data).is_some())
}

/// Whether the service can add to what is recorded.
pub(super) fn is_open(record: &Record) -> bool {
    status::may_change(record) || status::is_uncounted(record)
}

/// What asking the service has led to.
pub(super) struct Asked {
    pub(super) exit: Exit,
    pub(super) records: Vec<Arc<Record>>,
    pub(super) failed: Vec<FailedObject>,
    /// Whether a report with a row an object was written.
    pub(super) is_reported: bool,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            exit: Exit::Done,
            records: Vec::new(),
            failed: Vec::new(),
            is_reported: false,
        }
    }
}

pub(super) async fn ask(
    session: &Session,
    arguments: &StatusArgs,
    first: &Record,
    wanted: &[Arc<Record>],
) -> Result<Asked, Failure> {
    let (bucket, region) = (first.work.bucket.clone(), first.work.region.clone());
    let connection = Connection::open(session, bucket, region).await?;
    let asked = ask_connected(session, arguments, &connection, wanted).await;
    connection.close().await;
    asked
}

async fn ask_connected(
    session: &Session,
    arguments: &StatusArgs,
    connection: &Connection,
    wanted: &[Arc<Record>],
) -> Result<Asked, Failure> {
    let mut asked = Asked::default();
    if arguments.wait {
        let mut interrupts = Interrupts::listen()?;
        let open = wanted.iter().filter(|record| is_open(record));
        let open = open.cloned().collect();
        let writer = poll::writer(session, poll::LOCK_TIMEOUT);
        asked.exit = tokio::select! {
            exit = follow(session, connection, &writer, open, arguments.timeout) => exit?,
            () = interrupts.arrived() => interrupts.exit().unwrap_or(Exit::Interrupted),
        };
        asked.records = super::wanted(session, &arguments.keys)?;
    } else {
        asked.records = refresh(session, connection, wanted).await?;
    }
    if arguments.reports_objects() {
        let mut records = wanted.to_vec();
        status::update(&mut records, &asked.records);
        if !arguments.states.is_empty() {
            records.retain(|record| has_state(record, &arguments.states));
        }
        if asked.exit == Exit::Done || asked.exit == Exit::JobFailed {
            let mut interrupts = Interrupts::listen()?;
            tokio::select! {
                written = report_objects(session, arguments, connection, &records) => written?,
                () = interrupts.arrived() => {
                    asked.exit = interrupts.exit().unwrap_or(Exit::Interrupted);
                }
            }
        }
        asked.is_reported = true;
    } else if arguments.failed {
        for record in wanted {
            let failed = status::failed_objects(&connection.client, record, None).await;
            asked.failed.extend(failed?);
        }
    } else if arguments.format == Format::Html {
        let mut records = wanted.to_vec();
        status::update(&mut records, &asked.records);
        asked.failed = explain(session, connection, &records).await?;
    }
    Ok(asked)
}

/// Writes a row an object, as the service's pages come.
async fn report_objects(
    session: &Session,
    arguments: &StatusArgs,
    connection: &Connection,
    records: &[Arc<Record>],
) -> Result<(), Failure> {
    let selected = Selected {
        only_failed: arguments.failed,
        with_outputs: arguments.outputs,
    };
    let mut report = ObjectReport::begin(session.ui.plain_data())?;
    for record in records {
        status::each_object(&connection.client, record, selected, &mut |row| {
            report.row(&row)
        })
        .await?;
    }
    let unexplained = report.end()?;
    if unexplained > 0 {
        session.ui.note(format!(
            "of {unexplained} objects the service says no more than their state"
        ))?;
    }
    Ok(())
}

/// The objects that a page names. What cannot be had is no reason to do without the page.
async fn explain(
    session: &Session,
    connection: &Connection,
    records: &[Arc<Record>],
) -> Result<Vec<FailedObject>, Failure> {
    let jobs = stream::iter(report::worth_explaining(records));
    let answers = jobs.map(|record| async move {
        status::failed_objects(&connection.client, &record, Some(FAILED_OBJECTS)).await
    });
    let mut answers = answers.buffer_unordered(PARALLELISM);
    let mut failed = Vec::new();
    let mut problem = None;
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(objects) => failed.extend(objects),
            Err(error) => problem = Some(error),
        }
    }
    if let Some(error) = problem {
        let note = format!("not every failed object can be named: {error}");
        session.ui.note(note)?;
    }
    Ok(failed)
}

/// Asks once. What another run is in the way of recording is shown all the same.
async fn refresh(
    session: &Session,
    connection: &Connection,
    wanted: &[Arc<Record>],
) -> Result<Vec<Arc<Record>>, Failure> {
    let poller = Poller::new(connection.client.clone(), wanted.to_vec());
    let mut poller = poller.with_max_counts(MAX_COUNTS);
    let mut round = poller.poll().await?;
    round.changed.append(&mut round.counted);
    let writer = poll::writer(session, Duration::ZERO);
    match writer.write(&round.changed).await {
        Err(
            StateError::Locked { .. }
            | StateError::Overtaken { .. }
            | StateError::Unconfirmed { .. },
        ) => {
            session
                .ui
                .note("another run writes the state; this is not recorded")?;
        }
        result => result?,
    }
    // A service of this machine lives as long as the apply that runs it.
    if session.target.embedded().is_some() && round.errors.iter().all(PollError::may_pass) {
        if !round.errors.is_empty() {
            let note = "the service has ended; this is what is recorded";
            session.ui.note(note)?;
        }
    } else if let Some(error) = round.errors.first() {
        let others = round.errors.len() - 1;
        let others = if others == 0 {
            String::new()
        } else {
            format!(" (and {others} more)")
        };
        let problem = Diagnostic::error("status", format!("{error}{others}"));
        let otherwise = "`stocktake status --no-refresh` shows what is recorded";
        let remedy = error.call().and_then(remedy::of_call);
        return Err(problem.help(remedy.unwrap_or(otherwise)).into());
    }
    Ok(poller.records().to_vec())
}
