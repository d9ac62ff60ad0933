//! `stocktake status`

mod output;
mod refresh;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::failure::Failure;
use super::options::{GlobalOptions, parse_duration};
use super::session::Session;
use super::settings::Settings;
use super::unresolved;
use crate::api::wire::JobState;
use crate::diagnostic::{Diagnostic, closest};
use crate::job::JobKey;
use crate::plan::Selection;
use crate::report::{self, Ui};
use crate::state::{Record, Records};
use crate::status;

use output::{show, show_failed};
use refresh::{Asked, ask, is_reachable};

/// Show how far each recorded job is
///
/// Asks the service for the jobs that may still change and records the answers. Jobs of an embedded
/// target run while `apply` or `serve` runs; without either, what is recorded is shown.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
#[command(after_help = "Examples:
  stocktake status                      every recorded job
  stocktake status spring-uploads       one of them, or all of one matrix
  stocktake status --state Failed       those that failed
  stocktake status --failed             every failed object, and why
  stocktake status --wait --timeout 2h  until they have ended
  stocktake status spring-uploads --failed --write-url-file again.txt
                                        its failed objects, as an input for a job
  stocktake status --format html > report.html
                                        a page for a browser, complete in itself
  stocktake status --format csv > objects.csv
                                        a row an object: what became of it, and why
  stocktake status --format csv --by job > bill.csv
                                        a row a job: objects, price, cost

Exit codes: 0 done, 1 something is wrong or the time was up, 5 the state is
locked, 7 a job that was waited for, or one of those named, ended Failed or
Cancel.")]
pub(super) struct StatusArgs {
    /// Only these jobs: keys, `backfill` for its whole matrix, patterns with `*`
    #[arg(value_name = "KEY")]
    keys: Vec<String>,

    /// Only jobs in these states, such as Failed,Cancel
    #[arg(long = "state", value_name = "STATE", value_delimiter = ',', value_parser = parse_state,
        conflicts_with = "failed")]
    states: Vec<String>,

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
    #[arg(long)]
    failed: bool,

    /// Write the addresses of the failed objects to a file, one a line
    #[arg(long, value_name = "FILE", requires = "failed")]
    write_url_file: Option<PathBuf>,

    /// The rows of `--format csv`: object, job
    #[arg(
        long,
        value_name = "ROW",
        default_value = "object",
        hide_possible_values = true
    )]
    by: By,

    /// Ask about each object, so that `--format csv` names what was written for it: a call each
    #[arg(long)]
    outputs: bool,

    /// The form of the output: human, json, markdown, html, csv
    #[arg(
        long,
        value_name = "FORMAT",
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
    Html,
    Csv,
}

/// What a row of a CSV report stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Object,
    Job,
}

impl StatusArgs {
    /// Whether the output is a report with a row an object, which only the service can give.
    fn reports_objects(&self) -> bool {
        self.format == Format::Csv && self.by == By::Object
    }

    /// What no combination of options can ask for.
    fn check(&self) -> Result<(), Diagnostic> {
        let problem = |message: &str| Diagnostic::error("format", message);
        if self.format != Format::Csv && (self.by == By::Job || self.outputs) {
            let message = "--by and --outputs are for reports: `--format csv`";
            return Err(problem(message));
        }
        if self.reports_objects() && self.no_refresh {
            let help = "leave --no-refresh out, or write a row a job: `--by job`";
            return Err(problem("only the service knows the objects of jobs").help(help));
        }
        if self.format == Format::Csv && self.by == By::Job && (self.failed || self.outputs) {
            let help = "leave `--by job` out";
            return Err(problem("--failed and --outputs choose objects, not jobs").help(help));
        }
        Ok(())
    }
}

pub(super) fn run(
    arguments: &StatusArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    arguments.check()?;
    let session = Session::open(options, settings, ui)?;
    if !arguments.no_refresh && is_reachable(&session) {
        let records = session.records()?;
        tokio::runtime::Runtime::new()?.block_on(unresolved::look_up(&session, &records))?;
    }
    let mut wanted = wanted(&session, &arguments.keys)?;
    if arguments.failed && arguments.keys.is_empty() {
        wanted.retain(|record| may_have_failed(record));
    }
    let is_open = wanted.iter().any(|record| refresh::is_open(record));
    let explains = arguments.format == Format::Html
        && !arguments.no_refresh
        && !report::worth_explaining(&wanted).is_empty();
    // Those who wait, or want to know more, get an embedded service started for it.
    let asks = arguments.failed
        || explains
        || arguments.reports_objects()
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
    if arguments.reports_objects() {
        if !asked.is_reported {
            output::report_of_nothing(&session)?;
        }
        let names_failure =
            arguments.wait && !arguments.keys.is_empty() && has_failed(&asked.records);
        return Ok(if names_failure {
            Exit::JobFailed
        } else {
            asked.exit
        });
    }
    if arguments.failed {
        return show_failed(&session, arguments, &wanted, &asked.failed);
    }
    let mut shown = wanted;
    status::update(&mut shown, &asked.records);
    if !arguments.states.is_empty() {
        shown.retain(|record| has_state(record, &arguments.states));
    }
    show(&session, arguments, &shown, &asked.failed)?;
    let names_failure = || arguments.wait && !arguments.keys.is_empty() && has_failed(&shown);
    Ok(if names_failure() {
        Exit::JobFailed
    } else {
        asked.exit
    })
}

/// The records that the keys, families and patterns select, or all; sorted.
pub(super) fn wanted(session: &Session, keys: &[String]) -> Result<Vec<Arc<Record>>, Failure> {
    let selection = Selection::new(keys.to_vec());
    let records = session.records()?;
    if let Some(unknown) = selection.unknown_among(|| records.iter().map(|record| &record.key)) {
        return Err(unknown_key(unknown, &records).into());
    }
    let is_wanted = |record: &&Arc<Record>| {
        let is_named = keys.iter().any(|key| key == record.key.as_str());
        selection.contains(&record.key) && (is_named || !record.is_removed())
    };
    let mut wanted: Vec<Arc<Record>> = records.iter().filter(is_wanted).cloned().collect();
    wanted
        .sort_by(|left, right| (&left.key, left.fingerprint).cmp(&(&right.key, right.fingerprint)));
    Ok(wanted)
}

/// The records under exactly this key, for what changes them.
pub(super) fn exact(session: &Session, key: &str) -> Result<Vec<Arc<Record>>, Failure> {
    let records = session.records()?;
    let found: Vec<Arc<Record>> = records.under_key(&JobKey::new(key)).cloned().collect();
    if found.is_empty() {
        return Err(unknown_key(key, &records).into());
    }
    Ok(found)
}

fn unknown_key(key: &str, records: &Records) -> Diagnostic {
    let problem = Diagnostic::error("unknown-key", format!("nothing is recorded under `{key}`"));
    let keys = records.iter().map(|record| record.key.as_str());
    match closest(key, keys) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help("`stocktake state list` shows every key"),
    }
}

/// Whether a failed object, or a refusal, can be all there is to tell of it.
fn may_have_failed(record: &Record) -> bool {
    let Some(seen) = record.last_seen() else {
        return true;
    };
    seen.state != JobState::Success || seen.counted().is_none_or(|objects| objects.failed > 0)
}

fn has_state(record: &Record, states: &[String]) -> bool {
    let state = report::record_state(record);
    states
        .iter()
        .any(|wanted| wanted.eq_ignore_ascii_case(&state))
}

fn parse_state(text: &str) -> Result<String, String> {
    const STATES: [&str; 11] = [
        "Submitted",
        "Running",
        "Success",
        "Failed",
        "Pause",
        "Cancel",
        "unresolved",
        "rejected",
        "accepted",
        "abandoned",
        "removed",
    ];
    let found = STATES.iter().find(|state| state.eq_ignore_ascii_case(text));
    found
        .map(|state| (*state).to_owned())
        .ok_or_else(|| format!("the states are {}", STATES.join(", ")))
}

fn has_failed(records: &[Arc<Record>]) -> bool {
    let mut seen = records.iter().filter_map(|record| record.last_seen());
    seen.any(|seen| seen.state.is_failure())
}
