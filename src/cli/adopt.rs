//! `stocktake adopt`

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::connection::Connection;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{GlobalOptions, parse_duration, parse_moment};
use super::session::Session;
use super::settings::Settings;
use crate::adopt::{self, Matches};
use crate::api::client::ListQuery;
use crate::api::name::{JobName, WorkflowId};
use crate::diagnostic::Diagnostic;
use crate::job::Job;
use crate::report::Ui;
use crate::state::{Record, StateStore};

/// Record jobs that were triggered by other means
///
/// Lists the jobs of the target's bucket and records those that do the work of a job of the files,
/// so that apply does not submit them again. Submits nothing; a second run changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake -t prod adopt --since 2022-06-01T00:00:00+0800
  stocktake -t prod adopt --name batch_demo-1")]
pub(super) struct AdoptArgs {
    /// Only jobs that were created then or later
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    since: Option<Timestamp>,

    /// Only jobs of this name
    #[arg(long, value_name = "NAME")]
    name: Option<JobName>,

    /// Only jobs of this workflow
    #[arg(long, value_name = "ID")]
    workflow: Option<WorkflowId>,

    /// How long to wait for another run that writes the state, such as 5m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_duration)]
    lock_timeout: Duration,
}

pub(super) fn run(
    arguments: &AdoptArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let session = Session::open(options, settings, ui)?;
    let jobs = session.jobs()?;
    let store = session.open_state(arguments.lock_timeout)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let adopted = runtime.block_on(adopt(&session, arguments, &jobs, &store));
    store.close()?;
    let found = adopted?;
    for record in &found.adopted {
        if let Some((_, job_id)) = record.accepted() {
            ui.note(format!("adopted  {}  {job_id}", record.key))?;
        }
    }
    for job in &found.repeated {
        let id = &job.job_id;
        ui.note(format!(
            "twice    {id} does the work of a job that is recorded already"
        ))?;
    }
    ui.note(format!(
        "{} adopted; {} of other work",
        found.adopted.len(),
        found.unmatched.len()
    ))?;
    Ok(Exit::Done)
}

async fn adopt(
    session: &Session,
    arguments: &AdoptArgs,
    jobs: &[Job],
    store: &StateStore,
) -> Result<Matches, Failure> {
    let target = &session.target;
    let Some((bucket, region)) = target.bucket.clone().zip(target.region.clone()) else {
        let message = format!("the target `{}` has no bucket to list", target.name);
        let problem = Diagnostic::error("no-bucket", message);
        return Err(problem
            .help("give it `bucket` and `region` in stocktake.toml")
            .into());
    };
    let connection = Connection::open(session, bucket.clone(), region.clone()).await?;
    let query = ListQuery {
        name: arguments.name.clone(),
        workflow_id: arguments.workflow.clone(),
        created_from: arguments.since,
        ..ListQuery::default()
    };
    let listed = connection.client.list(&query).await;
    connection.close().await;
    let listed = listed.map_err(|error| Diagnostic::error("adopt", error.to_string()))?;
    let records = store.records();
    let found = adopt::matches(&bucket, &region, listed, jobs, &records, Timestamp::now());
    for record in &found.adopted {
        store.append(Record::clone(record)).await?;
    }
    Ok(found)
}
