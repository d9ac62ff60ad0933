//! `PUT` with `x-cos-copy-source`: a copy of an object within the service.

use std::io;
use std::sync::Arc;

use percent_encoding::percent_decode_str;

use super::write::{Hashing, forbids_overwrite, place};
use super::{check_file_key, conditions, description, metadata, no_such_key};
use crate::api::host::{Host, Side};
use crate::api::name::BucketName;
use crate::api::wire::encode_copy_answer;
use crate::service::api_error::{ApiError, ErrorCode};
use crate::service::app::App;
use crate::service::bucket::{Bucket, NewFile};
use crate::service::call::Call;
use crate::service::reply::Reply;
use crate::service::store::ObjectRecord;

pub(super) async fn copy(app: &App, call: &Call, key: &str) -> Result<Reply, ApiError> {
    check_file_key(key)?;
    let forbid = forbids_overwrite(call)?;
    let bucket = app.bucket(call)?;
    let (source_bucket, source_key) = source(app, call)?;
    let replaces_metadata = match call.header("x-cos-metadata-directive") {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("copy") => false,
        Some(word) if word.eq_ignore_ascii_case("replaced") => true,
        Some(other) => {
            let message =
                format!("x-cos-metadata-directive: `{other}` is neither Copy nor Replaced");
            return Err(ApiError::argument(message));
        }
    };
    if !replaces_metadata && source_bucket.name == bucket.name && source_key == key {
        let message = "a copy of an object to itself must replace its metadata";
        return Err(ApiError::new(ErrorCode::InvalidRequest, message));
    }
    let found = source_bucket.read(&source_key);
    let found = found.map_err(|error| ApiError::file(&error, &source_key))?;
    let (object, content) = found.ok_or_else(|| no_such_key(&source_key))?;
    conditions::check(call, "x-cos-copy-source-", &object)?;
    let headers = if replaces_metadata {
        metadata::of(call)?
    } else {
        let record = description::record(app, &source_bucket, &object, &content).await?;
        record.headers
    };
    let file = bucket
        .new_file()
        .map_err(|error| ApiError::file(&error, key))?;
    let file = Hashing::new(file, &app.quota);
    let copied = tokio::task::spawn_blocking(move || copy_content(content, file)).await;
    let copied = copied.map_err(|error| ApiError::internal(&error))?;
    let copied = copied.map_err(|error| ApiError::file(&error, key))?;
    let record = ObjectRecord {
        headers,
        crc64: copied.crc64.sum64(),
        is_appendable: false,
    };
    let object = place(app, bucket, key, copied.writer, &record, forbid).await?;
    let etag = description::etag(&object);
    let answer = encode_copy_answer(&etag, record.crc64, object.uploaded)?;
    let mut reply = Reply::xml(answer);
    reply
        .headers
        .extend(description::written_headers(&object, &record)?);
    Ok(reply)
}

fn copy_content(
    mut content: std::fs::File,
    mut file: Hashing<NewFile>,
) -> io::Result<Hashing<NewFile>> {
    io::copy(&mut content, &mut file)?;
    file.writer.sync()?;
    Ok(file)
}

/// Bucket and key of `x-cos-copy-source`: `<bucket>.cos.<region>.myqcloud.com/<encoded key>`, or
/// `/<bucket>/<encoded key>`, as `OpenDAL` sends it.
fn source(app: &App, call: &Call) -> Result<(Arc<Bucket>, String), ApiError> {
    let text = call.header("x-cos-copy-source").unwrap_or_default();
    let malformed = || {
        let form = "<bucket>.cos.<region>.myqcloud.com/<key>";
        ApiError::argument(format!("x-cos-copy-source: `{text}` is not {form}"))
    };
    // SDKs send the version of no version.
    let named = text.strip_suffix("?versionId=").unwrap_or(text);
    if named.contains('?') {
        let message = "x-cos-copy-source with a version is not supported: nothing was done";
        return Err(ApiError::new(ErrorCode::NotImplemented, message));
    }
    let (host, key) = named
        .trim_start_matches('/')
        .split_once('/')
        .ok_or_else(malformed)?;
    let host = host.to_ascii_lowercase();
    let name = match Host::parse(&host) {
        Some(host) if host.side == Side::Cos => host.bucket,
        Some(_) => return Err(malformed()),
        None => BucketName::new(&host).map_err(|_| malformed())?,
    };
    let key = percent_decode_str(key)
        .decode_utf8()
        .map_err(|_| malformed())?;
    let bucket = app.buckets.get(&name).ok_or_else(|| {
        let message = format!("there is no bucket `{name}` here");
        ApiError::new(ErrorCode::NoSuchBucket, message)
    })?;
    Ok((Arc::clone(bucket), key.into_owned()))
}
