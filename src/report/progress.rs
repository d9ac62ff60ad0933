//! Progress: lines that move on a terminal, a line every ten seconds elsewhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use unicode_width::UnicodeWidthStr;

use super::moving::MovingLines;
use super::status;
use super::table::{count, grouped};
use super::text::fit;
use super::ui::Ui;
use crate::estimate::Snapshot;
use crate::state::{Record, Seen};
use crate::status::{Event, PollError, may_change};
use crate::units::{duration, grouped_large};

/// Jobs that have a line of their own each; of more there is one line.
const LINES: usize = 12;
/// Columns of a job's line that are not for its key: what moves, its state, and its counts.
const BESIDE_KEY: usize = 45;
/// However narrow the terminal is, a key gets as many columns.
const MIN_KEY_WIDTH: usize = 12;
/// Columns of the bar.
const BAR: usize = 30;
/// A line of an activity changes no more often.
const REDRAWN: Duration = Duration::from_millis(100);
/// What moves beside the state of a job that has not ended.
const SPINNER: [char; 8] = ['⠁', '⠂', '⠄', '⡀', '⢀', '⠠', '⠐', '⠈'];

/// Shows the progress of one activity.
#[derive(Debug)]
pub struct ProgressLine {
    ui: Ui,
    line: MovingLines,
    /// When something was shown.
    last_shown: Instant,
}

impl ProgressLine {
    /// Begins without a line.
    pub fn new(ui: Ui) -> Self {
        Self {
            ui,
            line: MovingLines::default(),
            last_shown: Instant::now(),
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
        let is_moving = self.ui.draws_progress();
        let interval = if is_moving {
            REDRAWN
        } else {
            self.ui.progress_interval()
        };
        if self.last_shown.elapsed() < interval {
            return;
        }
        self.last_shown = Instant::now();
        let _ = if is_moving {
            self.line.draw(&[text])
        } else {
            self.ui.note(text)
        };
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        let _ = self.line.clear();
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

/// A line for each job, and a bar for all.
#[derive(Debug)]
struct Bars {
    lines: MovingLines,
    /// Columns of a key.
    key_width: usize,
    has_own: bool,
    begun: Instant,
    drawings: usize,
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
            Event::Ending(_) | Event::Recorded => {}
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
        if let Some(bars) = &mut self.bars {
            let _ = bars.draw(records);
        } else if self.ui.draws_line() {
            let _ = self.ui.transient(&summary(records));
        } else if self.last_line.elapsed() >= self.ui.progress_interval() {
            self.last_line = Instant::now();
            self.say(&summary(records));
        }
    }

    /// Says something above what moves, which the next tick draws again.
    fn say(&mut self, line: &str) {
        if let Some(bars) = &mut self.bars {
            let _ = bars.lines.clear();
        }
        let _ = self.ui.note(line);
    }
}

impl Drop for Progress {
    /// Takes away what moves, also where the wait was given up.
    fn drop(&mut self) {
        if let Some(bars) = &mut self.bars {
            let _ = bars.lines.clear();
        } else if self.ui.draws_line() {
            let _ = self.ui.transient("");
        }
    }
}

impl Bars {
    /// For a terminal of that width.
    fn new(records: &[Arc<Record>], width: usize) -> Self {
        let keys = records.iter().map(|record| record.key.as_str().width());
        let room = width.saturating_sub(BESIDE_KEY).max(MIN_KEY_WIDTH);
        Self {
            lines: MovingLines::default(),
            key_width: keys.max().unwrap_or_default().min(room),
            has_own: records.len() <= LINES,
            begun: Instant::now(),
            drawings: 0,
        }
    }

    fn draw(&mut self, records: &[Arc<Record>]) -> std::io::Result<()> {
        self.drawings += 1;
        let spinner = SPINNER[self.drawings % SPINNER.len()];
        let own = if self.has_own { records } else { &[] };
        let job = |record: &Arc<Record>| {
            let moves = if may_change(record) { spinner } else { ' ' };
            let (word, _) = status::state(record);
            let objects = record.last_seen().and_then(Seen::counted);
            let objects = objects.map(status::objects).unwrap_or_default();
            let key = fit(record.key.as_str(), self.key_width);
            format!("{moves} {word:<9}  {key}  {objects}")
        };
        let mut lines: Vec<String> = own.iter().map(job).collect();
        lines.push(self.total(records));
        self.lines.draw(&lines)
    }

    fn total(&self, records: &[Arc<Record>]) -> String {
        let (ended, all) = (ended(records), records.len());
        let filled = (BAR * ended).checked_div(all).unwrap_or(BAR);
        let bar = "█".repeat(filled) + &"░".repeat(BAR - filled);
        let elapsed = i64::try_from(self.begun.elapsed().as_secs()).unwrap_or(i64::MAX);
        format!(
            "{bar} {}/{} jobs  {}  {}",
            grouped(ended),
            grouped(all),
            duration(elapsed),
            status::objects(status::all_objects(records))
        )
    }
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
