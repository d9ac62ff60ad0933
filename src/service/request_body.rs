//! A request's body that is read to its end when the call does not read it. A connection that is closed
//! with unread data is reset, and the client may lose the answer (RFC 9112, 9.6).

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

/// How long a client may go on sending a body that was refused.
const DRAIN_TIME: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct RequestBody {
    body: Option<Incoming>,
    is_begun: bool,
    expects_continue: bool,
}

impl RequestBody {
    pub(super) fn new(body: Incoming, expects_continue: bool) -> Self {
        Self {
            expects_continue,
            body: Some(body),
            is_begun: false,
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        self.is_begun = true;
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        // A client that waits for `100 Continue` sends no body unless it is asked for.
        let waits = self.expects_continue && !self.is_begun;
        if let Some(mut body) = self
            .body
            .take()
            .filter(|body| !body.is_end_stream() && !waits)
        {
            tokio::spawn(async move {
                let drain = async {
                    while let Some(Ok(_)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                    }
                };
                let _ = tokio::time::timeout(DRAIN_TIME, drain).await;
            });
        }
    }
}
