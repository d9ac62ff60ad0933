//! `stocktake serve`

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::connection::service_settings;
use super::credentials;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{GlobalOptions, parse_size};
use super::session::Session;
use super::settings::Settings;
use super::signals::Interrupts;
use crate::api::credentials::Credentials;
use crate::api::name::Region;
use crate::diagnostic::Diagnostic;
use crate::plain_text::printable;
use crate::report::{KeyPairPlace, Ui, key_pair, serving};
use crate::service::{self, Faults, ServiceSettings, TlsFiles, key_pair_file};

/// How long a second signal lets running commands be ended.
const ABORT_TIME: Duration = Duration::from_millis(500);

/// Run the embedded service in the foreground, until it is interrupted
///
/// Speaks the batch API over the folders and workflows of an embedded target. Commands that use
/// the target find it by the folder that it keeps its jobs in. What was running when it ended
/// goes on when it starts again.
///
/// Its address in a browser shows everything that runs and ran, and renews itself. The page asks
/// for no signature: listening on another address than that of this machine, it is there only
/// with --page.
///
/// Its key pair is drawn for the folder that it keeps its jobs in, and kept there for its user alone;
/// --print-credentials shows it. `STOCKTAKE_SERVE_SECRET_ID` and `STOCKTAKE_SERVE_SECRET_KEY` give
/// another one. It is enough to run the target's workflows as the user of this process. With -v it
/// logs each call and, for a signature that differs, the text that should have been signed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake serve                            the target `local`, on a free port
  stocktake serve --listen 127.0.0.1:8787    always on that port
  stocktake serve --fixed-credentials        with a key pair that tests can be written with
  stocktake serve --faults faults.toml       loses answers, to test a pipeline
  stocktake serve --tls-self-signed          HTTPS as well, for SDKs that insist on it
  export $(stocktake serve --print-credentials)

A file of faults:
  [[faults]]
  method = \"POST\"
  path = \"/inventorytriggerjob\"
  nth = [2]
  fault = \"drop\"")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(super) struct ServeArgs {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// Where to keep jobs and results, instead of the target's folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Show the page about all jobs to everybody who can connect, unsigned
    #[arg(long)]
    page: bool,

    /// Accept the key pair `stocktake-local` / `stocktake-local`, on an address of this machine alone
    #[arg(long)]
    fixed_credentials: bool,

    /// Print the key pair that is accepted, as assignments of variables, and end
    #[arg(long)]
    print_credentials: bool,

    /// Speak HTTPS beside HTTP, with this certificate and its chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The private key of --tls-cert (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Speak HTTPS beside HTTP, with a self-signed certificate for the hosts of the buckets
    ///
    /// It is kept below the folder of jobs and results, and made again when the names change. Clients
    /// have to trust it: `REQUESTS_CA_BUNDLE`, `NODE_EXTRA_CA_CERTS`, `SSL_CERT_FILE`.
    #[arg(long, conflicts_with = "tls_cert")]
    tls_self_signed: bool,

    /// Let clients write no more than this into the buckets while it runs, such as 10GiB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_uploads: Option<u64>,

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
    let data = arguments.data.as_ref().unwrap_or(&embedded.data);
    let credentials = credentials_of(arguments, &session.settings, data)?;
    if arguments.print_credentials {
        key_pair(&mut ui.plain_data(), &credentials)?;
        return Ok(Exit::Done);
    }
    let mut service_settings =
        service_settings(embedded, credentials, &session.workspace, &session.settings);
    service_settings.page_for_all = arguments.page;
    service_settings.limits.upload_bytes = arguments.max_uploads;
    service_settings.data.clone_from(data);
    service_settings.tls = tls_files(arguments, &service_settings, session.target.region.as_ref())?;
    if let Some(faults) = &arguments.faults {
        service_settings.faults =
            Faults::read(faults).map_err(|error| Diagnostic::error("faults", error.to_string()))?;
    }
    let file = key_pair_file(&service_settings.data);
    let place = if arguments.fixed_credentials {
        KeyPairPlace::WellKnown
    } else if credentials::given(&session.settings)?.is_some() {
        KeyPairPlace::Environment
    } else {
        KeyPairPlace::File(&file)
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let result = runtime.block_on(async {
        let mut interrupts = Interrupts::listen()?;
        let service = service::start(service_settings.clone(), arguments.listen).await?;
        // A closed terminal must not end what runs here.
        let _ = serving(
            &mut ui.messages(),
            ui.look(),
            service.address(),
            &service_settings,
            place,
        );
        interrupts.arrived().await;
        tokio::select! {
            () = service.shutdown() => Ok(Exit::Done),
            () = interrupts.again() => Ok(interrupts.exit().unwrap_or(Exit::Interrupted)),
        }
    });
    // Ends what a second signal did not wait for.
    runtime.shutdown_timeout(ABORT_TIME);
    result
}

/// The files of the certificate, if one is wanted. A self-signed one is made where it is missing.
fn tls_files(
    arguments: &ServeArgs,
    settings: &ServiceSettings,
    region: Option<&Region>,
) -> Result<Option<TlsFiles>, Failure> {
    if let (Some(certificate), Some(key)) = (&arguments.tls_cert, &arguments.tls_key) {
        return Ok(Some(TlsFiles {
            certificate: certificate.clone(),
            key: key.clone(),
        }));
    }
    if !arguments.tls_self_signed {
        return Ok(None);
    }
    let Some(region) = region else {
        let problem = Diagnostic::error("no-region", "the target has no region");
        let help = "the certificate has the names of the buckets' hosts: set `region`";
        return Err(problem.help(help).into());
    };
    let names = service::tls_names(settings.buckets.keys(), region, arguments.listen.ip());
    let folder = settings.data.join("tls");
    let files = service::self_signed(&folder, &names).map_err(|error| {
        let message = format!(
            "cannot write a certificate to {}: {error}",
            printable(&folder)
        );
        Diagnostic::error("service", message)
    })?;
    Ok(Some(files))
}

/// The key pair to accept. Another process on the folder may accept one already, which is shown.
fn credentials_of(
    arguments: &ServeArgs,
    settings: &Settings,
    data: &Path,
) -> Result<Credentials, Failure> {
    if arguments.fixed_credentials {
        if credentials::given(settings)?.is_some() {
            let problem = Diagnostic::error(
                "credentials",
                "--fixed-credentials and STOCKTAKE_SERVE_SECRET_ID name two key pairs",
            );
            return Err(problem.help("leave out one of the two").into());
        }
        return Ok(service::well_known_key_pair());
    }
    let owner = service::running_at(data).filter(|_| arguments.print_credentials);
    credentials::embedded(settings, data, owner.as_ref())
}
