//! What `status` shows, in the form that is asked for.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::{Format, StatusArgs};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::plan_file::{self, Inputs};
use crate::cli::session::Session;
use crate::diagnostic::Diagnostic;
use crate::plain_text::printable;
use crate::plan::{Origin, Plan, PlanDocument};
use crate::report::{self, AskedFor, HtmlReport, ObjectReport};
use crate::state::Record;
use crate::status::FailedObject;

pub(super) fn show(
    session: &Session,
    arguments: &StatusArgs,
    records: &[Arc<Record>],
    failed: &[FailedObject],
) -> Result<(), Failure> {
    let (mut out, look) = (session.ui.data(), session.ui.look());
    match arguments.format {
        Format::Human => report::status_human(&mut out, records, session.now, look)?,
        Format::Json => report::records_json(&mut out, &session.target.name, records)?,
        Format::Markdown => report::status_markdown(&mut out, records, session.now)?,
        // `status` has written the other report where it asked for it.
        Format::Csv => {
            let out = &mut session.ui.plain_data();
            report::jobs_csv(out, records, &session.target.prices)?;
        }
        Format::Html => {
            // What the files still ask for is a matter of all jobs.
            let plan = arguments
                .keys
                .is_empty()
                .then(|| plan(session))
                .transpose()?;
            let document = match &plan {
                Some(Ok((plan, origin))) => Some(PlanDocument::new(plan, origin.clone())),
                _ => None,
            };
            let plan = match (&plan, &document) {
                (Some(Err(mistakes)), _) => Some(AskedFor::Mistakes(*mistakes)),
                (_, document) => document.as_ref().map(AskedFor::Plan),
            };
            let report = HtmlReport {
                target: &session.target.name,
                now: session.now,
                records,
                failed,
                plan,
            };
            report::status_html(&mut out, &report)?;
        }
    }
    Ok(())
}

/// The plan as it is now, or how many mistakes are in the way of one.
fn plan(session: &Session) -> Result<Result<(Plan, Origin), usize>, Failure> {
    let loaded = session.load();
    if loaded.has_errors() {
        return Ok(Err(loaded
            .diagnostics
            .iter()
            .filter(|found| found.is_error())
            .count()));
    }
    let (header, records) = session.state()?;
    let lineage = header.map(|header| header.lineage);
    let plan = session.plan_only(loaded.jobs, &records, None, &[])?;
    let origin = plan_file::origin(session, lineage, Inputs::default());
    Ok(Ok((plan, origin)))
}

/// The report with a row an object of no job at all.
pub(super) fn report_of_nothing(session: &Session) -> Result<(), Failure> {
    ObjectReport::begin(session.ui.plain_data())?.end()?;
    Ok(())
}

pub(super) fn show_failed(
    session: &Session,
    arguments: &StatusArgs,
    wanted: &[Arc<Record>],
    failed: &[FailedObject],
) -> Result<Exit, Failure> {
    let mut out = session.ui.data();
    let rejected = wanted.iter().filter(|record| record.accepted().is_none());
    for record in rejected {
        let latest = record.latest().and_then(|latest| latest.outcome.reason());
        let reason = latest
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        let state = report::record_state(record);
        session
            .ui
            .note(format!("{} never ran; {state}{reason}", record.key))?;
    }
    match arguments.format {
        Format::Json => report::failures_json(&mut out, &session.target.name, failed)?,
        Format::Human | Format::Markdown => report::failures_human(&mut out, failed)?,
        Format::Html | Format::Csv => {
            let message = "--failed has no page of its own";
            let problem = Diagnostic::error("format", message);
            return Err(problem
                .help("leave --failed out: the page of `--format html` names failed objects")
                .into());
        }
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
        let message = format!("cannot write {}: {error}", printable(path));
        Diagnostic::error("output", message)
    })?;
    let path = printable(path);
    session.ui.note(format!(
        "{path} has {} addresses; put it into the bucket and name it in a job as `input: {{ url_file: … }}`",
        urls.len()
    ))?;
    Ok(())
}
