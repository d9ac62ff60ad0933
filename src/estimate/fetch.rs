//! Questions to the bucket itself: its list, and single objects.

use jiff::Timestamp;

use super::requests::{ListRequest, Source};
use super::tally::Tally;
use super::{Counter, inventory, url_list};
use crate::api::client::{Client, ObjectHead, ObjectPages, ObjectQuery};
use crate::api::objects::is_placeholder;

impl Counter<'_> {
    /// Counts what a request is about; the error says why that cannot be done.
    pub(super) async fn fetch(&self, request: &mut ListRequest) -> Result<(), String> {
        let client = self.client.for_bucket(&request.bucket, &request.region);
        let client = client.map_err(|error| error.to_string())?;
        let tally = &mut request.tally;
        match &request.source {
            Source::Prefix(prefix) => self.list(&client, prefix, tally).await,
            Source::Object(key) => self.single(&client, key, tally).await,
            Source::Manifest(name) => inventory::count(self, &client, name, tally).await,
            Source::UrlFile(name) => url_list::count(self, &client, name, tally).await,
        }
    }

    async fn list(&self, client: &Client, prefix: &str, tally: &mut Tally) -> Result<(), String> {
        let mut query = ObjectQuery {
            prefix: prefix.to_owned(),
            marker: String::new(),
        };
        let mut pages = ObjectPages::default();
        loop {
            let page = client.objects(&query).await;
            let page = page.map_err(|error| self.explain(&error))?;
            pages
                .count(&page)
                .map_err(|problem| format!("the bucket's list {problem}"))?;
            self.counters.saw(page.objects.len());
            for object in &page.objects {
                if object.key <= query.marker {
                    return Err("the bucket's list is not in order".to_owned());
                }
                if !is_placeholder(&object.key) {
                    let second = object.uploaded.map(Timestamp::as_second);
                    tally.object(&object.key, second, Some(object.size));
                }
                query.marker.clone_from(&object.key);
            }
            match page.next_marker {
                Some(next) => query.marker = next,
                None => return Ok(()),
            }
        }
    }

    async fn single(&self, client: &Client, key: &str, tally: &mut Tally) -> Result<(), String> {
        // One that is not there is missed by the tally.
        if let Some(head) = self.head(client, key).await? {
            self.counters.saw(1);
            tally.object(key, head.uploaded.map(Timestamp::as_second), head.size);
        }
        Ok(())
    }

    pub(super) async fn head(
        &self,
        client: &Client,
        key: &str,
    ) -> Result<Option<ObjectHead>, String> {
        let _permit = self.heads.acquire().await;
        let head = client.object(key).await;
        head.map_err(|error| self.explain(&error))
    }
}
