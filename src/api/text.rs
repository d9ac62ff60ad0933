//! Reading values from texts.

use std::fmt;
use std::iter;

use memchr::memchr;
use serde::de::{Deserializer, Error, Visitor};

/// What stands before and behind the first sign of that kind. Short texts are cut apart with it all
/// the time, and the standard library's search is made for long ones.
pub(crate) fn cut(text: &str, sign: u8) -> Option<(&str, &str)> {
    debug_assert!(sign.is_ascii());
    let place = memchr(sign, text.as_bytes())?;
    Some((&text[..place], &text[place + 1..]))
}

/// What stands between the signs of that kind.
pub(crate) fn pieces(text: &str, sign: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    iter::from_fn(move || {
        let whole = rest?;
        let (piece, behind) = cut(whole, sign).unzip();
        rest = behind;
        Some(piece.unwrap_or(whole))
    })
}

/// Whether there is such a byte in a text. Where it stands does not matter, so that many are looked at
/// at once.
pub(crate) fn has_byte(text: &str, is_such: impl Fn(u8) -> bool) -> bool {
    text.bytes()
        .fold(false, |found, byte| found | is_such(byte))
}

/// Reads a value from a text, which is looked at where it stands: `try_from = "String"` would copy
/// it first, and a state has a million of them.
pub(crate) fn deserialize<'de, D, T, E>(
    deserializer: D,
    read: fn(&str) -> Result<T, E>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: fmt::Display,
{
    deserializer.deserialize_str(Text(read))
}

struct Text<T, E>(fn(&str) -> Result<T, E>);

impl<T, E: fmt::Display> Visitor<'_> for Text<T, E> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_str<F: Error>(self, text: &str) -> Result<T, F> {
        (self.0)(text).map_err(F::custom)
    }
}
