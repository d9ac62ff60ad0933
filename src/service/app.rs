//! From a request to its answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{self, Body};
use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use jiff::Timestamp;

use super::authentication::authenticate;
use super::batch;
use super::bucket::Bucket;
use super::call::{Call, Side};
use super::failure::Failure;
use super::identity;
use super::reply::Reply;
use super::runner::Runner;
use super::settings::WorkflowSettings;
use super::store::Store;
use crate::api::credentials::Credentials;
use crate::api::name::{BucketName, WorkflowId};

/// The largest body of a CI call.
const BODY_LIMIT: usize = 1024 * 1024;

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(20);

/// What answers requests.
#[derive(Debug)]
pub(super) struct App {
    pub(super) store: Arc<Store>,
    pub(super) buckets: Arc<BTreeMap<BucketName, Arc<Bucket>>>,
    pub(super) workflows: Arc<BTreeMap<WorkflowId, WorkflowSettings>>,
    pub(super) credentials: Credentials,
    pub(super) runner: Runner,
}

impl App {
    /// Answers one request.
    pub(super) async fn answer(&self, request: Request) -> Response {
        if request.uri().path() == "/healthz" && request.method() == Method::GET {
            return Response::new(Body::from("ok\n"));
        }
        let request_id = identity::request_id();
        let (parts, body) = request.into_parts();
        let (side, reply) = match Call::new(&parts) {
            Ok(call) => (call.host.side, self.reply(&call, body, &request_id).await),
            Err(failure) => (Side::Ci, Err(failure)),
        };
        let path = parts.uri.path();
        let reply = reply.unwrap_or_else(|failure| Reply::failure(&failure, path, &request_id));
        tracing::info!(
            method = %parts.method, path, status = reply.status.as_u16(), request_id, "answered"
        );
        reply.into_response(side, &request_id)
    }

    async fn reply(&self, call: &Call, body: Body, request_id: &str) -> Result<Reply, Failure> {
        authenticate(call, &self.credentials, Timestamp::now())?;
        self.bucket(call)?;
        let segments: Vec<&str> = call.path.split('/').skip(1).collect();
        match (call.host.side, &call.method, segments.as_slice()) {
            (Side::Ci, &Method::POST, ["inventorytriggerjob"]) => {
                batch::trigger(self, call, &read(body).await?, request_id).await
            }
            (Side::Ci, &Method::GET, ["inventorytriggerjob", id]) => {
                batch::describe(self, call, id, request_id).await
            }
            (Side::Ci, _, ["inventorytriggerjob"] | ["inventorytriggerjob", _]) => {
                let message = format!("{} is not allowed here", call.method);
                Err(Failure::new(405, "MethodNotAllowed", message))
            }
            _ => {
                let message = format!("there is no call {} {}", call.method, call.path);
                Err(Failure::new(404, "NoSuchResource", message))
            }
        }
    }

    /// The bucket that the call's host names.
    pub(super) fn bucket(&self, call: &Call) -> Result<&Arc<Bucket>, Failure> {
        self.buckets.get(&call.host.bucket).ok_or_else(|| {
            let message = format!("there is no bucket `{}` here", call.host.bucket);
            Failure::new(404, "NoSuchBucket", message)
        })
    }
}

async fn read(body: Body) -> Result<Vec<u8>, Failure> {
    let bytes = tokio::time::timeout(BODY_TIME, body::to_bytes(body, BODY_LIMIT)).await;
    match bytes {
        Ok(Ok(bytes)) => Ok(bytes.to_vec()),
        Ok(Err(_)) => {
            let message = format!("the body is larger than {BODY_LIMIT} bytes, or was cut off");
            Err(Failure::new(400, "EntityTooLarge", message))
        }
        Err(_) => Err(Failure::new(
            400,
            "RequestTimeout",
            "the body did not arrive in time",
        )),
    }
}
