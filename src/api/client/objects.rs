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

/// Tells a long list of objects from one that a service never ends: pages may be short, but not for
/// ever.
#[derive(Debug, Clone, Copy, Default)]
pub struct ObjectPages {
    pages: u64,
    objects: u64,
}

impl ObjectPages {
    /// The number of pages that may hold next to nothing.
    const SHORT: u64 = 1000;
    /// What the others hold at least, in the mean. A full one holds 1,000.
    const MEAN: u64 = 100;
    /// A thousand million objects.
    const MOST: u64 = 1_000_000;

    /// Counts a page; the error completes the sentence "the bucket's list …".
    pub fn count(&mut self, page: &ObjectsAnswer) -> Result<(), String> {
        self.pages += 1;
        self.objects += page.objects.len() as u64;
        let Self { pages, objects } = *self;
        if pages <= (Self::SHORT + objects / Self::MEAN).min(Self::MOST) {
            return Ok(());
        }
        Err(format!(
            "does not end: {pages} pages named {objects} objects; a longer prefix is a shorter list"
        ))
    }
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

#[cfg(test)]
mod tests {
    use super::ObjectPages;
    use crate::api::wire::{ObjectDetail, ObjectsAnswer};

    fn pages(objects: usize) -> u64 {
        let object = ObjectDetail {
            key: String::new(),
            uploaded: None,
            etag: String::new(),
            size: 0,
        };
        let page = ObjectsAnswer {
            objects: vec![object; objects],
            ..ObjectsAnswer::default()
        };
        let mut pages = ObjectPages::default();
        while pages.count(&page).is_ok() {}
        pages.pages
    }

    #[test]
    fn lists_of_short_pages_end_soon_and_those_of_full_ones_late() {
        assert_eq!(pages(0), 1001);
        assert_eq!(pages(1), 1011);
        assert_eq!(pages(99), 100_001);
        assert_eq!(pages(1000), 1_000_001);
    }
}
