//! Joins two lines about one fingerprint, whichever came first: a log is appended to, and branches
//! of a repository are merged line by line.

use std::sync::Arc;

use jiff::Timestamp;

use crate::api::name::{JobId, JobName};

use super::record::{Record, Submission, SubmissionId};
use crate::api::client::Outcome;

/// What both lines together say, or how they contradict each other.
pub(super) fn join(left: &Record, right: &Record) -> Result<Record, String> {
    check_accepted(left, right)?;
    let (earlier, later) = if (left.written_at, &left.key) <= (right.written_at, &right.key) {
        (left, right)
    } else {
        (right, left)
    };
    let mut joined = later.clone();
    let name = unresolved_name(earlier, later)?;
    if joined.work.request.name != name {
        Arc::make_mut(&mut joined.work).request.name = name;
    }
    for submission in &earlier.submissions {
        match joined
            .submissions
            .iter_mut()
            .find(|other| other.id == submission.id)
        {
            Some(other) => *other = join_submissions(submission, other)?,
            None => joined.submissions.push(submission.clone()),
        }
    }
    joined.submissions = one_a_job(joined.submissions);
    joined
        .submissions
        .sort_by(|left, right| (left.intended_at, &left.id).cmp(&(right.intended_at, &right.id)));
    joined.seen = [&earlier.seen, &later.seen]
        .into_iter()
        .flatten()
        .max_by_key(|seen| seen.at)
        .cloned();
    Ok(joined)
}

/// Submissions that became the same job are one: a run sent it, and a person adopted it from another
/// clone. The one that was sent counts.
fn one_a_job(submissions: Vec<Submission>) -> Vec<Submission> {
    let mut kept: Vec<Submission> = Vec::with_capacity(submissions.len());
    for submission in submissions {
        let is_twin = |other: &&mut Submission| {
            other.job_id().is_some() && other.job_id() == submission.job_id()
        };
        let Some(twin) = kept.iter_mut().find(is_twin) else {
            kept.push(submission);
            continue;
        };
        let removals = [&twin.removed, &submission.removed].into_iter().flatten();
        let removed = removals.min_by_key(|removal| removal.at).cloned();
        if order(&submission) < order(twin) {
            *twin = submission;
        }
        twin.removed = removed;
    }
    kept
}

/// Sorts what was sent before what was adopted.
fn order(submission: &Submission) -> (bool, Timestamp, &SubmissionId) {
    let is_adopted = submission.not_before.is_none();
    (is_adopted, submission.intended_at, &submission.id)
}

/// Two lines that each know of an accepted submission the other has not heard of were written by
/// two writers: the same work was triggered, and is paid for, twice.
fn check_accepted(left: &Record, right: &Record) -> Result<(), String> {
    let unknown = |from: &Record, to: &Record| {
        let mut accepted = from.submissions.iter().filter_map(accepted_id);
        accepted
            .find(|(submission, job_id)| {
                let is_known = |other: &Submission| {
                    other.id == submission.id || other.job_id() == Some(*job_id)
                };
                !to.submissions.iter().any(is_known)
            })
            .map(|(_, job_id)| job_id.to_string())
    };
    match (unknown(left, right), unknown(right, left)) {
        (Some(first), Some(second)) => Err(format!(
            "the work of {} was submitted twice, as job {first} and as job {second}",
            left.key
        )),
        _ => Ok(()),
    }
}

/// The name to keep: an unresolved submission is looked up under the name it was sent with.
fn unresolved_name(earlier: &Record, later: &Record) -> Result<JobName, String> {
    let is_only_in = |from: &Record, to: &Record| {
        let mut unresolved = from
            .submissions
            .iter()
            .filter(|submission| submission.is_unresolved());
        unresolved.any(|submission| to.submissions.iter().all(|other| other.id != submission.id))
    };
    let (earlier_name, later_name) = (&earlier.work.request.name, &later.work.request.name);
    if earlier_name == later_name || !is_only_in(earlier, later) {
        return Ok(later_name.clone());
    }
    if is_only_in(later, earlier) {
        return Err(format!(
            "the work of {} has unresolved submissions under two names, {earlier_name} and {later_name}",
            later.key
        ));
    }
    Ok(earlier_name.clone())
}

/// The job that a submission became, unless a person has removed it.
fn accepted_id(submission: &Submission) -> Option<(&Submission, &JobId)> {
    let submission = Some(submission).filter(|submission| submission.is_active())?;
    Some((submission, submission.job_id()?))
}

/// A removal is for good, and the widest window holds.
fn join_submissions(left: &Submission, right: &Submission) -> Result<Submission, String> {
    let removals = [&left.removed, &right.removed].into_iter().flatten();
    let removed = removals.min_by_key(|removal| removal.at).cloned();
    let joined = join_outcomes(left, right)?;
    let windows = [left, right];
    Ok(Submission {
        by_hand: left.by_hand || right.by_hand,
        not_before: windows.iter().filter_map(|line| line.not_before).min(),
        not_after: windows.iter().filter_map(|line| line.not_after).max(),
        removed,
        ..joined.clone()
    })
}

/// An outcome moves from unresolved to its end and never from one end to another.
fn join_outcomes<'a>(
    left: &'a Submission,
    right: &'a Submission,
) -> Result<&'a Submission, String> {
    match (&left.outcome, &right.outcome) {
        (
            Outcome::Unresolved {
                reason: left_reason,
            },
            Outcome::Unresolved { reason },
        ) => {
            let last = if left_reason > reason { left } else { right };
            return Ok(last);
        }
        (_, Outcome::Unresolved { .. }) => return Ok(left),
        (Outcome::Unresolved { .. }, _) => return Ok(right),
        (Outcome::Accepted { job_id: first, .. }, Outcome::Accepted { job_id: second, .. })
            if first == second => {}
        (Outcome::Rejected(_), Outcome::Rejected(_))
        | (Outcome::Abandoned { .. }, Outcome::Abandoned { .. }) => {}
        (first, second) => {
            return Err(format!(
                "submission {} {} and {}",
                left.id,
                describe(first),
                describe(second)
            ));
        }
    }
    // Two writers found out the same thing; the first one to know is kept.
    let first_known = if right.ended_at < left.ended_at {
        right
    } else {
        left
    };
    Ok(first_known)
}

fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Unresolved { .. } => "is unresolved".to_owned(),
        Outcome::Accepted { job_id, .. } => format!("was accepted as job {job_id}"),
        Outcome::Rejected(rejection) => format!("was rejected with {}", rejection.code),
        Outcome::Abandoned { .. } => "was abandoned".to_owned(),
    }
}
