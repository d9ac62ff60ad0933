//! One call to the service, as a task of its own: so all cores share the calls, and each stays on one.

use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::task::AbortHandle;

use crate::api::client::{Client, SendOutcome};
use crate::job::Job;

/// Asks for `job` once. Dropping the future ends the call where it is.
pub(super) async fn trigger(client: &Client, job: &Arc<Job>) -> SendOutcome {
    let (client, job) = (client.clone(), Arc::clone(job));
    let task = tokio::spawn(async move { client.trigger(&job.work.request).await });
    let _guard = Ended(task.abort_handle());
    task.await
        .unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(error) => SendOutcome::Unresolved {
                reason: format!("the call did not come to its end: {error}"),
            },
        })
}

/// Ends a task that nobody waits for any more.
struct Ended(AbortHandle);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.abort();
    }
}
