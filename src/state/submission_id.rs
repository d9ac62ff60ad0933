//! The ids of attempts.

use std::cmp::Ordering;
use std::convert::Infallible;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::shared_text;

/// The id of one attempt, made by us: a version-4 UUID. In the order of texts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SubmissionId(Form);

/// An id is a text and stays the one that it is. A state has hundreds of thousands of them, so that
/// one that is written as we do takes no room of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Form {
    Ours(Uuid),
    Other(Box<str>),
}

impl SubmissionId {
    /// A new, random id.
    pub fn random() -> Self {
        Self(Form::Ours(Uuid::new_v4()))
    }

    fn new(text: &str) -> Self {
        let uuid = Uuid::try_parse(text).ok().map(Form::Ours).map(Self);
        let ours = uuid.filter(|id| id.with_text(|ours| ours == text));
        ours.unwrap_or_else(|| Self(Form::Other(text.into())))
    }

    fn with_text<T>(&self, take: impl FnOnce(&str) -> T) -> T {
        match &self.0 {
            Form::Ours(uuid) => take(uuid.hyphenated().encode_lower(&mut [0; Hyphenated::LENGTH])),
            Form::Other(text) => take(text),
        }
    }
}

impl Ord for SubmissionId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.with_text(|text| other.with_text(|other| text.cmp(other)))
    }
}

impl PartialOrd for SubmissionId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for SubmissionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| formatter.pad(text))
    }
}

impl Serialize for SubmissionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for SubmissionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shared_text::deserialize(deserializer, |text| Ok::<_, Infallible>(Self::new(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, SubmissionId};

    const OURS: &str = "79caa984-787e-4e52-9474-eebe0c708615";

    #[test]
    fn every_text_stays_as_it_is() {
        let upper = OURS.to_uppercase();
        let simple = OURS.replace('-', "");
        let braced = format!("{{{OURS}}}");
        let texts = [OURS, &upper, &simple, &braced, "", "attempt 1"];
        for text in texts {
            let json = serde_json::to_string(text).unwrap();
            let id: SubmissionId = serde_json::from_str(&json).unwrap();
            assert_eq!(id.to_string(), text);
            assert_eq!(serde_json::to_string(&id).unwrap(), json);
            assert_eq!(matches!(id.0, Form::Ours(_)), text == OURS);
            for other in texts {
                let order = id.cmp(&SubmissionId::new(other));
                assert_eq!(order, text.cmp(other), "{text} {other}");
            }
        }
    }
}
