//! The variables of the environment that the chain reads, as they were when the program began.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use super::cleaning::clean;
use super::error::CredentialError;
use crate::diagnostic::Diagnostic;

pub(super) const SECRET_ID: &str = "TENCENTCLOUD_SECRET_ID";
pub(super) const SECRET_KEY: &str = "TENCENTCLOUD_SECRET_KEY";

/// The names under which different tools keep the token of temporary credentials.
pub(super) const TOKENS: [&str; 3] = [
    "TENCENTCLOUD_SECURITY_TOKEN",
    "TENCENTCLOUD_TOKEN",
    "TENCENTCLOUD_SESSION_TOKEN",
];

/// A command whose output is credentials.
pub(super) const PROCESS: &str = "STOCKTAKE_CREDENTIAL_PROCESS";
/// An OIDC token itself, as GitLab's `id_tokens` sets it.
pub(super) const ID_TOKEN: &str = "STOCKTAKE_ID_TOKEN";
pub(super) const STS_ENDPOINT: &str = "STOCKTAKE_STS_ENDPOINT";
pub(super) const METADATA_ENDPOINT: &str = "STOCKTAKE_METADATA_ENDPOINT";

/// The role to take, and the name of its session: of tccli first, then of Terraform's provider.
pub(super) const ROLE_ARNS: [&str; 2] = ["TENCENTCLOUD_ROLE_ARN", "TENCENTCLOUD_ASSUME_ROLE_ARN"];
pub(super) const ROLE_SESSIONS: [&str; 2] = [
    "TENCENTCLOUD_ROLE_SESSION_NAME",
    "TENCENTCLOUD_ASSUME_ROLE_SESSION_NAME",
];

pub(super) const PROFILE_FOLDER: &str = "TENCENTCLOUD_SHARED_CREDENTIALS_DIR";
pub(super) const PROFILES: [&str; 2] = ["TENCENTCLOUD_PROFILE", "TCCLI_PROFILE"];

pub(super) const TKE_REGION: &str = "TKE_REGION";
pub(super) const TKE_PROVIDER_ID: &str = "TKE_PROVIDER_ID";
pub(super) const TKE_TOKEN_FILE: &str = "TKE_WEB_IDENTITY_TOKEN_FILE";
pub(super) const TKE_ROLE_ARN: &str = "TKE_ROLE_ARN";

/// Where a job of GitHub Actions asks for its OIDC token, and what it shows there.
pub(super) const GITHUB_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
pub(super) const GITHUB_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

const SERVE_SECRET_ID: &str = "STOCKTAKE_SERVE_SECRET_ID";
const SERVE_SECRET_KEY: &str = "STOCKTAKE_SERVE_SECRET_KEY";

/// Everything that the chain reads.
const NAMES: [&str; 25] = [
    SECRET_ID,
    SECRET_KEY,
    TOKENS[0],
    TOKENS[1],
    TOKENS[2],
    PROCESS,
    ID_TOKEN,
    STS_ENDPOINT,
    METADATA_ENDPOINT,
    ROLE_ARNS[0],
    ROLE_ARNS[1],
    ROLE_SESSIONS[0],
    ROLE_SESSIONS[1],
    PROFILE_FOLDER,
    PROFILES[0],
    PROFILES[1],
    TKE_REGION,
    TKE_PROVIDER_ID,
    TKE_TOKEN_FILE,
    TKE_ROLE_ARN,
    GITHUB_URL,
    GITHUB_TOKEN,
    SERVE_SECRET_ID,
    SERVE_SECRET_KEY,
    HOME,
];

pub(super) const HOME: &str = "HOME";

/// The variables that are set to something. `Debug` shows their names alone.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<&'static str, OsString>);

impl Variables {
    /// Keeps those that the chain reads. An empty one is unset.
    pub fn of(all: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let known = all.into_iter().filter_map(|(name, value)| {
            let name = NAMES.into_iter().find(|known| name == **known)?;
            (!value.is_empty()).then_some((name, value))
        });
        Self(known.collect())
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The value as it stands, where it is no text at all as well.
    pub(super) fn raw(&self, name: &str) -> Option<&OsString> {
        self.0.get(name)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, CredentialError> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        let text = value.to_str();
        text.map(Some).ok_or_else(|| {
            CredentialError::new(name, "its value is not UTF-8").help("set it again, or unset it")
        })
    }

    /// The value without what was pasted around it.
    pub(super) fn clean(
        &self,
        name: &str,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<Option<String>, CredentialError> {
        let text = self.text(name)?;
        text.map(|text| clean(name, text, warnings)).transpose()
    }

    /// The value that is set under one of several names, with the name. Two that disagree are an
    /// error: which of them counts is not known.
    pub(super) fn one_of(
        &self,
        names: &[&'static str],
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<Option<(&'static str, String)>, CredentialError> {
        let mut found: Option<(&'static str, String)> = None;
        for name in names {
            let Some(value) = self.clean(name, warnings)? else {
                continue;
            };
            match &found {
                Some((first, other)) if *other != value => {
                    let problem = format!("its value is not that of {first}");
                    return Err(CredentialError::new(*name, problem).help("unset one of the two"));
                }
                Some(_) => {}
                None => found = Some((*name, value)),
            }
        }
        Ok(found)
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use super::Variables;

    #[test]
    fn what_is_no_text_is_named_and_an_empty_one_is_unset() {
        let pair =
            |name: &str, value: &[u8]| (OsString::from(name), OsString::from_vec(value.to_vec()));
        let variables = Variables::of([
            pair("TENCENTCLOUD_SECRET_ID", b"canary\xff"),
            pair("TENCENTCLOUD_SECRET_KEY", b""),
            pair("OTHER", b"canary"),
        ]);
        let error = variables.text("TENCENTCLOUD_SECRET_ID").unwrap_err();
        assert_eq!(
            error.to_string(),
            "TENCENTCLOUD_SECRET_ID: its value is not UTF-8"
        );
        assert!(!variables.is_set("TENCENTCLOUD_SECRET_KEY"));
        assert_eq!(format!("{variables:?}"), r#"{"TENCENTCLOUD_SECRET_ID"}"#);
    }

    #[test]
    fn two_names_of_one_thing_must_agree() {
        let variables = Variables::of(
            [("TCCLI_PROFILE", "b"), ("TENCENTCLOUD_PROFILE", "a")]
                .map(|(name, value)| (name.into(), value.into())),
        );
        let error = variables
            .one_of(&super::PROFILES, &mut Vec::new())
            .unwrap_err();
        assert!(error.to_string().contains("TCCLI_PROFILE"), "{error}");
    }
}
