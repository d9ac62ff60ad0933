//! The error body that every call can answer with.

use serde::{Deserialize, Serialize};

use super::xml::{self, WireError};

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

/// `Resource` is not part of the CI form; the Python SDK reads no error without it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ErrorXml {
    code: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
}

/// Writes an error body; `resource` is the path of the call.
pub fn encode_error(error: &ServiceError, resource: &str) -> Result<String, WireError> {
    let body = ErrorXml {
        code: error.code.clone(),
        message: error.message.clone(),
        resource: Some(resource.to_owned()),
        request_id: error.request_id.clone(),
        trace_id: error.request_id.clone(),
    };
    let body = xml::encode("Error", &body)?;
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
        code: body.code.trim().to_owned(),
        message: body.message.trim().to_owned(),
        request_id: body.request_id.filter(|id| !id.is_empty()),
    })
}
