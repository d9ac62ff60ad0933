//! Until when a state knows every job of a bucket.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::api::name::{BucketName, Region};

/// For each bucket the moment, by the service's clock, before which every job that the service lists
/// is known to the state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Entry>", into = "Vec<Entry>")]
pub struct Listed(BTreeMap<(BucketName, Region), Timestamp>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    bucket: BucketName,
    region: Region,
    until: Timestamp,
}

impl Listed {
    /// Until when every job of the bucket is known; none if that was never found out.
    pub fn until(&self, bucket: &BucketName, region: &Region) -> Option<Timestamp> {
        self.0.get(&(bucket.clone(), region.clone())).copied()
    }

    /// Takes note that every job of the bucket that is older than `until` is known.
    pub fn note(&mut self, bucket: &BucketName, region: &Region, until: Timestamp) {
        let place = (bucket.clone(), region.clone());
        let known = self.0.entry(place).or_insert(until);
        *known = until.max(*known);
    }

    /// Takes what `other` says as well.
    pub fn extend(&mut self, other: &Self) {
        for ((bucket, region), until) in &other.0 {
            self.note(bucket, region, *until);
        }
    }

    /// What holds for the merge of two branches of a state: the earlier moment, and nothing of a bucket
    /// that one of them does not know.
    pub(super) fn join(&mut self, other: &Self) {
        self.0.retain(|place, until| {
            let theirs = other.0.get(place);
            theirs.is_some_and(|theirs| {
                *until = (*until).min(*theirs);
                true
            })
        });
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Of two entries for one bucket the earlier one holds.
impl From<Vec<Entry>> for Listed {
    fn from(entries: Vec<Entry>) -> Self {
        let mut listed = BTreeMap::new();
        for entry in entries {
            let until = listed
                .entry((entry.bucket, entry.region))
                .or_insert(entry.until);
            *until = entry.until.min(*until);
        }
        Self(listed)
    }
}

impl From<Listed> for Vec<Entry> {
    fn from(listed: Listed) -> Self {
        let entries = listed.0.into_iter();
        let entry = |((bucket, region), until)| Entry {
            bucket,
            region,
            until,
        };
        entries.map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::Listed;
    use crate::api::name::{BucketName, Region};

    fn place(bucket: &str) -> (BucketName, Region) {
        (
            BucketName::new(bucket).unwrap(),
            Region::new("ap-beijing").unwrap(),
        )
    }

    fn listed(entries: &[(&str, i64)]) -> Listed {
        let mut listed = Listed::default();
        for (bucket, second) in entries {
            let (bucket, region) = place(bucket);
            listed.note(&bucket, &region, Timestamp::from_second(*second).unwrap());
        }
        listed
    }

    #[test]
    fn a_merge_keeps_the_earlier_moment_and_what_both_know() {
        let (a, b, c) = ("a-1250000000", "b-1250000000", "c-1250000000");
        let left = listed(&[(a, 10), (b, 20)]);
        let right = listed(&[(a, 15), (c, 30)]);
        for (one, other) in [(&left, &right), (&right, &left)] {
            let mut joined = one.clone();
            joined.join(other);
            assert_eq!(joined, listed(&[(a, 10)]));
        }
    }

    #[test]
    fn a_moment_only_moves_on_and_reads_back() {
        let a = "a-1250000000";
        assert_eq!(listed(&[(a, 20), (a, 10)]), listed(&[(a, 20)]));
        let text = serde_json::to_string(&listed(&[(a, 20)])).unwrap();
        assert_eq!(
            serde_json::from_str::<Listed>(&text).unwrap(),
            listed(&[(a, 20)])
        );
        assert!(serde_json::from_str::<Listed>(r#"[{"bucket":"a-1250000000"}]"#).is_err());
    }
}
