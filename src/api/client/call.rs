//! One call before it is sent: where it goes, and the headers that it is signed with.

use std::time::Duration;

use data_encoding::BASE64;
use hyper::{Request, Uri};
use jiff::Timestamp;
use md5::{Digest, Md5};
use reqwest::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
    HeaderValue, InvalidHeaderValue, RANGE,
};
use reqwest::{Method, Url};
use secrecy::ExposeSecret;

use super::failure::Failure;
use crate::api::credentials::Credentials;
use crate::api::host::{Host, Side};
use crate::api::signature::{KeyTime, SignedRequest, encode_key, url_encode};

/// Before now, because clocks differ.
const VALID_BEFORE_SECONDS: i64 = 60;
/// After now: longer than any submission takes.
const VALID_AFTER_SECONDS: i64 = 900;
/// Reads are sent at once: a signature that leaks is of little use.
const READ_VALID_AFTER_SECONDS: i64 = 60;

/// Room for the headers of most calls.
const USUAL_HEADERS: usize = 12;

const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
const CI_TOKEN: HeaderName = HeaderName::from_static("x-ci-security-token");
const COS_TOKEN: HeaderName = HeaderName::from_static("x-cos-security-token");

/// One call, before it is signed.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) parameters: &'a [(&'a str, &'a str)],
    /// An XML document.
    pub(super) body: Option<String>,
    /// For reading an object: the first byte that is wanted.
    pub(super) from: Option<u64>,
    /// The longest that it may take, where it is not what every call may.
    pub(super) timeout: Option<Duration>,
    /// When the signature holds, where it is not from a little before now to long after it.
    pub(super) window: Option<KeyTime>,
}

impl<'a> Call<'a> {
    /// A call without a body.
    pub(super) fn new(method: Method, path: &'a str, parameters: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            method,
            path,
            parameters,
            body: None,
            from: None,
            timeout: None,
            window: None,
        }
    }

    /// The whole of it, signed at `now`, as it goes to `address` in the name of `host`.
    pub(super) fn request(
        &self,
        credentials: &Credentials,
        address: &Url,
        host: &str,
        now: Timestamp,
    ) -> Result<Request<String>, Failure> {
        let headers = self.headers(credentials, host, now)?;
        let uri = Uri::builder()
            .scheme(address.scheme())
            .authority(address.authority())
            .path_and_query(self.target())
            .build()
            .map_err(|error| Failure::Unsendable(error.to_string()))?;
        let mut request = Request::new(self.body.clone().unwrap_or_default());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Where it goes at `address`.
    pub(super) fn url(&self, address: &Url) -> Result<Url, Failure> {
        let mut url = address.clone();
        let path = encode_path(self.path);
        url.set_path(&path);
        // Addresses know steps upwards, and keys do not.
        if url.path() != path {
            let reason = format!("no address can name `{}`", self.path);
            return Err(Failure::Unsendable(reason));
        }
        if !self.parameters.is_empty() {
            url.set_query(Some(&query(self.parameters)));
        }
        Ok(url)
    }

    /// Its headers in the name of `host`, signed at `now`.
    pub(super) fn headers(
        &self,
        credentials: &Credentials,
        host: &str,
        now: Timestamp,
    ) -> Result<HeaderMap, Failure> {
        let headers = self.try_headers(credentials, host, now);
        headers.map_err(|_| Failure::Unsendable("a credential is no valid header value".to_owned()))
    }

    fn try_headers(
        &self,
        credentials: &Credentials,
        host: &str,
        now: Timestamp,
    ) -> Result<HeaderMap, InvalidHeaderValue> {
        let mut headers = HeaderMap::with_capacity(USUAL_HEADERS);
        headers.insert(HOST, HeaderValue::from_str(host)?);
        if let Some(body) = &self.body {
            let digest = BASE64.encode(&Md5::digest(body.as_bytes()));
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
            headers.insert(CONTENT_MD5, HeaderValue::from_str(&digest)?);
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        } else if !matches!(self.method, Method::GET | Method::HEAD) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
        } else {
            // An old answer would tell an old time, and an old list.
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        if let Some(from) = self.from {
            let range = format!("bytes={from}-");
            headers.insert(RANGE, HeaderValue::from_str(&range)?);
        }
        if let Some(token) = &credentials.token {
            let mut token = HeaderValue::from_str(token.expose_secret())?;
            token.set_sensitive(true);
            let is_cos = Host::parse(host).is_some_and(|host| host.side == Side::Cos);
            headers.insert(if is_cos { COS_TOKEN } else { CI_TOKEN }, token);
        }
        let mut authorization = HeaderValue::from_str(&self.sign(credentials, &headers, now))?;
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
        Ok(headers)
    }

    fn sign(&self, credentials: &Credentials, headers: &HeaderMap, now: Timestamp) -> String {
        let signed: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
            .collect();
        let request = SignedRequest {
            method: self.method.as_str(),
            path: self.path,
            parameters: self.parameters,
            headers: &signed,
        };
        let valid_after = if matches!(self.method, Method::GET | Method::HEAD) {
            READ_VALID_AFTER_SECONDS
        } else {
            VALID_AFTER_SECONDS
        };
        let key_time = self.window.unwrap_or_else(|| KeyTime {
            start: now.as_second() - VALID_BEFORE_SECONDS,
            end: now.as_second() + valid_after,
        });
        request.authorization(credentials, key_time)
    }

    /// What it asks of `host`, in one line. Headers, which carry the signature, are left out.
    pub(super) fn describe(&self, host: &str) -> String {
        format!("{} {host}{}", self.method, self.target())
    }

    /// Its path and query, encoded.
    fn target(&self) -> String {
        let mut target = encode_path(self.path);
        if !self.parameters.is_empty() {
            target.push('?');
            target.push_str(&query(self.parameters));
        }
        target
    }
}

/// A path whose segments are encoded, and whose slashes are not.
fn encode_path(path: &str) -> String {
    encode_key(path)
}

fn query(parameters: &[(&str, &str)]) -> String {
    let pairs = parameters.iter().map(|(name, value)| {
        let equals = if value.is_empty() { "" } else { "=" };
        format!("{}{equals}{}", url_encode(name), url_encode(value))
    });
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::query;

    #[test]
    fn a_query_is_written_the_way_it_is_signed() {
        let parameters = [("cancel", ""), ("name", "批量 a"), ("t", "1+0800")];
        assert_eq!(
            query(&parameters),
            "cancel&name=%E6%89%B9%E9%87%8F%20a&t=1%2B0800"
        );
    }
}
