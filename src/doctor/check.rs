//! One check, and how it ended.

use std::time::Duration;

use tokio::time::timeout;

use crate::api::client::{CallError, Client};
use crate::{policy, remedy};

/// Every check ends by then, whatever it waits for.
const TIME_LIMIT: Duration = Duration::from_secs(15);

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is as it should be.
    Ok,
    /// Work can be submitted, and something is worth a look.
    Warning,
    /// Work cannot be submitted, or would not run.
    Failed,
    /// It could not be asked, or there was no need.
    Skipped,
}

/// One question about a target, and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name, in kebab case.
    pub name: &'static str,
    /// What it was asked about, such as a bucket; empty where the name says it.
    pub subject: String,
    /// What was asked, such as a call.
    pub asked: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What was found, in one sentence without a full stop.
    pub found: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// All checks of one target.
#[derive(Debug, Clone)]
pub struct TargetChecks {
    /// The target.
    pub target: String,
    /// The checks, in a fixed order.
    pub checks: Vec<Check>,
}

/// A finding, before it belongs to a check.
pub(super) type Finding = (Outcome, String, Option<String>);

impl Check {
    /// A check that ended.
    pub fn new(
        name: &'static str,
        subject: impl Into<String>,
        asked: impl Into<String>,
        finding: (Outcome, String, Option<String>),
    ) -> Self {
        let (outcome, found, remedy) = finding;
        Self {
            name,
            subject: subject.into(),
            asked: asked.into(),
            outcome,
            found,
            remedy,
        }
    }
}

pub(super) fn ok(found: impl Into<String>) -> Finding {
    (Outcome::Ok, found.into(), None)
}

pub(super) fn warning(found: impl Into<String>, remedy: impl Into<String>) -> Finding {
    (Outcome::Warning, found.into(), Some(remedy.into()))
}

pub(super) fn failed(found: impl Into<String>, remedy: impl Into<String>) -> Finding {
    (Outcome::Failed, found.into(), Some(remedy.into()))
}

pub(super) fn skipped(found: impl Into<String>) -> Finding {
    (Outcome::Skipped, found.into(), None)
}

/// What an error of a call says. Where a right is missing, the policy that gives it can be pasted.
pub(super) fn refused(client: &Client, error: &CallError) -> Finding {
    if is_denied(error) {
        let endpoint = client.endpoint();
        let policy = policy::least(&endpoint.bucket, &endpoint.region);
        let remedy = format!(
            "attach this policy to the user or role of these credentials, at \
             https://console.cloud.tencent.com/cam/policy: {policy}"
        );
        return failed(error.to_string(), remedy);
    }
    let remedy = match error {
        CallError::Service { error, .. } => remedy::of(&error.code, &error.message)
            .unwrap_or("look the code up at https://cloud.tencent.com/document/product/460/42867"),
        CallError::Transport { .. } => {
            "see that this machine reaches the host: name resolution, a firewall, HTTPS_PROXY"
        }
        CallError::Unsendable { .. } => "see the check `credentials`",
        CallError::Status { .. } | CallError::Answer { .. } => {
            "something on the way answers instead of the service: see `endpoint` and HTTPS_PROXY"
        }
    };
    failed(error.to_string(), remedy)
}

fn is_denied(error: &CallError) -> bool {
    let CallError::Service { error, .. } = error else {
        return false;
    };
    let code = error.code.as_str();
    matches!(
        code,
        "AccessDenied" | "AccessForbidden" | "NoProcessAuthority"
    ) && remedy::of(code, &error.message) != Some(remedy::CLOCK)
}

/// Ends a question that takes too long.
pub(super) async fn in_time(question: impl Future<Output = Finding>) -> Finding {
    timeout(TIME_LIMIT, question).await.unwrap_or_else(|_| {
        failed(
            format!("no answer within {TIME_LIMIT:?}"),
            "see that this machine reaches the host, and ask again",
        )
    })
}
