//! Calls that are signed beforehand.

use stocktake::api::signature::{KeyTime, SignedRequest};
use stocktake::service::well_known_key_pair;

pub(crate) const HOST: &str = "demo-1250000000.ci.ap-beijing.myqcloud.com";

/// A trigger call as bytes, valid for the next ten minutes.
pub(crate) fn trigger_call(name: &str, input: &str, interval: &str, connection: &str) -> Vec<u8> {
    let body = format!(
        "<Request><Name>{name}</Name><Type>Workflow</Type><Input>{input}</Input>\
         <Operation><WorkflowIds>w1</WorkflowIds>{interval}</Operation></Request>"
    );
    let (path, length) = ("/inventorytriggerjob", body.len());
    let authorization = authorization("POST", path);
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: {connection}\r\n\
         Content-Type: application/xml\r\nContent-Length: {length}\r\n\
         Authorization: {authorization}\r\n\r\n"
    );
    (head + &body).into_bytes()
}

/// The signature of a call without parameters.
pub(crate) fn authorization(method: &str, path: &str) -> String {
    let now = jiff::Timestamp::now().as_second();
    let signed = SignedRequest {
        method,
        path,
        parameters: &[],
        headers: &[("host", HOST)],
    };
    let key_time = KeyTime {
        start: now - 60,
        end: now + 600,
    };
    let credentials = well_known_key_pair();
    signed.authorization(&credentials, key_time)
}
