//! Text of others made harmless: one table of the characters that steer a terminal, end a line, or
//! change the order in which text is shown.

use std::borrow::Cow;
use std::path::Path;

/// Whether a character does more than show itself.
pub(crate) fn is_steering(character: char) -> bool {
    // C0, DEL and C1: among them ESC, backspace, BEL, line ends and CSI.
    character.is_control()
        || matches!(
            character,
            // Marks of direction, separators of lines and paragraphs, embeddings, isolates.
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Characters that show nothing: the byte order mark, and tags.
            | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// Replaces every steering character: a name, a path or a value that stays on its line.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(harmless).collect()
}

/// A path as messages show it. Names of files are text of others as well: they may hold line ends, and
/// sequences for the terminal.
pub(crate) fn printable(path: &Path) -> String {
    clean(&path.to_string_lossy())
}

/// Replaces every steering character but line ends and tabs.
pub(crate) fn clean_lines(text: &str) -> Cow<'_, str> {
    let is_kept = |character| matches!(character, '\n' | '\t') || !is_steering(character);
    if text.chars().all(is_kept) {
        return Cow::Borrowed(text);
    }
    let clean = |character| {
        if is_kept(character) {
            character
        } else {
            harmless(character)
        }
    };
    Cow::Owned(text.chars().map(clean).collect())
}

/// A message on one line: white space becomes one space.
pub(crate) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    clean(&words.join(" "))
}

fn harmless(character: char) -> char {
    if is_steering(character) {
        char::REPLACEMENT_CHARACTER
    } else {
        character
    }
}

#[cfg(test)]
mod tests {
    use super::{clean, clean_lines, one_line};

    #[test]
    fn steering_characters_are_replaced_and_text_stays() {
        for steering in [
            '\u{1b}', '\u{8}', '\r', '\n', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2028}',
        ] {
            assert_eq!(
                clean(&format!("a{steering}b")),
                "a\u{fffd}b",
                "{steering:?}"
            );
        }
        assert_eq!(clean("视频 é 👩‍💻"), "视频 é 👩‍💻");
        assert_eq!(clean_lines("a\n\tb\u{9b}c"), "a\n\tb\u{fffd}c");
        assert_eq!(one_line(" a\r\n::error::\u{85}b "), "a ::error:: b");
    }
}
