//! Columns of text, aligned by the width that a terminal gives each character.

use std::io::{self, Write};

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

pub(super) use crate::figures::{count, grouped};

/// A cell: its text, and how it looks.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>, style: Style) -> Self {
        Self {
            text: text.into(),
            style,
        }
    }

    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Style::new())
    }
}

/// Writes rows with two blanks between columns and nothing behind the last one.
pub(super) fn write(out: &mut dyn Write, indent: usize, rows: &[Vec<Cell>]) -> io::Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.text.width()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        write!(out, "{:indent$}", "")?;
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let Cell { text, style } = cell;
            write!(out, "{style}{text}{style:#}")?;
            if column + 1 < row.len() {
                let gap = width.saturating_sub(text.width()) + 2;
                write!(out, "{:gap$}", "")?;
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Cell, write};

    #[test]
    fn wide_characters_take_two_columns() {
        let rows = [["视频", "a"], ["key", "b"]].map(|row| row.map(Cell::plain).to_vec());
        let mut text = Vec::new();
        write(&mut text, 2, &rows).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "  视频  a\n  key   b\n");
    }
}
