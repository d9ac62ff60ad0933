//! Why a call that may be repeated has no result.

use crate::api::wire::ServiceError;

/// Temporary credentials have ended, or were taken back.
pub(super) const EXPIRED_TOKEN: &str = "ExpiredToken";

/// Why a call that may be repeated has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The service answered with an error.
    #[error("{host} answered {error}")]
    Service {
        /// The host that was called.
        host: String,
        /// The error.
        #[source]
        error: ServiceError,
    },
    /// The service answered with an error, and did not say which.
    #[error("{host} answered {status} and no more")]
    Status {
        /// The host that was called.
        host: String,
        /// HTTP status.
        status: u16,
    },
    /// There is no such call.
    #[error("{host} cannot be asked: {reason}")]
    Unsendable {
        /// The host that was to be called.
        host: String,
        /// Why not.
        reason: String,
    },
    /// No answer came.
    #[error("{host} gave no answer: {reason}")]
    Transport {
        /// The host that was called.
        host: String,
        /// What went wrong.
        reason: String,
    },
    /// An answer came that is not the service's.
    #[error("{host} answered {status} with something the API does not document: {reason}")]
    Answer {
        /// The host that was called.
        host: String,
        /// HTTP status.
        status: u16,
        /// What is wrong with the answer.
        reason: String,
    },
}

impl CallError {
    /// The status of the service's answer, if it is an error of the service's.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Service { error, .. } => Some(error.status),
            Self::Status { status, .. } => Some(*status),
            Self::Unsendable { .. } | Self::Transport { .. } | Self::Answer { .. } => None,
        }
    }

    /// What is wrong with the credentials, if the service refused the call for these.
    pub fn refused_credentials(&self) -> Option<&'static str> {
        let Self::Service { error, .. } = self else {
            return None;
        };
        match error.code.as_str() {
            "SignatureDoesNotMatch" => Some("the secret key is wrong"),
            "InvalidAccessKeyId" => Some("the service does not know the secret id"),
            EXPIRED_TOKEN => Some("the temporary credentials have expired"),
            _ => None,
        }
    }

    /// Whether the same call can end differently a little later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unsendable { .. } => false,
            Self::Transport { .. } => true,
            Self::Service { error, .. } => error.is_throttling() || may_pass(error.status),
            Self::Status { status, .. } => may_pass(*status),
            // A good status with a bad body is a proxy's page or half an answer.
            Self::Answer { status, .. } => may_pass(*status) || *status < 300,
        }
    }
}

fn may_pass(status: u16) -> bool {
    status >= 500 || matches!(status, 408 | 429)
}
