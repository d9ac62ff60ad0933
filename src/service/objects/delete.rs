//! Deletes objects, one or many.

use std::sync::Arc;

use axum::body::Body;

use super::write::{check_length, content_md5};
use crate::api::host::Side;
use crate::api::wire::{DeleteResult, decode_delete_request, encode_delete_answer};
use crate::service::api_error::{ApiError, ErrorCode};
use crate::service::app::{App, read_body};
use crate::service::bucket::Bucket;
use crate::service::call::Call;
use crate::service::reply::Reply;

/// As COS documents it.
const MAX_OBJECTS: usize = 1000;

/// `DELETE`: no error if there is no such object.
pub(super) async fn delete(app: &App, bucket: &Arc<Bucket>, key: &str) -> Result<Reply, ApiError> {
    remove(app, bucket, key).await?;
    Ok(Reply::no_content())
}

/// `POST ?delete`
pub(super) async fn delete_many(app: &App, call: &Call, body: Body) -> Result<Reply, ApiError> {
    let bucket = app.bucket(call)?;
    check_length(call)?;
    if content_md5(call)?.is_none() {
        let message = "the request has no Content-MD5, which this call needs";
        return Err(ApiError::new(ErrorCode::InvalidRequest, message));
    }
    let body = read_body(app, call, body).await?;
    let malformed = |problem: String| ApiError::new(ErrorCode::InvalidContent, problem);
    let request = decode_delete_request(&body).map_err(|error| malformed(error.to_string()))?;
    if request.objects.is_empty() || request.objects.len() > MAX_OBJECTS {
        return Err(malformed(format!(
            "Delete has not 1 to {MAX_OBJECTS} objects"
        )));
    }
    let versioned = |entry: &crate::api::wire::DeleteEntry| {
        entry.version_id.as_ref().is_some_and(|id| !id.is_empty())
    };
    if request.objects.iter().any(versioned) {
        let message = "Delete with a VersionId is not supported: nothing was done";
        return Err(ApiError::new(ErrorCode::NotImplemented, message));
    }
    let mut results = Vec::new();
    for entry in request.objects {
        let error = remove(app, bucket, &entry.key).await.err();
        results.push(DeleteResult {
            key: entry.key,
            error: error.map(|error| (error.code.on(Side::Cos).1.into_owned(), error.message)),
        });
    }
    Ok(Reply::xml(encode_delete_answer(&results, request.quiet)?))
}

async fn remove(app: &App, bucket: &Arc<Bucket>, key: &str) -> Result<(), ApiError> {
    let _placing = app.placing.lock().await;
    let (owner, owned_key) = (Arc::clone(bucket), key.to_owned());
    let removed = tokio::task::spawn_blocking(move || owner.remove(&owned_key)).await;
    let removed = removed.map_err(|error| ApiError::internal(&error))?;
    if removed.map_err(|error| ApiError::file(&error, key))? {
        let name = bucket.name.clone();
        app.store
            .forget_object_records(name, key.to_owned(), None)
            .await?;
    }
    Ok(())
}
