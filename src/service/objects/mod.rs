//! The calls about a bucket and its objects, on the `cos` host.

mod append;
mod conditions;
mod copy;
mod delete;
mod description;
mod file_body;
mod list;
mod metadata;
mod multipart;
mod read;
mod write;

use axum::body::Body;

use super::api_error::{ApiError, ErrorCode};
use super::app::App;
use super::bucket::is_plain;
use super::call::Call;
use super::reply::Reply;
use super::routes::Operation;
use crate::api::objects::KEY_LIMIT;
use crate::api::wire::encode_versioning_answer;

pub(super) use description::stamp;
pub(super) use write::{check_length, content_md5};

/// Answers a call on the `cos` host.
pub(super) async fn answer(
    app: &App,
    call: &Call,
    operation: Operation,
    key: &str,
    body: Body,
) -> Result<Reply, ApiError> {
    let bucket = app.bucket(call)?;
    if key.len() > KEY_LIMIT {
        let message = format!("the key is longer than {KEY_LIMIT} bytes");
        return Err(ApiError::new(ErrorCode::KeyTooLong, message));
    }
    match operation {
        Operation::HeadBucket => Ok(Reply::xml(String::new()).in_region(call)),
        Operation::BucketVersioning => Ok(Reply::xml(encode_versioning_answer()?)),
        Operation::ListObjects => list::list(bucket, call).await,
        Operation::DeleteObjects => delete::delete_many(app, call, body).await,
        Operation::DeleteObject => delete::delete(app, bucket, key).await,
        Operation::PutObject => write::put(app, call, key, body).await,
        Operation::CopyObject => copy::copy(app, call, key).await,
        Operation::AppendObject => append::append(app, call, key, body).await,
        Operation::InitiateUpload => multipart::initiate(app, call, key).await,
        Operation::UploadPart => multipart::upload_part(app, call, key, body).await,
        Operation::ListParts => multipart::list_parts(app, call, key).await,
        Operation::ListUploads => multipart::list_uploads(app, call).await,
        Operation::CompleteUpload => multipart::complete(app, call, key, body).await,
        Operation::AbortUpload => multipart::abort(app, call, key).await,
        _ => read::read(app, call, key).await,
    }
}

/// Refuses a key under which no object can be written.
fn check_key(key: &str) -> Result<(), ApiError> {
    if key.starts_with('/') || key.contains(char::is_control) {
        let message = "a key may not begin with `/` or have control characters";
        return Err(ApiError::new(ErrorCode::InvalidObjectName, message));
    }
    if !is_plain(key.strip_suffix('/').unwrap_or(key)) {
        let message = format!("`{key}` cannot be a file below the bucket's folder");
        return Err(ApiError::new(ErrorCode::InvalidObjectName, message));
    }
    Ok(())
}

/// As [`check_key`], for calls that write a content: a key that ends in `/` has none here.
fn check_file_key(key: &str) -> Result<(), ApiError> {
    check_key(key)?;
    if key.ends_with('/') {
        let message = "an object whose key ends in `/` and that has a content is not supported";
        return Err(ApiError::new(ErrorCode::NotImplemented, message));
    }
    Ok(())
}

fn no_such_key(key: &str) -> ApiError {
    ApiError::new(ErrorCode::NoSuchKey, format!("there is no object `{key}`"))
}
