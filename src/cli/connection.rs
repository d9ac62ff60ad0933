//! The way to a target's service, which may have to be started first.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use reqwest::Url;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::consent;
use super::credentials;
use super::failure::Failure;
use super::proxy;
use super::session::Session;
use super::settings::Settings;
use crate::api::client::{Client, ClientSettings, Endpoint};
use crate::api::credential_provider::CredentialProvider;
use crate::api::credentials::Credentials;
use crate::api::name::{BucketName, Region};
use crate::apply;
use crate::diagnostic::Diagnostic;
use crate::plan::Plan;
use crate::report::Ui;
use crate::service::{self, NodeSettings, RunningService, ServiceSettings, WorkflowSettings};
use crate::state::Records;
use crate::workspace::{EmbeddedService, NodeProgram, Service, Workflow, Workspace};

/// How far the service's enforcement of a window may be from the `Date` of its answers.
const ENFORCEMENT: Duration = Duration::from_secs(3);

/// No call of a check takes longer.
const CHECK_TIMEOUT: Duration = Duration::from_secs(8);

/// A client of the target's service, and the service itself if this process runs it.
pub(super) struct Connection {
    pub(super) client: Client,
    /// How long after its intent the service can take a submission.
    window: Duration,
    /// How long after its window a submission is listed at the latest; nothing for a service of this
    /// process.
    pub(super) settle: Option<Duration>,
    ui: Ui,
    service: Option<RunningService>,
    /// Where a service for reading alone keeps what it needs.
    folder: Option<TempDir>,
}

impl Connection {
    /// Connects to the service of the session's target. An embedded one is started, unless a
    /// `serve` runs on its folder already.
    pub(super) async fn open(
        session: &Session,
        bucket: BucketName,
        region: Region,
    ) -> Result<Self, Failure> {
        let settings = |embedded: &EmbeddedService| {
            let credentials = credentials::embedded(&session.settings, &embedded.data, None)?;
            Ok(service_settings(
                embedded,
                credentials,
                &session.workspace,
                &session.settings,
            ))
        };
        Self::to(session, bucket, region, settings).await
    }

    /// Connects for reading the bucket alone. A service that has to be started for that has a
    /// folder of its own, so that no job goes on in it.
    pub(super) async fn for_reading(
        session: &Session,
        bucket: BucketName,
        region: Region,
    ) -> Result<Self, Failure> {
        let folder = TempDir::new()?;
        let settings = |embedded: &EmbeddedService| {
            let credentials = credentials::embedded(&session.settings, folder.path(), None)?;
            let mut settings = ServiceSettings::new(folder.path(), credentials);
            settings.buckets.clone_from(&embedded.buckets);
            Ok(settings)
        };
        let connection = Self::to(session, bucket, region, settings).await?;
        Ok(Self {
            folder: Some(folder),
            ..connection
        })
    }

    /// Connects; `settings` are those of an embedded service that has to be started.
    async fn to(
        session: &Session,
        bucket: BucketName,
        region: Region,
        settings: impl Fn(&EmbeddedService) -> Result<ServiceSettings, Failure>,
    ) -> Result<Self, Failure> {
        let (base, credentials, service) = match &session.target.service {
            Service::Remote { endpoint, .. } => {
                let endpoint = Endpoint {
                    bucket: bucket.clone(),
                    region: region.clone(),
                    base: endpoint.as_deref().map(parse_url).transpose()?,
                };
                // Before credentials are looked for.
                consent::check(session, &endpoint)?;
                (
                    endpoint.base,
                    credentials::remote(session).await?.provider,
                    None,
                )
            }
            Service::Embedded(embedded) => {
                let (address, credentials, service) =
                    find_or_start(embedded, &session.settings, settings).await?;
                (
                    Some(parse_url(&format!("http://{address}"))?),
                    credentials.into(),
                    service,
                )
            }
        };
        let endpoint = Endpoint {
            bucket,
            region,
            base,
        };
        let client_settings = client_settings(session, &endpoint)?;
        // What an earlier process sent to a service of its own ended with that service.
        let settle = service.is_none().then(|| {
            if session.target.is_on_loopback() {
                session.target.settle
            } else {
                session.target.settle + ENFORCEMENT
            }
        });
        Ok(Self {
            client: Client::new(endpoint, credentials, client_settings)?,
            window: session.target.window,
            settle,
            ui: session.ui,
            service,
            folder: None,
        })
    }

    /// Whether every bucket that the plan submits to may be called, before anything is sent.
    pub(super) fn check_buckets(&self, plan: &Plan) -> Result<(), Failure> {
        let submitted = plan.jobs.iter().filter(|planned| planned.action.submits());
        let buckets = submitted.map(|planned| {
            let work = &planned.job.work;
            (&work.bucket, &work.region)
        });
        for (bucket, region) in buckets.collect::<BTreeSet<_>>() {
            self.client.for_bucket(bucket, region)?;
        }
        Ok(())
    }

    /// How to apply over this connection.
    pub(super) fn options(&self) -> apply::Options {
        apply::Options {
            window: self.window,
            settle: self.settle,
            ..apply::Options::default()
        }
    }

    /// A client of the service at the place to which it has moved, if it is one of this machine
    /// that another process runs.
    pub(super) fn moved(&self, session: &Session) -> Option<Client> {
        let embedded = session.target.embedded()?;
        let owner = service::running_at(&embedded.data)?;
        let address = owner.address;
        let endpoint = Endpoint {
            base: Some(format!("http://{address}").parse().ok()?),
            ..self.client.endpoint().clone()
        };
        let settings = client_settings(session, &endpoint).ok()?;
        let credentials =
            credentials::embedded(&session.settings, &embedded.data, Some(&owner)).ok()?;
        Client::new(endpoint, credentials, settings).ok()
    }

    /// Ends the service, if this process runs it.
    pub(super) async fn close(self) {
        if let Some(difference) = self.client.clock().difference() {
            let (side, by) = if difference.is_negative() {
                ("behind", -difference)
            } else {
                ("ahead of", difference)
            };
            // What was done is done, whether this can be said or not.
            let _ = self.ui.note(format!(
                "this machine's clock is {side} the service's by {by:#.0}; set it right, if you can: \
                 stocktake goes by the service's"
            ));
        }
        if let Some(service) = self.service {
            service.shutdown().await;
        }
        drop(self.folder);
    }
}

/// A client for checks: it gives up soon, and starts nothing.
pub(super) fn checking_client(
    session: &Session,
    address: Option<&str>,
    (bucket, region): (BucketName, Region),
    credentials: CredentialProvider,
) -> Result<Client, Failure> {
    let endpoint = Endpoint {
        bucket,
        region,
        base: address.map(parse_url).transpose()?,
    };
    let settings = client_settings(session, &endpoint)?;
    let settings = ClientSettings {
        call_timeout: settings.call_timeout.min(CHECK_TIMEOUT),
        read_retries: 0,
        ..settings
    };
    Ok(Client::new(endpoint, credentials, settings)?)
}

/// How to reach a service: through the environment's proxy if the way is encrypted, so that the proxy
/// sees no request and cannot repeat one.
fn client_settings(session: &Session, endpoint: &Endpoint) -> Result<ClientSettings, Failure> {
    let base = endpoint.base.as_ref();
    let is_encrypted = base.is_none_or(|base| base.scheme() == "https");
    let proxy = if is_encrypted {
        proxy(&session.settings)?
    } else {
        None
    };
    let exceptions = session.settings.no_proxy.as_deref();
    let exceptions = exceptions.filter(|_| proxy.is_some());
    let useless = exceptions.map(proxy::useless_exceptions);
    for useless in useless.into_iter().flatten() {
        session.ui.note(useless)?;
    }
    Ok(ClientSettings {
        call_timeout: session.target.timeout,
        rate: session.target.rate,
        proxy,
        no_proxy: session.settings.no_proxy.clone(),
        // A service of this machine's own is reached with a key pair of its own.
        permitted: consent::permitted(&session.settings)
            .filter(|_| session.target.embedded().is_none()),
        ..ClientSettings::default()
    })
}

/// The environment's proxy.
pub(super) fn proxy(settings: &Settings) -> Result<Option<Url>, Failure> {
    let proxy = settings.proxy.as_ref();
    let proxy = proxy.map(|url| proxy::parse(url.expose_secret()));
    Ok(proxy.transpose()?)
}

/// The `serve` that runs on the folder, or else a service of our own.
async fn find_or_start(
    embedded: &EmbeddedService,
    environment: &Settings,
    settings: impl Fn(&EmbeddedService) -> Result<ServiceSettings, Failure>,
) -> Result<(SocketAddr, Credentials, Option<RunningService>), Failure> {
    if let Some(owner) = service::running_at(&embedded.data) {
        let credentials = credentials::embedded(environment, &embedded.data, Some(&owner))?;
        return Ok((owner.address, credentials, None));
    }
    let settings = settings(embedded)?;
    let credentials = settings.credentials.clone();
    let service = service::start(settings, loopback()).await?;
    Ok((service.address(), credentials, Some(service)))
}

fn parse_url(text: &str) -> Result<Url, Diagnostic> {
    text.parse().map_err(|_| {
        let message = format!("the endpoint `{text}` is not a URL such as https://example.com");
        Diagnostic::error("endpoint", message)
    })
}

/// Any free port of this machine, reached from this machine alone.
fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// The embedded service as the workspace describes it.
pub(super) fn service_settings(
    embedded: &EmbeddedService,
    credentials: Credentials,
    workspace: &Workspace,
    settings: &Settings,
) -> ServiceSettings {
    let mut service = ServiceSettings::new(&embedded.data, credentials);
    service.buckets.clone_from(&embedded.buckets);
    service.working_folder = workspace.root().to_path_buf();
    service.environment = settings.environment.clone();
    let workflows = embedded.workflows.iter();
    let workflows = workflows.map(|(id, workflow)| (id.clone(), workflow_settings(workflow)));
    service.workflows = workflows.collect();
    let nodes = embedded.nodes.iter().map(|(kind, program)| {
        let settings = match program {
            NodeProgram::Copy => NodeSettings::Copy,
            NodeProgram::Command(command) => NodeSettings::Command(workflow_settings(command)),
        };
        (kind.clone(), settings)
    });
    service.nodes = nodes.collect();
    service
}

fn workflow_settings(workflow: &Workflow) -> WorkflowSettings {
    WorkflowSettings {
        name: workflow.name.clone(),
        command: workflow.command.clone(),
        time_limit: Some(workflow.time_limit),
        environment: workflow.environment.clone(),
        paused: workflow.paused,
    }
}

/// The bucket to connect to first; the client goes on to others by itself.
pub(super) fn first_bucket(
    session: &Session,
    plan: &Plan,
    records: &Records,
) -> Option<(BucketName, Region)> {
    let of_target = session
        .target
        .bucket
        .clone()
        .zip(session.target.region.clone());
    let of_plan = || {
        plan.jobs.first().map(|planned| {
            (
                planned.job.work.bucket.clone(),
                planned.job.work.region.clone(),
            )
        })
    };
    let of_state = || {
        records
            .iter()
            .next()
            .map(|record| (record.work.bucket.clone(), record.work.region.clone()))
    };
    of_target.or_else(of_plan).or_else(of_state)
}
