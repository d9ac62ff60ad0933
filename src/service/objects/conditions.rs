//! Conditional requests (RFC 9110, 13).

use axum::http::header::{ETAG, LAST_MODIFIED};
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::description::{etag, http_date};
use crate::service::api_error::{ApiError, ErrorCode};
use crate::service::bucket::Object;
use crate::service::call::Call;

/// Refuses a request whose conditions the object does not meet: 304 or 412. `prefix` stands before the
/// names of the headers; a copy is never 304.
pub(super) fn check(call: &Call, prefix: &str, object: &Object) -> Result<(), ApiError> {
    let header = |name: &str| call.header(format!("{prefix}{name}"));
    let date = |name: &str| header(name).and_then(parse_date);
    let failed = |name: &str| {
        let message = format!("the condition {prefix}{name} does not hold");
        Err(ApiError::new(ErrorCode::PreconditionFailed, message))
    };
    match (header("if-match"), date("if-unmodified-since")) {
        (Some(tags), _) if !names(tags, object) => return failed("if-match"),
        (None, Some(moment)) if object.uploaded > moment => return failed("if-unmodified-since"),
        _ => {}
    }
    let unmet = match (header("if-none-match"), date("if-modified-since")) {
        (Some(tags), _) if names(tags, object) => "if-none-match",
        (None, Some(moment)) if object.uploaded <= moment => "if-modified-since",
        _ => return Ok(()),
    };
    if !prefix.is_empty() {
        return failed(unmet);
    }
    let error = ApiError::new(ErrorCode::NotModified, "the object has not changed");
    Err(error
        .with_header(ETAG, etag(object))
        .with_header(LAST_MODIFIED, http_date(object.uploaded)))
}

/// Whether a range is answered as one: not if `If-Range` names another content.
pub(super) fn allows_range(call: &Call, object: &Object) -> bool {
    call.header("if-range").is_none_or(|validator| {
        names(validator, object) || parse_date(validator) == Some(object.uploaded)
    })
}

/// Whether a list of entity tags has that of the object. Some SDKs leave out the quotes.
fn names(tags: &str, object: &Object) -> bool {
    let etag = etag(object);
    let bare = etag.trim_matches('"');
    tags.split(',').map(str::trim).any(|tag| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || tag.trim_matches('"') == bare
    })
}

/// A date that cannot be read is no condition (RFC 9110, 13.1.3).
fn parse_date(text: &str) -> Option<Timestamp> {
    let moment = rfc2822::parse(text.trim()).ok()?;
    Some(moment.timestamp())
}
