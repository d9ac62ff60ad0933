//! Positions of the protocol and offsets in texts, in each of the encodings.

use gen_lsp_types::{Position, PositionEncodingKind, Range};

use crate::source::Span;

/// What columns count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Utf16,
    Utf32,
}

impl Encoding {
    /// The encoding to use with a client that offers these: bytes, as our offsets are, if it can. Every
    /// client that says nothing else knows UTF-16.
    pub(super) fn choose(offered: &[PositionEncodingKind]) -> Self {
        let offers = |kind| offered.contains(&kind);
        if offers(PositionEncodingKind::UTF8) {
            Self::Utf8
        } else if offers(PositionEncodingKind::UTF32) && !offers(PositionEncodingKind::UTF16) {
            Self::Utf32
        } else {
            Self::Utf16
        }
    }

    pub(super) fn kind(self) -> PositionEncodingKind {
        match self {
            Self::Utf8 => PositionEncodingKind::UTF8,
            Self::Utf16 => PositionEncodingKind::UTF16,
            Self::Utf32 => PositionEncodingKind::UTF32,
        }
    }

    fn width(self, character: char) -> usize {
        match self {
            Self::Utf8 => character.len_utf8(),
            Self::Utf16 => character.len_utf16(),
            Self::Utf32 => 1,
        }
    }
}

/// The beginnings of the lines of a text. A line ends with `\n`, `\r\n` or `\r`.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for index in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            if bytes[index] == b'\n' || bytes.get(index + 1) != Some(&b'\n') {
                starts.push(index + 1);
            }
        }
        Self { starts }
    }

    /// The offset of a position in `text`. What lies behind a line is its end, and what lies behind
    /// the last line is the end of the text.
    pub(super) fn offset(&self, text: &str, position: Position, encoding: Encoding) -> usize {
        let Some(start) = self.starts.get(position.line as usize) else {
            return text.len();
        };
        let mut left = position.character as usize;
        let mut offset = *start;
        for character in self.line(text, position.line as usize).chars() {
            let width = encoding.width(character);
            if width > left {
                break;
            }
            left -= width;
            offset += character.len_utf8();
        }
        offset
    }

    /// The position of an offset; one within a character is that of the character.
    pub(super) fn position(&self, text: &str, offset: usize, encoding: Encoding) -> Position {
        let offset = text.floor_char_boundary(offset);
        let line = self.starts.partition_point(|start| *start <= offset) - 1;
        let before = &text[self.starts[line]..offset];
        let width = |character| encoding.width(character);
        Position::new(narrow(line), narrow(before.chars().map(width).sum()))
    }

    /// The range of a span, cut at the end of its first line.
    pub(super) fn first_line(&self, text: &str, span: Span, encoding: Encoding) -> Range {
        let start = text.floor_char_boundary(span.start as usize);
        let line = self.starts.partition_point(|other| *other <= start) - 1;
        let line_end = self.starts[line] + self.line(text, line).len();
        let end = (span.end as usize).clamp(start, line_end.max(start));
        Range::new(
            self.position(text, start, encoding),
            self.position(text, end, encoding),
        )
    }

    /// A line without its end.
    fn line<'a>(&self, text: &'a str, line: usize) -> &'a str {
        let end = self.starts.get(line + 1).copied().unwrap_or(text.len());
        text[self.starts[line]..end].trim_end_matches(['\r', '\n'])
    }
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use gen_lsp_types::Position;

    use super::{Encoding, Lines};

    #[test]
    fn positions_and_offsets_are_each_others_inverse() {
        let text = "a: 春季😀x\r\nb\rc\n\n😀";
        let lines = Lines::of(text);
        for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32] {
            for (offset, character) in text.char_indices().chain([(text.len(), ' ')]) {
                if text[..offset].ends_with('\r') && character == '\n' {
                    continue;
                }
                let position = lines.position(text, offset, encoding);
                assert_eq!(
                    lines.offset(text, position, encoding),
                    offset,
                    "{position:?}"
                );
            }
        }
        let behind_emoji = text.find('x').unwrap();
        let column = |encoding| lines.position(text, behind_emoji, encoding).character;
        assert_eq!(
            [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32].map(column),
            [13, 7, 6]
        );
    }

    #[test]
    fn positions_out_of_range_are_the_nearest_that_exist() {
        let text = "ab\r\n😀";
        let lines = Lines::of(text);
        let offset =
            |line, character| lines.offset(text, Position::new(line, character), Encoding::Utf16);
        assert_eq!(offset(0, 99), 2);
        assert_eq!(offset(1, 1), 4);
        assert_eq!(offset(1, u32::MAX), text.len());
        assert_eq!(offset(u32::MAX, 0), text.len());
    }
}
