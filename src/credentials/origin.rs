//! Where credentials come from, as data: known before anything is asked.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;

use super::instance::METADATA_HOST;
use super::variables::{PROCESS, SECRET_ID, SECRET_KEY};
use crate::api::credentials::Credentials;
use crate::plain_text::printable;

/// The session of a role where no other name is given.
const SESSION: &str = "stocktake";

/// The link of the chain that decides, and what it needs. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub enum Origin {
    /// A pair in variables, and the role to take with it.
    Environment {
        /// The pair.
        credentials: Credentials,
        /// The role.
        role: Option<AssumedRole>,
    },
    /// A command.
    Process {
        /// Its command line, which may hold a secret.
        command: SecretString,
    },
    /// A profile of tccli, and the role to take with it instead of its own.
    Profile {
        /// Its file.
        path: PathBuf,
        /// The role.
        role: Option<AssumedRole>,
    },
    /// An OIDC token in exchange for a role.
    WebIdentity {
        /// Where the token comes from.
        token: TokenSource,
        /// The role.
        role: AssumedRole,
        /// The identity provider as Tencent Cloud knows it.
        provider_id: String,
        /// The region of the call, where it is given.
        region: Option<String>,
    },
    /// The role of the instance that this runs on.
    Instance,
}

/// A role to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumedRole {
    /// Its full name, such as `qcs::cam::uin/100000000001:roleName/batch`.
    pub arn: String,
    /// The name of the session.
    pub session: String,
}

impl AssumedRole {
    pub(super) fn new(arn: impl Into<String>, session: Option<String>) -> Self {
        Self {
            arn: arn.into(),
            session: session.unwrap_or_else(|| SESSION.to_owned()),
        }
    }
}

/// Where an OIDC token comes from.
#[derive(Debug, Clone)]
pub enum TokenSource {
    /// The token service of GitHub Actions.
    GitHub {
        /// Its address for this job.
        url: String,
        /// What opens it.
        bearer: SecretString,
    },
    /// A variable that holds the token, as GitLab sets it.
    Variable(SecretString),
    /// A file that is renewed from outside, as TKE mounts it.
    File(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = match self {
            Self::Environment { role, .. } => {
                write!(formatter, "{SECRET_ID} and {SECRET_KEY}")?;
                role.as_ref()
            }
            Self::Process { .. } => return formatter.write_str(PROCESS),
            Self::Profile { path, role } => {
                write!(formatter, "the profile {}", printable(path))?;
                role.as_ref()
            }
            Self::WebIdentity { token, role, .. } => {
                write!(formatter, "{token}")?;
                Some(role)
            }
            Self::Instance => {
                return write!(formatter, "the role of this instance, from {METADATA_HOST}");
            }
        };
        match role {
            Some(role) => write!(formatter, ", for the role {}", role.arn),
            None => Ok(()),
        }
    }
}

impl fmt::Display for TokenSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GitHub { .. } => formatter.write_str("the OIDC token of GitHub Actions"),
            Self::Variable(_) => write!(
                formatter,
                "the OIDC token in {}",
                super::variables::ID_TOKEN
            ),
            Self::File(path) => write!(formatter, "the OIDC token in {}", printable(path)),
        }
    }
}
