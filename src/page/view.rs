//! The page's data as its template writes it: every number and moment a text, long lists cut.

use jiff::Timestamp;
use serde::Serialize;

use super::security::policy;
use super::timeline::{self, Bar, Mark, ROWS};
use super::{FAILED_JOBS, FAILED_OBJECTS, FailedObject, JOBS, Job, Open, OpenItem, Page, Workflow};
use crate::api::time::CHINA_STANDARD_TIME;
use crate::job_status::{JobStatus, Objects};
use crate::units::{count, duration, grouped};

/// The longest message, in characters.
const MESSAGE: usize = 600;
/// The longest name, in characters; a name of the API has 128, an object's key 850 bytes.
const NAME: usize = 900;
/// The most workflows, findings and open jobs.
const ENTRIES: usize = 200;
/// The height of a job in the drawing of time, and of what stands above all of them.
const ROW_HEIGHT: usize = 34;
const AXIS_HEIGHT: usize = 22;

/// Everything that the template writes.
#[derive(Serialize)]
pub(super) struct View<'a> {
    title: String,
    subject: &'a str,
    policy: &'static str,
    written: Moment,
    refresh: Option<u64>,
    sentence: String,
    tiles: Vec<Tile>,
    timeline: Option<Drawing<'a>>,
    failures: Vec<Row<'a>>,
    more_failures: Option<String>,
    open: Option<OpenView<'a>>,
    workflows: Vec<WorkflowRow<'a>>,
    more_workflows: Option<String>,
    counts_every_run: bool,
    jobs: Vec<Row<'a>>,
    more_jobs: Option<String>,
}

/// A moment for people and for programs.
#[derive(Serialize)]
struct Moment {
    text: String,
    machine: String,
}

/// A number and what it is of.
#[derive(Serialize)]
struct Tile {
    number: String,
    word: String,
    tone: &'static str,
}

#[derive(Serialize)]
struct Drawing<'a> {
    height: usize,
    from: Moment,
    until: Moment,
    marks: Vec<Mark>,
    rows: Vec<DrawnRow<'a>>,
    more: Option<String>,
}

#[derive(Serialize)]
struct DrawnRow<'a> {
    name: Name<'a>,
    state: &'a str,
    tone: &'static str,
    sign: &'static str,
    took: String,
    bar: Bar,
    /// Where the row begins, from the top.
    top: usize,
}

/// A text that somebody chose, and its beginning if it is long.
#[derive(Serialize)]
struct Name<'a> {
    full: &'a str,
    short: &'a str,
    is_cut: bool,
}

#[derive(Serialize)]
struct Row<'a> {
    name: Name<'a>,
    id: Option<&'a str>,
    state: &'a str,
    tone: &'static str,
    sign: &'static str,
    submitted: Option<Moment>,
    took: Option<String>,
    objects: Option<ObjectsView>,
    message: Option<Name<'a>>,
    failed: Vec<FailedView<'a>>,
    more_failed: Option<String>,
    /// Tells the row apart while the page is renewed.
    anchor: String,
}

#[derive(Serialize)]
struct FailedView<'a> {
    name: Name<'a>,
    message: Option<Name<'a>>,
}

#[derive(Serialize)]
struct ObjectsView {
    text: String,
    /// Ended and all, for a job that is under way.
    progress: Option<(u64, u64)>,
    failed: Option<String>,
}

#[derive(Serialize)]
struct WorkflowRow<'a> {
    ids: Name<'a>,
    name: Option<Name<'a>>,
    jobs: String,
    open: String,
    failed: usize,
    failed_text: String,
    objects: String,
    objects_failed: u64,
    objects_failed_text: String,
}

#[derive(Serialize)]
struct OpenView<'a> {
    sentence: &'a str,
    blocked: Vec<Name<'a>>,
    more_blocked: Option<String>,
    items: Vec<OpenRow<'a>>,
    more_items: Option<String>,
}

#[derive(Serialize)]
struct OpenRow<'a> {
    key: Name<'a>,
    action: &'a str,
    reason: &'a str,
    place: &'a str,
}

/// What the template writes of a page.
pub(super) fn view(page: &Page) -> View<'_> {
    let jobs: Vec<&Job> = page.jobs.iter().take(JOBS).collect();
    let number: usize = page.counts.iter().map(|(_, number)| number).sum();
    let failures = jobs.iter().filter(|job| job.standing.is_failure());
    let failures: Vec<Row<'_>> = failures
        .take(FAILED_JOBS)
        .map(|job| row(job, page.written))
        .collect();
    let failed = page
        .counts
        .iter()
        .filter(|(standing, _)| standing.is_failure());
    let failed: usize = failed.map(|(_, number)| number).sum();
    View {
        title: title(page, number),
        subject: &page.subject,
        policy: policy(page.refresh.is_some()),
        written: moment(page.written),
        refresh: page.refresh.map(|refresh| refresh.as_secs().max(1)),
        sentence: sentence(page, number),
        tiles: tiles(page),
        timeline: drawing(page, number),
        more_failures: more(failed, failures.len(), "failed job", "failed jobs"),
        failures,
        open: page.open.as_ref().map(open),
        more_workflows: more(page.workflows.len(), ENTRIES, "workflow", "workflows"),
        workflows: page.workflows.iter().take(ENTRIES).map(workflow).collect(),
        counts_every_run: page.counts_every_run,
        more_jobs: more(number, jobs.len(), "job", "jobs"),
        jobs: jobs.into_iter().map(|job| row(job, page.written)).collect(),
    }
}

fn title(page: &Page, number: usize) -> String {
    let worth =
        |standing: &JobStatus| *standing != JobStatus::Done && *standing != JobStatus::Other;
    let parts: Vec<String> = counts(page, worth).collect();
    let jobs = count(number, "job", "jobs");
    let parts = if parts.is_empty() {
        jobs
    } else {
        format!("{} of {jobs}", parts.join(", "))
    };
    format!("{parts} · {} · stocktake", page.subject)
}

fn sentence(page: &Page, number: usize) -> String {
    if number == 0 {
        return "No job yet.".to_owned();
    }
    let parts: Vec<String> = counts(page, |_| true).collect();
    format!("{}: {}.", count(number, "job", "jobs"), parts.join(", "))
}

/// `2 running`, for each that is not zero.
fn counts(page: &Page, is_wanted: impl Fn(&JobStatus) -> bool) -> impl Iterator<Item = String> {
    let wanted = page
        .counts
        .iter()
        .filter(move |(standing, number)| *number > 0 && is_wanted(standing));
    wanted.map(|(standing, number)| format!("{} {}", grouped(*number), standing.word()))
}

fn tiles(page: &Page) -> Vec<Tile> {
    let shown = page.counts.iter().filter(|(_, number)| *number > 0);
    let mut tiles: Vec<Tile> = shown
        .map(|(standing, number)| Tile {
            number: grouped(*number),
            word: format!("{} {}", standing.sign(), standing.word()),
            tone: tone(*standing),
        })
        .collect();
    let objects: Objects = page.workflows.iter().map(|workflow| workflow.objects).sum();
    for (number, word, tone) in [
        (objects.succeeded, "objects done", "quiet"),
        (objects.failed, "objects failed", "bad"),
    ] {
        if number > 0 {
            tiles.push(Tile {
                number: big(number),
                word: word.to_owned(),
                tone,
            });
        }
    }
    tiles
}

fn drawing(page: &Page, number: usize) -> Option<Drawing<'_>> {
    let drawn = timeline::draw(&page.jobs, page.written)?;
    let rows: Vec<DrawnRow<'_>> = drawn
        .rows
        .iter()
        .enumerate()
        .map(|(line, (index, bar))| {
            let job = &page.jobs[*index];
            DrawnRow {
                name: name(&job.name, NAME),
                state: &job.state,
                tone: tone(job.standing),
                sign: job.standing.sign(),
                took: took(job, page.written).unwrap_or_default(),
                bar: *bar,
                top: AXIS_HEIGHT + line * ROW_HEIGHT,
            }
        })
        .collect();
    let more = (number > rows.len() && rows.len() == ROWS)
        .then(|| more(number, rows.len(), "job", "jobs"))
        .flatten();
    Some(Drawing {
        height: AXIS_HEIGHT + rows.len() * ROW_HEIGHT,
        from: moment(drawn.range.0),
        until: moment(drawn.range.1),
        marks: drawn.marks,
        rows,
        more,
    })
}

fn row(job: &Job, now: Timestamp) -> Row<'_> {
    let failed = job.failed.iter().take(FAILED_OBJECTS);
    let failed: Vec<FailedView<'_>> = failed.map(failed_object).collect();
    let known = job.objects.map_or(0, |objects| objects.failed);
    let known = usize::try_from(known).unwrap_or(usize::MAX);
    Row {
        name: name(&job.name, NAME),
        id: job.id.as_deref(),
        state: &job.state,
        tone: tone(job.standing),
        sign: job.standing.sign(),
        submitted: job.submitted.map(moment),
        took: took(job, now),
        objects: job.objects.map(|counted| objects(counted, job.standing)),
        message: job.message.as_deref().map(|message| name(message, MESSAGE)),
        more_failed: more(known, failed.len(), "object", "objects").filter(|_| !failed.is_empty()),
        failed,
        anchor: format!("of-{}", job.id.as_deref().unwrap_or(&job.name)),
    }
}

fn failed_object(object: &FailedObject) -> FailedView<'_> {
    FailedView {
        name: name(&object.name, NAME),
        message: object
            .message
            .as_deref()
            .map(|message| name(message, MESSAGE)),
    }
}

fn objects(objects: Objects, standing: JobStatus) -> ObjectsView {
    let least = if objects.more { "at least " } else { "" };
    let ended = objects.succeeded + objects.failed;
    ObjectsView {
        text: format!(
            "{least}{} of {} done",
            big(objects.succeeded),
            big(objects.total)
        ),
        progress: (standing.is_open() && objects.total > 0).then_some((ended, objects.total)),
        failed: (objects.failed > 0).then(|| format!("{} failed", big(objects.failed))),
    }
}

fn workflow(workflow: &Workflow) -> WorkflowRow<'_> {
    let least = if workflow.objects.more {
        "at least "
    } else {
        ""
    };
    WorkflowRow {
        ids: name(&workflow.ids, NAME),
        name: workflow.name.as_deref().map(|text| name(text, NAME)),
        jobs: grouped(workflow.jobs),
        open: grouped(workflow.open),
        failed: workflow.failed,
        failed_text: grouped(workflow.failed),
        objects: format!("{least}{}", big(workflow.objects.succeeded)),
        objects_failed: workflow.objects.failed,
        objects_failed_text: big(workflow.objects.failed),
    }
}

fn open(open: &Open) -> OpenView<'_> {
    OpenView {
        sentence: &open.sentence,
        blocked: open
            .blocked
            .iter()
            .take(ENTRIES)
            .map(|text| name(text, MESSAGE))
            .collect(),
        more_blocked: more(open.blocked.len(), ENTRIES, "finding", "findings"),
        items: open.items.iter().take(ENTRIES).map(open_row).collect(),
        more_items: more(open.total, open.items.len().min(ENTRIES), "job", "jobs"),
    }
}

fn open_row(item: &OpenItem) -> OpenRow<'_> {
    OpenRow {
        key: name(&item.key, NAME),
        action: &item.action,
        reason: &item.reason,
        place: &item.place,
    }
}

/// `and 12 more jobs`, if not all are shown.
fn more(all: usize, shown: usize, one: &str, many: &str) -> Option<String> {
    let left = all.saturating_sub(shown);
    let (one, many) = (format!("more {one}"), format!("more {many}"));
    (left > 0).then(|| format!("and {}", count(left, &one, &many)))
}

fn name(full: &str, limit: usize) -> Name<'_> {
    let end = full.char_indices().nth(limit).map(|(end, _)| end);
    Name {
        full,
        short: &full[..end.unwrap_or(full.len())],
        is_cut: end.is_some(),
    }
}

/// How long a job ran, or has been running.
fn took(job: &Job, now: Timestamp) -> Option<String> {
    let ended = job
        .ended
        .or_else(|| job.standing.is_open().then_some(now))?;
    Some(duration(ended.as_second() - job.started?.as_second()))
}

fn moment(moment: Timestamp) -> Moment {
    let local = CHINA_STANDARD_TIME.to_datetime(moment);
    Moment {
        text: local.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        machine: local.strftime("%Y-%m-%dT%H:%M:%S+08:00").to_string(),
    }
}

fn big(number: u64) -> String {
    grouped(usize::try_from(number).unwrap_or(usize::MAX))
}

fn tone(standing: JobStatus) -> &'static str {
    match standing {
        JobStatus::Unresolved | JobStatus::Failed | JobStatus::Rejected => "bad",
        JobStatus::Running => "busy",
        JobStatus::Waiting => "waiting",
        JobStatus::Done => "good",
        JobStatus::Cancelled | JobStatus::Other => "quiet",
    }
}
