//! Reading an object of any size, piece by piece; a reading that breaks off goes on where it was.

use std::time::Duration;

use hyper::body::Bytes;
use reqwest::header::ETAG;
use reqwest::{Method, Response};

use super::call::Call;
use super::caller::Caller;
use super::error::CallError;
use super::failure::{Failure, reason};

/// How long a whole object may take; each piece may take as long as a call.
const LONGEST: Duration = Duration::from_hours(24);

/// An object that is being read.
pub struct Download {
    cos: Caller,
    path: String,
    open: Option<Response>,
    /// How much was read.
    offset: u64,
    /// How much there is, once that is known.
    length: Option<u64>,
    /// Of the object that was found first: it must not become another one in between.
    etag: Option<Vec<u8>>,
    /// How often in a row nothing came.
    failures: usize,
}

impl Download {
    pub(super) fn new(cos: Caller, key: &str) -> Self {
        Self {
            cos,
            path: format!("/{key}"),
            open: None,
            offset: 0,
            length: None,
            etag: None,
            failures: 0,
        }
    }

    /// The next piece; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, CallError> {
        loop {
            let mut response = match self.open.take() {
                Some(response) => response,
                None => self.begin().await?,
            };
            let wait = self.cos.shared.settings.call_timeout;
            let broken = match tokio::time::timeout(wait, response.chunk()).await {
                Ok(Ok(Some(piece))) => {
                    self.offset += piece.len() as u64;
                    self.failures = 0;
                    self.open = Some(response);
                    return Ok(Some(piece));
                }
                Ok(Ok(None)) if self.length.is_none_or(|length| length == self.offset) => {
                    return Ok(None);
                }
                Ok(Ok(None)) => "the object ends too early".to_owned(),
                Ok(Err(error)) => reason(&error.without_url()),
                Err(_) => format!("nothing came for {wait:?}"),
            };
            self.failures += 1;
            if self.failures > self.cos.shared.settings.read_retries {
                return Err(self.cos.transport_error(Failure::Broken(broken)));
            }
        }
    }

    /// Asks for what is not read yet.
    async fn begin(&mut self) -> Result<Response, CallError> {
        let call = Call {
            from: (self.offset > 0).then_some(self.offset),
            timeout: Some(LONGEST),
            ..Call::new(Method::GET, &self.path, &[])
        };
        let response = self.cos.repeat(|| self.cos.begin(&call)).await?;
        let etag = response.headers().get(ETAG);
        let etag = etag.map(|etag| etag.as_bytes().to_vec());
        let status = response.status().as_u16();
        if self.offset > 0 && (status != 206 || etag != self.etag) {
            let reason = "the object was changed while it was read".to_owned();
            return Err(self.cos.answer_error(status, reason));
        }
        if self.offset == 0 {
            self.length = response.content_length();
            self.etag = etag;
        }
        Ok(response)
    }
}
