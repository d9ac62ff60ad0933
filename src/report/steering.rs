//! The last fence before output: whatever a report forgets to clean cannot steer a terminal.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::plain_text::is_steering;

/// What may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    /// Text, line ends, tabs.
    Text,
    /// Also the sequences that select colours.
    Styles,
    /// JSON: steering characters are written as `\u` escapes, which keeps their value.
    Json,
}

/// A writer that replaces steering characters. Every call has to write whole characters.
#[derive(Debug)]
pub(super) struct Fence<W> {
    inner: W,
    allowed: Allowed,
}

impl<W: Write> Fence<W> {
    pub(super) fn new(inner: W, allowed: Allowed) -> Self {
        Self { inner, allowed }
    }
}

impl<W: Write> Write for Fence<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.iter().copied().any(may_begin_steering) {
            let text = String::from_utf8_lossy(bytes);
            self.inner
                .write_all(fenced(&text, self.allowed).as_bytes())?;
        } else {
            self.inner.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Whether a byte can begin a steering character in UTF-8.
fn may_begin_steering(byte: u8) -> bool {
    match byte {
        b'\n' | b'\t' => false,
        0x00..=0x1f | 0x7f | 0xc2 | 0xd8 | 0xe2 | 0xef | 0xf3 => true,
        _ => false,
    }
}

fn fenced(text: &str, allowed: Allowed) -> String {
    let mut fenced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let sequence = style(rest).filter(|_| allowed == Allowed::Styles);
        let length = sequence.unwrap_or(character.len_utf8());
        let (now, later) = rest.split_at(length);
        if sequence.is_some() || matches!(character, '\n' | '\t') || !is_steering(character) {
            fenced.push_str(now);
        } else if allowed == Allowed::Json {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(fenced, "\\u{unit:04x}");
            }
        } else {
            fenced.push(char::REPLACEMENT_CHARACTER);
        }
        rest = later;
    }
    fenced
}

/// The length of a sequence that selects colours (`ESC [ … m`) at the beginning of a text.
fn style(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let is_parameter =
        |character: char| character.is_ascii_digit() || matches!(character, ';' | ':');
    let end = parameters.find(|character| !is_parameter(character))?;
    parameters[end..].starts_with('m').then_some(2 + end + 1)
}

/// Cleans text with styles that is written in one piece.
pub(super) fn styled(text: &str) -> String {
    fenced(text, Allowed::Styles)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{Allowed, Fence};

    fn written(allowed: Allowed, text: &str) -> String {
        let mut out = Vec::new();
        write!(Fence::new(&mut out, allowed), "{text}").unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_colours_pass() {
        let text = "\u{1b}[1;31mred\u{1b}[0m\u{1b}[2J\u{1b}]52;c;x\u{7}\u{9b}\u{202e}视\n";
        assert_eq!(
            written(Allowed::Styles, text),
            "\u{1b}[1;31mred\u{1b}[0m\u{fffd}[2J\u{fffd}]52;c;x\u{fffd}\u{fffd}\u{fffd}视\n"
        );
        assert!(!written(Allowed::Text, text).contains('\u{1b}'));
    }

    #[test]
    fn json_keeps_the_value_of_what_it_escapes() {
        let value = "a\u{9b}b\u{202e}c\u{7f}\u{e0041}视\u{1b}";
        let json = serde_json::to_string(value).unwrap();
        let escaped = written(Allowed::Json, &json);
        assert!(
            escaped
                .chars()
                .all(|one| one.is_ascii_graphic() || one == '视')
        );
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), value);
    }
}
