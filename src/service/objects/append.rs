//! `POST ?append&position=`: adds to the end of an object.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue};
use data_encoding::HEXLOWER;
use md5::{Digest, Md5};

use super::write::{self, Hashing, check_length, content_md5, place_locked, receive_into};
use super::{check_file_key, description, metadata};
use crate::service::api_error::{ApiError, ErrorCode};
use crate::service::app::App;
use crate::service::bucket::Bucket;
use crate::service::call::Call;
use crate::service::reply::Reply;
use crate::service::store::ObjectRecord;

const NEXT_POSITION: HeaderName = HeaderName::from_static("x-cos-next-append-position");
/// Despite its name the MD5 of what was appended, in hexadecimal digits: the Go SDK (object.go of
/// v0.7.75) compares the two after each append, and calls any other value a failure.
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("x-cos-content-sha1");

/// The object before the append, if there is one.
type Existing = Option<(File, ObjectRecord)>;

pub(super) async fn append(
    app: &App,
    call: &Call,
    key: &str,
    body: Body,
) -> Result<Reply, ApiError> {
    check_file_key(key)?;
    check_length(call)?;
    let bucket = app.bucket(call)?;
    let position = call.parameter("position").unwrap_or_default();
    let position: u64 = position.parse().map_err(|_| {
        ApiError::argument(format!("position: `{position}` is not a number from 0"))
    })?;
    let expected = content_md5(call)?;
    let kept = metadata::of(call)?;
    // Refused before the body is read, and checked again when it was.
    existing(app, bucket, key, position).await?;
    let addition = tempfile::NamedTempFile::new_in(&app.uploads);
    let addition = Hashing::new(
        addition.map_err(|error| ApiError::file(&error, key))?,
        &app.quota,
    );
    let addition = receive_into(addition, body, app.limits.body_time, key).await?;
    addition.check_md5(expected)?;
    let digest = HEXLOWER.encode(&addition.md5.clone().finalize());
    let _placing = app.placing.lock().await;
    let existing = existing(app, bucket, key, position).await?;
    let headers = match &existing {
        Some((_, record)) => record.headers.clone(),
        None => kept,
    };
    let file = bucket
        .new_file()
        .map_err(|error| ApiError::file(&error, key))?;
    let addition = addition.writer.into_file();
    let quota = app.quota.clone();
    let joined = tokio::task::spawn_blocking(move || {
        let mut file = Hashing::new(file, &quota);
        if let Some((mut content, _)) = existing {
            io::copy(&mut content, &mut file)?;
        }
        append_file(addition, &mut file)?;
        write::Sync::sync(&file.writer)?;
        Ok(file)
    });
    let joined = joined.await.map_err(|error| ApiError::internal(&error))?;
    let joined = joined.map_err(|error: io::Error| ApiError::file(&error, key))?;
    let record = ObjectRecord {
        headers,
        crc64: joined.crc64.sum64(),
        is_appendable: true,
    };
    let object = place_locked(app, bucket, key, joined.writer, &record, false).await?;
    let mut headers = description::written_headers(&object, &record)?;
    headers.insert(NEXT_POSITION, HeaderValue::from(object.size));
    let digest = HeaderValue::try_from(digest).map_err(|error| ApiError::internal(&error))?;
    headers.insert(CONTENT_DIGEST, digest);
    Ok(Reply::with_headers(headers))
}

fn append_file(mut addition: File, file: &mut Hashing<impl Write>) -> io::Result<()> {
    addition.rewind()?;
    file.md5 = Md5::new();
    io::copy(&mut addition, file)?;
    Ok(())
}

/// The object to append to, if it ends at `position`.
async fn existing(
    app: &App,
    bucket: &Arc<Bucket>,
    key: &str,
    position: u64,
) -> Result<Existing, ApiError> {
    let found = bucket
        .read(key)
        .map_err(|error| ApiError::file(&error, key))?;
    let size = found.as_ref().map_or(0, |(object, _)| object.size);
    let found = match found {
        None => None,
        Some((object, file)) => {
            let record = description::record(app, bucket, &object, &file).await?;
            if !record.is_appendable {
                let message = format!("the object `{key}` was not made by an append");
                return Err(ApiError::new(ErrorCode::ObjectNotAppendable, message));
            }
            Some((file, record))
        }
    };
    if position == size {
        return Ok(found);
    }
    let message = format!("position {position} is not the length of the object, {size}");
    let error = ApiError::new(ErrorCode::PositionNotEqualToLength, message);
    Err(error.with_header(NEXT_POSITION, size.to_string()))
}
