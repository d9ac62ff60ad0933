//! When to stop sending: what fails again and again alike will not get better by sending more.

use super::outcome::{Halt, JobResult};
use crate::api::wire::ServiceError;

/// Counts failures alike in a row.
#[derive(Debug)]
pub(super) struct Breaker {
    limit: usize,
    count: usize,
    failure: String,
}

impl Breaker {
    /// Stops after `limit` failures alike in a row.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            count: 0,
            failure: String::new(),
        }
    }

    /// Takes note of how a submission ended; says why nothing more should be sent.
    pub(super) fn note(&mut self, result: &JobResult) -> Option<Halt> {
        let failure = match result {
            JobResult::Rejected { error, .. } if refuses_credentials(error) => {
                return Some(Halt::CredentialsRefused(error.clone()));
            }
            JobResult::Rejected { error, .. } => format!("rejected with {}", error.code),
            JobResult::Unresolved { .. } => "unresolved".to_owned(),
            JobResult::NotAttempted { .. } => "not sent".to_owned(),
            JobResult::Submitted { .. }
            | JobResult::Adopted { .. }
            | JobResult::Renamed { .. }
            | JobResult::AlreadySubmitted { .. } => {
                self.count = 0;
                return None;
            }
        };
        if failure != self.failure {
            self.count = 0;
            self.failure = failure;
        }
        self.count += 1;
        (self.count >= self.limit).then(|| Halt::FailuresInARow {
            count: self.count,
            failure: self.failure.clone(),
        })
    }
}

/// Errors about who asks, which every other request would meet as well.
fn refuses_credentials(error: &ServiceError) -> bool {
    matches!(
        error.code.as_str(),
        "AccessDenied"
            | "AccessForbidden"
            | "ExpiredToken"
            | "InvalidAccessKeyId"
            | "NoProcessAuthority"
            | "RequestTimeTooSkewed"
            | "SignatureDoesNotMatch"
    )
}

#[cfg(test)]
mod tests {
    use super::Breaker;
    use crate::api::wire::ServiceError;
    use crate::apply::outcome::{Halt, JobResult};
    use crate::state::SubmissionId;

    fn rejected(code: &str) -> JobResult {
        JobResult::Rejected {
            submission: SubmissionId::random(),
            error: ServiceError {
                status: 400,
                code: code.to_owned(),
                message: String::new(),
                request_id: None,
            },
        }
    }

    #[test]
    fn only_failures_alike_in_a_row_count() {
        let mut breaker = Breaker::new(3);
        for code in ["A", "A", "B", "A", "A"] {
            assert_eq!(breaker.note(&rejected(code)), None);
        }
        let halt = breaker.note(&rejected("A"));
        assert!(
            matches!(halt, Some(Halt::FailuresInARow { count: 3, .. })),
            "{halt:?}"
        );
    }

    #[test]
    fn refused_credentials_stop_at_once() {
        let halt = Breaker::new(3).note(&rejected("SignatureDoesNotMatch"));
        assert!(
            matches!(halt, Some(Halt::CredentialsRefused(_))),
            "{halt:?}"
        );
    }
}
