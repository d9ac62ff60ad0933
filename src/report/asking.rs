//! How far asking about many jobs has got: a bar on a terminal, a line now and then elsewhere.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::progress::{LINE_EVERY, style};
use super::table::{count, grouped};
use super::ui::Ui;

/// Shows how many jobs the service has answered for.
#[derive(Debug)]
pub struct Asking {
    ui: Ui,
    jobs: usize,
    bar: Option<ProgressBar>,
    last_line: Instant,
}

impl Asking {
    /// Begins to ask about so many jobs.
    pub fn new(ui: Ui, jobs: usize) -> Self {
        let bar = ui.draws_progress().then(|| {
            let style =
                style("asking the service  {bar:30} {human_pos}/{human_len} jobs  {elapsed}");
            let bar = ProgressBar::new(jobs as u64).with_style(style);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self {
            ui,
            jobs,
            bar,
            last_line: Instant::now(),
        }
    }

    /// So many are answered. A closed terminal is no reason to stop asking.
    pub fn answered(&mut self, answered: usize) {
        if let Some(bar) = &self.bar {
            bar.set_position(answered as u64);
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            let (answered, jobs) = (grouped(answered), count(self.jobs, "job", "jobs"));
            let _ = self
                .ui
                .note(format!("the service answered for {answered} of {jobs}"));
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
