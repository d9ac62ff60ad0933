//! How far the counting of objects is: a moving line on a terminal, a line now and then elsewhere.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::progress::{LINE_EVERY, style};
use super::ui::Ui;
use crate::estimate::Reading;
use crate::figures::grouped_large;

/// Shows how far the counting is.
#[derive(Debug)]
pub struct Counting {
    ui: Ui,
    bar: Option<ProgressBar>,
    last_line: Instant,
}

impl Counting {
    /// Begins to show it.
    pub fn new(ui: Ui) -> Self {
        let bar = ui.draws_progress().then(|| {
            let bar = ProgressBar::new_spinner().with_style(style("{spinner} {wide_msg}"));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self {
            ui,
            bar,
            last_line: Instant::now(),
        }
    }

    /// Shows how far it is.
    pub fn show(&mut self, reading: Reading) {
        if let Some(bar) = &self.bar {
            bar.set_message(words(reading));
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            // A closed terminal is no reason to stop counting.
            let _ = self.ui.note(words(reading));
        }
    }

    /// Takes the line away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn words(reading: Reading) -> String {
    let [objects, ended, lists] =
        [reading.objects, reading.ended, reading.lists].map(grouped_large);
    format!("counting: {objects} objects so far, {ended} of {lists} lists read")
}

#[cfg(test)]
mod tests {
    use super::words;
    use crate::estimate::Reading;

    #[test]
    fn the_line_says_how_far_it_is() {
        let reading = Reading {
            lists: 12,
            ended: 3,
            objects: 1_234_567,
        };
        let line = "counting: 1,234,567 objects so far, 3 of 12 lists read";
        assert_eq!(words(reading), line);
    }
}
