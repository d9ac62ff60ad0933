//! Heads of requests as the service reads them, for tests of hostile bytes.

use axum::http::Request;
use jiff::Timestamp;

use super::authentication::authenticate;
use super::call::{Call, prefer_target_host};
pub use super::strict_heads::strict_heads;
use crate::api::credentials::Credentials;

/// Whether a request with this head is signed with these credentials, and now. Nothing that is no head
/// is.
pub fn is_signed(
    method: &str,
    target: &str,
    fields: &[(&[u8], &[u8])],
    credentials: &Credentials,
    now: Timestamp,
) -> bool {
    let request = Request::builder().method(method).uri(target);
    let request = fields.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    let Ok(request) = request.body(()) else {
        return false;
    };
    let (mut parts, ()) = request.into_parts();
    prefer_target_host(&mut parts);
    let call = Call::new(parts);
    call.is_ok_and(|call| authenticate(&call, credentials, now).is_ok())
}
