//! The answer that lists a bucket's objects.

use std::borrow::Cow;

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::xml::{self, Document, WireError};
use crate::api::signature::encode_key;

/// One page of a bucket's objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectsAnswer {
    /// The bucket.
    pub bucket: String,
    /// Whether keys travel percent-encoded; they are plain here.
    pub is_encoded: bool,
    /// What the keys begin with.
    pub prefix: String,
    /// What the keys come behind.
    pub marker: String,
    /// How many entries a page has at most.
    pub max_keys: u64,
    /// What groups keys into common prefixes.
    pub delimiter: String,
    /// Behind what the next page begins; absent on the last page.
    pub next_marker: Option<String>,
    /// The objects.
    pub objects: Vec<ObjectDetail>,
    /// What the keys that were grouped begin with.
    pub common_prefixes: Vec<String>,
}

/// What a list says of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectDetail {
    /// Its key.
    pub key: String,
    /// When it was uploaded.
    pub uploaded: Option<Timestamp>,
    /// What changes with its content, in quotes.
    pub etag: String,
    /// How many bytes it has.
    pub size: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ObjectsXml {
    name: String,
    encoding_type: Option<String>,
    prefix: String,
    marker: String,
    max_keys: u64,
    delimiter: String,
    is_truncated: bool,
    next_marker: Option<String>,
    contents: Vec<ObjectXml>,
    common_prefixes: Vec<CommonPrefixXml>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ObjectXml {
    key: String,
    last_modified: String,
    #[serde(rename = "ETag")]
    etag: String,
    size: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct CommonPrefixXml {
    prefix: String,
}

/// Writes one page of a bucket's objects.
pub fn encode_objects_answer(answer: &ObjectsAnswer) -> Result<String, WireError> {
    let text = |text: &str| {
        if answer.is_encoded {
            encode_key(text)
        } else {
            text.to_owned()
        }
    };
    // An object belongs to the owner of the bucket, whose name ends with the number of the account.
    let owner = answer.bucket.rsplit('-').next().unwrap_or_default();
    Document::write("ListBucketResult", |body| {
        body.text("Name", &answer.bucket);
        body.optional("EncodingType", answer.is_encoded.then_some("url"));
        body.text("Prefix", &text(&answer.prefix));
        body.text("Marker", &text(&answer.marker));
        body.text("MaxKeys", &answer.max_keys.to_string());
        if !answer.delimiter.is_empty() {
            body.text("Delimiter", &text(&answer.delimiter));
        }
        body.text("IsTruncated", &answer.next_marker.is_some().to_string());
        body.optional(
            "NextMarker",
            answer.next_marker.as_deref().map(text).as_deref(),
        );
        for object in &answer.objects {
            body.element("Contents", |item| {
                item.text("Key", &text(&object.key));
                let uploaded = object.uploaded.map_or_else(String::new, iso_seconds);
                item.text("LastModified", &uploaded);
                item.text("ETag", &object.etag);
                item.text("Size", &object.size.to_string());
                item.element("Owner", |item| {
                    item.text("ID", owner);
                    item.text("DisplayName", owner);
                });
                item.text("StorageClass", "STANDARD");
            });
        }
        for prefix in &answer.common_prefixes {
            body.element("CommonPrefixes", |item| item.text("Prefix", &text(prefix)));
        }
    })
}

/// Reads one page of a bucket's objects.
pub fn decode_objects_answer(body: &[u8]) -> Result<ObjectsAnswer, WireError> {
    let body: ObjectsXml = xml::decode("ListBucketResult", body)?;
    let is_encoded = body.encoding_type.as_deref() == Some("url");
    let text = |text: String| {
        if is_encoded {
            let decoded = percent_decode_str(&text).decode_utf8();
            decoded
                .map(Cow::into_owned)
                .map_err(|_| WireError::Encoding)
        } else {
            Ok(text)
        }
    };
    // A list that goes on must not be taken for a whole one.
    let last = body.contents.last().map(|object| object.key.clone());
    let next_marker = match body.next_marker.or(last) {
        _ if !body.is_truncated => None,
        Some(marker) => Some(marker),
        None => {
            let problem = "the list goes on and does not say where";
            return Err(WireError::Content(problem.to_owned()));
        }
    };
    let objects = body.contents.into_iter().map(|object| {
        Ok(ObjectDetail {
            key: text(object.key)?,
            uploaded: object.last_modified.parse().ok(),
            etag: object.etag,
            size: object.size,
        })
    });
    let common_prefixes = body.common_prefixes.into_iter();
    let common_prefixes = common_prefixes.map(|common| text(common.prefix));
    Ok(ObjectsAnswer {
        bucket: body.name,
        is_encoded,
        prefix: text(body.prefix)?,
        marker: text(body.marker)?,
        max_keys: body.max_keys,
        delimiter: text(body.delimiter)?,
        next_marker: next_marker.map(text).transpose()?,
        objects: objects.collect::<Result<_, WireError>>()?,
        common_prefixes: common_prefixes.collect::<Result<_, _>>()?,
    })
}

/// The form of these times: `2017-06-23T12:33:26.000Z`.
/// A time as COS writes it in documents.
pub(super) fn iso_seconds(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::{ObjectDetail, ObjectsAnswer, decode_objects_answer, encode_objects_answer};

    fn answer() -> ObjectsAnswer {
        ObjectsAnswer {
            bucket: "media-1250000000".to_owned(),
            is_encoded: false,
            prefix: "视频/".to_owned(),
            marker: "视频/a".to_owned(),
            max_keys: 1000,
            delimiter: "/".to_owned(),
            next_marker: Some("视频/c/".to_owned()),
            objects: vec![ObjectDetail {
                key: "视频/b c&d.mp4".to_owned(),
                uploaded: Some("2017-06-23T12:33:26Z".parse().unwrap()),
                etag: "\"79f2a852fac7e826c9f4dbe037f8a63b\"".to_owned(),
                size: 10,
            }],
            common_prefixes: vec!["视频/c/".to_owned()],
        }
    }

    #[test]
    fn a_page_reads_back_encoded_or_not() {
        for is_encoded in [false, true] {
            let answer = ObjectsAnswer {
                is_encoded,
                ..answer()
            };
            let body = encode_objects_answer(&answer).unwrap();
            assert_eq!(body.contains("视频"), !is_encoded, "{body}");
            assert!(
                body.contains("<LastModified>2017-06-23T12:33:26.000Z<"),
                "{body}"
            );
            assert_eq!(decode_objects_answer(body.as_bytes()).unwrap(), answer);
        }
    }

    #[test]
    fn a_list_that_goes_on_is_never_taken_for_a_whole_one() {
        let body = |marker: &str, contents: &str| {
            format!(
                "<ListBucketResult><IsTruncated>true</IsTruncated>{marker}{contents}</ListBucketResult>"
            )
        };
        let next =
            |body: String| decode_objects_answer(body.as_bytes()).map(|page| page.next_marker);
        let contents = "<Contents><Key>a</Key><Size>1</Size></Contents>";
        let marker = "<NextMarker>b</NextMarker>";
        assert_eq!(next(body(marker, contents)).unwrap().as_deref(), Some("b"));
        assert_eq!(next(body("", contents)).unwrap().as_deref(), Some("a"));
        assert!(next(body("", "")).is_err());
    }

    #[test]
    fn keys_that_xml_cannot_carry_travel_encoded() {
        let mut answer = answer();
        answer.objects[0].key = "a\u{1}".to_owned();
        assert!(encode_objects_answer(&answer).is_err());
        answer.is_encoded = true;
        let body = encode_objects_answer(&answer).unwrap();
        assert_eq!(decode_objects_answer(body.as_bytes()).unwrap(), answer);
    }
}
