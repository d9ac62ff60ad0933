//! Moments in JSON: RFC 3339, read and written as [`Timestamp`] itself does, and faster, because a
//! state has half a million of them.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::Offset;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serializer};

const PRINTER: DateTimePrinter = DateTimePrinter::new();

/// Reads a moment.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Timestamp, D::Error> {
    deserializer.deserialize_str(Moment)
}

/// Writes a moment.
pub(crate) fn serialize<S: Serializer>(
    moment: &Timestamp,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&PRINTER.timestamp_to_string(moment))
}

/// The same where there may be none.
pub(crate) mod optional {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let moment: Option<super::Read> = Option::deserialize(deserializer)?;
        Ok(moment.map(|super::Read(moment)| moment))
    }

    #[expect(clippy::ref_option, reason = "serde passes a reference")]
    pub(crate) fn serialize<S: Serializer>(
        moment: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match moment {
            Some(moment) => super::serialize(moment, serializer),
            None => serializer.serialize_none(),
        }
    }
}

#[derive(Deserialize)]
struct Read(#[serde(deserialize_with = "deserialize")] Timestamp);

struct Moment;

impl Visitor<'_> for Moment {
    type Value = Timestamp;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a timestamp string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
        match usual(text) {
            Some(moment) => Ok(moment),
            None => text.parse().map_err(E::custom),
        }
    }
}

/// A moment as it is written here, such as `2022-02-01T04:00:00.5Z`: nothing has to be looked for.
fn usual(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix('Z')?.as_bytes();
    let (date_time, fraction) = text.split_first_chunk::<19>()?;
    let &[
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T', //
        h1,
        h2,
        b':',
        min1,
        min2,
        b':',
        s1,
        s2,
    ] = date_time
    else {
        return None;
    };
    let two = |tens, ones| number(&[tens, ones]).and_then(|number| i8::try_from(number).ok());
    let nanosecond = match fraction {
        [] => 0,
        [b'.', digits @ ..] => billionths(digits)?,
        _ => return None,
    };
    let year = i16::try_from(number(&[y1, y2, y3, y4])?).ok()?;
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(min1, min2)?, two(s1, s2)?);
    let civil = DateTime::new(year, month, day, hour, minute, second, nanosecond);
    Offset::UTC.to_timestamp(civil.ok()?).ok()
}

/// Up to nine digits behind the point, in nanoseconds.
fn billionths(digits: &[u8]) -> Option<i32> {
    let missing = 9_u32.checked_sub(u32::try_from(digits.len()).ok()?)?;
    let number = number(digits).filter(|_| !digits.is_empty())?;
    Some(number * 10_i32.pow(missing))
}

/// At most nine digits as a number.
fn number(digits: &[u8]) -> Option<i32> {
    digits.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + i32::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::{any, proptest};
    use serde::{Deserialize, Serialize};

    use super::usual;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Ours {
        #[serde(with = "super")]
        at: Timestamp,
        #[serde(with = "super::optional")]
        then: Option<Timestamp>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Theirs {
        at: Timestamp,
        then: Option<Timestamp>,
    }

    /// Both readings come to the same, or refuse with the same words.
    fn compare(text: &str) {
        let json = serde_json::json!({ "at": text, "then": null }).to_string();
        let ours = serde_json::from_str(&json).map(|Ours { at, then }| (at, then));
        let theirs = serde_json::from_str(&json).map(|Theirs { at, then }| (at, then));
        let words = |error: serde_json::Error| error.to_string();
        assert_eq!(ours.map_err(words), theirs.map_err(words), "{text}");
    }

    #[test]
    fn every_spelling_is_read_as_jiff_reads_it() {
        for text in [
            "2022-02-01T04:00:00Z",
            "2022-02-01T04:00:00.5Z",
            "2022-02-01T04:00:00.123456789Z",
            "2022-02-01T04:00:00.1234567890Z",
            "2022-02-01T04:00:00.Z",
            "2022-02-01T04:00:00,5Z",
            "2022-02-01T04:00:60Z",
            "2022-02-01T24:00:00Z",
            "2022-02-30T04:00:00Z",
            "2022-02-01t04:00:00z",
            "2022-02-01 04:00:00Z",
            "2022-02-01T12:00:00+0800",
            "2022-02-01T12:00:00+08:00[Asia/Shanghai]",
            "20220201T040000Z",
            "0000-01-01T00:00:00Z",
            "9999-12-30T22:00:00.999999999Z",
            "9999-12-31T23:59:59.999999999Z",
            "-009999-01-02T01:59:59Z",
            "+02022-02-01T04:00:00Z",
            "2022-02-01T04:00:0Z",
            "２022-02-01T04:00:00Z",
            "Z",
            "",
        ] {
            compare(text);
        }
        assert!(serde_json::from_str::<Ours>(r#"{"at":1,"then":null}"#).is_err());
    }

    proptest! {
        #[test]
        fn moments_are_written_and_read_as_jiff_does(
            second in Timestamp::MIN.as_second()..=Timestamp::MAX.as_second(),
            nanosecond in 0..1_000_000_000_i32,
            is_whole in any::<bool>(),
        ) {
            let nanosecond = if is_whole { 0 } else { nanosecond };
            let Ok(at) = Timestamp::new(second, nanosecond) else {
                return Ok(());
            };
            let ours = Ours { at, then: Some(at) };
            let text = serde_json::to_string(&ours).unwrap();
            let theirs = Theirs { at, then: Some(at) };
            assert_eq!(text, serde_json::to_string(&theirs).unwrap());
            assert_eq!(serde_json::from_str::<Ours>(&text).unwrap(), ours);
            // Else the fast reading would be there for nothing.
            let is_usual = (0..=9999).contains(&at.to_zoned_datetime(jiff::tz::TimeZone::UTC).year());
            assert_eq!(usual(&at.to_string()), is_usual.then_some(at));
        }
    }
}
