//! The API's names as types, with one validator each, used by files, command line and wire alike.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::shared_text::{self, SharedText};

/// Why a text is not the name it was taken for. Its `Display` completes the sentence "this …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was written.
    #[error("is empty")]
    Empty,
    /// More characters than the API takes.
    #[error("has {count} characters; at most {limit} are allowed")]
    TooLong {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A character that does not belong there.
    #[error("contains {character:?}; allowed are {allowed}")]
    Character {
        /// The first such character.
        character: char,
        /// What may stand there, in words.
        allowed: &'static str,
    },
    /// The characters are right, the form is not.
    #[error("does not have the form {form}")]
    Form {
        /// The form, with an example.
        form: &'static str,
    },
}

/// Declares a name: a cheap-to-clone text that can only be made through its validator.
macro_rules! name_type {
    ($(#[$docs:meta])* $name:ident, $validate:expr) => {
        $(#[$docs])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
        pub struct $name(SharedText);

        impl $name {
            /// Checks the text and keeps it.
            pub fn new(text: &str) -> Result<Self, NameError> {
                let validate: fn(&str) -> Result<(), NameError> = $validate;
                validate(text)?;
                Ok(Self(SharedText::from(text)))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                shared_text::deserialize(deserializer, Self::new)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, formatter)
            }
        }
    };
}

name_type! {
    /// A job's `Name`: Chinese characters, letters, digits, `-` and `_`, at most 128 characters.
    ///
    /// The API's page prints an em dash where the console guide spells out a hyphen; the hyphen is
    /// what both mean.
    JobName, validate_job_name
}

name_type! {
    /// A bucket with its APPID, such as `examplebucket-1250000000`.
    BucketName, validate_bucket_name
}

name_type! {
    /// A region, such as `ap-beijing`.
    Region, |text| validate_host_label(text, 64)
}

name_type! {
    /// The id of a workflow; opaque, in practice `w` and 32 hexadecimal digits.
    WorkflowId, validate_id
}

name_type! {
    /// The id that the service gave a batch job; opaque, in practice `b` and 32 hexadecimal digits.
    JobId, validate_id
}

/// The most characters a job's `Name` may have.
pub const JOB_NAME_LIMIT: usize = 128;

/// Whether a character may stand in a [`JobName`].
pub fn is_job_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_') || is_han(character)
}

/// The ideograph blocks of Unicode: "Chinese" in the sense of the API's page.
fn is_han(character: char) -> bool {
    matches!(character,
        '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{2fa1f}' | '\u{30000}'..='\u{323af}' | '\u{3007}')
}

fn validate_job_name(text: &str) -> Result<(), NameError> {
    check_length(text, JOB_NAME_LIMIT)?;
    check_characters(
        text,
        is_job_name_character,
        "Chinese characters, letters, digits, `-` and `_`",
    )
}

fn validate_bucket_name(text: &str) -> Result<(), NameError> {
    const FORM: &str = "<name>-<APPID>, as in `examplebucket-1250000000`";
    validate_host_label(text, 63)?;
    let (name, app_id) = text
        .rsplit_once('-')
        .ok_or(NameError::Form { form: FORM })?;
    let is_number = !app_id.is_empty() && app_id.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && !name.is_empty() && !name.starts_with('-') {
        Ok(())
    } else {
        Err(NameError::Form { form: FORM })
    }
}

/// One part of a host name: what bucket and region become.
fn validate_host_label(text: &str, limit: usize) -> Result<(), NameError> {
    check_length(text, limit)?;
    check_characters(
        text,
        |character| matches!(character, 'a'..='z' | '0'..='9' | '-'),
        "lower-case letters, digits and `-`",
    )
}

/// Ids are opaque, but they travel in paths and comma-separated lists.
fn validate_id(text: &str) -> Result<(), NameError> {
    check_length(text, 128)?;
    check_characters(
        text,
        |character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_'),
        "letters, digits, `-` and `_`",
    )
}

fn check_length(text: &str, limit: usize) -> Result<(), NameError> {
    match text.chars().count() {
        0 => Err(NameError::Empty),
        count if count > limit => Err(NameError::TooLong { count, limit }),
        _ => Ok(()),
    }
}

fn check_characters(
    text: &str,
    is_allowed: impl Fn(char) -> bool,
    allowed: &'static str,
) -> Result<(), NameError> {
    match text.chars().find(|character| !is_allowed(*character)) {
        Some(character) => Err(NameError::Character { character, allowed }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{BucketName, JobName, NameError, Region, WorkflowId};

    #[test]
    fn a_job_name_counts_characters_not_bytes() {
        assert!(JobName::new(&"视".repeat(128)).is_ok());
        let too_long = JobName::new(&"a".repeat(129));
        assert_eq!(
            too_long,
            Err(NameError::TooLong {
                count: 129,
                limit: 128
            })
        );
    }

    #[test]
    fn a_job_name_refuses_blanks_emoji_and_the_em_dash() {
        for bad in ["a b", "a😀", "a—b", "a.b", "", "a\n"] {
            assert!(JobName::new(bad).is_err(), "{bad:?}");
        }
        for good in ["demo", "批量_demo-1", "A-Z_9"] {
            assert!(JobName::new(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_bucket_carries_its_app_id() {
        assert!(BucketName::new("media-1250000000").is_ok());
        for bad in [
            "media",
            "media-",
            "-1250000000",
            "Media-125",
            "me.dia-125",
            "media-12a",
        ] {
            assert!(BucketName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn regions_and_ids_cannot_leave_their_place_in_a_url() {
        assert!(Region::new("ap-beijing").is_ok());
        assert!(Region::new("ap.beijing/x").is_err());
        assert!(WorkflowId::new("w7476ff3564ee45b7b490d64bccaba6cc").is_ok());
        assert!(WorkflowId::new("w1,w2").is_err());
    }
}
