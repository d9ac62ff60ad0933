//! Columns of text, aligned by the width that a terminal gives each character.

use std::io::{self, Write};

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use super::text::clean;
pub(super) use crate::units::{count, grouped};

/// A cell: its text, and how it looks.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>, style: Style) -> Self {
        Self {
            text: clean(&text.into()),
            style,
        }
    }

    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Style::new())
    }
}

/// Writes rows with two spaces between columns and none after the last one.
pub(super) fn write(out: &mut dyn Write, indent: usize, rows: &[Vec<Cell>]) -> io::Result<()> {
    let widths = widths(rows);
    rows.iter()
        .try_for_each(|row| line(out, indent, row, &widths))
}

/// Writes rows so that no line is wider than `width`, where that can be done: a first cell that would
/// make one too wide stands on a line of its own.
pub(super) fn write_within(
    out: &mut dyn Write,
    rows: &[Vec<Cell>],
    width: usize,
) -> io::Result<()> {
    let mut widths = widths(rows);
    let rest: usize = widths.iter().skip(1).map(|width| width + GAP).sum();
    let room = width.saturating_sub(rest).max(MIN_INDENT);
    let Some(first) = widths.first_mut() else {
        return Ok(());
    };
    *first = (*first).min(room);
    for row in rows {
        match row.split_first() {
            Some((first, rest)) if first.text.width() > room => {
                line(out, 0, std::slice::from_ref(first), &widths)?;
                let rest: Vec<Cell> = [Cell::plain("")].iter().chain(rest).cloned().collect();
                line(out, 0, &rest, &widths)?;
            }
            _ => line(out, 0, row, &widths)?,
        }
    }
    Ok(())
}

const GAP: usize = 2;
/// What stands below a first cell that has a line of its own is indented at least so much.
const MIN_INDENT: usize = 4;

fn widths(rows: &[Vec<Cell>]) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut widths = vec![0; columns];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.text.width().max(*width);
        }
    }
    widths
}

fn line(out: &mut dyn Write, indent: usize, row: &[Cell], widths: &[usize]) -> io::Result<()> {
    write!(out, "{:indent$}", "")?;
    for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
        let Cell { text, style } = cell;
        write!(out, "{style}{text}{style:#}")?;
        if column + 1 < row.len() {
            let gap = width.saturating_sub(text.width()) + GAP;
            write!(out, "{:gap$}", "")?;
        }
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::{Cell, write, write_within};

    #[test]
    fn wide_characters_take_two_columns() {
        let rows = [["视频", "a"], ["key", "b"]].map(|row| row.map(Cell::plain).to_vec());
        let mut text = Vec::new();
        write(&mut text, 2, &rows).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "  视频  a\n  key   b\n");
    }

    #[test]
    fn a_first_cell_that_is_too_wide_has_a_line_of_its_own() {
        let rows = [["视频视频视频", "a"], ["key", "bb"]].map(|row| row.map(Cell::plain).to_vec());
        let written = |width| {
            let mut text = Vec::new();
            write_within(&mut text, &rows, width).unwrap();
            String::from_utf8(text).unwrap()
        };
        assert_eq!(written(16), "视频视频视频  a\nkey           bb\n");
        assert_eq!(written(12), "视频视频视频\n          a\nkey       bb\n");
        assert_eq!(written(1), "视频视频视频\n      a\nkey   bb\n");
    }
}
