//! The API's moments: `2022-06-27T15:23:10+0800`, whole seconds, offset without a colon.
//!
//! The documents print the pattern `%Y-%m-%dT%H:%m:%S%z`; its second `%m` is a misprint for `%M`.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::Offset;

/// Why a text is not a moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not a date and time with an offset.
    #[error("is not a date and time with an offset, as in 2022-02-01T12:00:00+0800")]
    Form,
    /// No day or time of the calendar, such as February 30 or 24:00.
    #[error("is not in the calendar: there is no such day, or no such time of day")]
    Calendar,
    /// A leap second has no moment of its own in what the API counts.
    #[error("has a second 60; write the second before or after it")]
    LeapSecond,
    /// The API counts whole seconds.
    #[error("has a fraction of a second; the service counts whole seconds")]
    Fraction,
}

/// The offset in which this program writes times: that of the service's own samples.
pub const CHINA_STANDARD_TIME: Offset = jiff::tz::offset(8);

const SECONDS: DateTimePrinter = DateTimePrinter::new().precision(Some(0));

/// Reads RFC 3339 (`…+08:00`, `…Z`) or the API's own form (`…+0800`).
pub fn parse(text: &str) -> Result<Timestamp, TimeError> {
    let starts_like_a_date = text.as_bytes().get(10) == Some(&b'T');
    let moment = text
        .parse::<Timestamp>()
        .ok()
        .filter(|_| starts_like_a_date);
    if starts_like_a_date && text.get(16..19) == Some(":60") {
        return Err(TimeError::LeapSecond);
    }
    match moment.ok_or_else(|| why_not(text))? {
        moment if moment.subsec_nanosecond() != 0 => Err(TimeError::Fraction),
        moment => Ok(moment),
    }
}

/// Digits in the right places make a date that is not in the calendar.
fn why_not(text: &str) -> TimeError {
    const FORM: &str = "0000-00-00T00:00:00";
    let fits = |(character, form): (char, char)| match form {
        '0' => character.is_ascii_digit(),
        other => character == other,
    };
    let (date, offset) = text.split_at_checked(FORM.len()).unwrap_or_default();
    let has_form = !date.is_empty() && date.chars().zip(FORM.chars()).all(fits);
    let has_offset = format!("2000-01-01T00:00:00{offset}")
        .parse::<Timestamp>()
        .is_ok();
    if has_form && has_offset {
        TimeError::Calendar
    } else {
        TimeError::Form
    }
}

/// Writes the API's form, in UTC+8.
pub fn format(moment: Timestamp) -> String {
    local(moment) + "+0800"
}

/// Writes the form that answers about workflow runs use: as [`format`], the offset with a colon.
pub fn format_with_colon(moment: Timestamp) -> String {
    local(moment) + "+08:00"
}

fn local(moment: Timestamp) -> String {
    let local = CHINA_STANDARD_TIME.to_datetime(moment);
    SECONDS.datetime_to_string(&local)
}

/// Reads a time of an answer, where `-`, nothing at all and an empty element mean "not yet".
pub fn parse_optional(text: Option<&str>) -> Result<Option<Timestamp>, TimeError> {
    match text.map(str::trim) {
        None | Some("" | "-") => Ok(None),
        Some(text) => parse(text).map(Some),
    }
}

/// Reads an offset such as `+08:00`, `+0800` or `Z`.
pub fn parse_offset(text: &str) -> Option<Offset> {
    let moment = format!("2000-01-01T00:00:00{text}");
    let timestamp = parse(&moment).ok()?;
    let local: DateTime = "2000-01-01T00:00:00".parse().ok()?;
    let utc = Offset::UTC.to_timestamp(local).ok()?;
    let seconds = utc.as_second() - timestamp.as_second();
    Offset::from_seconds(i32::try_from(seconds).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::{TimeError, format, parse, parse_optional};

    #[test]
    fn every_documented_form_is_one_moment() {
        let moment = parse("2022-06-27T15:23:10+0800").unwrap();
        assert_eq!(parse("2022-06-27T15:23:10+08:00"), Ok(moment));
        assert_eq!(parse("2022-06-27T07:23:10Z"), Ok(moment));
        assert_eq!(format(moment), "2022-06-27T15:23:10+0800");
    }

    #[test]
    fn what_is_not_a_moment_is_refused() {
        for bad in [
            "",
            "2022-06-27",
            "2022-06-27T15:23:10",
            "0",
            "2022-06-27 15:23:10+0800",
        ] {
            assert_eq!(parse(bad), Err(TimeError::Form), "{bad:?}");
        }
        for bad in [
            "2022-02-30T00:00:00+0800",
            "2022-02-29T00:00:00Z",
            "2022-02-01T24:00:00+08:00",
            "2022-13-01T00:00:00Z",
            "9999-12-31T23:59:59-0800",
        ] {
            assert_eq!(parse(bad), Err(TimeError::Calendar), "{bad:?}");
        }
        for bad in ["2022-02-01T11:59:60+0800", "2016-12-31T23:59:60Z"] {
            assert_eq!(parse(bad), Err(TimeError::LeapSecond), "{bad:?}");
        }
        assert_eq!(parse("2022-06-27T15:23:10.5Z"), Err(TimeError::Fraction));
    }

    #[test]
    fn unset_times_come_in_three_spellings() {
        for unset in [None, Some(""), Some("-"), Some(" ")] {
            assert_eq!(parse_optional(unset), Ok(None));
        }
    }
}
