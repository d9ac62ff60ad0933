//! An answer, read up to a limit.

use std::error::Error;
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::Response;
use hyper::body::{Body, Bytes};
use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, RETRY_AFTER};

use super::clock::date;
use super::failure::{Failure, reason};

/// A whole list page is far below it.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;

/// Under which each host gives the id of a call.
const REQUEST_IDS: [HeaderName; 2] = [
    HeaderName::from_static("x-ci-request-id"),
    HeaderName::from_static("x-cos-request-id"),
];

/// An answer that arrived as a whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) request_id: Option<String>,
    /// The service's time, where the answer is the service's own.
    pub(super) date: Option<Timestamp>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// Reads to the end what has begun to arrive.
    pub(super) async fn read<B>(response: Response<B>) -> Result<Self, Failure>
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
    {
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        let body = match Limited::new(body, ANSWER_LIMIT).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                let reason = format!("the answer is larger than {ANSWER_LIMIT} bytes");
                return Err(Failure::Broken(reason));
            }
            Err(error) => {
                let reason = reason(error.as_ref());
                let reason = format!("the answer (status {status}) broke off: {reason}");
                return Err(Failure::Broken(reason));
            }
        };
        let text = |name: &HeaderName| {
            let value = head.headers.get(name)?.to_str().ok()?;
            Some(value.trim())
        };
        let request_id = REQUEST_IDS.iter().find_map(text).map(str::to_owned);
        Ok(Self {
            status,
            retry_after: text(&RETRY_AFTER).and_then(retry_after),
            date: request_id.as_ref().and_then(|_| date(&head.headers)),
            request_id,
            headers: head.headers,
            body,
        })
    }
}

/// Seconds, or a date.
fn retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Duration::try_from(moment.duration_since(Timestamp::now())).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::retry_after;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), None);
        assert!(retry_after("Fri, 06 Nov 2099 08:49:37 GMT").is_some());
        assert_eq!(retry_after("-1"), None);
        assert_eq!(retry_after("soon"), None);
    }
}
