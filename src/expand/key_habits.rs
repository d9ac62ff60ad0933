//! Keys written by the habits of other systems: COS takes each as it is, and matches nothing.

use crate::characters::lookalike;

/// Why no key of an object is likely to begin like this, and what to write.
pub(super) fn unlikely(key: &str) -> Option<(String, &'static str)> {
    let found = |what: &str, help| Some((what.to_owned(), help));
    if key.contains("://") {
        return found("is a URL", "write the key alone, without scheme and host");
    }
    if key.starts_with('/') {
        return found(
            "begins with `/`, and keys do not",
            "leave out the `/` at the beginning",
        );
    }
    if key.starts_with("./") || key.starts_with("../") || key.starts_with("~/") {
        return found(
            "is a path of a file system",
            "write the key from the root of the bucket",
        );
    }
    if key.contains('\\') {
        return found(
            "contains `\\`, which separates nothing in a key",
            "write `/`",
        );
    }
    if key.get(1..3) == Some(":/") && key.as_bytes()[0].is_ascii_alphabetic() {
        return found(
            "begins with a drive letter",
            "write the key from the root of the bucket",
        );
    }
    if key.contains(['*', '?']) {
        return found(
            "contains `*` or `?`, which stand for themselves",
            "write what the keys begin with: a prefix matches everything after it",
        );
    }
    if key.trim() != key {
        return found("has white space at one end", "leave it out");
    }
    if key.starts_with(['"', '\'', '“', '‘']) || key.ends_with(['"', '\'', '”', '’']) {
        return found("has quotation marks around it", "leave them out");
    }
    if has_percent_escape(key) {
        return found(
            "contains `%` and two hexadecimal digits, as in a URL",
            "write the character itself: keys are not encoded here",
        );
    }
    let odd = key.chars().filter_map(lookalike);
    let odd = odd.filter(|odd| {
        odd.is_invisible() || matches!(odd.character, '\u{ff0f}' | '\u{ff3c}' | '\u{2215}')
    });
    let odd = odd.map(|odd| format!("contains {}", odd.name())).next()?;
    Some((
        odd,
        "write the character that was meant, unless the keys have this one",
    ))
}

fn has_percent_escape(key: &str) -> bool {
    let is_digit = |digit: Option<&u8>| digit.is_some_and(u8::is_ascii_hexdigit);
    let bytes = key.as_bytes();
    let mut at = (0..bytes.len()).filter(|at| bytes[*at] == b'%');
    at.any(|at| is_digit(bytes.get(at + 1)) && is_digit(bytes.get(at + 2)))
}

#[cfg(test)]
mod tests {
    use super::unlikely;

    #[test]
    fn habits_of_other_systems_are_named_and_plain_keys_are_not() {
        for key in [
            "/a/",
            "./a/",
            "../a",
            "cos://b/a/",
            "https://b/a",
            "a/*.jpg",
            "a/?.jpg",
            "a\\1.jpg",
            "C:\\photos\\a",
            "c:/a",
            "%61/",
            " a/",
            "a/ ",
            "a/\u{3000}",
            "“a/”",
            "'a/'",
            "\"a/",
            "~/a/",
            "a／",
            "a\u{200b}/",
        ] {
            assert!(unlikely(key).is_some(), "{key:?}");
        }
        for key in [
            "a/", "视频/", "a b/", "a/100%/", "a/50%x/", "~a/", ".a/", "a:b/", "a/(1)/", "it's/a",
            "a/b.jpg", "：/", "a+b=c&d",
        ] {
            assert_eq!(unlikely(key), None, "{key:?}");
        }
    }
}
