//! Progress: bars or one moving line on a terminal, a line every ten seconds elsewhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use unicode_width::UnicodeWidthStr;

use super::status;
use super::table::{count, grouped};
use super::text::fit;
use super::ui::Ui;
use crate::estimate::Snapshot;
use crate::state::{Record, Seen};
use crate::status::{Event, PollError, may_change};
use crate::units::grouped_large;

/// Jobs that have a bar of their own each; more of them share one.
const BARS: usize = 12;
/// Columns of a job's bar that are not for its key: what moves, its state, and its counts.
const BESIDE_KEY: usize = 45;
/// However narrow the terminal is, a key gets as many columns.
const MIN_KEY_WIDTH: usize = 12;

/// Shows the progress of one activity.
#[derive(Debug)]
pub struct ProgressLine {
    ui: Ui,
    line: Option<ProgressBar>,
    last_line: Instant,
}

impl ProgressLine {
    /// Begins with an empty line.
    pub fn new(ui: Ui) -> Self {
        let line = ui.draws_progress().then(|| {
            let line = ProgressBar::new_spinner().with_style(style("{spinner} {wide_msg}"));
            line.enable_steady_tick(Duration::from_millis(200));
            line
        });
        Self {
            ui,
            line,
            last_line: Instant::now(),
        }
    }

    /// Shows how many jobs the service has answered for.
    pub fn answered(&mut self, answered: usize, jobs: usize) {
        let (answered, jobs) = (grouped(answered), count(jobs, "job", "jobs"));
        self.show(format!("the service answered for {answered} of {jobs}"));
    }

    /// Shows how many objects were counted.
    pub fn counted(&mut self, counted: Snapshot) {
        self.show(counting(counted));
    }

    /// A closed terminal is no reason to stop the work.
    fn show(&mut self, text: String) {
        if let Some(line) = &self.line {
            line.set_message(text);
        } else if self.last_line.elapsed() >= self.ui.progress_interval() {
            self.last_line = Instant::now();
            let _ = self.ui.note(text);
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
    }
}

fn counting(counted: Snapshot) -> String {
    let [objects, ended, lists] =
        [counted.objects, counted.ended, counted.lists].map(grouped_large);
    format!("counting: {objects} objects so far, {ended} of {lists} lists read")
}

/// Shows what happens while somebody waits.
#[derive(Debug)]
pub struct Progress {
    ui: Ui,
    bars: Option<Bars>,
    last_line: Instant,
    is_down: bool,
}

#[derive(Debug)]
struct Bars {
    all: MultiProgress,
    jobs: Vec<ProgressBar>,
    /// Columns of a key.
    key_width: usize,
    total: ProgressBar,
}

impl Progress {
    /// Begins to show the way of `records`.
    pub fn new(ui: Ui, records: &[Arc<Record>]) -> Self {
        Self {
            ui,
            bars: ui
                .draws_progress()
                .then(|| Bars::new(records, ui.look().width)),
            last_line: Instant::now(),
            is_down: false,
        }
    }

    /// Shows one event. A closed terminal is no reason to stop waiting.
    pub fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Changed(record) => {
                self.is_down = false;
                if let Some(line) = status::ending(record) {
                    self.say(&line);
                }
            }
            Event::Unanswered(errors) => self.unanswered(errors),
            Event::Tick(records) => self.tick(records),
        }
    }

    /// An outage is one message, however often it is noticed.
    fn unanswered(&mut self, errors: &[PollError]) {
        if let Some(first) = errors.first().filter(|_| !self.is_down) {
            self.say(&format!("{first}; going on asking"));
        }
        self.is_down = true;
    }

    fn tick(&mut self, records: &[Arc<Record>]) {
        if let Some(bars) = &self.bars {
            bars.show(records);
        } else if self.ui.draws_line() {
            let _ = self.ui.transient(&summary(records));
        } else if self.last_line.elapsed() >= self.ui.progress_interval() {
            self.last_line = Instant::now();
            self.say(&summary(records));
        }
    }

    fn say(&self, line: &str) {
        let say = || {
            let _ = self.ui.note(line);
        };
        match &self.bars {
            Some(bars) => bars.all.suspend(say),
            None => say(),
        }
    }
}

impl Drop for Progress {
    /// Takes away what moves, also where the wait was given up.
    fn drop(&mut self) {
        if let Some(bars) = &self.bars {
            let _ = bars.all.clear();
        } else if self.ui.draws_line() {
            let _ = self.ui.transient("");
        }
    }
}

impl Bars {
    /// For a terminal of that width.
    fn new(records: &[Arc<Record>], width: usize) -> Self {
        let all = MultiProgress::new();
        let spinner = style("{spinner} {wide_msg}");
        let own = if records.len() <= BARS { records } else { &[] };
        let job = |_: &Arc<Record>| {
            let bar = all.add(ProgressBar::new_spinner().with_style(spinner.clone()));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        };
        let jobs = own.iter().map(job).collect();
        let keys = own.iter().map(|record| record.key.as_str().width());
        let room = width.saturating_sub(BESIDE_KEY).max(MIN_KEY_WIDTH);
        let total = ProgressBar::new(records.len() as u64);
        let total = all.add(total.with_style(style(
            "{bar:30} {human_pos}/{human_len} jobs  {elapsed}  {wide_msg}",
        )));
        Self {
            all,
            jobs,
            key_width: keys.max().unwrap_or_default().min(room),
            total,
        }
    }

    fn show(&self, records: &[Arc<Record>]) {
        for (bar, record) in self.jobs.iter().zip(records) {
            let (word, _) = status::state(record);
            let objects = record.last_seen().and_then(Seen::counted);
            let objects = objects.map(status::objects).unwrap_or_default();
            let key = fit(record.key.as_str(), self.key_width);
            bar.set_message(format!("{word:<9}  {key}  {objects}"));
            if !may_change(record) {
                bar.finish();
            }
        }
        self.total.set_position(ended(records) as u64);
        self.total
            .set_message(status::objects(status::all_objects(records)));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn summary(records: &[Arc<Record>]) -> String {
    let ended = grouped(ended(records));
    let jobs = count(records.len(), "job has", "jobs have");
    format!(
        "{ended} of {jobs} ended; objects: {}",
        status::objects(status::all_objects(records))
    )
}

fn ended(records: &[Arc<Record>]) -> usize {
    records.iter().filter(|record| !may_change(record)).count()
}

#[cfg(test)]
mod tests {
    use super::counting;
    use crate::estimate::Snapshot;

    #[test]
    fn the_line_has_counts_of_objects_and_lists() {
        let counted = Snapshot {
            lists: 12,
            ended: 3,
            objects: 1_234_567,
        };
        let line = "counting: 1,234,567 objects so far, 3 of 12 lists read";
        assert_eq!(counting(counted), line);
    }
}
