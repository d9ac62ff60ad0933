//! Where on a line of time each job lies: percentages, so that the drawing fits any width.

use jiff::Timestamp;
use serde::Serialize;

use super::Job;
use crate::api::time::CHINA_STANDARD_TIME;
use crate::job_status::JobStatus;

/// The most jobs that are drawn.
pub(super) const ROWS: usize = 30;

/// Marks are as far apart as the first of these seconds that leaves no more than [`MARKS`] of them.
const STEPS: [i64; 19] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400,
    604_800,
];
const MARKS: i64 = 4;
const DAY: i64 = 86_400;

/// A bar that is too short to be seen is drawn this long, in per cent.
const MIN_WIDTH: f64 = 0.5;

/// A drawing of jobs over time.
#[derive(Debug)]
pub(super) struct Timeline {
    /// The first and the last moment of it.
    pub(super) range: (Timestamp, Timestamp),
    /// Moments with a name.
    pub(super) marks: Vec<Mark>,
    /// The jobs: their place in the list that they were taken from, and in time.
    pub(super) rows: Vec<(usize, Bar)>,
}

/// A moment with a name.
#[derive(Debug, Serialize)]
pub(super) struct Mark {
    /// How far to the right.
    pub(super) at: f64,
    /// Its name.
    pub(super) label: String,
    /// Which side of the name is there: `start`, `middle`, `end`.
    pub(super) anchor: &'static str,
}

/// A job's stretch of time, in per cent of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Bar {
    /// Where the job was submitted.
    pub(super) wait: f64,
    /// How long it waited.
    pub(super) wait_width: f64,
    /// Where it began to run.
    pub(super) start: f64,
    /// How long it ran.
    pub(super) width: f64,
}

/// Draws the jobs that are under way, and of the others the latest; in the order in which they
/// began. None of them may have begun: then there is nothing to draw.
pub(super) fn draw(jobs: &[Job], now: Timestamp) -> Option<Timeline> {
    let mut drawn: Vec<(usize, Stretch)> = jobs
        .iter()
        .enumerate()
        .filter_map(|(index, job)| Some((index, Stretch::of(job, now)?)))
        .collect();
    drawn.sort_by_key(|(index, stretch)| {
        let is_running = jobs[*index].standing == JobStatus::Running;
        (!is_running, std::cmp::Reverse(stretch.begun))
    });
    drawn.truncate(ROWS);
    drawn.sort_by_key(|(index, stretch)| (stretch.begun, stretch.ended, *index));
    let first = drawn.iter().map(|(_, stretch)| stretch.known).min()?;
    let last = drawn.iter().map(|(_, stretch)| stretch.ended).max()?;
    let (first, last) = (
        first.as_second(),
        last.as_second().max(first.as_second() + 1),
    );
    let scale = Scale { first, last };
    Some(Timeline {
        range: (moment(first), moment(last)),
        marks: scale.marks(),
        rows: drawn
            .iter()
            .map(|(index, stretch)| (*index, scale.bar(stretch)))
            .collect(),
    })
}

/// When a job was submitted, began and ended.
struct Stretch {
    known: Timestamp,
    begun: Timestamp,
    ended: Timestamp,
}

impl Stretch {
    fn of(job: &Job, now: Timestamp) -> Option<Self> {
        let begun = job.started?;
        let ended = match job.ended {
            Some(ended) => ended,
            None if job.standing.is_open() => now,
            None => begun,
        };
        let ended = ended.max(begun);
        // Two clocks may disagree about the order.
        let known = job.submitted.unwrap_or(begun).min(begun);
        Some(Self {
            known,
            begun,
            ended,
        })
    }
}

/// From seconds to per cent.
struct Scale {
    first: i64,
    last: i64,
}

impl Scale {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a place on a drawing needs no more than a few digits"
    )]
    fn place(&self, second: i64) -> f64 {
        let share = (second - self.first) as f64 / (self.last - self.first) as f64;
        (share * 10_000.0).round() / 100.0
    }

    fn bar(&self, stretch: &Stretch) -> Bar {
        let wait = self.place(stretch.known.as_second());
        let end = self.place(stretch.ended.as_second());
        let start = self.place(stretch.begun.as_second()).min(100.0 - MIN_WIDTH);
        Bar {
            wait,
            wait_width: (start - wait).max(0.0),
            start,
            width: (end - start).max(MIN_WIDTH),
        }
    }

    fn marks(&self) -> Vec<Mark> {
        let length = self.last - self.first;
        let fitting = STEPS.iter().find(|step| length / **step <= MARKS);
        // Beyond some weeks, whole weeks that leave few enough marks.
        let weeks = (length / (7 * DAY * MARKS) + 1) * 7 * DAY;
        let step = fitting.copied().unwrap_or(weeks);
        let form = match (length, step) {
            (_, DAY..) => "%m-%d",
            (DAY.., _) => "%m-%d %H:%M",
            (_, 60..) => "%H:%M",
            _ => "%H:%M:%S",
        };
        let offset = i64::from(CHINA_STANDARD_TIME.seconds());
        let mut second = (self.first + offset).div_euclid(step) * step - offset;
        let mut marks = Vec::new();
        while second <= self.last {
            if second >= self.first {
                marks.push(self.mark(second, form));
            }
            second += step;
        }
        marks
    }

    fn mark(&self, second: i64, form: &str) -> Mark {
        let at = self.place(second);
        let local = CHINA_STANDARD_TIME.to_datetime(moment(second));
        Mark {
            at,
            label: local.strftime(form).to_string(),
            anchor: match at {
                ..10.0 => "start",
                90.0.. => "end",
                _ => "middle",
            },
        }
    }
}

fn moment(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or_default()
}
