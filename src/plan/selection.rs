//! Which jobs a person asks for by name.

use std::sync::Arc;

use crate::job::{Job, JobKey};

/// The jobs that a run is about: all of them, or those that are named.
#[derive(Debug, Clone, Default)]
pub struct Selection(Vec<String>);

impl Selection {
    /// The jobs with these keys; all jobs when there is none. `archive` stands for every element
    /// `archive[…]` of its matrix too, and `*` for any text.
    pub fn new(keys: Vec<String>) -> Self {
        Self(keys)
    }

    /// Whether every job is meant.
    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a job is meant.
    pub fn contains(&self, key: &JobKey) -> bool {
        self.is_everything() || self.0.iter().any(|wanted| names(wanted, key))
    }

    /// The first name that stands for no job.
    pub fn unknown(&self, jobs: &[Arc<Job>]) -> Option<&str> {
        self.unknown_among(|| jobs.iter().map(|job| &job.key))
    }

    /// The first name that stands for none of these keys.
    pub fn unknown_among<'a, K: Iterator<Item = &'a JobKey>>(
        &self,
        keys: impl Fn() -> K,
    ) -> Option<&str> {
        let is_unknown = |wanted: &&String| !keys().any(|key| names(wanted, key));
        self.0.iter().find(is_unknown).map(String::as_str)
    }
}

fn names(wanted: &str, key: &JobKey) -> bool {
    wanted == key.as_str() || wanted == family(key) || matches(wanted, key.as_str())
}

/// Whether a pattern, in which each `*` stands for any text, is that of the whole text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return false;
    };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    for part in middle.split('*') {
        match text.split_once(part) {
            Some((_, rest)) => text = rest,
            None => return false,
        }
    }
    text.ends_with(last)
}

/// What the elements of one matrix have in common: the key before its values.
pub fn family(key: &JobKey) -> &str {
    let key = key.as_str();
    key.split_once('[').map_or(key, |(family, _)| family)
}

#[cfg(test)]
mod tests {
    use super::Selection;
    use crate::job::JobKey;

    #[test]
    fn names_are_keys_families_and_patterns() {
        let key = JobKey::new("backfill[folder=news,window=2025-01]");
        let cases = [
            ("backfill[folder=news,window=2025-01]", true),
            ("backfill", true),
            ("backfill[folder=news,*]", true),
            ("*window=2025-01]", true),
            ("back*news*01]", true),
            ("*", true),
            ("**", true),
            ("back", false),
            ("backfill[folder=sport,*]", false),
            ("*2025-01", false),
        ];
        for (name, expected) in cases {
            let selection = Selection::new(vec![name.to_owned()]);
            assert_eq!(selection.contains(&key), expected, "{name}");
        }
    }
}
