//! Consent to signed calls in automation, where the files of a request may name any host or bucket.

use super::failure::Failure;
use super::session::Session;
use crate::api::client::Endpoint;
use crate::api::host::Side;
use crate::diagnostic::Diagnostic;

/// Shows where calls go, and refuses hosts and buckets that the environment does not allow. Outside
/// automation a person decides by running the command.
pub(super) fn check(session: &Session, endpoint: &Endpoint) -> Result<(), Failure> {
    let settings = &session.settings;
    if !settings.automation {
        return Ok(());
    }
    let bucket = endpoint.bucket.as_str();
    let own = [Side::Ci, Side::Cos].map(|side| endpoint.host(side).to_string());
    let bucket_is_allowed =
        settings.allows_host(bucket) || own.iter().any(|host| settings.allows_host(host));
    let mut refused = Vec::new();
    if !bucket_is_allowed {
        refused.push(bucket.to_owned());
    }
    let mut place = own[0].clone();
    if let Some(base) = &endpoint.base {
        let host = base.host_str().unwrap_or_default();
        place = base
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        if !settings.allows_host(host) && !settings.allows_host(&place) {
            refused.push(place.clone());
        }
    }
    session
        .ui
        .note(format!("calls go to {place}, for the bucket {bucket}"))?;
    if refused.is_empty() {
        return Ok(());
    }
    let names = refused.join(",");
    let message = format!(
        "signed calls to {} are not allowed here",
        refused.join(" and ")
    );
    Err(Diagnostic::error("host-not-allowed", message)
        .help(format!(
            "allow them where the pipeline is defined, which no request can change: \
             STOCKTAKE_ALLOWED_HOSTS={names}"
        ))
        .into())
}
