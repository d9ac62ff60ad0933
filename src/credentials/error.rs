//! Why a link of the chain gives no credentials.

use crate::diagnostic::Diagnostic;

/// Why a link gives no credentials. No text of it holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{link}: {problem}")]
pub struct CredentialError {
    /// The link, as people know it: a variable, a file, a service.
    pub link: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl CredentialError {
    /// An error of `link`.
    pub(super) fn new(link: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            link: link.into(),
            problem: problem.into(),
            help: None,
        }
    }

    /// Says what to do.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<CredentialError> for Diagnostic {
    fn from(error: CredentialError) -> Self {
        let diagnostic = Self::error("credentials", error.to_string());
        match error.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}
