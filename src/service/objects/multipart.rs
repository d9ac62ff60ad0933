//! Multipart uploads. Parts are files below the data folder, described by the database; the object
//! appears when the upload is completed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use md5::Digest;
use uuid::Uuid;

use super::description::{self, CRC64};
use super::list::{is_encoded, limit};
use super::write::{Hashing, check_length, content_md5, forbids_overwrite, place, receive_into};
use super::{check_file_key, metadata};
use crate::api::signature::encode_key;
use crate::api::wire::{
    CompletePart, PartDetail, PartsAnswer, UploadDetail, UploadsAnswer, decode_complete_request,
    encode_complete_answer, encode_initiate_answer, encode_parts_answer, encode_uploads_answer,
};
use crate::service::api_error::{ApiError, ErrorCode};
use crate::service::app::{App, read_body};
use crate::service::bucket::NewFile;
use crate::service::call::Call;
use crate::service::parameters::given;
use crate::service::quota::Quota;
use crate::service::reply::Reply;
use crate::service::store::{ObjectRecord, Part, Upload};

const MAX_PART_NUMBER: u32 = 10_000;

/// The smallest part but the last one.
const MIN_PART_SIZE: u64 = 1024 * 1024;

/// `POST ?uploads`
pub(super) async fn initiate(app: &App, call: &Call, key: &str) -> Result<Reply, ApiError> {
    check_file_key(key)?;
    let upload = Upload {
        id: Uuid::new_v4().simple().to_string(),
        bucket: call.host.bucket.clone(),
        key: key.to_owned(),
        headers: metadata::of(call)?,
        initiated: Timestamp::now(),
    };
    let made = fs::create_dir(folder(app, &upload.id));
    made.map_err(|error| ApiError::internal(&error))?;
    let answer = encode_initiate_answer(upload.bucket.as_str(), key, &upload.id)?;
    app.store.add_upload(upload).await?;
    Ok(Reply::xml(answer))
}

/// `PUT ?partNumber=&uploadId=`
pub(super) async fn upload_part(
    app: &App,
    call: &Call,
    key: &str,
    body: Body,
) -> Result<Reply, ApiError> {
    let number = call.parameter("partNumber").unwrap_or_default();
    let parsed = number.parse().ok();
    let parsed = parsed.filter(|number| (1..=MAX_PART_NUMBER).contains(number));
    let number = parsed.ok_or_else(|| {
        let message = format!("partNumber: `{number}` is not a number from 1 to {MAX_PART_NUMBER}");
        ApiError::argument(message)
    })?;
    check_length(call)?;
    let expected = content_md5(call)?;
    let upload = open_upload(app, call, key).await?;
    let folder = folder(app, &upload.id);
    let file = tempfile::Builder::new()
        .prefix("part-")
        .tempfile_in(&folder);
    let file = Hashing::new(
        file.map_err(|error| ApiError::file(&error, key))?,
        &app.quota,
    );
    let written = receive_into(file, body, app.limits.body_time, key).await?;
    written.check_md5(expected)?;
    let Hashing {
        writer,
        md5,
        crc64,
        size,
        ..
    } = written;
    let md5 = HEXLOWER.encode(&md5.finalize());
    let crc64 = crc64.sum64();
    let kept = writer.into_temp_path().keep();
    let path = kept.map_err(|error| ApiError::internal(&error))?;
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    sync_folder(&folder).map_err(|error| ApiError::internal(&error))?;
    let part = Part {
        number,
        file: name,
        size,
        md5: md5.clone(),
        modified: Timestamp::now(),
    };
    let Some(replaced) = app.store.put_part(upload.id.clone(), part).await? else {
        let _ = fs::remove_file(path);
        return Err(no_such_upload(&upload.id));
    };
    for file in replaced {
        let _ = fs::remove_file(folder.join(file));
    }
    let etag = description::value(&format!("\"{md5}\""))?;
    let headers = [(header::ETAG, etag), (CRC64, HeaderValue::from(crc64))];
    Ok(Reply::with_headers(HeaderMap::from_iter(headers)))
}

/// `GET ?uploadId=`
pub(super) async fn list_parts(app: &App, call: &Call, key: &str) -> Result<Reply, ApiError> {
    let upload = open_upload(app, call, key).await?;
    let max_parts = limit(call, "max-parts")?;
    let marker = given(call, "part-number-marker").unwrap_or("0");
    let marker: u32 = marker.parse().map_err(|_| {
        ApiError::argument(format!("part-number-marker: `{marker}` is not a number"))
    })?;
    let parts = app.store.parts(upload.id.clone()).await?;
    let mut parts: Vec<Part> = parts
        .into_iter()
        .filter(|part| part.number > marker)
        .collect();
    let is_truncated = parts.len() > max_parts;
    parts.truncate(max_parts);
    let parts = parts.into_iter().map(|part| PartDetail {
        number: part.number,
        modified: part.modified,
        etag: format!("\"{}\"", part.md5),
        size: part.size,
    });
    let answer = PartsAnswer {
        bucket: upload.bucket.as_str(),
        key,
        upload_id: &upload.id,
        is_encoded: is_encoded(call)?,
        marker,
        max_parts,
        is_truncated,
        parts: parts.collect(),
    };
    Ok(Reply::xml(encode_parts_answer(&answer)?))
}

/// `GET /?uploads`
pub(super) async fn list_uploads(app: &App, call: &Call) -> Result<Reply, ApiError> {
    let max_uploads = limit(call, "max-uploads")?;
    let text = |name| given(call, name).unwrap_or_default();
    let (prefix, key_marker) = (text("prefix"), text("key-marker"));
    let id_marker = text("upload-id-marker");
    if !text("delimiter").is_empty() {
        let message = "delimiter in the list of uploads is not supported";
        return Err(ApiError::new(ErrorCode::NotImplemented, message));
    }
    let is_after = |upload: &Upload| {
        let after_id = !id_marker.is_empty() && upload.key == key_marker && *upload.id > *id_marker;
        *upload.key > *key_marker || after_id
    };
    let uploads = app.store.uploads(call.host.bucket.clone()).await?;
    let uploads = uploads
        .into_iter()
        .filter(|upload| upload.key.starts_with(prefix) && is_after(upload));
    let mut uploads: Vec<Upload> = uploads.collect();
    let is_truncated = uploads.len() > max_uploads;
    uploads.truncate(max_uploads);
    let uploads = uploads.into_iter().map(|upload| UploadDetail {
        key: upload.key,
        id: upload.id,
        initiated: upload.initiated,
    });
    let answer = UploadsAnswer {
        bucket: call.host.bucket.as_str(),
        is_encoded: is_encoded(call)?,
        prefix,
        key_marker,
        id_marker,
        max_uploads,
        is_truncated,
        uploads: uploads.collect(),
    };
    Ok(Reply::xml(encode_uploads_answer(&answer)?))
}

/// `POST ?uploadId=`
pub(super) async fn complete(
    app: &App,
    call: &Call,
    key: &str,
    body: Body,
) -> Result<Reply, ApiError> {
    check_length(call)?;
    let forbid = forbids_overwrite(call)?;
    let upload = open_upload(app, call, key).await?;
    let body = read_body(app, call, body).await?;
    let request = decode_complete_request(&body);
    let request =
        request.map_err(|error| ApiError::new(ErrorCode::InvalidContent, error.to_string()))?;
    let known = app.store.parts(upload.id.clone()).await?;
    let parts = select(&request.parts, &known)?;
    let folder = folder(app, &upload.id);
    let files = parts.iter().map(|part| folder.join(&part.file)).collect();
    let bucket = app.bucket(call)?;
    let file = bucket
        .new_file()
        .map_err(|error| ApiError::file(&error, key))?;
    let joined = tokio::task::spawn_blocking(move || join(files, file)).await;
    let joined = joined.map_err(|error| ApiError::internal(&error))?;
    let joined = joined.map_err(|error| ApiError::file(&error, key))?;
    let record = ObjectRecord {
        headers: upload.headers,
        crc64: joined.crc64.sum64(),
        is_appendable: false,
    };
    let object = place(app, bucket, key, joined.writer, &record, forbid).await?;
    remove(app, &upload.id).await?;
    let location = format!("{}/{}", call.host, encode_key(key));
    let etag = description::etag(&object);
    let answer = encode_complete_answer(&location, bucket.name.as_str(), key, &etag)?;
    let mut reply = Reply::xml(answer);
    reply.headers.insert(CRC64, HeaderValue::from(record.crc64));
    Ok(reply)
}

/// `DELETE ?uploadId=`
pub(super) async fn abort(app: &App, call: &Call, key: &str) -> Result<Reply, ApiError> {
    let upload = open_upload(app, call, key).await?;
    remove(app, &upload.id).await?;
    Ok(Reply::no_content())
}

/// The parts that a request names, which must be those of the upload, in order.
fn select<'a>(asked: &[CompletePart], known: &'a [Part]) -> Result<Vec<&'a Part>, ApiError> {
    if asked.is_empty() {
        let message = "CompleteMultipartUpload has no Part";
        return Err(ApiError::new(ErrorCode::InvalidContent, message));
    }
    if !asked.is_sorted_by(|one, next| one.part_number < next.part_number) {
        let message = "the parts are not in ascending order";
        return Err(ApiError::new(ErrorCode::InvalidPartOrder, message));
    }
    let parts = asked.iter().map(|asked| {
        let mut known = known.iter();
        let found = known.find(|part| {
            part.number == asked.part_number && part.md5 == asked.etag.trim().trim_matches('"')
        });
        found.ok_or_else(|| {
            let message = format!("there is no part {} with that ETag", asked.part_number);
            ApiError::new(ErrorCode::InvalidPart, message)
        })
    });
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    let (_, others) = parts.split_last().unwrap_or((&parts[0], &[]));
    match others.iter().find(|part| part.size < MIN_PART_SIZE) {
        Some(part) => {
            let message = format!(
                "part {} has fewer than {MIN_PART_SIZE} bytes and is not the last one",
                part.number
            );
            Err(ApiError::new(ErrorCode::EntityTooSmall, message))
        }
        None => Ok(parts),
    }
}

/// The parts were counted when they came, and are gone afterwards.
fn join(files: Vec<PathBuf>, file: NewFile) -> io::Result<Hashing<NewFile>> {
    let mut file = Hashing::new(file, &Quota::new(None));
    for part in files {
        io::copy(&mut File::open(part)?, &mut file)?;
    }
    file.writer.sync()?;
    Ok(file)
}

async fn open_upload(app: &App, call: &Call, key: &str) -> Result<Upload, ApiError> {
    let id = call.parameter("uploadId").unwrap_or_default();
    let upload = app.store.upload(id.to_owned()).await?;
    let upload = upload.filter(|upload| upload.bucket == call.host.bucket && upload.key == key);
    upload.ok_or_else(|| no_such_upload(id))
}

fn no_such_upload(id: &str) -> ApiError {
    let message = format!("there is no upload `{id}` of this object");
    ApiError::new(ErrorCode::NoSuchUpload, message)
}

/// The folder of an upload's parts. Ids are made here: they are plain names.
fn folder(app: &App, id: &str) -> PathBuf {
    app.uploads.join(id)
}

/// Forgets an upload, then its parts.
async fn remove(app: &App, id: &str) -> Result<(), ApiError> {
    app.store.remove_upload(id.to_owned()).await?;
    let _ = fs::remove_dir_all(folder(app, id));
    Ok(())
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
