//! Plain words and numbers that YAML 1.1 takes for something else than YAML 1.2 does.
//!
//! Our reader follows 1.2, but other tools read the same files: linters, editors, scripts.

/// What a reader of YAML 1.1 takes a plain scalar for, where that differs.
///
/// Times with an offset are left out: both versions mean the same moment.
pub(crate) fn other_meaning(text: &str) -> Option<&'static str> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    match unsigned.as_bytes() {
        [b'y' | b'Y' | b'n' | b'N' | b'o' | b'O', ..] if text.len() <= 3 => {
            is_truth(text).then_some("true or false")
        }
        [b'0', b'b', digits @ ..] if is_digits(digits, b"01_") => Some("a binary number"),
        [b'0', digits @ ..] if is_digits(digits, b"01234567_") => Some("an octal number"),
        [b'1'..=b'9', rest @ ..] if rest.contains(&b':') => {
            is_sexagesimal(unsigned).then_some("a number of base 60")
        }
        [b'0'..=b'9', rest @ ..] if rest.contains(&b'_') => {
            is_digits(rest, b"0123456789_").then_some("a number")
        }
        _ => None,
    }
}

fn is_truth(text: &str) -> bool {
    const WORDS: [&str; 6] = ["y", "n", "yes", "no", "on", "off"];
    let is_cased_evenly = |word: &str| {
        let capital = word[..1].to_uppercase() + &word[1..];
        text == word || text == capital || text == word.to_uppercase()
    };
    WORDS.into_iter().any(is_cased_evenly)
}

fn is_digits(text: &[u8], allowed: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| allowed.contains(byte))
}

/// `1:30`, `12:30:45`: every part after the first is below 60.
fn is_sexagesimal(text: &str) -> bool {
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or_default();
    let is_part = |part: &str| part.len() <= 2 && part.parse().is_ok_and(|part: u8| part < 60);
    is_digits(first.as_bytes(), b"0123456789_") && parts.all(is_part)
}

#[cfg(test)]
mod tests {
    use super::other_meaning;

    #[test]
    fn only_what_differs_is_named() {
        for text in [
            "yes", "No", "ON", "off", "y", "N", "12:30:45", "1:20", "-1:20", "010", "0b11", "1_000",
        ] {
            assert!(other_meaning(text).is_some(), "{text}");
        }
        for text in [
            "",
            "yEs",
            "none",
            "only",
            "0",
            "0o10",
            "10",
            "0x1F",
            "12:60",
            "1:2:",
            "a:b",
            "true",
            "~",
            "2022-02-01T12:00:00+0800",
            "_1",
            "0.5",
            "09",
            "noon",
            "w1_000",
            "+",
            "video/",
        ] {
            assert_eq!(other_meaning(text), None, "{text}");
        }
    }
}
