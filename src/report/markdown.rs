//! Text in Markdown.

use std::fmt::Write as _;

use crate::plain_text::is_steering;

/// Escapes text for Markdown and HTML: characters of markup become character references, line ends
/// become spaces.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' | '<' | '>' | '|' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '@' | '#' | '~'
            | '!' | '\\' | '"' | '\'' | '$' | ':' => {
                let _ = write!(escaped, "&#{};", character as u32);
            }
            '\n' | '\r' | '\t' => escaped.push(' '),
            character if is_steering(character) => escaped.push(char::REPLACEMENT_CHARACTER),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn nothing_that_is_written_becomes_markup() {
        assert_eq!(escape("a|b\n<img>"), "a&#124;b &#60;img&#62;");
        assert_eq!(escape("@team #1 `x`"), "&#64;team &#35;1 &#96;x&#96;");
        assert_eq!(escape("视频"), "视频");
    }
}
