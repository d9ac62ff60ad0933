//! `stocktake status`

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::connection::Connection;
use super::exit::Exit;
use super::failure::Failure;
use super::following::{self, follow};
use super::options::{GlobalOptions, parse_duration};
use super::session::Session;
use super::settings::Settings;
use super::signals::Interrupts;
use crate::diagnostic::Diagnostic;
use crate::report::{self, Ui};
use crate::service;
use crate::state::{Record, StateError};
use crate::status::{self, FailedObject, Refresher, Trouble};

/// Show how far each recorded job is
///
/// Asks the service for the jobs that may still change and records the answers. Jobs of an embedded
/// target run while `apply` or `serve` runs; without either, what is recorded is shown.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake status                      every recorded job
  stocktake status spring-uploads       one of them
  stocktake status --wait --timeout 2h  until they have ended
  stocktake status spring-uploads --failed --write-url-file again.txt
                                        its failed objects, as an input for a job

Exit codes: 0 done, 1 something is wrong or the time was up, 5 the state is
locked, 7 a job that was waited for, or one of those named, ended Failed or
Cancel.")]
pub(super) struct StatusArgs {
    /// Only the records of these keys
    #[arg(value_name = "KEY")]
    keys: Vec<String>,

    /// Ask nobody; show what is recorded
    #[arg(long, conflicts_with_all = ["wait", "failed"])]
    no_refresh: bool,

    /// Wait until the jobs have ended
    #[arg(long)]
    wait: bool,

    /// Wait no longer than this, such as 30m
    #[arg(long, value_name = "TIME", value_parser = parse_duration, requires = "wait")]
    timeout: Option<Duration>,

    /// Show the objects that failed, and why, instead of the jobs
    #[arg(long, requires = "keys")]
    failed: bool,

    /// Write the addresses of the failed objects to a file, one a line
    #[arg(long, value_name = "FILE", requires = "failed")]
    write_url_file: Option<PathBuf>,

    /// The form of the output: human, json, markdown
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
    Markdown,
}

pub(super) fn run(
    arguments: &StatusArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let session = Session::open(options, settings, ui)?;
    let wanted = wanted(&session, &arguments.keys)?;
    let is_open = wanted.iter().any(|record| status::may_change(record));
    // Those who wait, or want to know more, get an embedded service started for it.
    let asks = arguments.failed
        || (is_open && !arguments.no_refresh && (arguments.wait || is_reachable(&session)));
    let asked = match wanted.first().filter(|_| asks) {
        Some(first) => {
            let runtime = tokio::runtime::Runtime::new()?;
            runtime.block_on(ask(&session, arguments, first, &wanted))?
        }
        None => Asked::default(),
    };
    if asked.exit == Exit::Interrupted || asked.exit == Exit::Terminated {
        return Ok(asked.exit);
    }
    if arguments.failed {
        return show_failed(&session, arguments, &asked.failed);
    }
    let shown = following::with_news(wanted, &asked.records);
    show(&session, arguments.format, &shown)?;
    let names_failure = || arguments.wait && !arguments.keys.is_empty() && has_failed(&shown);
    Ok(if names_failure() {
        Exit::JobFailed
    } else {
        asked.exit
    })
}

/// The records of the keys, or all; sorted.
pub(super) fn wanted(session: &Session, keys: &[String]) -> Result<Vec<Arc<Record>>, Failure> {
    let records = session.records()?;
    let is_wanted = |record: &&Arc<Record>| {
        if keys.is_empty() {
            !record.is_removed()
        } else {
            keys.iter().any(|key| key == record.key.as_str())
        }
    };
    let mut wanted: Vec<Arc<Record>> = records.iter().filter(is_wanted).cloned().collect();
    wanted
        .sort_by(|left, right| (&left.key, left.fingerprint).cmp(&(&right.key, right.fingerprint)));
    let is_unknown = |key: &&String| wanted.iter().all(|record| record.key.as_str() != *key);
    if let Some(key) = keys.iter().find(is_unknown) {
        let message = format!("nothing is recorded under `{key}`");
        let problem = Diagnostic::error("unknown-key", message);
        return Err(problem
            .help("`stocktake state list` shows every key")
            .into());
    }
    Ok(wanted)
}

/// Whether there is a service to ask: an embedded one has to be running.
fn is_reachable(session: &Session) -> bool {
    let embedded = session.target.embedded();
    embedded.is_none_or(|service| service::running_at(&service.data).is_some())
}

/// What asking the service has led to.
struct Asked {
    exit: Exit,
    records: Vec<Arc<Record>>,
    failed: Vec<FailedObject>,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            exit: Exit::Done,
            records: Vec::new(),
            failed: Vec::new(),
        }
    }
}

async fn ask(
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
        let open = wanted.iter().filter(|record| status::may_change(record));
        let open = open.cloned().collect();
        let recorder = following::recorder(session, following::LOCK_TIMEOUT);
        asked.exit = tokio::select! {
            exit = follow(session, connection, &recorder, open, arguments.timeout) => exit?,
            () = interrupts.arrived() => interrupts.exit().unwrap_or(Exit::Interrupted),
        };
        asked.records = self::wanted(session, &arguments.keys)?;
    } else {
        asked.records = refresh(session, connection, wanted).await?;
    }
    if arguments.failed {
        for record in wanted {
            let failed = status::failed_objects(&connection.client, record).await;
            asked.failed.extend(failed?);
        }
    }
    Ok(asked)
}

/// Asks once. What another run is in the way of recording is shown all the same.
async fn refresh(
    session: &Session,
    connection: &Connection,
    wanted: &[Arc<Record>],
) -> Result<Vec<Arc<Record>>, Failure> {
    let mut refresher = Refresher::new(connection.client.clone(), wanted.to_vec());
    let round = refresher.refresh().await?;
    let recorder = following::recorder(session, Duration::ZERO);
    match recorder.record(&round.changed).await {
        Err(StateError::Locked { .. }) => {
            session
                .ui
                .note("another run writes the state; this is not recorded")?;
        }
        result => result?,
    }
    // A service of this machine lives as long as the apply that runs it.
    if session.target.embedded().is_some() && round.troubles.iter().all(Trouble::may_pass) {
        if !round.troubles.is_empty() {
            let note = "the service has ended; this is what is recorded";
            session.ui.note(note)?;
        }
    } else if let Some(trouble) = round.troubles.first() {
        let others = round.troubles.len() - 1;
        let others = if others == 0 {
            String::new()
        } else {
            format!(" (and {others} more)")
        };
        let problem = Diagnostic::error("status", format!("{trouble}{others}"));
        return Err(problem
            .help("`stocktake status --no-refresh` shows what is recorded")
            .into());
    }
    Ok(refresher.records().to_vec())
}

fn has_failed(records: &[Arc<Record>]) -> bool {
    let mut seen = records.iter().filter_map(|record| record.last_seen());
    seen.any(|seen| seen.state.is_failure())
}

fn show(session: &Session, format: Format, records: &[Arc<Record>]) -> Result<(), Failure> {
    let mut out = session.ui.data();
    match format {
        Format::Human => report::status_human(&mut out, records, session.now)?,
        Format::Json => report::records_json(&mut out, &session.target.name, records)?,
        Format::Markdown => report::status_markdown(&mut out, records, session.now)?,
    }
    Ok(())
}

fn show_failed(
    session: &Session,
    arguments: &StatusArgs,
    failed: &[FailedObject],
) -> Result<Exit, Failure> {
    let mut out = session.ui.data();
    match arguments.format {
        Format::Json => report::failures_json(&mut out, &session.target.name, failed)?,
        Format::Human | Format::Markdown => report::failures_human(&mut out, failed)?,
    }
    if let Some(path) = &arguments.write_url_file {
        write_url_file(session, path, failed)?;
    }
    Ok(Exit::Done)
}

fn write_url_file(session: &Session, path: &Path, failed: &[FailedObject]) -> Result<(), Failure> {
    let mut urls: Vec<&str> = failed.iter().map(|object| object.url.as_str()).collect();
    urls.sort_unstable();
    urls.dedup();
    let text = urls.join("\n") + if urls.is_empty() { "" } else { "\n" };
    fs::write(path, text).map_err(|error| {
        let message = format!("cannot write {}: {error}", path.display());
        Diagnostic::error("output", message)
    })?;
    let path = path.display();
    session.ui.note(format!(
        "{path} has {} addresses; put it into the bucket and name it in a job as `input: {{ url_file: … }}`",
        urls.len()
    ))?;
    Ok(())
}
