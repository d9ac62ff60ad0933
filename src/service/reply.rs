//! Answers as HTTP.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::api_error::ApiError;
use super::call::Call;
use crate::api::host::Side;
use crate::api::wire::{ServiceError, encode_error};

const CI_REQUEST_ID: HeaderName = HeaderName::from_static("x-ci-request-id");
const CI_TRACE_ID: HeaderName = HeaderName::from_static("x-ci-trace-id");
const COS_REQUEST_ID: HeaderName = HeaderName::from_static("x-cos-request-id");
const BUCKET_REGION: HeaderName = HeaderName::from_static("x-cos-bucket-region");
const COS_TRACE_ID: HeaderName = HeaderName::from_static("x-cos-trace-id");

/// Room for the headers of most answers, those included that hyper adds.
const USUAL_HEADERS: usize = 8;

/// An answer before it is HTTP.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
}

impl Reply {
    /// 200 with an XML document.
    pub(super) fn xml(body: String) -> Self {
        Self::new(StatusCode::OK, "application/xml", Body::from(body))
    }

    /// 200 with headers and without a body.
    pub(super) fn with_headers(headers: HeaderMap) -> Self {
        Self {
            headers,
            ..Self::empty()
        }
    }

    pub(super) fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            ..Self::empty()
        }
    }

    /// Adds the region that the call's host names.
    #[expect(
        clippy::expect_used,
        reason = "the name of a region is a header's value"
    )]
    pub(super) fn in_region(mut self, call: &Call) -> Self {
        let region =
            HeaderValue::from_str(call.host.region.as_str()).expect("the name of a region");
        self.headers.insert(BUCKET_REGION, region);
        self
    }

    /// 200 without a body.
    pub(super) fn empty() -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Body::empty(),
        }
    }

    /// The documented error body. `resource` is the path of the call.
    #[expect(
        clippy::expect_used,
        reason = "statuses are ours, texts have no control characters"
    )]
    pub(super) fn failure(error: &ApiError, side: Side, resource: &str, request_id: &str) -> Self {
        let (status, code) = error.code.on(side);
        let answer = ServiceError {
            status,
            code: code.into_owned(),
            message: without_controls(&error.message),
            request_id: Some(request_id.to_owned()),
        };
        let body = encode_error(&answer, &without_controls(resource))
            .expect("a text without control characters is XML");
        let status = StatusCode::from_u16(status).expect("a status of three digits");
        let mut reply = match status {
            // It has no body.
            StatusCode::NOT_MODIFIED => Self::empty(),
            _ => Self::new(status, "application/xml", Body::from(body)),
        };
        reply.status = status;
        for (name, value) in &error.headers {
            let value = HeaderValue::from_str(value).expect("headers of errors are ASCII");
            reply.headers.insert(name.clone(), value);
        }
        reply
    }

    fn new(status: StatusCode, kind: &'static str, body: Body) -> Self {
        let mut headers = HeaderMap::with_capacity(USUAL_HEADERS);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        Self {
            status,
            headers,
            body,
        }
    }

    /// Adds what every answer carries.
    pub(super) fn into_response(self, side: Side, request_id: String) -> Response {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        let (server, id_name, trace_name) = match side {
            Side::Ci => ("tencent-ci", CI_REQUEST_ID, CI_TRACE_ID),
            Side::Cos => ("tencent-cos", COS_REQUEST_ID, COS_TRACE_ID),
        };
        let headers = response.headers_mut();
        headers.insert(header::SERVER, HeaderValue::from_static(server));
        if let Ok(id) = HeaderValue::try_from(request_id) {
            if !self.status.is_success() {
                headers.insert(trace_name, id.clone());
            }
            headers.insert(id_name, id);
        }
        response
    }
}

/// Messages quote what was sent, and XML has no way to carry every character.
fn without_controls(text: &str) -> String {
    let clean = |character: char| match character {
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        character if character.is_control() => '\u{fffd}',
        character => character,
    };
    text.chars().map(clean).collect()
}
