//! `windows`: whole periods of the calendar that have passed.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp};

/// The length of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Every {
    count: i32,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// Why a text is not a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a length of time such as `1 month`, `2 weeks` or `15 minutes`")]
pub(super) struct EveryError;

impl std::str::FromStr for Every {
    type Err = EveryError;

    /// Reads a number and a unit; a unit alone means one of it.
    fn from_str(text: &str) -> Result<Self, EveryError> {
        let text = text.trim();
        let digits = text
            .find(|character: char| !character.is_ascii_digit())
            .unwrap_or(text.len());
        let (count, unit) = text.split_at(digits);
        let count = if count.is_empty() {
            1
        } else {
            count.parse().map_err(|_| EveryError)?
        };
        let unit = match unit.trim_start() {
            "minute" | "minutes" => Unit::Minute,
            "hour" | "hours" => Unit::Hour,
            "day" | "days" => Unit::Day,
            "week" | "weeks" => Unit::Week,
            "month" | "months" => Unit::Month,
            "year" | "years" => Unit::Year,
            _ => return Err(EveryError),
        };
        // Beyond that no calendar of interest has two periods.
        if (1..=100_000).contains(&count) {
            Ok(Self { count, unit })
        } else {
            Err(EveryError)
        }
    }
}

impl Every {
    /// `steps` times this length.
    fn times(self, steps: i32) -> Option<Span> {
        let count = i64::from(self.count) * i64::from(steps);
        let span = Span::new();
        match self.unit {
            Unit::Minute => span.try_minutes(count),
            Unit::Hour => span.try_hours(count),
            Unit::Day => span.try_days(count),
            Unit::Week => span.try_weeks(count),
            Unit::Month => span.try_months(count),
            Unit::Year => span.try_years(count),
        }
        .ok()
    }
}

/// One period. Its end is the start of the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// First moment.
    pub(super) start: Timestamp,
    /// First moment of the next period.
    pub(super) end: Timestamp,
    /// A short name that tells it from its neighbours, such as `2022-01`; never changes.
    pub(super) label: String,
    offset: Offset,
}

impl Window {
    /// The start in the API's form, in the offset of the windows.
    pub(super) fn start_text(&self) -> String {
        self.text(self.start)
    }

    /// The end in the API's form, in the offset of the windows.
    pub(super) fn end_text(&self) -> String {
        self.text(self.end)
    }

    fn text(&self, moment: Timestamp) -> String {
        let local = moment.to_zoned_datetime(TimeZone::fixed(self.offset));
        local.strftime("%Y-%m-%dT%H:%M:%S%z").to_string()
    }
}

/// The periods to cut out of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Windows {
    /// How long each is.
    pub(super) every: Every,
    /// Where the first one starts.
    pub(super) from: Timestamp,
    /// No period ends later than this, nor later than now.
    pub(super) until: Option<Timestamp>,
    /// The offset whose calendar counts.
    pub(super) offset: Offset,
}

/// More periods than one job may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {limit} periods")]
pub(super) struct TooManyWindows {
    /// How many there may be.
    pub(super) limit: usize,
}

impl Windows {
    /// Every period that has fully passed at `now`, oldest first.
    ///
    /// Each is counted from `from`, not from its neighbour: months that start on the 31st do not
    /// drift, and a later `now` only adds periods.
    pub(super) fn passed(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Window>, TooManyWindows> {
        let last = self.until.map_or(now, |until| until.min(now));
        let mut windows = Vec::new();
        let mut steps = 0;
        while let (Some(start), Some(end)) = (self.boundary(steps), self.boundary(steps + 1)) {
            if end > last || end <= start {
                break;
            }
            if windows.len() == limit {
                return Err(TooManyWindows { limit });
            }
            windows.push(self.window(start, end));
            steps += 1;
        }
        Ok(windows)
    }

    /// The end of the period that follows the first `passed` ones, if there is one.
    pub(super) fn end_after(&self, passed: usize) -> Option<Timestamp> {
        let steps = i32::try_from(passed).ok()?.checked_add(1)?;
        let end = self.boundary(steps)?;
        self.until.is_none_or(|until| end <= until).then_some(end)
    }

    fn boundary(&self, steps: i32) -> Option<Timestamp> {
        let first = self.offset.to_datetime(self.from);
        let local = first.checked_add(self.every.times(steps)?).ok()?;
        self.offset.to_timestamp(local).ok()
    }

    fn window(&self, start: Timestamp, end: Timestamp) -> Window {
        let first = self.offset.to_datetime(self.from);
        let form = label_form(self.every.unit, first);
        Window {
            start,
            end,
            label: self.offset.to_datetime(start).strftime(form).to_string(),
            offset: self.offset,
        }
    }
}

/// The shortest form that tells every period that starts like `first` from the others.
fn label_form(unit: Unit, first: DateTime) -> &'static str {
    let at_midnight = (first.hour(), first.minute(), first.second()) == (0, 0, 0);
    let on_first_of_month = at_midnight && first.day() == 1;
    match unit {
        Unit::Year if on_first_of_month && first.month() == 1 => "%Y",
        Unit::Year | Unit::Month if on_first_of_month => "%Y-%m",
        Unit::Day | Unit::Week | Unit::Month | Unit::Year if at_midnight => "%Y-%m-%d",
        _ if first.second() == 0 => "%Y-%m-%dT%H:%M",
        _ => "%Y-%m-%dT%H:%M:%S",
    }
}

#[cfg(test)]
mod tests {
    use super::{Every, EveryError, Windows};
    use crate::api::time::{self, parse_offset};

    fn labels(every: &str, from: &str, until: Option<&str>, now: &str) -> Vec<String> {
        let windows = Windows {
            every: every.parse().unwrap(),
            from: time::parse(from).unwrap(),
            until: until.map(|until| time::parse(until).unwrap()),
            offset: parse_offset("+08:00").unwrap(),
        };
        let passed = windows.passed(time::parse(now).unwrap(), 100).unwrap();
        for pair in passed.windows(2) {
            assert_eq!(pair[0].end, pair[1].start);
        }
        passed.into_iter().map(|window| window.label).collect()
    }

    #[test]
    fn months_follow_the_calendar_of_the_offset() {
        let from = "2022-01-01T00:00:00+0800";
        assert_eq!(
            labels("1 month", from, None, "2022-03-31T23:59:59+0800"),
            ["2022-01", "2022-02"]
        );
        assert_eq!(
            labels("1 month", from, None, "2022-04-01T00:00:00+0800"),
            ["2022-01", "2022-02", "2022-03"]
        );
        assert_eq!(
            labels(
                "month",
                from,
                Some("2022-02-01T00:00:00+0800"),
                "2024-01-01T00:00:00Z"
            ),
            ["2022-01"]
        );
    }

    #[test]
    fn months_that_start_late_do_not_drift() {
        let labels = labels(
            "1 month",
            "2022-01-31T00:00:00+0800",
            None,
            "2022-06-01T00:00:00+0800",
        );
        assert_eq!(
            labels,
            ["2022-01-31", "2022-02-28", "2022-03-31", "2022-04-30"]
        );
    }

    #[test]
    fn short_periods_carry_the_time_and_unfinished_ones_are_left_out() {
        let labels = labels(
            "90 minutes",
            "2022-01-01T22:00:00+0800",
            None,
            "2022-01-02T02:00:00+0800",
        );
        assert_eq!(labels, ["2022-01-01T22:00", "2022-01-01T23:30"]);
    }

    #[test]
    fn lengths_and_offsets_that_are_none_are_refused() {
        for bad in [
            "",
            "0 days",
            "-1 day",
            "1.5 hours",
            "1 fortnight",
            "1 day 2 hours",
            "999999999999 days",
            "second",
        ] {
            assert_eq!(bad.parse::<Every>(), Err(EveryError), "{bad:?}");
        }
        for bad in ["", "8", "+08:00 ", "Z1", "Asia/Shanghai"] {
            assert!(parse_offset(bad).is_none(), "{bad:?}");
        }
        assert_eq!(
            parse_offset("-0330").map(jiff::tz::Offset::seconds),
            Some(-12_600)
        );
    }

    #[test]
    fn too_many_periods_are_an_error_and_not_a_long_wait() {
        let windows = Windows {
            every: "1 minute".parse().unwrap(),
            from: time::parse("1990-01-01T00:00:00Z").unwrap(),
            until: None,
            offset: jiff::tz::Offset::UTC,
        };
        assert!(
            windows
                .passed(time::parse("2022-01-01T00:00:00Z").unwrap(), 100_000)
                .is_err()
        );
    }
}
