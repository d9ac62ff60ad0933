//! `stocktake serve`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::connection::service_settings;
use super::exit::Exit;
use super::failure::Failure;
use super::options::GlobalOptions;
use super::session::Session;
use super::settings::Settings;
use super::signals::Interrupts;
use crate::diagnostic::Diagnostic;
use crate::report::Ui;
use crate::service::{self, Faults};

/// Run the embedded service in the foreground, until it is interrupted
///
/// Speaks the batch API over the folders and workflows of an embedded target.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake serve                            the target `local`, on a free port
  stocktake serve --listen 127.0.0.1:8787")]
pub(super) struct ServeArgs {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// Where to keep jobs and results, instead of the target's folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Misbehave as this file says, to test a pipeline
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
}

pub(super) fn run(
    arguments: &ServeArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let session = Session::open(options, settings, ui)?;
    let Some(embedded) = session.target.embedded() else {
        let message = format!(
            "the target `{}` is not served by this program",
            session.target.name
        );
        let problem = Diagnostic::error("not-embedded", message);
        return Err(problem
            .help("name a target with `service = \"embedded\"`, such as `-t local`")
            .into());
    };
    let mut service_settings = service_settings(embedded, &session.workspace, &session.settings);
    if let Some(data) = &arguments.data {
        service_settings.data.clone_from(data);
    }
    if let Some(faults) = &arguments.faults {
        service_settings.faults =
            Faults::read(faults).map_err(|error| Diagnostic::error("faults", error.to_string()))?;
    }
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut interrupts = Interrupts::listen()?;
        let service = service::start(service_settings, arguments.listen).await?;
        ui.note(format!("listening on http://{}", service.address()))?;
        interrupts.arrived().await;
        service.shutdown().await;
        Ok(Exit::Done)
    })
}
