//! Reading values from texts.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};

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
