//! Header names as the documentation spells them: `ETag`, `x-cos-request-id`. HTTP ignores case, but
//! public SDKs hand out plain maps.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::http::Extensions;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::sync::lock;

/// Names that are not all in lower case.
const NAMES: [&str; 21] = [
    "Accept-Ranges",
    "Allow",
    "Cache-Control",
    "Connection",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Range",
    "Content-Security-Policy",
    "Content-Type",
    "Date",
    "ETag",
    "Expires",
    "Keep-Alive",
    "Last-Modified",
    "Referrer-Policy",
    "Retry-After",
    "Server",
    "Vary",
    "X-Content-Type-Options",
];

/// An extension for responses that makes hyper write [`NAMES`] as they are spelled. hyper takes the
/// spelling from a request alone: this one is sent to it in memory.
pub(super) async fn documented() -> Extensions {
    let (mut client, server) = tokio::io::duplex(4096);
    let found = Arc::new(Mutex::new(Extensions::new()));
    let kept = Arc::clone(&found);
    let service = service_fn(move |request: Request<Incoming>| {
        *lock(&kept) = request.extensions().clone();
        async { Ok::<_, Infallible>(Response::new(String::new())) }
    });
    let mut builder = http1::Builder::new();
    builder.preserve_header_case(true).keep_alive(false);
    let connection = builder.serve_connection(TokioIo::new(server), service);
    let exchange = async {
        // Those that frame a message come last, with values that frame this one.
        let frames = ["Connection", "Content-Length"];
        let mut head = "GET / HTTP/1.1\r\nHost: localhost\r\n".to_owned();
        for name in NAMES.iter().filter(|name| !frames.contains(name)) {
            head.extend([name, ": x\r\n"]);
        }
        head.push_str("Connection: close\r\nContent-Length: 0\r\n\r\n");
        client.write_all(head.as_bytes()).await?;
        client.read_to_end(&mut Vec::new()).await
    };
    let (connection, exchange) = tokio::join!(connection, exchange);
    if connection.is_err() || exchange.is_err() {
        tracing::error!("header names are written in lower case");
    }
    lock(&found).clone()
}
