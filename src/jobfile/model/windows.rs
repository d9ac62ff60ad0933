//! `windows`: whole periods of time, one job for each that has passed.

use schemars::JsonSchema;

use crate::document::Field;

/// A moment that stands for itself.
const FIXED_MOMENT: &str = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}([Zz]|[+-]\d{2}:?\d{2})$";
const LENGTH: &str = r"^\s*(\d+\s*)?(minute|hour|day|week|month|year)s?\s*$";
const OFFSET: &str = r"^([Zz]|[+-]\d{2}:?\d{2})$";

/// Whole periods of time, one job for each that has passed.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "windows")]
pub struct WindowsSpec {
    /// How long a period is: a number and minutes, hours, days, weeks, months or years.
    #[schemars(
        title = "length of time",
        extend("pattern" = LENGTH, "examples" = ["1 month", "2 weeks", "15 minutes"])
    )]
    pub every: Field<String>,
    /// Where the first period starts: date, time and offset.
    #[schemars(
        title = "date and time with an offset",
        extend("pattern" = FIXED_MOMENT, "examples" = ["2022-01-01T00:00:00+0800"])
    )]
    pub from: Field<String>,
    /// No period ends later than this: date, time and offset. Without it, that is now.
    #[schemars(
        title = "date and time with an offset",
        extend("pattern" = FIXED_MOMENT, "examples" = ["2022-07-01T00:00:00+0800"])
    )]
    pub until: Option<Field<String>>,
    /// The offset from UTC whose calendar counts: where days begin and months end.
    #[schemars(
        title = "offset from UTC",
        extend("pattern" = OFFSET, "default" = "+08:00", "examples" = ["+08:00", "Z"])
    )]
    pub offset: Option<Field<String>>,
}
