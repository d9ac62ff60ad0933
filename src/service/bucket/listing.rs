//! A bucket's objects page by page, as its list call gives them.

use std::io;
use std::sync::Mutex;

use super::{Bucket, Object, Walk};
use crate::stop::StopFlag;
use crate::sync::lock;

/// How many listings are kept open for their next page.
const KEPT: usize = 8;

/// What a list call asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::service) struct Query {
    pub(in crate::service) prefix: String,
    /// Groups the keys that contain it after the prefix; empty for no groups.
    pub(in crate::service) delimiter: String,
    /// Only what comes after this key or group.
    pub(in crate::service) marker: String,
    pub(in crate::service) limit: usize,
}

/// One entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::service) enum Entry {
    Object(Object),
    /// All keys that begin with this.
    Group(String),
}

impl Entry {
    /// The marker of the next page.
    pub(in crate::service) fn marker(&self) -> &str {
        match self {
            Self::Object(object) => &object.key,
            Self::Group(prefix) => prefix,
        }
    }
}

/// Listings that were left at the end of a page: the next page goes on there, instead of reading
/// a large folder once a page.
#[derive(Debug, Default)]
pub(super) struct OpenListings(Mutex<Vec<Listing>>);

#[derive(Debug)]
struct Listing {
    /// The query of the next page, which differs from the first one's in its marker.
    query: Query,
    walk: Walk,
    /// Found already, for the page after.
    ahead: Option<Entry>,
}

impl Bucket {
    /// One page of entries, and whether there are more; fails when `stop` is raised.
    pub(in crate::service) fn list(
        &self,
        query: &Query,
        stop: &StopFlag,
    ) -> io::Result<(Vec<Entry>, bool)> {
        let mut listing = self.listings.take(query).unwrap_or_else(|| {
            let mut walk = self.walk(&query.prefix, stop.clone());
            match group(query, &query.marker) {
                Some(group) if group == query.marker => walk.leave_out(group),
                _ => {}
            }
            walk.begin_behind(&query.marker);
            Listing {
                query: query.clone(),
                walk,
                ahead: None,
            }
        });
        listing.walk.until(stop.clone());
        let mut entries = Vec::new();
        while entries.len() < query.limit {
            match listing.next()? {
                Some(entry) => entries.push(entry),
                None => return Ok((entries, false)),
            }
        }
        listing.ahead = listing.next()?;
        let has_more = listing.ahead.is_some();
        if let Some(last) = entries.last().filter(|_| has_more) {
            last.marker().clone_into(&mut listing.query.marker);
            self.listings.keep(listing);
        }
        Ok((entries, has_more))
    }
}

impl Listing {
    fn next(&mut self) -> io::Result<Option<Entry>> {
        if let Some(entry) = self.ahead.take() {
            return Ok(Some(entry));
        }
        let Some(object) = self.walk.next().transpose()? else {
            return Ok(None);
        };
        Ok(Some(match group(&self.query, &object.key) {
            Some(prefix) => {
                self.walk.leave_out(prefix.clone());
                Entry::Group(prefix)
            }
            None => Entry::Object(object),
        }))
    }
}

/// The group that a key belongs to, if it belongs to one.
fn group(query: &Query, key: &str) -> Option<String> {
    let rest = key.strip_prefix(&query.prefix)?;
    let place = rest
        .find(&query.delimiter)
        .filter(|_| !query.delimiter.is_empty())?;
    let end = query.prefix.len() + place + query.delimiter.len();
    Some(key[..end].to_owned())
}

impl OpenListings {
    fn take(&self, query: &Query) -> Option<Listing> {
        let mut open = lock(&self.0);
        let place = open.iter().position(|listing| {
            let Query {
                limit: _,
                prefix,
                delimiter,
                marker,
            } = &listing.query;
            (prefix, delimiter, marker) == (&query.prefix, &query.delimiter, &query.marker)
        })?;
        Some(open.remove(place))
    }

    fn keep(&self, listing: Listing) {
        let mut open = lock(&self.0);
        if open.len() == KEPT {
            open.remove(0);
        }
        open.push(listing);
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Query};
    use crate::api::name::BucketName;
    use crate::service::bucket::Bucket;
    use crate::stop::StopFlag;
    use std::fs;

    fn pages(bucket: &Bucket, prefix: &str, delimiter: &str, limit: usize) -> Vec<String> {
        let mut query = Query {
            prefix: prefix.to_owned(),
            delimiter: delimiter.to_owned(),
            marker: String::new(),
            limit,
        };
        let mut all = Vec::new();
        loop {
            let (entries, has_more) = bucket.list(&query, &StopFlag::default()).unwrap();
            assert!(entries.len() <= limit);
            all.extend(entries.iter().map(|entry| match entry {
                Entry::Object(object) => object.key.clone(),
                Entry::Group(prefix) => format!("[{prefix}]"),
            }));
            match entries.last() {
                Some(last) if has_more => last.marker().clone_into(&mut query.marker),
                _ => return all,
            }
        }
    }

    #[test]
    fn pages_of_any_size_say_the_same() {
        let folder = tempfile::tempdir().unwrap();
        for key in ["a/b/c", "a/b/d", "a/e", "a-f", "a0", "g/h/i/j", "k"] {
            let path = folder.path().join(key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, key).unwrap();
        }
        let bucket = Bucket::open(BucketName::new("b-1").unwrap(), folder.path()).unwrap();
        let again = Bucket::open(BucketName::new("b-1").unwrap(), folder.path()).unwrap();
        for limit in 1..9 {
            let all = ["a-f", "a/b/c", "a/b/d", "a/e", "a0", "g/h/i/j", "k"];
            assert_eq!(pages(&bucket, "", "", limit), all);
            let grouped = ["a-f", "[a/]", "a0", "[g/]", "k"];
            assert_eq!(pages(&bucket, "", "/", limit), grouped);
            assert_eq!(pages(&bucket, "a/", "/", limit), ["[a/b/]", "a/e"]);
            assert_eq!(pages(&bucket, "", "b/", limit)[1], "[a/b/]");
            assert_eq!(pages(&bucket, "x", "/", limit), [""; 0]);
        }
        // Without a listing kept open, the marker alone tells where to begin.
        for (marker, delimiter, expected) in [
            ("a/b/c", "", "a/b/d"),
            ("a/b", "", "a/b/c"),
            ("a/", "/", "a0"),
            ("a0", "/", "g/"),
            ("a/b/zz", "", "a/e"),
        ] {
            let query = Query {
                prefix: String::new(),
                delimiter: delimiter.to_owned(),
                marker: marker.to_owned(),
                limit: 1,
            };
            again.listings.0.lock().unwrap().clear();
            let (entries, _) = again.list(&query, &StopFlag::default()).unwrap();
            assert_eq!(entries[0].marker(), expected, "after {marker}");
        }
    }
}
