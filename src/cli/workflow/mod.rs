//! `stocktake workflow`

mod bucket;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::connection::Connection;
use super::exit::Exit;
use super::failure::Failure;
use super::options::GlobalOptions;
use super::session::Session;
use super::settings::Settings;
use crate::api::name::{BucketName, Region};
use crate::diagnostic::Diagnostic;
use crate::report::Ui;
use bucket::BucketWorkflows;

/// Look at the workflows of the target's bucket, write them down, and change their state
///
/// A workflow is named by its id, by a name of `workflow_names`, by the key of a workflow that the files
/// declare, or by its own name at the service.
#[derive(Debug, Args)]
pub(super) struct WorkflowArgs {
    #[command(subcommand)]
    command: WorkflowCommand,
}

#[derive(Debug, Subcommand)]
enum WorkflowCommand {
    /// List the workflows of the bucket
    #[command(after_help = "Examples:
  stocktake -t prod workflow list")]
    List,
    /// Show one workflow as a job file would declare it
    ///
    /// If the files declare a workflow of that key, what differs from it is shown as well.
    #[command(after_help = "Examples:
  stocktake -t prod workflow show thumbnails")]
    Show {
        /// The workflow: its id, name or key
        #[arg(value_name = "WORKFLOW")]
        workflow: String,
    },
    /// Write a workflow of the service into a new job file
    ///
    /// The file declares exactly what the service has, elements that are not known here included; what
    /// no file can say is an error, and nothing is written. The service is left alone.
    #[command(after_help = "Examples:
  stocktake -t prod workflow import w0f1e2d3c4b5a49687786a5b4c3d2e1f0
  stocktake -t prod workflow import catalogue --key pictures --file pictures.yaml")]
    Import {
        /// The workflow: its id, name or key
        #[arg(value_name = "WORKFLOW")]
        workflow: String,

        /// The key in the file; without it, the workflow's name
        #[arg(long, value_name = "KEY")]
        key: Option<String>,

        /// The new file, below jobs/; without it, the key and .yaml
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Stop a workflow from reacting to uploads; batch jobs run it all the same
    #[command(after_help = "Examples:
  stocktake -t prod workflow pause thumbnails")]
    Pause(ChangeArgs),
    /// Let a workflow react to uploads
    #[command(after_help = "Examples:
  stocktake -t prod workflow activate thumbnails")]
    Activate(ChangeArgs),
    /// Remove a paused workflow for ever
    ///
    /// Refused while batch jobs of it run. One that is made again has another id.
    #[command(after_help = "Examples:
  stocktake -t prod workflow delete thumbnails")]
    Delete(ChangeArgs),
}

#[derive(Debug, Args)]
struct ChangeArgs {
    /// The workflow: its id, name or key
    #[arg(value_name = "WORKFLOW")]
    workflow: String,

    /// Do not ask
    #[arg(long, short = 'y')]
    auto_approve: bool,
}

pub(super) fn run(
    arguments: &WorkflowArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let session = Session::open(options, settings, ui)?;
    let (bucket, region) = place(&session)?;
    // One that is not running would begin to run its jobs.
    session.check_running()?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let connection = Connection::open(&session, bucket.clone(), region.clone()).await?;
        let workflows = BucketWorkflows {
            session: &session,
            connection: &connection,
            bucket,
            region,
        };
        let result = workflows.run(&arguments.command).await;
        connection.close().await;
        result
    })
}

fn place(session: &Session) -> Result<(BucketName, Region), Failure> {
    let target = &session.target;
    target
        .bucket
        .clone()
        .zip(target.region.clone())
        .ok_or_else(|| {
            let message = format!("the target `{}` has no bucket and region", target.name);
            let problem = Diagnostic::error("no-bucket", message);
            problem
                .help("set `bucket` and `region` in the target's section of stocktake.toml")
                .into()
        })
}
