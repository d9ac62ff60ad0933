//! A call as it came in: host, path and query taken apart and decoded.

use axum::http::header::AsHeaderName;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use percent_encoding::percent_decode_str;

use super::api_error::{ApiError, ErrorCode};
use crate::api::host::Host;

/// A call without its body.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) host: Host,
    /// The path, decoded.
    pub(super) path: String,
    /// The query, names and values decoded, in the order in which they came.
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
}

impl Call {
    /// Takes a request's head apart.
    pub(super) fn new(parts: Parts) -> Result<Self, ApiError> {
        if let Some(name) = not_utf8(&parts.headers) {
            let message = format!("the header `{name}` is not UTF-8");
            return Err(ApiError::argument(message));
        }
        let mut named = parts.headers.get_all(header::HOST).iter();
        let (first, second) = (named.next(), named.next());
        if second.is_some() {
            return Err(ApiError::new(
                ErrorCode::InvalidHost,
                "there are two Host headers",
            ));
        }
        let named = first.and_then(|host| host.to_str().ok());
        let named = named.unwrap_or_default().to_ascii_lowercase();
        let host = Host::parse(&named).ok_or_else(|| {
            let form = "<bucket>.ci.<region>.myqcloud.com or <bucket>.cos.<region>.myqcloud.com";
            ApiError::new(
                ErrorCode::InvalidHost,
                format!("the host `{named}` is not {form}"),
            )
        })?;
        let query = parts.uri.query().unwrap_or_default();
        let pairs = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decode(name)?, decode(value)?))
            });
        Ok(Self {
            host,
            path: decode(parts.uri.path())?,
            query: pairs.collect::<Result<_, ApiError>>()?,
            method: parts.method,
            headers: parts.headers,
        })
    }

    /// A query parameter, by its name in any case.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut pairs = self.query.iter();
        let found = pairs.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// A header as UTF-8, as public SDKs send and sign it.
    pub(super) fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        std::str::from_utf8(self.headers.get(name)?.as_bytes()).ok()
    }
}

/// The host of a target such as `http://host/path` counts, whatever the Host header says (RFC 9112,
/// section 3.2.2): the header is set to it, for all that look at the header. One that differs in its
/// port alone stays as it was signed.
pub(super) fn prefer_target_host(parts: &mut Parts) {
    let Some(authority) = parts.uri.authority() else {
        return;
    };
    let named = parts.headers.get(header::HOST);
    let named = named.and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let is_same = named.is_some_and(|named| named.host().eq_ignore_ascii_case(authority.host()));
    if !is_same && let Ok(host) = HeaderValue::from_str(authority.as_str()) {
        parts.headers.insert(header::HOST, host);
    }
}

fn not_utf8(headers: &HeaderMap) -> Option<&HeaderName> {
    let mut headers = headers.iter();
    let found = headers.find(|(_, value)| std::str::from_utf8(value.as_bytes()).is_err());
    found.map(|(name, _)| name)
}

fn decode(text: &str) -> Result<String, ApiError> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded =
        decoded.map_err(|_| ApiError::new(ErrorCode::InvalidUrl, "the URI is not UTF-8"))?;
    Ok(decoded.into_owned())
}
