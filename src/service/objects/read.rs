//! `GET` and `HEAD` of an object.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};

use super::file_body::FileBody;
use super::{conditions, description, no_such_key};
use crate::service::api_error::{ApiError, ErrorCode};
use crate::service::app::App;
use crate::service::call::Call;
use crate::service::parameters::given;
use crate::service::reply::Reply;

/// Parameters that replace a header of the answer.
const REPLACED: [(&str, HeaderName); 6] = [
    ("response-content-type", header::CONTENT_TYPE),
    ("response-content-language", header::CONTENT_LANGUAGE),
    ("response-expires", header::EXPIRES),
    ("response-cache-control", header::CACHE_CONTROL),
    ("response-content-disposition", header::CONTENT_DISPOSITION),
    ("response-content-encoding", header::CONTENT_ENCODING),
];

pub(super) async fn read(app: &App, call: &Call, key: &str) -> Result<Reply, ApiError> {
    let bucket = app.bucket(call)?;
    let found = bucket
        .read(key)
        .map_err(|error| ApiError::file(&error, key))?;
    let (object, file) = found.ok_or_else(|| no_such_key(key))?;
    conditions::check(call, "", &object)?;
    let range = call.header(header::RANGE);
    let range = range.filter(|_| conditions::allows_range(call, &object));
    let (start, end) = match range {
        Some(range) => parse_range(range, object.size)?,
        None => (0, object.size),
    };
    let record = description::record(app, bucket, &object, &file).await?;
    let mut headers = description::headers(&object, &record)?;
    let length = end - start;
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    let mut status = StatusCode::OK;
    if range.is_some() {
        status = StatusCode::PARTIAL_CONTENT;
        let range = format!("bytes {start}-{}/{}", end - 1, object.size);
        headers.insert(header::CONTENT_RANGE, description::value(&range)?);
    }
    for (parameter, name) in REPLACED {
        if let Some(text) = given(call, parameter) {
            let message = || format!("{parameter}: `{text}` cannot be a header");
            let value = HeaderValue::from_bytes(text.as_bytes());
            headers.insert(name, value.map_err(|_| ApiError::argument(message()))?);
        }
    }
    let body = if call.method == Method::HEAD {
        Body::empty()
    } else {
        let body = FileBody::new(file, start, length).await;
        Body::new(body.map_err(|error| ApiError::internal(&error))?)
    };
    Ok(Reply {
        status,
        headers,
        body,
    })
}

/// One range of bytes: the first, and the one after the last.
fn parse_range(text: &str, size: u64) -> Result<(u64, u64), ApiError> {
    let parse = || {
        let (unit, range) = text.trim().split_once('=')?;
        let (first, last) = range.split_once('-')?;
        let is_bytes = unit.trim().eq_ignore_ascii_case("bytes");
        match (first.trim(), last.trim()) {
            _ if !is_bytes => None,
            ("", count) => Some((size.saturating_sub(count.parse().ok()?), size)),
            (first, "") => Some((first.parse().ok()?, size)),
            (first, last) => {
                let last: u64 = last.parse().ok()?;
                Some((first.parse().ok()?, last.saturating_add(1).min(size)))
            }
        }
    };
    let range = parse().filter(|(start, end)| start < end);
    range.ok_or_else(|| {
        let message = format!("`{text}` is no range of an object of {size} bytes");
        let error = ApiError::new(ErrorCode::InvalidRange, message);
        error.with_header(header::CONTENT_RANGE, format!("bytes */{size}"))
    })
}

#[cfg(test)]
mod tests {
    use super::parse_range;

    #[test]
    fn ranges_lie_within_the_object() {
        assert_eq!(parse_range("bytes=0-0", 10), Ok((0, 1)));
        assert_eq!(parse_range("Bytes=5-", 10), Ok((5, 10)));
        assert_eq!(parse_range("bytes=-3", 10), Ok((7, 10)));
        assert_eq!(parse_range("bytes=8-99", 10), Ok((8, 10)));
        for bad in [
            "bytes=10-",
            "bytes=5-4",
            "bytes=a-b",
            "lines=1-2",
            "bytes=-0",
            "bytes=0-1,3-4",
        ] {
            let refused = parse_range(bad, 10).unwrap_err();
            assert_eq!(refused.headers[0].1, "bytes */10", "{bad}");
        }
    }
}
