//! `PUT` of an object. The content is written to a temporary file and moved to its place when it is
//! whole: no part of an object is ever seen.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, header};
use crc64fast::Digest as Crc64;
use data_encoding::BASE64;
use hyper::body::Body as HttpBody;
use md5::{Digest, Md5};
use tokio::sync::mpsc;

use super::description::{self, stamp};
use super::{check_file_key, check_key, metadata};
use crate::service::api_error::{ApiError, ErrorCode};
use crate::service::app::App;
use crate::service::bucket::{Bucket, NewFile, Object};
use crate::service::call::Call;
use crate::service::quota::Quota;
use crate::service::reply::Reply;
use crate::service::store::ObjectRecord;

/// The MD5 of a body, which HTTP has dropped and COS has not.
const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");

/// At most this many pieces of a body wait for the disk.
const AHEAD: usize = 16;

pub(super) async fn put(app: &App, call: &Call, key: &str, body: Body) -> Result<Reply, ApiError> {
    let bucket = app.bucket(call)?;
    check_length(call)?;
    let expected = content_md5(call)?;
    if let Some(folder) = key.strip_suffix('/')
        && HttpBody::is_end_stream(&body)
    {
        // A placeholder that shows a folder; folders are no objects here.
        check_key(key)?;
        let made = bucket.make_folder(folder);
        made.map_err(|error| ApiError::file(&error, key))?;
        return Ok(Reply::empty());
    }
    check_file_key(key)?;
    let forbid = forbids_overwrite(call)?;
    let kept = metadata::of(call)?;
    let file = bucket.new_file();
    let file = Hashing::new(
        file.map_err(|error| ApiError::file(&error, key))?,
        &app.quota,
    );
    let written = receive_into(file, body, app.limits.body_time, key).await?;
    written.check_md5(expected)?;
    let record = ObjectRecord {
        headers: kept,
        crc64: written.crc64.sum64(),
        is_appendable: false,
    };
    let object = place(app, bucket, key, written.writer, &record, forbid).await?;
    Ok(Reply::with_headers(description::written_headers(
        &object, &record,
    )?))
}

/// Moves a file that is whole to the place of its key, durably.
pub(super) async fn place(
    app: &App,
    bucket: &Arc<Bucket>,
    key: &str,
    file: NewFile,
    record: &ObjectRecord,
    forbid_overwrite: bool,
) -> Result<Object, ApiError> {
    let _placing = app.placing.lock().await;
    place_locked(app, bucket, key, file, record, forbid_overwrite).await
}

/// As [`place`], for a caller that holds `app.placing`.
pub(super) async fn place_locked(
    app: &App,
    bucket: &Arc<Bucket>,
    key: &str,
    file: NewFile,
    record: &ObjectRecord,
    forbid_overwrite: bool,
) -> Result<Object, ApiError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists if forbid_overwrite => {
            let message = format!("there is an object `{key}` already");
            ApiError::new(ErrorCode::FileAlreadyExists, message)
        }
        _ => ApiError::file(&error, key),
    };
    let stamp = stamp(&file.describe(key).map_err(failed)?);
    let name = bucket.name.clone();
    // The record is found by the file's inode and time: until the file is in its place, the record
    // describes nothing.
    let stored = app
        .store
        .put_object_record(name.clone(), key.to_owned(), stamp, record.clone());
    stored.await?;
    let (owner, owned_key) = (Arc::clone(bucket), key.to_owned());
    let kept = tokio::task::spawn_blocking(move || {
        if forbid_overwrite {
            owner.keep_new(file, &owned_key)
        } else {
            owner.keep(file, &owned_key)
        }
    });
    let kept = kept.await.map_err(|error| ApiError::internal(&error))?;
    let object = kept.map_err(failed)?;
    app.store
        .forget_object_records(name, key.to_owned(), Some(stamp))
        .await?;
    let lost = || ApiError::internal(&io::Error::other("another file took its place"));
    object.ok_or_else(lost)
}

/// `x-cos-forbid-overwrite`
pub(super) fn forbids_overwrite(call: &Call) -> Result<bool, ApiError> {
    match call.header("x-cos-forbid-overwrite") {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => {
            let message = format!("x-cos-forbid-overwrite: `{other}` is neither true nor false");
            Err(ApiError::argument(message))
        }
    }
}

/// A body needs a length, or chunks.
pub(in crate::service) fn check_length(call: &Call) -> Result<(), ApiError> {
    let headers = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
    if headers.iter().any(|name| call.headers.contains_key(name)) {
        return Ok(());
    }
    let message = "the request has no Content-Length";
    Err(ApiError::new(ErrorCode::MissingContentLength, message))
}

/// The MD5 that the client states for the body.
pub(in crate::service) fn content_md5(call: &Call) -> Result<Option<[u8; 16]>, ApiError> {
    let Some(text) = call.header(CONTENT_MD5) else {
        return Ok(None);
    };
    let digest = BASE64.decode(text.trim().as_bytes()).ok();
    let digest = digest.and_then(|digest| digest.try_into().ok());
    digest.map(Some).ok_or_else(|| {
        let message = format!("Content-MD5 `{text}` is not the base64 of 16 bytes");
        ApiError::new(ErrorCode::InvalidDigest, message)
    })
}

/// Computes the checksums of what is written through it, and counts it against the quota.
pub(super) struct Hashing<W> {
    pub(super) writer: W,
    pub(super) md5: Md5,
    pub(super) crc64: Crc64,
    pub(super) size: u64,
    quota: Quota,
}

impl<W> Hashing<W> {
    pub(super) fn new(writer: W, quota: &Quota) -> Self {
        Self {
            writer,
            quota: quota.clone(),
            md5: Md5::new(),
            crc64: Crc64::new(),
            size: 0,
        }
    }

    pub(super) fn check_md5(&self, expected: Option<[u8; 16]>) -> Result<(), ApiError> {
        let actual = <[u8; 16]>::from(self.md5.clone().finalize());
        if expected.is_none_or(|expected| expected == actual) {
            return Ok(());
        }
        let message = "Content-MD5 is not that of the body";
        Err(ApiError::new(ErrorCode::BadDigest, message))
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.quota.spend(written)?;
        self.md5.update(&bytes[..written]);
        self.crc64.write(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// A file that can be made durable.
pub(super) trait Sync: Write + Send + 'static {
    fn sync(&self) -> io::Result<()>;
}

impl Sync for NewFile {
    fn sync(&self) -> io::Result<()> {
        Self::sync(self)
    }
}

impl Sync for tempfile::NamedTempFile {
    fn sync(&self) -> io::Result<()> {
        self.as_file().sync_all()
    }
}

/// Writes a body to a file, durably. `pause` is how long the client may pause within the body.
pub(super) async fn receive_into<W: Sync>(
    file: Hashing<W>,
    body: Body,
    pause: Duration,
    key: &str,
) -> Result<Hashing<W>, ApiError> {
    let (pieces, received) = mpsc::channel(AHEAD);
    let writing = tokio::task::spawn_blocking(move || write(file, received));
    let receiving = receive(body, pieces, pause).await;
    let written = writing.await.map_err(|error| ApiError::internal(&error))?;
    receiving?;
    written.map_err(|error| ApiError::file(&error, key))
}

async fn receive(
    mut body: Body,
    pieces: mpsc::Sender<Bytes>,
    pause: Duration,
) -> Result<(), ApiError> {
    loop {
        let next = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        let next = tokio::time::timeout(pause, next).await;
        let late = |_| {
            let message = "the body did not arrive in time";
            ApiError::new(ErrorCode::RequestTimeout, message)
        };
        let Some(frame) = next.map_err(late)? else {
            return Ok(());
        };
        let cut = |_| ApiError::new(ErrorCode::IncompleteBody, "the body was cut off");
        if let Ok(piece) = frame.map_err(cut)?.into_data()
            && pieces.send(piece).await.is_err()
        {
            // The writer has failed and returns the error.
            return Ok(());
        }
    }
}

fn write<W: Sync>(
    mut file: Hashing<W>,
    mut pieces: mpsc::Receiver<Bytes>,
) -> io::Result<Hashing<W>> {
    while let Some(piece) = pieces.blocking_recv() {
        file.write_all(&piece)?;
    }
    file.writer.sync()?;
    Ok(file)
}
