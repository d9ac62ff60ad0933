//! Uploads: an object is written to a temporary file and moved to its place when it is whole.

use std::io::{self, Write};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use data_encoding::BASE64;
use hyper::body::Body as HttpBody;
use md5::{Digest, Md5};
use tokio::sync::mpsc;

use super::api_error::ApiError;
use super::bucket::{Bucket, NewFile, is_plain};
use super::call::Call;
use super::object::etag;
use super::reply::Reply;

/// The MD5 of a body, which HTTP has dropped and COS has not.
const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");

/// How many pieces of a body wait for the disk at most.
const AHEAD: usize = 16;

/// `PUT` of an object.
pub(super) async fn put(
    bucket: &Bucket,
    call: &Call,
    key: &str,
    body: Body,
    pause: Duration,
) -> Result<Reply, ApiError> {
    let expected = content_md5(call)?;
    if let Some(folder) = key.strip_suffix('/') {
        // A placeholder that shows a folder; folders are no objects here.
        if !is_plain(folder) {
            return Err(unkeepable(key));
        }
        bucket
            .make_folder(folder)
            .map_err(|error| conflict(&error, key))?;
        return Ok(Reply::empty());
    }
    if !is_plain(key) {
        return Err(unkeepable(key));
    }
    let file = bucket
        .new_file()
        .map_err(|error| ApiError::internal(&error))?;
    let (pieces, received) = mpsc::channel(AHEAD);
    let writing = tokio::task::spawn_blocking(move || write(file, received));
    let receiving = receive(body, pieces, pause).await;
    let written = writing.await.map_err(|error| ApiError::internal(&error))?;
    receiving?;
    let (file, digest) = written.map_err(|error| ApiError::internal(&error))?;
    if expected.is_some_and(|expected| expected != digest) {
        let message = "Content-MD5 is not that of the body";
        return Err(ApiError::new(400, "BadDigest", message));
    }
    let kept = bucket.keep(file, key);
    let object = kept.map_err(|error| conflict(&error, key))?;
    let object = object.ok_or_else(|| unkeepable(key))?;
    let etag = HeaderValue::from_str(&etag(&object));
    let etag = etag.map_err(|error| ApiError::internal(&error))?;
    Ok(Reply {
        status: StatusCode::OK,
        headers: HeaderMap::from_iter([(header::ETAG, etag)]),
        body: Body::empty(),
    })
}

/// The MD5 that the caller says the body has.
pub(super) fn content_md5(call: &Call) -> Result<Option<[u8; 16]>, ApiError> {
    let Some(text) = call.header(CONTENT_MD5) else {
        return Ok(None);
    };
    let digest = BASE64.decode(text.trim().as_bytes()).ok();
    let digest = digest.and_then(|digest| digest.try_into().ok());
    digest.map(Some).ok_or_else(|| {
        let message = format!("Content-MD5 `{text}` is not the base64 of 16 bytes");
        ApiError::new(400, "InvalidDigest", message)
    })
}

/// `pause` is how long the client may pause within the body.
async fn receive(
    mut body: Body,
    pieces: mpsc::Sender<Bytes>,
    pause: Duration,
) -> Result<(), ApiError> {
    loop {
        let next =
            std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context));
        let next = tokio::time::timeout(pause, next).await;
        let late = |_| ApiError::new(400, "RequestTimeout", "the body did not arrive in time");
        let Some(frame) = next.map_err(late)? else {
            return Ok(());
        };
        let cut = |_| ApiError::new(400, "IncompleteBody", "the body was cut off");
        if let Ok(piece) = frame.map_err(cut)?.into_data()
            && pieces.send(piece).await.is_err()
        {
            // The writer has failed, and says why itself.
            return Ok(());
        }
    }
}

fn write(mut file: NewFile, mut pieces: mpsc::Receiver<Bytes>) -> io::Result<(NewFile, [u8; 16])> {
    let mut digest = Md5::new();
    while let Some(piece) = pieces.blocking_recv() {
        digest.update(&piece);
        file.write_all(&piece)?;
    }
    file.sync()?;
    Ok((file, digest.finalize().into()))
}

fn unkeepable(key: &str) -> ApiError {
    let message = format!("`{key}` cannot be kept as a file below the bucket's folder");
    ApiError::new(400, "InvalidURI", message)
}

fn conflict(error: &io::Error, key: &str) -> ApiError {
    use io::ErrorKind::{AlreadyExists, InvalidFilename, IsADirectory, NotADirectory};
    match error.kind() {
        AlreadyExists | IsADirectory | NotADirectory => {
            let message =
                format!("`{key}` is in the way of another object, or the other way round");
            ApiError::new(409, "PathConflict", message)
        }
        InvalidFilename => unkeepable(key),
        _ => ApiError::internal(error),
    }
}
