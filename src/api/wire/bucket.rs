//! The bodies of calls about a bucket's objects that only the embedded service answers.

use jiff::Timestamp;
use serde::Deserialize;

use super::objects::iso_seconds;
use super::xml::{self, Document, WireError};
use crate::api::signature::encode_key;

/// The body of a call that deletes several objects.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeleteRequest {
    /// Whether the answer leaves out the objects that were deleted.
    pub quiet: bool,
    #[serde(rename = "Object")]
    pub objects: Vec<DeleteEntry>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeleteEntry {
    pub key: String,
    pub version_id: Option<String>,
}

pub fn decode_delete_request(body: &[u8]) -> Result<DeleteRequest, WireError> {
    xml::decode("Delete", body)
}

/// What became of one object of a [`DeleteRequest`].
#[derive(Debug)]
pub struct DeleteResult {
    pub key: String,
    /// Code and message.
    pub error: Option<(String, String)>,
}

pub fn encode_delete_answer(results: &[DeleteResult], quiet: bool) -> Result<String, WireError> {
    Document::write("DeleteResult", |body| {
        for result in results {
            match &result.error {
                None if quiet => {}
                None => body.element("Deleted", |item| item.text("Key", &result.key)),
                Some((code, message)) => body.element("Error", |item| {
                    item.text("Key", &result.key);
                    item.text("Code", code);
                    item.text("Message", message);
                }),
            }
        }
    })
}

/// The body of a call that completes a multipart upload.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CompleteRequest {
    #[serde(rename = "Part")]
    pub parts: Vec<CompletePart>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CompletePart {
    pub part_number: u32,
    #[serde(rename = "ETag")]
    pub etag: String,
}

pub fn decode_complete_request(body: &[u8]) -> Result<CompleteRequest, WireError> {
    xml::decode("CompleteMultipartUpload", body)
}

pub fn encode_complete_answer(
    location: &str,
    bucket: &str,
    key: &str,
    etag: &str,
) -> Result<String, WireError> {
    Document::write("CompleteMultipartUploadResult", |body| {
        body.text("Location", location);
        body.text("Bucket", bucket);
        body.text("Key", key);
        body.text("ETag", etag);
    })
}

pub fn encode_initiate_answer(bucket: &str, key: &str, id: &str) -> Result<String, WireError> {
    Document::write("InitiateMultipartUploadResult", |body| {
        body.text("Bucket", bucket);
        body.text("Key", key);
        body.text("UploadId", id);
    })
}

pub fn encode_copy_answer(
    etag: &str,
    crc64: u64,
    modified: Timestamp,
) -> Result<String, WireError> {
    Document::write("CopyObjectResult", |body| {
        body.text("ETag", etag);
        body.text("CRC64", &crc64.to_string());
        body.text("LastModified", &iso_seconds(modified));
    })
}

/// A part of a multipart upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartDetail {
    pub number: u32,
    pub modified: Timestamp,
    pub etag: String,
    pub size: u64,
}

/// One page of the parts of an upload.
#[derive(Debug)]
pub struct PartsAnswer<'a> {
    pub bucket: &'a str,
    pub key: &'a str,
    pub upload_id: &'a str,
    /// Whether the key is percent-encoded.
    pub is_encoded: bool,
    /// Only parts with higher numbers are listed.
    pub marker: u32,
    pub max_parts: usize,
    pub is_truncated: bool,
    pub parts: Vec<PartDetail>,
}

pub fn encode_parts_answer(answer: &PartsAnswer<'_>) -> Result<String, WireError> {
    let owner = owner(answer.bucket);
    Document::write("ListPartsResult", |body| {
        body.text("Bucket", answer.bucket);
        body.optional("EncodingType", answer.is_encoded.then_some("url"));
        body.text("Key", &encoded(answer.key, answer.is_encoded));
        body.text("UploadId", answer.upload_id);
        write_person(body, "Initiator", owner);
        write_person(body, "Owner", owner);
        body.text("StorageClass", "STANDARD");
        body.text("PartNumberMarker", &answer.marker.to_string());
        if let Some(last) = answer.parts.last().filter(|_| answer.is_truncated) {
            body.text("NextPartNumberMarker", &last.number.to_string());
        }
        body.text("MaxParts", &answer.max_parts.to_string());
        body.text("IsTruncated", &answer.is_truncated.to_string());
        for part in &answer.parts {
            body.element("Part", |item| {
                item.text("PartNumber", &part.number.to_string());
                item.text("LastModified", &iso_seconds(part.modified));
                item.text("ETag", &part.etag);
                item.text("Size", &part.size.to_string());
            });
        }
    })
}

/// A multipart upload that was neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadDetail {
    pub key: String,
    pub id: String,
    pub initiated: Timestamp,
}

/// One page of a bucket's open uploads.
#[derive(Debug)]
pub struct UploadsAnswer<'a> {
    pub bucket: &'a str,
    /// Whether keys are percent-encoded.
    pub is_encoded: bool,
    pub prefix: &'a str,
    pub key_marker: &'a str,
    pub id_marker: &'a str,
    pub max_uploads: usize,
    pub is_truncated: bool,
    pub uploads: Vec<UploadDetail>,
}

pub fn encode_uploads_answer(answer: &UploadsAnswer<'_>) -> Result<String, WireError> {
    let owner = owner(answer.bucket);
    let text = |text: &str| encoded(text, answer.is_encoded);
    Document::write("ListMultipartUploadsResult", |body| {
        body.text("Bucket", answer.bucket);
        body.optional("EncodingType", answer.is_encoded.then_some("url"));
        body.text("KeyMarker", &text(answer.key_marker));
        body.text("UploadIdMarker", answer.id_marker);
        if let Some(last) = answer.uploads.last().filter(|_| answer.is_truncated) {
            body.text("NextKeyMarker", &text(&last.key));
            body.text("NextUploadIdMarker", &last.id);
        }
        body.text("MaxUploads", &answer.max_uploads.to_string());
        body.text("IsTruncated", &answer.is_truncated.to_string());
        body.text("Prefix", &text(answer.prefix));
        for upload in &answer.uploads {
            body.element("Upload", |item| {
                item.text("Key", &text(&upload.key));
                item.text("UploadId", &upload.id);
                item.text("StorageClass", "STANDARD");
                write_person(item, "Initiator", owner);
                write_person(item, "Owner", owner);
                item.text("Initiated", &iso_seconds(upload.initiated));
            });
        }
    })
}

/// A bucket on which versioning was never enabled.
pub fn encode_versioning_answer() -> Result<String, WireError> {
    Document::write("VersioningConfiguration", |_| ())
}

fn encoded(text: &str, is_encoded: bool) -> String {
    if is_encoded {
        encode_key(text)
    } else {
        text.to_owned()
    }
}

/// The number of the account, with which the name of a bucket ends.
fn owner(bucket: &str) -> &str {
    bucket.rsplit('-').next().unwrap_or_default()
}

fn write_person(body: &mut Document, element: &str, id: &str) {
    body.element(element, |item| {
        item.text("ID", id);
        item.text("DisplayName", id);
    });
}
