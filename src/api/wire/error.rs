//! The error body that every call can answer with.

use serde::Deserialize;

use super::xml::{self, Document, WireError};
use crate::plain_text::one_line;

/// An error that the service answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status} {code}: {message}")]
pub struct ServiceError {
    /// HTTP status.
    pub status: u16,
    /// The documented code, such as `InvalidArgument`.
    pub code: String,
    /// The service's own words.
    pub message: String,
    /// The id under which the service's support finds the call.
    pub request_id: Option<String>,
}

impl ServiceError {
    /// Whether the service was too busy to take the call: the code for that comes with any 4xx or 503.
    pub fn is_throttling(&self) -> bool {
        match self.status {
            429 => true,
            400..=499 | 503 => matches!(self.code.as_str(), "SlowDown" | "1020"),
            _ => false,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ErrorXml {
    code: String,
    message: String,
    request_id: Option<String>,
}

/// Writes an error body; `resource` is the path of the call.
pub fn encode_error(error: &ServiceError, resource: &str) -> Result<String, WireError> {
    let request_id = error.request_id.as_deref();
    let body = Document::write("Error", |body| {
        body.text("Code", &error.code);
        body.text("Message", &error.message);
        // Not part of the CI form, but the Python SDK reads no error without it.
        body.text("Resource", resource);
        body.optional("RequestId", request_id);
        body.optional("TraceId", request_id);
    })?;
    Ok(format!("<?xml version='1.0' encoding='utf-8' ?>\n{body}"))
}

/// Reads an error body that came with `status`.
pub fn decode_error(status: u16, body: &[u8]) -> Result<ServiceError, WireError> {
    let body: ErrorXml = xml::decode("Error", body)?;
    if body.code.trim().is_empty() {
        return Err(WireError::Content("the error has no Code".to_owned()));
    }
    Ok(ServiceError {
        status,
        code: one_line(&body.code),
        message: one_line(&body.message),
        request_id: body
            .request_id
            .map(|id| one_line(&id))
            .filter(|id| !id.is_empty()),
    })
}
