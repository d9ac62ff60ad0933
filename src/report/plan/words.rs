//! The words and signs of plans, the same in every form.

use anstyle::Style;

use super::super::table::{count, grouped};
use super::super::ui::style::{BAD, CHANGE, FAINT, GOOD};
use crate::api::time;
use crate::plan::{Action, DocumentJob, Drift, DriftKind, PlanDocument, Reason, Summary};

/// The plan in one sentence.
pub(in crate::report) fn verdict(plan: &PlanDocument<'_>) -> String {
    let sentence = decision(plan);
    match &plan.estimate {
        Some(estimate) if !estimate.complete => format!("{sentence}; the estimate is incomplete"),
        _ => sentence,
    }
}

fn decision(plan: &PlanDocument<'_>) -> String {
    let (target, summary) = (&plan.target, plan.summary);
    let submissions = summary.submit + summary.resubmit;
    if !plan.blocked.is_empty() {
        format!("Blocked: nothing can be submitted to `{target}`")
    } else if submissions > 0 {
        let jobs = count(submissions, "job", "jobs");
        format!("{jobs} to submit to `{target}`")
    } else if summary.resolve > 0 {
        format!("Nothing new to submit to `{target}`, but not everything is known")
    } else if summary.failed > 0 {
        let jobs = count(summary.failed, "job", "jobs");
        format!("Nothing to submit to `{target}`; {jobs} failed and left as they are")
    } else {
        format!("Nothing to submit to `{target}`")
    }
}

/// How many jobs have each action, those without left out.
pub(in crate::report) fn counts(summary: &Summary) -> Vec<String> {
    let counts = [
        (summary.resolve, "to look up"),
        (summary.submit, "new"),
        (summary.resubmit, "to resubmit"),
        (summary.renamed, "renamed"),
        (
            summary.unchanged - summary.failed.min(summary.unchanged),
            "unchanged",
        ),
        (summary.failed, "failed and left"),
        (summary.retired, "retired"),
    ];
    let counts = counts.iter().filter(|(number, _)| *number > 0);
    counts
        .map(|(number, word)| format!("{} {word}", grouped(*number)))
        .collect()
}

/// Whether a reviewer should look at it before anything else.
pub(super) fn is_risky(action: Action) -> bool {
    matches!(action, Action::Resolve | Action::Resubmit)
}

/// The sign of an action, and how it looks.
pub(super) fn sign(action: Action) -> (&'static str, Style) {
    match action {
        Action::Resolve => ("?", BAD),
        Action::Submit => ("+", GOOD),
        Action::Resubmit => ("~", CHANGE),
        Action::Renamed => (">", CHANGE),
        Action::Unchanged => ("=", FAINT),
    }
}

/// Why a job has its action.
pub(in crate::report) fn reason(job: &DocumentJob) -> String {
    let text = match job.reason {
        Reason::New => "new",
        Reason::Changed => "changed",
        Reason::Rejected => "the service refused it before",
        Reason::Abandoned => "the last attempt never arrived",
        Reason::Failed => "it failed; another attempt",
        Reason::Retried => "it failed; asked for once more",
        Reason::LeftFailed => "failed and left (on_failure: leave)",
        Reason::AttemptsUsedUp => "failed as often as it may",
        Reason::Unresolved => "sent, and whether it was taken is unknown",
        Reason::Renamed => {
            let key = job.record.as_ref().map(|record| &record.key);
            return key.map_or_else(
                || "renamed".to_owned(),
                |key| format!("was `{key}`; not submitted again"),
            );
        }
        Reason::Running => "submitted",
        Reason::Done => "done",
    };
    text.to_owned()
}

/// When an unresolved job was sent, and why its end is unknown.
pub(super) fn unresolved(job: &DocumentJob) -> String {
    let record = job.record.as_ref();
    let Some(submission) = record.and_then(|record| record.submissions.last()) else {
        return String::new();
    };
    let why = submission.reason.as_deref();
    let why = why.unwrap_or("the run ended before an answer came");
    format!("{}: {why}", time::format(submission.at))
}

/// How the service's word differs from the record.
pub(in crate::report) fn drift(drift: &Drift) -> String {
    let Drift {
        job_id,
        recorded,
        seen,
        message,
        ..
    } = drift;
    let recorded = recorded.as_deref().unwrap_or("submitted");
    let recorded = format!("; recorded as {recorded}");
    match (drift.kind, message) {
        (DriftKind::Failed, Some(message)) => format!("failed: {message}{recorded}"),
        (DriftKind::Failed, None) => format!("failed{recorded}"),
        (DriftKind::Cancelled, _) => format!("cancelled{recorded}"),
        (DriftKind::Changed, _) => {
            format!("{}{recorded}", seen.as_deref().unwrap_or("unknown"))
        }
        (DriftKind::Unknown, _) => format!("the service does not know its job {job_id}{recorded}"),
        (DriftKind::NotYetKnown, _) => {
            format!("submitted a moment ago; the service does not know its job {job_id} yet")
        }
    }
}

/// What differs, without jobs that had ended and are merely forgotten, and how many these are.
pub(super) fn notable_drift<'a>(plan: &'a PlanDocument<'_>) -> (Vec<&'a Drift>, usize) {
    let drift = plan.drift().iter();
    let (forgotten, mut notable): (Vec<_>, Vec<_>) =
        drift.partition(|drift| !drift.decides() && drift.has_ended());
    notable.sort_by_key(|drift| drift.kind);
    (notable, forgotten.len())
}

/// What is said of jobs that had ended and that the service no longer knows.
pub(super) fn forgotten(number: usize) -> String {
    let jobs = count(number, "job that has ended is", "jobs that have ended are");
    format!("{jobs} no longer known to the service")
}

/// What to do about jobs that the service does not know.
pub(super) const UNKNOWN_HELP: &str = "An unknown job is not submitted again by itself. If it never ran, `stocktake state rm KEY` \
     lets it count as new.";
