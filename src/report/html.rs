//! The account as a page for a browser.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::sync::Arc;

use jiff::Timestamp;

use super::plan::words;
use super::status::{no_objects, standing};
use super::table::count;
use super::text::{failure_line, object_key};
use crate::job::JobKey;
use crate::job_status::{JobStatus, Objects};
use crate::page::{self, Job, Open, OpenItem, Page, Workflow};
use crate::plan::{Action, DocumentJob, PlanDocument};
use crate::state::{Record, Seen};
use crate::status::FailedObject;

/// What the page is made of.
#[derive(Debug)]
pub struct HtmlReport<'a> {
    /// The target.
    pub target: &'a str,
    /// The moment of it.
    pub now: Timestamp,
    /// The records.
    pub records: &'a [Arc<Record>],
    /// Failed objects of those of [`worth_explaining`].
    pub failed: &'a [FailedObject],
    /// What the job files ask for; absent where only some jobs are looked at.
    pub plan: Option<AskedFor<'a>>,
}

/// What the job files ask for.
#[derive(Debug, Clone, Copy)]
pub enum AskedFor<'a> {
    /// This.
    Plan(&'a PlanDocument<'a>),
    /// Unknown: the job files have this many mistakes.
    Mistakes(usize),
}

/// The failed jobs, the latest first, whose objects the page names.
pub fn worth_explaining(records: &[Arc<Record>]) -> Vec<Arc<Record>> {
    let failed = records
        .iter()
        .filter(|record| standing(record).1 == JobStatus::Failed);
    let mut failed: Vec<Arc<Record>> = failed.cloned().collect();
    failed.sort_by_key(|record| Reverse(submitted(record)));
    failed.truncate(page::FAILED_JOBS);
    failed
}

/// Writes the page.
pub fn html(out: &mut dyn Write, report: &HtmlReport<'_>) -> io::Result<()> {
    let mut counts: BTreeMap<JobStatus, usize> = BTreeMap::new();
    let standings: Vec<JobStatus> = report
        .records
        .iter()
        .map(|record| standing(record).1)
        .collect();
    for standing in &standings {
        *counts.entry(*standing).or_default() += 1;
    }
    let page = Page {
        subject: format!("Target {}", report.target),
        written: report.now,
        refresh: None,
        counts: counts.into_iter().collect(),
        jobs: jobs(report, &standings),
        workflows: workflows(report.records, &standings),
        counts_every_run: report.records.iter().all(|record| is_counted(record)),
        open: report.plan.map(open),
    };
    let text = page::render(&page).map_err(io::Error::other)?;
    out.write_all(text.as_bytes())
}

/// Failures are not crowded out by what is under way, nor that by what has ended.
fn jobs(report: &HtmlReport<'_>, standings: &[JobStatus]) -> Vec<Job> {
    let mut order: Vec<(&Arc<Record>, JobStatus)> = report
        .records
        .iter()
        .zip(standings.iter().copied())
        .collect();
    order.sort_by_key(|(record, standing)| (*standing, Reverse(submitted(record))));
    let (failures, others): (Vec<_>, Vec<_>) = order
        .into_iter()
        .partition(|(_, standing)| standing.is_failure());
    let mut chosen: Vec<_> = failures.into_iter().take(page::JOBS / 2).collect();
    let room = page::JOBS - chosen.len();
    chosen.extend(others.into_iter().take(room));
    chosen.sort_by_key(|(record, standing)| (*standing, Reverse(submitted(record))));
    let mut failed: HashMap<&JobKey, Vec<page::FailedObject>> = HashMap::new();
    for object in report.failed {
        failed
            .entry(&object.key)
            .or_default()
            .push(page::FailedObject {
                name: object_key(&object.url),
                message: object.message.clone(),
            });
    }
    let job = |(record, standing): (&Arc<Record>, JobStatus)| {
        let failed = (standing == JobStatus::Failed)
            .then(|| failed.remove(&record.key))
            .flatten();
        job(record, standing, failed.unwrap_or_default())
    };
    chosen.into_iter().map(job).collect()
}

fn job(record: &Record, standing: JobStatus, failed: Vec<page::FailedObject>) -> Job {
    let seen = record.last_seen();
    let latest = record.latest().filter(|_| standing != JobStatus::Other);
    let reason = latest.and_then(|latest| latest.outcome.reason());
    Job {
        name: record.key.to_string(),
        id: record.accepted().map(|(_, job_id)| job_id.to_string()),
        standing,
        state: self::standing(record).0,
        submitted: submitted(record),
        started: seen.and_then(|seen| seen.started),
        ended: seen.and_then(|seen| seen.ended),
        objects: seen.and_then(Seen::counted),
        message: seen
            .and_then(|seen| seen.message.clone())
            .or(reason)
            .map(|message| failure_line(&message))
            .or_else(|| no_objects(record)),
        failed,
    }
}

fn submitted(record: &Record) -> Option<Timestamp> {
    record.latest().map(|latest| latest.intended_at)
}

fn workflow_ids(record: &Record) -> String {
    record.work.request.operation.workflow_ids.joined()
}

/// Whether everything that there is to know of its objects is known.
fn is_counted(record: &Record) -> bool {
    let seen = record.last_seen();
    seen.is_none_or(|seen| seen.counted().is_some_and(|objects| !objects.more))
}

fn workflows(records: &[Arc<Record>], standings: &[JobStatus]) -> Vec<Workflow> {
    let mut workflows: BTreeMap<String, Workflow> = BTreeMap::new();
    for (record, standing) in records.iter().zip(standings) {
        let ids = workflow_ids(record);
        let workflow = workflows.entry(ids.clone()).or_insert_with(|| Workflow {
            ids,
            name: None,
            jobs: 0,
            open: 0,
            failed: 0,
            objects: Objects::default(),
        });
        workflow.jobs += 1;
        workflow.open += usize::from(standing.is_open());
        workflow.failed += usize::from(standing.is_failure());
        let counted = record.last_seen().and_then(Seen::counted);
        workflow.objects = workflow.objects + counted.unwrap_or_default();
    }
    workflows.into_values().collect()
}

fn open(asked: AskedFor<'_>) -> Open {
    let plan = match asked {
        AskedFor::Plan(plan) => plan,
        AskedFor::Mistakes(number) => {
            let mistakes = count(number, "mistake", "mistakes");
            return Open {
                sentence: format!(
                    "The job files have {mistakes}, so this is unknown; `stocktake validate` \
                     shows them."
                ),
                ..Open::default()
            };
        }
    };
    let is_open = |job: &&DocumentJob| job.action != Action::Unchanged;
    let mut jobs: Vec<&DocumentJob> = plan.jobs.iter().filter(is_open).collect();
    jobs.sort_by_key(|job| job.action);
    let mut counts = words::counts(&plan.summary);
    if !plan.submits() {
        counts.insert(0, "nothing to submit".to_owned());
    }
    Open {
        sentence: format!("The plan: {}.", counts.join(", ")),
        blocked: plan
            .blocked
            .iter()
            .map(|blocked| blocked.message.clone())
            .collect(),
        total: jobs.len(),
        items: jobs.into_iter().take(page::JOBS).map(open_item).collect(),
    }
}

fn open_item(job: &DocumentJob) -> OpenItem {
    let action = match job.action {
        Action::Resolve => "look up",
        Action::Submit => "submit",
        Action::Resubmit => "submit again",
        Action::Renamed => "record the new name",
        Action::Unchanged => "nothing",
    };
    OpenItem {
        key: job.key.to_string(),
        action: action.to_owned(),
        reason: words::reason(job),
        place: format!("{}:{}", job.source.file, job.source.line),
    }
}
