//! The calls about objects, on a bucket's `cos` host.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;

use super::api_error::ApiError;
use super::app::App;
use super::bucket::{Bucket, Entry, Object, Query};
use super::call::Call;
use super::parameters::{given, number};
use super::reply::Reply;
use super::stream::FileBody;
use super::upload;
use crate::api::objects::KEY_LIMIT;
use crate::api::wire::{ObjectDetail, ObjectsAnswer, WireError, encode_objects_answer};
use crate::stop::StopFlag;

/// How many entries a list has at most, and if nothing is asked for.
const LIST_SIZE: usize = 1000;

/// Answers a call on the `cos` host.
pub(super) async fn answer(app: &App, call: &Call, body: Body) -> Result<Reply, ApiError> {
    let bucket = app.bucket(call)?;
    let key = call.path.strip_prefix('/').unwrap_or(&call.path);
    if key.len() > KEY_LIMIT {
        let message = format!("the key is longer than {KEY_LIMIT} bytes");
        return Err(ApiError::new(400, "KeyTooLong", message));
    }
    match (&call.method, key) {
        (&Method::GET, "") => list(bucket, call).await,
        (&Method::HEAD, "") => Ok(Reply::empty()),
        (&Method::GET | &Method::HEAD, key) => get(bucket, call, key).await,
        (&Method::PUT, key) if !key.is_empty() => {
            upload::put(bucket, call, key, body, app.limits.body_time).await
        }
        _ => {
            let message = format!("{} is not supported here", call.method);
            Err(ApiError::new(405, "MethodNotAllowed", message))
        }
    }
}

/// `GET /`: the bucket's objects in the order of their keys, page by page.
async fn list(bucket: &Arc<Bucket>, call: &Call) -> Result<Reply, ApiError> {
    let text = |name| given(call, name).unwrap_or_default().to_owned();
    let is_encoded = match given(call, "encoding-type") {
        None => false,
        Some("url") => true,
        Some(other) => {
            let message = format!("encoding-type: `{other}` is not `url`");
            return Err(ApiError::argument(message));
        }
    };
    let query = Query {
        prefix: text("prefix"),
        delimiter: text("delimiter"),
        marker: text("marker"),
        limit: number(call, "max-keys", LIST_SIZE, LIST_SIZE)?,
    };
    let (bucket, asked) = (Arc::clone(bucket), query.clone());
    let name = bucket.name.to_string();
    let stop = StopFlag::default();
    // A caller that hangs up reads nothing any more.
    let _asking = stop.raise_on_drop();
    let listed = tokio::task::spawn_blocking(move || bucket.list(&asked, &stop)).await;
    let listed = listed.map_err(|error| ApiError::internal(&error))?;
    let (entries, has_more) = listed.map_err(|error| ApiError::internal(&error))?;
    let last = entries.last().filter(|_| has_more);
    let mut answer = ObjectsAnswer {
        bucket: name,
        is_encoded,
        max_keys: query.limit as u64,
        next_marker: last.map(|entry| entry.marker().to_owned()),
        prefix: query.prefix,
        marker: query.marker,
        delimiter: query.delimiter,
        ..ObjectsAnswer::default()
    };
    for entry in entries {
        match entry {
            Entry::Group(prefix) => answer.common_prefixes.push(prefix),
            Entry::Object(object) => answer.objects.push(ObjectDetail {
                etag: etag(&object),
                key: object.key,
                uploaded: Some(object.uploaded),
                size: object.size,
            }),
        }
    }
    match encode_objects_answer(&answer) {
        Err(WireError::ControlCharacter) => Err(ApiError::argument(
            "encoding-type: a key has a control character, which only `url` can carry",
        )),
        body => Ok(Reply::xml(body?)),
    }
}

/// `GET` and `HEAD` of an object, whole or one range of it.
async fn get(bucket: &Bucket, call: &Call, key: &str) -> Result<Reply, ApiError> {
    let missing = || ApiError::new(404, "NoSuchKey", format!("there is no object `{key}`"));
    let found = bucket
        .read(key)
        .map_err(|error| ApiError::internal(&error))?;
    let (object, file) = found.ok_or_else(missing)?;
    let (start, end) = match call.header(header::RANGE) {
        Some(range) => parse_range(range, object.size)?,
        None => (0, object.size),
    };
    let mut headers = describe(&object)?;
    let length = end - start;
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    let mut status = StatusCode::OK;
    if call.header(header::RANGE).is_some() {
        status = StatusCode::PARTIAL_CONTENT;
        let range = format!("bytes {start}-{}/{}", end - 1, object.size);
        headers.insert(header::CONTENT_RANGE, text(&range)?);
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

fn describe(object: &Object) -> Result<HeaderMap, ApiError> {
    let octets = HeaderValue::from_static("application/octet-stream");
    let kind = HeaderValue::from_static("normal");
    let mut headers = HeaderMap::from_iter([
        (header::CONTENT_TYPE, octets),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (HeaderName::from_static("x-cos-object-type"), kind),
        (header::LAST_MODIFIED, text(&http_date(object.uploaded))?),
    ]);
    headers.insert(header::ETAG, text(&etag(object))?);
    Ok(headers)
}

fn text(text: &str) -> Result<HeaderValue, ApiError> {
    HeaderValue::from_str(text).map_err(|error| ApiError::internal(&error))
}

fn http_date(moment: Timestamp) -> String {
    moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Changes whenever the file does. Not a hash of the content, as those of objects that were
/// uploaded in parts are none: a list would have to read every file.
pub(super) fn etag(object: &Object) -> String {
    format!("\"{:x}-{:x}\"", object.modified, object.size)
}

/// One range of bytes: first, and behind the last.
fn parse_range(text: &str, size: u64) -> Result<(u64, u64), ApiError> {
    let parse = || {
        let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
        match (first.trim(), last.trim()) {
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
        ApiError::new(416, "InvalidRange", message)
    })
}

#[cfg(test)]
mod tests {
    use super::{http_date, parse_range};

    #[test]
    fn ranges_lie_within_the_object() {
        assert_eq!(parse_range("bytes=0-0", 10), Ok((0, 1)));
        assert_eq!(parse_range("bytes=5-", 10), Ok((5, 10)));
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
            assert_eq!(parse_range(bad, 10).unwrap_err().status, 416, "{bad}");
        }
    }

    #[test]
    fn dates_are_those_of_http() {
        let moment = "2019-05-16T06:45:51Z".parse().unwrap();
        assert_eq!(http_date(moment), "Thu, 16 May 2019 06:45:51 GMT");
    }
}
