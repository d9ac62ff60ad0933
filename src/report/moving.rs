//! Lines on a terminal that change in place.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use console::Term;
use unicode_width::UnicodeWidthStr;

use super::steering::styled;
use super::text::cut;

/// Lines at the end of standard error, which must be a terminal. Its size is measured at every
/// drawing: people change it meanwhile.
#[derive(Debug, Default)]
pub(super) struct MovingLines {
    /// Columns of the lines that are on the terminal.
    widths: Vec<usize>,
}

impl MovingLines {
    /// Shows these lines instead of the earlier ones: as many as there is room for, the last one
    /// always.
    pub(super) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let (rows, columns) = Term::stderr().size();
        // Text up to the last column makes some terminals go on to the next row.
        let width = usize::from(columns).saturating_sub(1).max(1);
        let room = usize::from(rows).saturating_sub(1).max(1);
        let (last, others) = match lines.split_last() {
            Some((last, others)) => (Some(last), &others[..others.len().min(room - 1)]),
            None => (None, lines),
        };
        let shown = others.iter().chain(last);
        let shown: Vec<String> = shown.map(|line| fitting(line, width)).collect();
        let mut text = erased(&self.widths, usize::from(columns));
        for line in &shown {
            text.push_str(line);
            text.push('\n');
        }
        self.widths = shown.iter().map(|line| line.width()).collect();
        // One write: nothing is seen between the old lines and the new ones.
        let mut terminal = io::stderr().lock();
        terminal.write_all(text.as_bytes())?;
        terminal.flush()
    }

    /// Takes the lines away.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        if self.widths.is_empty() {
            return Ok(());
        }
        self.draw(&[])
    }
}

fn fitting(line: &str, width: usize) -> String {
    let line = styled(line.trim_end());
    if line.width() <= width {
        line
    } else {
        cut(&line, width)
    }
}

/// What takes lines of these widths away, with the cursor below them. A terminal that has become
/// narrower has broken them into several rows each.
fn erased(widths: &[usize], columns: usize) -> String {
    let columns = columns.max(1);
    let rows: usize = widths
        .iter()
        .map(|width| width.div_ceil(columns).max(1))
        .sum();
    let mut text = String::new();
    if rows > 0 {
        // Writing to a string cannot fail.
        let _ = write!(text, "\r\x1b[{rows}A\x1b[J");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{erased, fitting};

    #[test]
    fn what_was_wider_takes_several_rows_now() {
        assert_eq!(erased(&[], 80), "");
        assert_eq!(erased(&[49, 0, 30], 80), "\r\x1b[3A\x1b[J");
        assert_eq!(erased(&[49, 0, 30], 30), "\r\x1b[4A\x1b[J");
    }

    #[test]
    fn a_line_fits_and_cannot_steer() {
        assert_eq!(fitting("abc   ", 4), "abc");
        assert_eq!(fitting("视频视频", 5), "视频…");
        assert!(!fitting("a\u{1b}[2Jb", 10).contains('\u{1b}'));
    }
}
