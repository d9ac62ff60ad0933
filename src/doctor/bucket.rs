//! What a bucket needs before Cloud Infinite works in it.

use crate::api::client::{CallError, Client};
use crate::api::wire::{BoundService, Queue};
use crate::remedy;

use super::check::{Check, Finding, Outcome, failed, in_time, ok, refused, skipped, warning};

/// The code of the service for a role that is not there.
const NO_ROLE: &str = "CIRoleNotExist";

/// Whether the bucket is bound, its queues run, and the service's own role is there.
pub(super) async fn checks(client: &Client) -> Vec<Check> {
    let bucket = client.endpoint().bucket.as_str();
    let (media, picture, queues) = tokio::join!(
        bound(client, BoundService::Media),
        bound(client, BoundService::Picture),
        queues(client),
    );
    let role = role(&[&media, &picture, &queues]);
    let asked = |path: &str| format!("GET {path} on {bucket}");
    vec![
        Check::new("media-bucket", bucket, asked("/mediabucket"), media.finding),
        Check::new(
            "picture-bucket",
            bucket,
            asked("/picbucket"),
            picture.finding,
        ),
        Check::new("queue", bucket, asked("/queue"), queues.finding),
        Check::new("role", "CI_QCSRole", "the answers about the bucket", role),
    ]
}

/// A finding, and the code of the service if it is an error of the service's.
struct Answer {
    finding: Finding,
    error: Option<(u16, String)>,
}

impl Answer {
    fn refused(client: &Client, error: &CallError) -> Self {
        Self {
            finding: refused(client, error),
            error: match error {
                CallError::Service { error, .. } => Some((error.status, error.code.clone())),
                _ => Some((0, String::new())),
            },
        }
    }

    fn of(finding: Finding) -> Self {
        Self {
            finding,
            error: None,
        }
    }
}

/// An image service that is not there stops image steps alone.
async fn bound(client: &Client, service: BoundService) -> Answer {
    let (word, code) = match service {
        BoundService::Media => ("media processing", "MediaBucketUnBinded"),
        BoundService::Picture => ("image processing", "PicBucketUnBinded"),
    };
    let bucket = client.endpoint().bucket.as_str();
    let unbound = || {
        let found = format!("{bucket} is not bound to {word}");
        let remedy = remedy::of(code, "").unwrap_or_default();
        match service {
            BoundService::Media => failed(found, remedy),
            BoundService::Picture => warning(
                format!("{found}: workflows with image steps would fail"),
                remedy,
            ),
        }
    };
    let mut error = None;
    let finding = in_time(async {
        match client.bound(service).await {
            Ok(buckets) if buckets.iter().any(|bound| bound.bucket == bucket) => {
                ok(format!("bound to {word}"))
            }
            Ok(_) => unbound(),
            Err(refusal) => {
                let answer = Answer::refused(client, &refusal);
                let is_unbound = answer.error.as_ref().is_some_and(|(_, said)| said == code);
                error = answer.error;
                if is_unbound {
                    unbound()
                } else {
                    answer.finding
                }
            }
        }
    })
    .await;
    Answer { finding, error }
}

async fn queues(client: &Client) -> Answer {
    let mut error = None;
    let finding = in_time(async {
        match client.queues().await {
            Ok(queues) => queue_states(&queues),
            Err(refusal) => {
                let answer = Answer::refused(client, &refusal);
                error = answer.error;
                answer.finding
            }
        }
    })
    .await;
    match error {
        None => Answer::of(finding),
        error => Answer { finding, error },
    }
}

fn queue_states(queues: &[Queue]) -> Finding {
    let paused: Vec<String> = queues
        .iter()
        .filter(|queue| !queue.active)
        .map(|queue| format!("{} ({})", queue.queue_id, queue.name))
        .collect();
    match paused.first() {
        None if queues.is_empty() => warning(
            "there is no queue",
            "switch media processing on for the bucket: the queue comes with it",
        ),
        None => ok("every queue is active"),
        Some(_) => failed(
            format!("paused, so that nothing in it runs: {}", paused.join(", ")),
            "activate it: PUT /queue/<id> with `<State>Active</State>`, or \
             https://console.cloud.tencent.com/ci/bucket, the bucket, Tasks and Workflows, Queues",
        ),
    }
}

/// No call asks for the role itself without more rights; the service's answers tell that it is missing.
fn role(answers: &[&Answer]) -> Finding {
    let errors = || answers.iter().filter_map(|answer| answer.error.as_ref());
    if errors().any(|(_, code)| code == NO_ROLE) {
        return failed(
            "the service role CI_QCSRole is missing",
            remedy::of(NO_ROLE, "").unwrap_or_default(),
        );
    }
    // So the service refuses its own role, where 403 refuses the caller.
    if errors().any(|(status, code)| *status == 401 && code == "AccessDenied") {
        return failed(
            "the service role CI_QCSRole may not use the bucket",
            remedy::of("ResourceAccessDenied", "").unwrap_or_default(),
        );
    }
    let has_answer = answers
        .iter()
        .any(|answer| answer.error.is_none() && answer.finding.0 != Outcome::Skipped);
    if has_answer {
        ok("no answer misses it")
    } else {
        skipped("no answer that would tell")
    }
}
