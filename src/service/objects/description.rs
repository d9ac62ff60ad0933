//! What an answer says of an object beside its content.

use std::fs::File;
use std::io;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use crc64fast::Digest;
use jiff::Timestamp;

use crate::service::api_error::ApiError;
use crate::service::app::App;
use crate::service::bucket::{Bucket, Object};
use crate::service::store::{ObjectRecord, Stamp};

pub(super) const CRC64: HeaderName = HeaderName::from_static("x-cos-hash-crc64ecma");
pub(super) const OBJECT_TYPE: HeaderName = HeaderName::from_static("x-cos-object-type");

const BUFFER: usize = 256 * 1024;

/// Changes whenever the file does. Not a hash of the content, as the tags of multipart uploads are
/// none: a list would have to read every file.
pub(super) fn etag(object: &Object) -> String {
    format!("\"{:x}-{:x}\"", object.modified, object.size)
}

pub(in crate::service) fn stamp(object: &Object) -> Stamp {
    Stamp {
        inode: object.inode.cast_signed(),
        size: object.size.cast_signed(),
        modified: i64::try_from(object.modified).unwrap_or(i64::MAX),
    }
}

/// The record of an object; it is made for a file that was not written through the service, or was
/// changed since.
pub(super) async fn record(
    app: &App,
    bucket: &Bucket,
    object: &Object,
    file: &File,
) -> Result<ObjectRecord, ApiError> {
    let stamp = stamp(object);
    let name = bucket.name.clone();
    let known = app
        .store
        .object_record(name.clone(), object.key.clone(), stamp);
    if let Some(known) = known.await? {
        return Ok(known);
    }
    let failed = |error: io::Error| ApiError::file(&error, &object.key);
    let mut content = file.try_clone().map_err(failed)?;
    let crc64 = tokio::task::spawn_blocking(move || checksum(&mut content)).await;
    let crc64 = crc64.map_err(|error| ApiError::internal(&error))?;
    let record = ObjectRecord {
        crc64: crc64.map_err(failed)?,
        ..ObjectRecord::default()
    };
    let stored = app
        .store
        .put_object_record(name, object.key.clone(), stamp, record.clone());
    stored.await?;
    Ok(record)
}

/// CRC-64/XZ of the whole file, read by position: a clone shares its offset with the original.
fn checksum(file: &mut File) -> io::Result<u64> {
    use std::os::unix::fs::FileExt;
    let mut digest = Digest::new();
    let mut buffer = vec![0; BUFFER];
    let mut offset = 0;
    loop {
        let read = file.read_at(&mut buffer, offset)?;
        if read == 0 {
            return Ok(digest.sum64());
        }
        digest.write(&buffer[..read]);
        offset += read as u64;
    }
}

/// The headers of a whole object, without its length.
pub(super) fn headers(object: &Object, record: &ObjectRecord) -> Result<HeaderMap, ApiError> {
    let octets = HeaderValue::from_static("application/octet-stream");
    let mut headers = HeaderMap::from_iter([
        (header::CONTENT_TYPE, octets),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (header::LAST_MODIFIED, value(&http_date(object.uploaded))?),
        (header::ETAG, value(&etag(object))?),
        (CRC64, HeaderValue::from(record.crc64)),
    ]);
    let kind = if record.is_appendable {
        "appendable"
    } else {
        "normal"
    };
    headers.insert(OBJECT_TYPE, HeaderValue::from_static(kind));
    if record.is_appendable {
        let position = HeaderName::from_static("x-cos-next-append-position");
        headers.insert(position, HeaderValue::from(object.size));
    }
    for (name, text) in &record.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let name = name.map_err(|error| ApiError::internal(&error))?;
        headers.insert(name, value(text)?);
    }
    Ok(headers)
}

/// The headers of an answer to a call that wrote the object.
pub(super) fn written_headers(
    object: &Object,
    record: &ObjectRecord,
) -> Result<HeaderMap, ApiError> {
    Ok(HeaderMap::from_iter([
        (header::ETAG, value(&etag(object))?),
        (CRC64, HeaderValue::from(record.crc64)),
    ]))
}

pub(super) fn value(text: &str) -> Result<HeaderValue, ApiError> {
    HeaderValue::from_bytes(text.as_bytes()).map_err(|error| ApiError::internal(&error))
}

pub(super) fn http_date(moment: Timestamp) -> String {
    moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::http_date;

    #[test]
    fn dates_have_the_format_of_http() {
        let moment = "2019-05-16T06:45:51Z".parse().unwrap();
        assert_eq!(http_date(moment), "Thu, 16 May 2019 06:45:51 GMT");
    }
}
