//! `stocktake status`

use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::apply::open_state;
use super::connection::Connection;
use super::exit::Exit;
use super::failure::Failure;
use super::options::GlobalOptions;
use super::session::Session;
use super::settings::Settings;
use crate::diagnostic::Diagnostic;
use crate::report::{self, Ui};
use crate::service;
use crate::state::Record;
use crate::status;

/// Show how far each recorded job is
///
/// Asks the service for the jobs that may still change and records the answers. Jobs of an embedded
/// target run while `apply` or `serve` runs; without either, what is recorded is shown.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake status                      every recorded job
  stocktake status spring-uploads       one of them
  stocktake status --no-refresh         what is recorded; asks nobody")]
pub(super) struct StatusArgs {
    /// Only the records of these keys
    #[arg(value_name = "KEY")]
    keys: Vec<String>,

    /// Ask nobody; show what is recorded
    #[arg(long)]
    no_refresh: bool,
}

pub(super) fn run(
    arguments: &StatusArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let session = Session::open(options, settings, ui)?;
    let records = session.records()?;
    let unreachable = session
        .target
        .embedded()
        .is_some_and(|service| service::running_at(&service.data).is_none());
    let open = records
        .iter()
        .find(|record| status::may_change(record))
        .cloned();
    if let Some(open) = open.filter(|_| !arguments.no_refresh && !unreachable) {
        match tokio::runtime::Runtime::new()?.block_on(refresh(&session, &open)) {
            // Who only wants to look does not wait for an apply.
            Err(failure) if failure.exit == Exit::Locked => {
                ui.note("another run writes the state; this is what it has recorded so far")?;
            }
            refreshed => refreshed?,
        }
    }
    let records = session.records()?;
    let mut shown: Vec<Arc<Record>> = records
        .iter()
        .filter(|record| is_wanted(arguments, record))
        .cloned()
        .collect();
    shown
        .sort_by(|left, right| (&left.key, left.fingerprint).cmp(&(&right.key, right.fingerprint)));
    if let Some(key) = arguments
        .keys
        .iter()
        .find(|key| !shown.iter().any(|record| record.key.as_str() == *key))
    {
        let problem =
            Diagnostic::error("unknown-key", format!("nothing is recorded under `{key}`"));
        return Err(problem.help("`stocktake status` lists every record").into());
    }
    report::status_human(&mut ui.data(), &shown)?;
    Ok(Exit::Done)
}

fn is_wanted(arguments: &StatusArgs, record: &Record) -> bool {
    arguments.keys.is_empty() || arguments.keys.iter().any(|key| key == record.key.as_str())
}

async fn refresh(session: &Session, open: &Record) -> Result<(), Failure> {
    let store = open_state(session, Duration::ZERO)?;
    let connection =
        Connection::open(session, open.work.bucket.clone(), open.work.region.clone()).await?;
    let result = status::refresh(&store, &connection.client).await;
    connection.close().await;
    store.close()?;
    result.map_err(|error| Diagnostic::error("status", error.to_string()))?;
    Ok(())
}
