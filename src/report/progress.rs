//! Those who wait see bars on a terminal, and a line now and then elsewhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use unicode_width::UnicodeWidthStr;

use super::status;
use super::table::{count, grouped};
use super::text::fit;
use super::ui::Ui;
use crate::state::{Record, Seen};
use crate::status::{Event, Trouble, may_change};

/// Jobs that have a bar of their own each; more of them share one.
const BARS: usize = 12;
/// Columns of a job's bar that are not for its key: what moves, its state, and its counts.
const BESIDE_KEY: usize = 45;
/// However narrow the terminal is, a key gets as many columns.
const SHORTEST_KEY: usize = 12;
/// How often a line is written where there is no terminal.
pub(super) const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows what happens while somebody waits.
#[derive(Debug)]
pub struct Progress {
    ui: Ui,
    bars: Option<Bars>,
    last_line: Instant,
    in_trouble: bool,
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
            in_trouble: false,
        }
    }

    /// Shows one event. A closed terminal is no reason to stop waiting.
    pub fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Changed(record) => {
                self.in_trouble = false;
                if let Some(line) = status::ending(record) {
                    self.say(&line);
                }
            }
            Event::Trouble(troubles) => self.trouble(troubles),
            Event::Tick(records) => self.tick(records),
        }
    }

    /// An outage is one message, however often it is noticed.
    fn trouble(&mut self, troubles: &[Trouble]) {
        if let Some(first) = troubles.first().filter(|_| !self.in_trouble) {
            self.say(&format!("{first}; going on asking"));
        }
        self.in_trouble = true;
    }

    fn tick(&mut self, records: &[Arc<Record>]) {
        if let Some(bars) = &self.bars {
            bars.show(records);
        } else if self.ui.draws_line() {
            let _ = self.ui.transient(&summary(records));
        } else if self.last_line.elapsed() >= LINE_EVERY {
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
        let room = width.saturating_sub(BESIDE_KEY).max(SHORTEST_KEY);
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

pub(super) fn style(template: &str) -> ProgressStyle {
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
