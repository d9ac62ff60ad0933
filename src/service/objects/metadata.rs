//! Headers that are kept with an object and given back with it.

use std::collections::BTreeMap;

use crate::service::api_error::ApiError;
use crate::service::call::Call;

const KEPT: [&str; 7] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-cos-storage-class",
];

const META_PREFIX: &str = "x-cos-meta-";

/// The largest sum of names and values of `x-cos-meta-*`.
const META_BYTES: usize = 2048;

/// The headers of a call that are kept.
pub(super) fn of(call: &Call) -> Result<BTreeMap<String, String>, ApiError> {
    let names = call.headers.keys().map(axum::http::HeaderName::as_str);
    let kept = names.filter(|name| KEPT.contains(name) || name.starts_with(META_PREFIX));
    let kept: BTreeMap<String, String> = kept
        .filter_map(|name| Some((name.to_owned(), call.header(name)?.to_owned())))
        .filter(|(name, value)| name != "x-cos-storage-class" || value != "STANDARD")
        .collect();
    let meta = kept
        .iter()
        .filter(|(name, _)| name.starts_with(META_PREFIX));
    let bytes: usize = meta.map(|(name, value)| name.len() + value.len()).sum();
    if bytes > META_BYTES {
        let message = format!("the headers {META_PREFIX}* have more than {META_BYTES} bytes");
        return Err(ApiError::argument(message));
    }
    Ok(kept)
}
