//! The answers about buckets that are bound to a service of Cloud Infinite, and about its queues.

use serde::Deserialize;

use super::xml::{self, Document, WireError};

/// A service that a bucket is bound to before it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BoundService {
    /// Audio, video and workflows.
    Media,
    /// Images.
    Picture,
}

impl BoundService {
    /// The path of the calls about its buckets.
    pub fn path(self) -> &'static str {
        match self {
            Self::Media => "/mediabucket",
            Self::Picture => "/picbucket",
        }
    }

    fn list(self) -> &'static str {
        match self {
            Self::Media => "MediaBucketList",
            Self::Picture => "PicBucketList",
        }
    }
}

/// A bucket that is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundBucket {
    /// Its name with the APPID.
    pub bucket: String,
    /// Its region.
    pub region: String,
}

/// A queue, which holds jobs until they run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its id.
    pub queue_id: String,
    /// Its name.
    pub name: String,
    /// Whether it lets jobs run: `Active`, else `Paused`.
    pub active: bool,
    /// The bucket that it belongs to.
    pub bucket: String,
}

impl Queue {
    /// The API's word for its state.
    pub fn state(&self) -> &'static str {
        if self.active { "Active" } else { "Paused" }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct BoundXml {
    media_bucket_list: Vec<BoundBucketXml>,
    pic_bucket_list: Vec<BoundBucketXml>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct BoundBucketXml {
    bucket_id: String,
    region: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct QueuesXml {
    queue_list: Vec<QueueXml>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct QueueXml {
    queue_id: String,
    name: String,
    state: String,
    bucket_id: String,
}

/// Reads which buckets are bound to `service`.
pub fn decode_bound_answer(
    service: BoundService,
    body: &[u8],
) -> Result<Vec<BoundBucket>, WireError> {
    let body: BoundXml = xml::decode("Response", body)?;
    let list = match service {
        BoundService::Media => body.media_bucket_list,
        BoundService::Picture => body.pic_bucket_list,
    };
    let buckets = list.into_iter().map(|bucket| BoundBucket {
        bucket: bucket.bucket_id,
        region: bucket.region,
    });
    Ok(buckets.collect())
}

/// Writes one page that holds every bucket.
pub fn encode_bound_answer(
    service: BoundService,
    request_id: &str,
    buckets: &[BoundBucket],
) -> Result<String, WireError> {
    Document::write("Response", |body| {
        write_page(body, request_id, buckets.len());
        for bucket in buckets {
            body.element(service.list(), |item| write_bucket(item, bucket));
        }
    })
}

fn write_page(body: &mut Document, request_id: &str, total: usize) {
    body.text("RequestId", request_id);
    body.text("TotalCount", &total.to_string());
    body.text("PageNumber", "1");
    body.text("PageSize", "100");
}

fn write_bucket(document: &mut Document, bucket: &BoundBucket) {
    document.text("BucketId", &bucket.bucket);
    document.text("Name", &bucket.bucket);
    document.text("Region", &bucket.region);
}

/// Reads one page of queues.
pub fn decode_queues_answer(body: &[u8]) -> Result<Vec<Queue>, WireError> {
    let body: QueuesXml = xml::decode("Response", body)?;
    let queues = body.queue_list.into_iter().map(|queue| Queue {
        queue_id: queue.queue_id,
        name: queue.name,
        active: queue.state == "Active",
        bucket: queue.bucket_id,
    });
    Ok(queues.collect())
}

/// Writes one page that holds every queue.
pub fn encode_queues_answer(request_id: &str, queues: &[Queue]) -> Result<String, WireError> {
    Document::write("Response", |body| {
        write_page(body, request_id, queues.len());
        for queue in queues {
            body.element("QueueList", |item| write_queue(item, queue));
        }
    })
}

/// Writes the answer about one queue.
pub fn encode_queue_answer(request_id: &str, queue: &Queue) -> Result<String, WireError> {
    Document::write("Response", |body| {
        body.text("RequestId", request_id);
        body.element("Queue", |item| write_queue(item, queue));
    })
}

/// Reads whether a queue is to be active; none where it says neither.
pub fn decode_queue_request(body: &[u8]) -> Result<Option<bool>, WireError> {
    let queue: QueueXml = xml::decode("Request", body)?;
    Ok(match queue.state.as_str() {
        "Active" => Some(true),
        "Paused" => Some(false),
        _ => None,
    })
}

fn write_queue(document: &mut Document, queue: &Queue) {
    document.text("QueueId", &queue.queue_id);
    document.text("Name", &queue.name);
    document.text("State", queue.state());
    document.text("MaxSize", "10000");
    document.text("MaxConcurrent", "10");
    document.text("BucketId", &queue.bucket);
}

#[cfg(test)]
mod tests {
    use super::{
        BoundBucket, BoundService, Queue, decode_bound_answer, decode_queues_answer,
        encode_bound_answer, encode_queues_answer,
    };

    #[test]
    fn buckets_and_queues_read_back() {
        let bucket = BoundBucket {
            bucket: "b-1".to_owned(),
            region: "ap-beijing".to_owned(),
        };
        for service in [BoundService::Media, BoundService::Picture] {
            let buckets = std::slice::from_ref(&bucket);
            let body = encode_bound_answer(service, "r", buckets).unwrap();
            assert_eq!(
                decode_bound_answer(service, body.as_bytes()).unwrap(),
                buckets
            );
        }
        let queues = [true, false].map(|active| Queue {
            queue_id: "p1".to_owned(),
            name: "queue".to_owned(),
            active,
            bucket: "b-1".to_owned(),
        });
        let body = encode_queues_answer("r", &queues).unwrap();
        assert_eq!(decode_queues_answer(body.as_bytes()).unwrap(), queues);
    }
}
