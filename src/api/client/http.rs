//! Calls to services other than the bucket's own, which have other signatures: STS, the metadata
//! service of an instance, and those that hand out OIDC tokens.

use std::sync::Arc;

use hyper::Request;
use hyper::body::Bytes;
use hyper::header::DATE;
use jiff::Timestamp;

use super::connection::Connector;
use super::failure::Failure;
use super::settings::{ClientError, ClientSettings};
use super::tls;

/// Sends requests as they are, each over a connection of its own. Clones share their settings.
#[derive(Clone)]
pub struct HttpClient(Arc<Connector>);

/// An answer, whatever it says.
#[derive(Debug)]
pub struct HttpAnswer {
    /// HTTP status.
    pub status: u16,
    /// The time of the other end.
    pub date: Option<Timestamp>,
    /// The whole body.
    pub body: Bytes,
}

impl HttpClient {
    /// Sets connections up; connects to nothing. Without `encrypted`, no certificate is trusted.
    pub fn new(settings: &ClientSettings, encrypted: bool) -> Result<Self, ClientError> {
        let connector = Connector::new(settings, tls::config(encrypted)?);
        Ok(Self(Arc::new(connector)))
    }

    /// Sends once. The error is one line for people, which shows nothing of the request.
    pub async fn send(&self, request: Request<String>) -> Result<HttpAnswer, String> {
        let answer = self.0.exchange(request).await.map_err(|failure| {
            let (Failure::Unsendable(reason)
            | Failure::NotConnected(reason)
            | Failure::Broken(reason)) = failure;
            reason
        })?;
        let date = answer.headers.get(DATE).and_then(|date| date.to_str().ok());
        Ok(HttpAnswer {
            status: answer.status,
            date: date
                .and_then(|date| jiff::fmt::rfc2822::parse(date).ok())
                .map(|date| date.timestamp()),
            body: answer.body,
        })
    }
}
