//! Small things about text that people read.

pub(super) use crate::plain_text::{clean, clean_lines, one_line};
use percent_encoding::percent_decode_str;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// An object's key out of its address.
pub(super) fn object_key(url: &str) -> String {
    let path = url
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('/'));
    let path = path.map_or(url, |(_, path)| path);
    clean(&percent_decode_str(path).decode_utf8_lossy())
}

/// The line of a failure's message that says most: of a Python traceback the last one, behind what
/// stands before the traceback; of other messages the whole text.
pub(super) fn failure_line(message: &str) -> String {
    let Some((before, trace)) = message.split_once("Traceback (most recent call last)") else {
        return one_line(message);
    };
    let last = trace.lines().rev().find(|line| !line.trim().is_empty());
    one_line(&format!("{before}{}", last.unwrap_or_default().trim()))
}

/// Breaks text at spaces into lines of at most `width` columns; longer words stay whole.
pub(super) fn wrap(text: &str, width: usize) -> String {
    let mut lines = String::with_capacity(text.len());
    let mut column = 0;
    for word in text.split(' ') {
        let word_width = word.width();
        if column > 0 && column + 1 + word_width > width {
            lines.push('\n');
            column = 0;
        } else if column > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += word_width;
    }
    lines
}

/// The beginning of a text that fits.
pub(super) fn cut(text: &str, width: usize) -> String {
    let mut used = 0;
    let mut end = 0;
    for (start, character) in text.char_indices() {
        used += character.width().unwrap_or(0);
        if used > width {
            return format!("{}…", &text[..end]);
        }
        if used < width {
            end = start + character.len_utf8();
        }
    }
    text.to_owned()
}

/// The beginning of a text that fits, padded with spaces to that width.
pub(super) fn fit(text: &str, width: usize) -> String {
    let mut fitted = cut(text, width);
    let blanks = width.saturating_sub(fitted.width());
    fitted.extend(std::iter::repeat_n(' ', blanks));
    fitted
}

#[cfg(test)]
mod tests {
    use super::{cut, fit, wrap};

    #[test]
    fn what_is_too_wide_is_cut() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("视频视频", 5), "视频…");
        assert_eq!(cut("a\u{1}b", 0), "…");
    }

    #[test]
    fn what_fits_is_followed_by_blanks() {
        assert_eq!(fit("视频", 6), "视频  ");
        assert_eq!(fit("视频视频", 6), "视频… ");
    }

    #[test]
    fn lines_break_at_blanks_and_wide_characters_count_twice() {
        assert_eq!(wrap("aa bb cc", 5), "aa bb\ncc");
        assert_eq!(wrap("视频 视频 视频", 9), "视频 视频\n视频");
        assert_eq!(wrap("toolongforthis a", 4), "toolongforthis\na");
        assert_eq!(wrap("", 4), "");
    }
}
