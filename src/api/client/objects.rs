//! Reading a bucket: its list of objects, and what is known of one.

use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, LAST_MODIFIED};

use super::Client;
use super::answer::Answer;
use super::call::Call;
use super::download::Download;
use super::error::CallError;
use crate::api::wire::{ObjectsAnswer, decode_objects_answer};

/// The most that a page of the list holds.
const PAGE_SIZE: &str = "1000";

/// Which objects to list.
#[derive(Debug, Clone, Default)]
pub struct ObjectQuery {
    /// Those whose keys begin with this.
    pub prefix: String,
    /// Those whose keys come behind this one, in the order of bytes.
    pub marker: String,
}

/// What is known of one object without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectHead {
    /// When it was uploaded.
    pub uploaded: Option<Timestamp>,
    /// How many bytes it has.
    pub size: Option<u64>,
}

impl Client {
    /// One page of the bucket's objects, in the order of their keys.
    pub async fn objects(&self, query: &ObjectQuery) -> Result<ObjectsAnswer, CallError> {
        let mut parameters = vec![("encoding-type", "url"), ("max-keys", PAGE_SIZE)];
        for (name, value) in [("prefix", &query.prefix), ("marker", &query.marker)] {
            if !value.is_empty() {
                parameters.push((name, value));
            }
        }
        let page = self
            .cos
            .get("/", &parameters, decode_objects_answer)
            .await?;
        match &page.next_marker {
            Some(next) if *next <= query.marker => {
                let reason = format!("the list of objects does not go on behind `{next}`");
                Err(self.cos.answer_error(200, reason))
            }
            _ => Ok(page),
        }
    }

    /// What is known of an object; `None` when there is none of this key.
    pub async fn object(&self, key: &str) -> Result<Option<ObjectHead>, CallError> {
        let path = format!("/{key}");
        let head = |answer: Answer| Ok(Some(ObjectHead::of(&answer.headers)));
        let call = Call::new(Method::HEAD, &path, &[]);
        match self.cos.read(call, head).await {
            Err(error) if error.status() == Some(404) => Ok(None),
            result => result,
        }
    }

    /// Begins to read an object.
    pub fn download(&self, key: &str) -> Download {
        Download::new(self.cos.clone(), key)
    }
}

impl ObjectHead {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let uploaded = text(LAST_MODIFIED).and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
        Self {
            uploaded: uploaded.map(|moment| moment.timestamp()),
            size: text(CONTENT_LENGTH).and_then(|text| text.trim().parse().ok()),
        }
    }
}
