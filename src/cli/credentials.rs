//! Credentials for the services of a session.

use std::path::Path;

use super::connection;
use super::consent;
use super::failure::Failure;
use super::session::Session;
use super::settings::Settings;
use crate::api::credentials::Credentials;
use crate::credentials::{self, Found, METADATA_HOST, Origin, Reach, Surroundings};
use crate::diagnostic::Diagnostic;
use crate::report::diagnostics;
use crate::service::{self, Owner};
use crate::workspace::{Roles, Service};

/// The key pair that the embedded service on this data folder accepts: the environment's, or else that
/// of the `owner` that runs on it, or else the folder's own.
pub(super) fn embedded(
    settings: &Settings,
    data: &Path,
    owner: Option<&Owner>,
) -> Result<Credentials, Failure> {
    if let Some(given) = given(settings)? {
        return Ok(given);
    }
    if owner.is_some_and(|owner| owner.well_known_key_pair) {
        return Ok(service::well_known_key_pair());
    }
    Ok(service::key_pair(data)?)
}

/// The key pair of the embedded service that the environment names.
pub(super) fn given(settings: &Settings) -> Result<Option<Credentials>, Failure> {
    let given = credentials::pair_of(
        &settings.credential_variables,
        "STOCKTAKE_SERVE_SECRET_ID",
        "STOCKTAKE_SERVE_SECRET_KEY",
        &[],
        &mut Vec::new(),
    );
    Ok(given.map_err(Diagnostic::from)?)
}

/// Credentials for a service elsewhere, from the first link of the chain that is set. What was
/// wrong around them is said.
pub(super) async fn remote(session: &Session) -> Result<Found, Failure> {
    let mut warnings = Vec::new();
    let found = find(session, &mut warnings).await;
    if !warnings.is_empty() {
        let mut out = session.ui.messages();
        diagnostics::human(&mut out, &warnings, session.ui.look().width)?;
    }
    found
}

/// [`remote`] without a word.
pub(super) async fn find(
    session: &Session,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Found, Failure> {
    let settings = &session.settings;
    let reach = Reach::new(
        &settings.credential_variables,
        connection::proxy(settings)?,
        settings.no_proxy.clone(),
    );
    let reach = reach.map_err(Diagnostic::from)?;
    let origin = origin(session, warnings)?;
    let found = credentials::obtain(origin, reach, warnings).await;
    Ok(found.map_err(Diagnostic::from)?)
}

/// The link of the chain that is set.
fn origin(session: &Session, warnings: &mut Vec<Diagnostic>) -> Result<Origin, Failure> {
    let none = Roles::default();
    let surroundings = Surroundings {
        variables: &session.settings.credential_variables,
        roles: match &session.target.service {
            Service::Remote { roles, .. } => roles,
            Service::Embedded(_) => &none,
        },
        instance_allowed: consent::allows(&session.settings, METADATA_HOST),
    };
    Ok(credentials::origin(&surroundings, warnings).map_err(Diagnostic::from)?)
}
