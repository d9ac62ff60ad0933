//! From an origin to credentials, and to their renewal.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use secrecy::ExposeSecret as _;
use tokio::time::timeout;

use super::error::CredentialError;
use super::origin::Origin;
use super::sts::Sts;
use super::variables::{METADATA_ENDPOINT, STS_ENDPOINT, Variables};
use super::{instance, process, profile, sts, web_identity};
use crate::api::client::{ClientSettings, HttpClient, is_loopback};
use crate::api::credential_provider::{CredentialProvider, IssuedCredentials};
use crate::diagnostic::Diagnostic;

/// For one link, with every call that it makes.
const TIME_LIMIT: Duration = Duration::from_secs(12);

/// For one call of a link.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The metadata service is next door.
const METADATA_TIMEOUT: Duration = Duration::from_secs(3);

/// How the services of the chain are reached. The address of a proxy may hold a password: no `Debug`.
#[derive(Clone)]
pub struct Reach {
    /// Where STS is.
    sts: String,
    /// Where the metadata service is.
    metadata: String,
    /// A proxy on the way to STS, and the hosts that are reached without it.
    proxy: Option<Url>,
    no_proxy: Option<String>,
}

/// Credentials, and what there is to say of them.
#[derive(Debug)]
pub struct Found {
    /// Hands them out, and renews them.
    pub provider: CredentialProvider,
    /// Where they come from.
    pub origin: Origin,
}

impl Reach {
    /// The services' own addresses, unless variables name others.
    pub fn new(
        variables: &Variables,
        proxy: Option<Url>,
        no_proxy: Option<String>,
    ) -> Result<Self, CredentialError> {
        let endpoint = |name: &'static str, default: &str| match variables.text(name)? {
            None => Ok(default.to_owned()),
            Some(text) => address(name, text),
        };
        Ok(Self {
            sts: endpoint(STS_ENDPOINT, sts::ENDPOINT)?,
            metadata: endpoint(METADATA_ENDPOINT, instance::ENDPOINT)?,
            proxy,
            no_proxy,
        })
    }

    /// For services of the network.
    fn outside(&self) -> Result<HttpClient, CredentialError> {
        self.client(CALL_TIMEOUT, true)
    }

    /// For the metadata service, which no proxy knows.
    fn inside(&self) -> Result<HttpClient, CredentialError> {
        self.client(METADATA_TIMEOUT, false)
    }

    fn client(
        &self,
        call_timeout: Duration,
        is_outside: bool,
    ) -> Result<HttpClient, CredentialError> {
        let settings = ClientSettings {
            call_timeout,
            connect_timeout: call_timeout,
            proxy: self.proxy.clone().filter(|_| is_outside),
            no_proxy: self.no_proxy.clone(),
            ..ClientSettings::default()
        };
        HttpClient::new(&settings, is_outside)
            .map_err(|error| CredentialError::new("credentials", error.to_string()))
    }
}

/// A bare address; plain http would show credentials to the network.
fn address(name: &str, text: &str) -> Result<String, CredentialError> {
    let url: Option<Url> = text.parse().ok();
    let url = url.filter(|url| {
        let is_private = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
        let is_bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
        is_private && is_bare && url.password().is_none()
    });
    let url = url.ok_or_else(|| {
        CredentialError::new(name, "it is no bare https address")
            .help("such as https://sts.internal.tencentcloudapi.com; http on this machine's loopback alone")
    })?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Gets credentials from `origin` once, and a provider that gets them again before they end.
pub async fn obtain(
    origin: Origin,
    reach: Reach,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Found, CredentialError> {
    let issued = in_time(&origin, &reach, warnings).await?;
    tracing::debug!(source = %origin, lifetime = ?issued.lifetime, "credentials");
    if matches!(origin, Origin::Environment { role: None, .. }) {
        let provider = issued.credentials.into();
        return Ok(Found { provider, origin });
    }
    let again = Arc::new((origin.clone(), reach));
    let renewal = move || {
        let again = Arc::clone(&again);
        let renewed = async move {
            let (origin, reach) = &*again;
            let issued = in_time(origin, reach, &mut Vec::new()).await;
            issued.map_err(|error| error.to_string())
        };
        Box::pin(renewed) as futures_util::future::BoxFuture<'static, _>
    };
    let provider = CredentialProvider::renewing(issued, Box::new(renewal));
    Ok(Found { provider, origin })
}

async fn in_time(
    origin: &Origin,
    reach: &Reach,
    warnings: &mut Vec<Diagnostic>,
) -> Result<IssuedCredentials, CredentialError> {
    let issued = timeout(TIME_LIMIT, issue(origin, reach, warnings)).await;
    issued.unwrap_or_else(|_| {
        let problem = format!("no credentials within {TIME_LIMIT:?}");
        Err(CredentialError::new(origin.to_string(), problem))
    })
}

async fn issue(
    origin: &Origin,
    reach: &Reach,
    warnings: &mut Vec<Diagnostic>,
) -> Result<IssuedCredentials, CredentialError> {
    let link = origin.to_string();
    let (base, role) = match origin {
        Origin::Environment { credentials, role } => {
            let issued = IssuedCredentials {
                credentials: credentials.clone(),
                lifetime: None,
            };
            (issued, role.clone())
        }
        Origin::Process { command } => {
            return process::run(command.expose_secret(), warnings).await;
        }
        Origin::Profile { path, role } => {
            let profile = profile::read(path, warnings)?;
            (profile.issued, role.clone().or(profile.role))
        }
        Origin::WebIdentity {
            token,
            role,
            provider_id,
            region,
        } => {
            let http = reach.outside()?;
            let token = web_identity::token(token, &http, warnings).await?;
            let sts = Sts {
                http: &http,
                endpoint: &reach.sts,
                link: &link,
                region: region.as_deref(),
            };
            return sts
                .assume_role_with_web_identity(&token, provider_id, role, warnings)
                .await;
        }
        Origin::Instance => {
            return instance::credentials(&reach.inside()?, &reach.metadata, warnings).await;
        }
    };
    let Some(role) = role else { return Ok(base) };
    let http = reach.outside()?;
    let sts = Sts {
        http: &http,
        endpoint: &reach.sts,
        link: &link,
        region: None,
    };
    sts.assume_role(&base.credentials, &role, warnings).await
}
