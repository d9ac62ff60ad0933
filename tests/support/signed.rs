//! Requests that are signed here, as a careful client signs them.

use std::net::SocketAddr;

use jiff::Timestamp;
use reqwest::header::HOST;
use reqwest::{Client, Method, RequestBuilder};
use stocktake::api::credentials::Credentials;
use stocktake::api::signature::{KeyTime, SignedRequest, url_encode};

/// A signed request to the service at `address` under the name `host`. The path is decoded, as are the
/// parameters.
pub fn signed(
    client: &Client,
    credentials: &Credentials,
    address: SocketAddr,
    host: &str,
    method: Method,
    path: &str,
    parameters: &[(&str, &str)],
) -> RequestBuilder {
    let now = Timestamp::now().as_second();
    let window = KeyTime {
        start: now - 60,
        end: now + 600,
    };
    let signed = SignedRequest {
        method: method.as_str(),
        path,
        parameters,
        headers: &[("host", host)],
    };
    let authorization = signed.authorization(credentials, window);
    let encoded =
        |(name, value): &(&str, &str)| format!("{}={}", url_encode(name), url_encode(value));
    let query: Vec<String> = parameters.iter().map(encoded).collect();
    let path = url_encode(path).replace("%2F", "/");
    let url = format!("http://{address}{path}?{}", query.join("&"));
    let request = client.request(method, url).header(HOST, host);
    request.header("authorization", authorization)
}
