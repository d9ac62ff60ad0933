//! `stocktake state list`, `show`, `mv` and `rm`

use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::approval;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{Format, FormatArgs, parse_duration};
use super::session::Session;
use super::status::{exact, wanted};
use super::unresolved;
use crate::diagnostic::Diagnostic;
use crate::job::JobKey;
use crate::report;
use crate::state::{Record, Removal, StateStore};
use crate::status::may_change;

/// List what is recorded
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake state list
  stocktake state list --format json | jq -r '.records[].job_id'")]
pub(super) struct ListArgs {
    #[command(flatten)]
    format: FormatArgs,
}

/// Show the whole history of a job
///
/// Every attempt with its time, its end, the id of the call for the service's support, and who
/// removed it. A key that stood for several pieces of work shows each of them.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  stocktake state show spring-uploads")]
pub(super) struct ShowArgs {
    /// The job
    #[arg(value_name = "KEY")]
    key: String,

    #[command(flatten)]
    format: FormatArgs,
}

/// Record a job under another key
///
/// `apply` does this by itself when the files rename a job. By hand it is needed when a key is to
/// be free for other work.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  stocktake state mv spring-uploads uploads-2022")]
pub(super) struct MoveArgs {
    /// The key as it is recorded
    #[arg(value_name = "KEY")]
    key: String,

    /// The key to record
    #[arg(value_name = "NEW")]
    new: String,

    #[command(flatten)]
    lock: LockArgs,
}

/// Forget that work was submitted, so that it may run again
///
/// Everything recorded under the keys counts as never submitted: if a job still asks for it, the
/// next apply submits it, and it is billed again. A job that runs goes on running: cancel it first.
/// Who removed it, and when, stays in the record.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake state rm spring-uploads
  stocktake state rm spring-uploads --reason 'results were deleted' --auto-approve")]
pub(super) struct RemoveArgs {
    /// The jobs
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<String>,

    /// Why, for those who read the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// Do not ask
    #[arg(long, short = 'y')]
    auto_approve: bool,

    #[command(flatten)]
    lock: LockArgs,
}

#[derive(Debug, Args)]
struct LockArgs {
    /// How long to wait for another run that writes the state, such as 5m
    ///
    /// Without it: not at all for a state in a file; the lease and 30s for a shared one.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    lock_timeout: Option<Duration>,
}

pub(super) fn list(arguments: &ListArgs, session: &Session) -> Result<Exit, Failure> {
    let records = session.records()?;
    let all: Vec<Arc<Record>> = records.iter().cloned().collect();
    let mut out = session.ui.data();
    match arguments.format.format {
        Format::Human => report::records_list(&mut out, &all, session.ui.look())?,
        Format::Json => report::records_json(&mut out, &session.target.name, &all)?,
    }
    Ok(Exit::Done)
}

pub(super) fn show(arguments: &ShowArgs, session: &Session) -> Result<Exit, Failure> {
    let records = wanted(session, std::slice::from_ref(&arguments.key))?;
    let mut out = session.ui.data();
    match arguments.format.format {
        Format::Human => report::records_history(&mut out, &records)?,
        Format::Json => report::records_json(&mut out, &session.target.name, &records)?,
    }
    Ok(Exit::Done)
}

pub(super) fn rename(arguments: &MoveArgs, session: &Session) -> Result<Exit, Failure> {
    let new = arguments.new.trim();
    if new.is_empty() || new.chars().any(char::is_control) {
        let problem = Diagnostic::error("key", format!("{:?} is no key", arguments.new));
        return Err(problem
            .help("write it as it stands in the job files")
            .into());
    }
    let new = JobKey::new(new);
    exact(session, &arguments.key)?;
    let number = session.change_state(arguments.lock.lock_timeout, |store| {
        rename_all(store, &JobKey::new(&arguments.key), &new)
    })?;
    session.ui.note(format!(
        "{number} recorded under `{new}` instead of `{}`",
        arguments.key
    ))?;
    Ok(Exit::Done)
}

fn rename_all(store: &StateStore, key: &JobKey, new: &JobKey) -> Result<usize, Failure> {
    let records = store.records();
    let in_the_way = |record: &&Arc<Record>| !record.is_removed();
    if records.under_key(new).any(|record| in_the_way(&record)) {
        let problem = Diagnostic::error("key-taken", format!("`{new}` is recorded already"));
        return Err(problem
            .help(format!("`stocktake state show '{new}'` shows for what"))
            .into());
    }
    let mut number = 0;
    for record in records.under_key(key) {
        let mut record = Record::clone(record);
        record.rename(new.clone());
        store.append_blocking(record)?;
        number += 1;
    }
    Ok(number)
}

pub(super) fn remove(arguments: &RemoveArgs, session: &Session) -> Result<Exit, Failure> {
    let mut records = Vec::new();
    for key in &arguments.keys {
        records.extend(exact(session, key)?);
    }
    for record in &records {
        if let Some((_, job_id)) = record.accepted().filter(|_| may_change(record)) {
            let key = &record.key;
            session.ui.note(format!(
                "{key} may still run as {job_id}; `stocktake cancel '{key}'` stops it"
            ))?;
        }
    }
    if !arguments.auto_approve {
        let keys = arguments.keys.join("`, `");
        let question = format!(
            "Forget that `{keys}` was submitted? The next apply may submit it again, and it is billed again."
        );
        approval::ask(session, &question)?;
    }
    let number = session.change_state(arguments.lock.lock_timeout, |store| {
        hide(session, store, arguments)
    })?;
    session.ui.note(format!("removed: {number}"))?;
    Ok(Exit::Done)
}

/// What may still be on its way to the service is waited for: after that its list can be compared.
fn hide(session: &Session, store: &StateStore, arguments: &RemoveArgs) -> Result<usize, Failure> {
    let records = store.records();
    let keys = arguments.keys.iter().map(|key| JobKey::new(key));
    let records: Vec<Arc<Record>> = keys
        .flat_map(|key| records.under_key(&key).cloned().collect::<Vec<_>>())
        .collect();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(unresolved::wait_for_window(session, &records))?;
    remove_all(store, arguments, &removal(arguments, session))
}

fn removal(arguments: &RemoveArgs, session: &Session) -> Removal {
    let user = session.settings.user.as_deref().unwrap_or("somebody");
    Removal::now(user, arguments.reason.clone())
}

/// Works on the records as they are under the lock; what is removed already stays as it is.
fn remove_all(
    store: &StateStore,
    arguments: &RemoveArgs,
    removal: &Removal,
) -> Result<usize, Failure> {
    let records = store.records();
    let mut number = 0;
    for key in &arguments.keys {
        for record in records.under_key(&JobKey::new(key)) {
            if record.latest().is_none() {
                continue;
            }
            let mut record = Record::clone(record);
            record.remove(removal);
            store.append_blocking(record)?;
            number += 1;
        }
    }
    Ok(number)
}
