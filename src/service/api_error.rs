//! The error of a call.

use std::borrow::Cow;

use crate::api::wire::{RequestError, WireError};
use crate::service::store::StoreError;

/// A documented status and code, and a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: u16,
    pub(super) code: Cow<'static, str>,
    pub(super) message: String,
}

impl ApiError {
    pub(super) fn new(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
        }
    }

    pub(super) fn argument(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidArgument", message)
    }

    pub(super) fn denied(message: impl Into<String>) -> Self {
        Self::new(403, "AccessDenied", message)
    }

    /// A fault of the service. The details go to the log, not to the client.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "a call failed");
        Self::new(
            500,
            "InternalError",
            "The service could not do this; its log says why.",
        )
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Body(WireError::Content(problem)) => Self::argument(problem),
            RequestError::Body(error) => Self::new(400, "InvalidContent", error.to_string()),
            RequestError::Argument { .. } => Self::argument(error.to_string()),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::internal(&error)
    }
}

impl From<WireError> for ApiError {
    fn from(error: WireError) -> Self {
        Self::internal(&error)
    }
}
