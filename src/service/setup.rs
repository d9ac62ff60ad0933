//! What a bucket is bound to, and its queue. Every bucket is bound from the start.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::api_error::{ApiError, ErrorCode};
use super::app::App;
use super::call::Call;
use super::parameters::given;
use super::reply::Reply;
use crate::api::name::BucketName;
use crate::api::wire::{
    BoundBucket, BoundService, Queue, decode_queue_request, encode_bound_answer,
    encode_queue_answer, encode_queues_answer,
};

/// The queues that were paused. A start makes all of them active.
#[derive(Debug, Default)]
pub(super) struct PausedQueues(Mutex<BTreeSet<BucketName>>);

impl PausedQueues {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<BucketName>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `GET /mediabucket` and `GET /picbucket`: the buckets that are bound, all or those named.
pub(super) fn bound(
    app: &App,
    call: &Call,
    service: BoundService,
    request_id: &str,
) -> Result<Reply, ApiError> {
    let names: Option<Vec<&str>> =
        given(call, "bucketNames").map(|names| names.split(',').collect());
    let is_named = |bucket: &&BucketName| {
        names
            .as_ref()
            .is_none_or(|names| names.contains(&bucket.as_str()))
    };
    let buckets = app
        .buckets
        .keys()
        .filter(is_named)
        .map(|bucket| BoundBucket {
            bucket: bucket.to_string(),
            region: call.host.region.to_string(),
        });
    let buckets: Vec<BoundBucket> = buckets.collect();
    Ok(Reply::xml(encode_bound_answer(
        service, request_id, &buckets,
    )?))
}

/// `POST /mediabucket` and `POST /picbucket`: nothing is left to bind.
pub(super) fn bind(call: &Call) -> Result<Reply, ApiError> {
    let message = format!("{} is bound already", call.host.bucket);
    Err(ApiError::new(ErrorCode::BucketAlreadyBound, message))
}

/// `GET /queue` and its kin: the one queue of the bucket.
pub(super) fn list_queues(app: &App, call: &Call, request_id: &str) -> Result<Reply, ApiError> {
    let queue = queue(app, &call.host.bucket);
    let ids: Option<Vec<&str>> = given(call, "queueIds").map(|ids| ids.split(',').collect());
    let state = given(call, "state").filter(|state| *state != "All");
    let is_wanted = |queue: &Queue| {
        ids.as_ref()
            .is_none_or(|ids| ids.contains(&queue.queue_id.as_str()))
            && state.is_none_or(|state| state == queue.state())
    };
    let queues: Vec<Queue> = Some(queue).filter(is_wanted).into_iter().collect();
    Ok(Reply::xml(encode_queues_answer(request_id, &queues)?))
}

/// `PUT /queue/<id>`: pauses the queue, or makes it active. Jobs run all the same.
pub(super) fn update_queue(
    app: &App,
    call: &Call,
    id: &str,
    body: &[u8],
    request_id: &str,
) -> Result<Reply, ApiError> {
    let bucket = &call.host.bucket;
    if id != queue_id(bucket) {
        let message = format!("there is no queue `{id}` in {bucket}");
        return Err(ApiError::new(ErrorCode::QueueNotFound, message));
    }
    let is_active = decode_queue_request(body)
        .map_err(|error| ApiError::new(ErrorCode::InvalidContent, error.to_string()))?
        .ok_or_else(|| ApiError::argument("State: it is `Active` or `Paused`"))?;
    if is_active {
        app.paused_queues.lock().remove(bucket);
    } else {
        app.paused_queues.lock().insert(bucket.clone());
    }
    Ok(Reply::xml(encode_queue_answer(
        request_id,
        &queue(app, bucket),
    )?))
}

fn queue(app: &App, bucket: &BucketName) -> Queue {
    Queue {
        queue_id: queue_id(bucket),
        name: "queue-1".to_owned(),
        active: !app.paused_queues.lock().contains(bucket),
        bucket: bucket.to_string(),
    }
}

pub(super) fn queue_id(bucket: &BucketName) -> String {
    format!("p-{bucket}")
}
