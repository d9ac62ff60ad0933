//! Consent to signed calls in automation, where the files of a request may name any host or bucket.

use super::failure::Failure;
use super::session::Session;
use super::settings::Settings;
use crate::api::client::{ClientError, Endpoint, Permitted};
use crate::diagnostic::Diagnostic;

/// Where signed calls may go. Outside automation a person decides by running the command.
pub(super) fn permitted(settings: &Settings) -> Option<Permitted> {
    let names = settings.allowed_hosts.iter().cloned();
    settings.automation.then(|| Permitted::new(names))
}

/// Whether a place that gives credentials may be asked for some.
pub(super) fn allows(settings: &Settings, place: &str) -> bool {
    !settings.automation
        || settings
            .allowed_hosts
            .iter()
            .any(|allowed| allowed == place)
}

/// Shows where calls go, and refuses hosts and buckets that the environment does not allow.
pub(super) fn check(session: &Session, endpoint: &Endpoint) -> Result<(), Failure> {
    let Some(permitted) = permitted(&session.settings) else {
        return Ok(());
    };
    let (place, bucket) = (endpoint.place(), &endpoint.bucket);
    session
        .ui
        .note(format!("calls go to {place}, for the bucket {bucket}"))?;
    let refused = permitted.refused(endpoint);
    if refused.is_empty() {
        return Ok(());
    }
    let names = refused.join(",");
    Err(refusal(&ClientError::NotPermitted { names }).into())
}

/// Why a call is not made, and the way out, if that is the reason.
pub(super) fn refusal(error: &ClientError) -> Diagnostic {
    let ClientError::NotPermitted { names } = error else {
        return Diagnostic::error("client", error.to_string());
    };
    Diagnostic::error("host-not-allowed", error.to_string()).help(format!(
        "allow them where the pipeline is defined, which no request can change: \
         STOCKTAKE_ALLOWED_HOSTS={names}"
    ))
}
