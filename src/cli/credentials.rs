//! Where the key pair of a target comes from: the places that Tencent's own tools use.

use std::fs;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::Deserialize;

use super::failure::Failure;
use super::settings::Settings;
use crate::api::credentials::Credentials;
use crate::diagnostic::Diagnostic;

/// The key pair of the embedded service, unless the environment names another one.
const EMBEDDED: &str = "stocktake-local";

/// A profile of Tencent's command line tool.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    secret_id: String,
    secret_key: SecretString,
    token: Option<SecretString>,
}

/// The key pair that the embedded service accepts.
pub(super) fn embedded(settings: &Settings) -> Credentials {
    let given = settings.service_credentials.clone();
    given.unwrap_or_else(|| Credentials::permanent(EMBEDDED, EMBEDDED))
}

/// The key pair for a service elsewhere: from the environment, or else from the profile that
/// Tencent's command line tool keeps.
pub(super) fn remote(settings: &Settings) -> Result<Credentials, Failure> {
    if let Some(credentials) = &settings.credentials {
        return Ok(credentials.clone());
    }
    let path = profile_path(settings);
    if let Some(path) = path.as_deref().filter(|path| path.exists()) {
        return read_profile(path);
    }
    let looked = path
        .map(|path| format!(" and there is no {}", path.display()))
        .unwrap_or_default();
    let message = format!(
        "no credentials: TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY are not set{looked}"
    );
    let problem = Diagnostic::error("no-credentials", message);
    Err(problem
        .help("set both variables, or log in with `tccli configure`")
        .into())
}

fn profile_path(settings: &Settings) -> Option<PathBuf> {
    let folder = match (&settings.profiles, &settings.home) {
        (Some(folder), _) => folder.clone(),
        (None, Some(home)) => home.join(".tccli"),
        (None, None) => return None,
    };
    let profile = settings.profile.as_deref().unwrap_or("default");
    Some(folder.join(format!("{profile}.credential")))
}

/// What is wrong with the file is said without any of its content.
fn read_profile(path: &Path) -> Result<Credentials, Failure> {
    let unusable = |problem: String| {
        Diagnostic::error(
            "credentials",
            format!("cannot use {}: {problem}", path.display()),
        )
    };
    let text = fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    let profile: Profile = serde_json::from_str(&text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        unusable(format!(
            "it does not hold secretId and secretKey as JSON (line {line}, column {column})"
        ))
    })?;
    Ok(Credentials {
        secret_id: profile.secret_id,
        secret_key: profile.secret_key,
        token: profile.token,
    })
}
