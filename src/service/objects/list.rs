//! The list of a bucket's objects.

use std::sync::Arc;

use super::description::etag;
use crate::api::wire::{ObjectDetail, ObjectsAnswer, WireError, encode_objects_answer};
use crate::service::api_error::{ApiError, ErrorCode};
use crate::service::bucket::{Bucket, Entry, Query};
use crate::service::call::Call;
use crate::service::parameters::given;
use crate::service::reply::Reply;
use crate::stop::StopFlag;

/// The most entries of a page, also if more are asked for.
pub(super) const MAX_ENTRIES: usize = 1000;

/// `GET /`: the bucket's objects in the order of their keys, page by page.
pub(super) async fn list(bucket: &Arc<Bucket>, call: &Call) -> Result<Reply, ApiError> {
    let text = |name| given(call, name).unwrap_or_default().to_owned();
    let is_encoded = is_encoded(call)?;
    if text("delimiter").chars().count() > 1 {
        let message = "delimiter: should be one character";
        return Err(ApiError::new(ErrorCode::InvalidDelimiter, message));
    }
    let query = Query {
        prefix: text("prefix"),
        delimiter: text("delimiter"),
        marker: text("marker"),
        limit: limit(call, "max-keys")?,
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
        body => Ok(Reply::xml(body?).in_region(call)),
    }
}

/// `encoding-type`: whether keys are percent-encoded in the answer.
pub(super) fn is_encoded(call: &Call) -> Result<bool, ApiError> {
    match given(call, "encoding-type") {
        None => Ok(false),
        Some("url") => Ok(true),
        Some(other) => {
            let message = format!("encoding-type: `{other}` is not `url`");
            Err(ApiError::argument(message))
        }
    }
}

/// The size of a page; larger ones are capped.
pub(super) fn limit(call: &Call, name: &str) -> Result<usize, ApiError> {
    let Some(text) = given(call, name) else {
        return Ok(MAX_ENTRIES);
    };
    let number = text.parse().ok().filter(|number| *number > 0);
    let message = || format!("{name}: `{text}` is not a number from 1");
    let number: usize = number.ok_or_else(|| ApiError::argument(message()))?;
    Ok(number.min(MAX_ENTRIES))
}
