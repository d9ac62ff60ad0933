//! Characters that look like others, or like nothing: what a message has to name.

/// A character that is easily taken for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lookalike {
    pub(crate) character: char,
    name: &'static str,
    /// What was probably meant; empty for nothing at all.
    meant: &'static str,
}

impl Lookalike {
    /// `U+00A0 NO-BREAK SPACE`.
    pub(crate) fn name(self) -> String {
        format!("U+{:04X} {}", u32::from(self.character), self.name)
    }

    /// What to do about it.
    pub(crate) fn help(self) -> String {
        match self.meant {
            "" => "remove it".to_owned(),
            " " => "write a space".to_owned(),
            meant => format!("write `{meant}`"),
        }
    }

    /// Whether nothing of it is seen, so that it is never wanted in a name or a key.
    pub(crate) fn is_invisible(self) -> bool {
        matches!(self.meant, "" | " ")
    }
}

/// What a character is taken for, if it is one of those.
pub(crate) fn lookalike(character: char) -> Option<Lookalike> {
    let (name, meant) = match character {
        '\u{a0}' => ("NO-BREAK SPACE", " "),
        '\u{2000}'..='\u{200a}' => ("SPACE OF ANOTHER WIDTH", " "),
        '\u{202f}' => ("NARROW NO-BREAK SPACE", " "),
        '\u{205f}' => ("MEDIUM MATHEMATICAL SPACE", " "),
        '\u{3000}' => ("IDEOGRAPHIC SPACE", " "),
        '\u{85}' => ("NEXT LINE", " "),
        '\u{2028}' => ("LINE SEPARATOR", " "),
        '\u{2029}' => ("PARAGRAPH SEPARATOR", " "),
        '\u{ad}' => ("SOFT HYPHEN", ""),
        '\u{200b}' => ("ZERO WIDTH SPACE", ""),
        '\u{200c}' => ("ZERO WIDTH NON-JOINER", ""),
        '\u{200d}' => ("ZERO WIDTH JOINER", ""),
        '\u{2060}' => ("WORD JOINER", ""),
        '\u{180e}' => ("MONGOLIAN VOWEL SEPARATOR", ""),
        '\u{feff}' => ("BYTE ORDER MARK", ""),
        '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            ("MARK OF WRITING DIRECTION", "")
        }
        '\u{2018}' => ("LEFT SINGLE QUOTATION MARK", "'"),
        '\u{2019}' => ("RIGHT SINGLE QUOTATION MARK", "'"),
        '\u{201c}' => ("LEFT DOUBLE QUOTATION MARK", "\""),
        '\u{201d}' => ("RIGHT DOUBLE QUOTATION MARK", "\""),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => ("DASH", "-"),
        '\u{2024}' => ("ONE DOT LEADER", "."),
        '\u{2215}' => ("DIVISION SLASH", "/"),
        '\u{3001}' => ("IDEOGRAPHIC COMMA", ","),
        '\u{ff02}' => ("FULLWIDTH QUOTATION MARK", "\""),
        '\u{ff03}' => ("FULLWIDTH NUMBER SIGN", "#"),
        '\u{ff04}' => ("FULLWIDTH DOLLAR SIGN", "$"),
        '\u{ff07}' => ("FULLWIDTH APOSTROPHE", "'"),
        '\u{ff0c}' => ("FULLWIDTH COMMA", ","),
        '\u{ff0d}' => ("FULLWIDTH HYPHEN-MINUS", "-"),
        '\u{ff0e}' => ("FULLWIDTH FULL STOP", "."),
        '\u{ff0f}' => ("FULLWIDTH SOLIDUS", "/"),
        '\u{ff1a}' => ("FULLWIDTH COLON", ":"),
        '\u{ff1b}' => ("FULLWIDTH SEMICOLON", ";"),
        '\u{ff1d}' => ("FULLWIDTH EQUALS SIGN", "="),
        '\u{ff3b}' => ("FULLWIDTH LEFT SQUARE BRACKET", "["),
        '\u{ff3c}' => ("FULLWIDTH REVERSE SOLIDUS", "\\"),
        '\u{ff3d}' => ("FULLWIDTH RIGHT SQUARE BRACKET", "]"),
        '\u{ff3f}' => ("FULLWIDTH LOW LINE", "_"),
        '\u{ff5b}' => ("FULLWIDTH LEFT CURLY BRACKET", "{"),
        '\u{ff5d}' => ("FULLWIDTH RIGHT CURLY BRACKET", "}"),
        _ => return None,
    };
    Some(Lookalike {
        character,
        name,
        meant,
    })
}

/// The first such character of a text, with its offset.
pub(crate) fn find_lookalike(text: &str) -> Option<(usize, Lookalike)> {
    let mut characters = text.char_indices();
    characters.find_map(|(offset, character)| Some((offset, lookalike(character)?)))
}

/// Both texts spelt out, where they would look alike: composed and decomposed letters, letters of
/// other alphabets, characters that show nothing.
pub(crate) fn told_apart(left: &str, right: &str) -> Option<(String, String)> {
    let is_hidden = |character: char| {
        let is_combining = matches!(character, '\u{300}'..='\u{36f}' | '\u{3099}'..='\u{309a}' | '\u{1100}'..='\u{11ff}');
        is_combining || lookalike(character).is_some()
    };
    let is_hiding = |text: &str| text.chars().any(is_hidden);
    let differ_in_alphabet = || {
        let mut pairs = left
            .chars()
            .zip(right.chars())
            .filter(|(left, right)| left != right);
        left.chars().count() == right.chars().count()
            && pairs.all(|(left, right)| {
                let is_other = |character| matches!(character, '\u{370}'..='\u{52f}');
                (left.is_ascii() && is_other(right)) || (right.is_ascii() && is_other(left))
            })
    };
    let alike = left != right && (is_hiding(left) || is_hiding(right) || differ_in_alphabet());
    alike.then(|| (spelt_out(left), spelt_out(right)))
}

/// A text whose every character outside of printable ASCII is written as `\u{…}`: for two texts
/// that look the same.
fn spelt_out(text: &str) -> String {
    let spell = |character: char| match character {
        ' '..='~' => character.to_string(),
        other => other.escape_unicode().to_string(),
    };
    text.chars().map(spell).collect()
}

#[cfg(test)]
mod tests {
    use super::{find_lookalike, lookalike, spelt_out, told_apart};

    #[test]
    fn a_lookalike_is_named_with_what_to_write() {
        let (offset, found) = find_lookalike("jobs：").unwrap();
        assert_eq!(
            (offset, found.name()),
            (4, "U+FF1A FULLWIDTH COLON".to_owned())
        );
        assert_eq!(found.help(), "write `:`");
        assert!(lookalike('\u{200b}').unwrap().is_invisible());
        assert!(find_lookalike("视频/2022-02 ok_: \"'").is_none());
    }

    #[test]
    fn texts_that_look_alike_are_told_apart_and_others_stay() {
        for (left, right) in [
            ("caf\u{e9}/", "cafe\u{301}/"),
            ("a/", "\u{430}/"),
            ("a/", "a\u{200b}/"),
            ("a b", "a\u{a0}b"),
        ] {
            assert!(told_apart(left, right).is_some(), "{left:?}");
        }
        for (left, right) in [("a/", "b/"), ("视频/", "图片/"), ("a/", "视/"), ("é", "é")] {
            assert_eq!(told_apart(left, right), None, "{left:?}");
        }
    }

    #[test]
    fn two_spellings_of_one_letter_differ_when_spelt_out() {
        assert_eq!(spelt_out("caf\u{e9}/"), r"caf\u{e9}/");
        assert_eq!(spelt_out("cafe\u{301}/"), r"cafe\u{301}/");
    }
}
