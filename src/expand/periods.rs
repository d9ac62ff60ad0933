//! `windows`: from what is written to the periods that have passed.

use std::sync::Arc;

use jiff::Timestamp;

use super::EXPANSION_LIMIT;
use super::spec::SpecWithDefaults;
use super::uses::Tracker;
use super::windows::{Every, Window, Windows};
use crate::api::time;
use crate::diagnostic::Diagnostic;
use crate::document::Field;
use crate::jobfile::model::WindowsSpec;
use crate::source::Spanned;

/// The periods of `windows` that have passed. `Err` without a problem: only invalid fields, which
/// have been reported.
pub(super) fn passed(
    spec: &SpecWithDefaults<'_>,
    written: &Spanned<WindowsSpec>,
    now: Timestamp,
    limit: usize,
    tracker: &Tracker,
) -> Result<Vec<Arc<Window>>, Vec<Diagnostic>> {
    let windows = read(spec, &written.value)?;
    let passed = windows.passed(now, limit).map_err(|error| {
        let message =
            format!("these windows make {error}; one spec may become {EXPANSION_LIMIT} jobs");
        vec![spec.error("too-many-jobs", written.span, message)]
    });
    let count = passed.as_ref().map_or(0, Vec::len);
    tracker.uses_periods(windows.end_after(count));
    Ok(passed?.into_iter().map(Arc::new).collect())
}

/// A field that is invalid, or whose problem is in the list.
struct Reported;

fn read(spec: &SpecWithDefaults<'_>, written: &WindowsSpec) -> Result<Windows, Vec<Diagnostic>> {
    let mut reader = Reader {
        problems: Vec::new(),
    };
    let every = reader.part(&written.every, |text| {
        let every = text.value.parse::<Every>();
        every.map_err(|error| {
            let message = format!("`{}` {error}", text.value);
            spec.error("window-length", text.span, message)
        })
    });
    let moment = |text: &Spanned<String>| {
        time::parse(&text.value).map_err(|error| time_problem(spec, text, &error))
    };
    let from = reader.part(&written.from, moment);
    let until = written
        .until
        .as_ref()
        .map(|until| reader.part(until, moment));
    let offset = written.offset.as_ref().map(|offset| {
        reader.part(offset, |text| {
            time::parse_offset(&text.value).ok_or_else(|| {
                let message = format!(
                    "`{}` is not an offset from UTC such as `+08:00`",
                    text.value
                );
                spec.error("window-offset", text.span, message)
            })
        })
    });
    if let (Ok(from), Some(Ok(until))) = (&from, &until)
        && until <= from
    {
        reader.problems.extend(ends_too_early(spec, written));
    }
    let (Ok(every), Ok(from), Ok(until), Ok(offset)) =
        (every, from, until.transpose(), offset.transpose())
    else {
        return Err(reader.problems);
    };
    if !reader.problems.is_empty() {
        return Err(reader.problems);
    }
    Ok(Windows {
        every,
        from,
        until,
        offset: offset.unwrap_or(time::CHINA_STANDARD_TIME),
    })
}

struct Reader {
    problems: Vec<Diagnostic>,
}

impl Reader {
    fn part<T>(
        &mut self,
        field: &Field<String>,
        read: impl FnOnce(&Spanned<String>) -> Result<T, Diagnostic>,
    ) -> Result<T, Reported> {
        let text = field.valid().ok_or(Reported)?;
        read(text).map_err(|problem| {
            self.problems.push(problem);
            Reported
        })
    }
}

fn ends_too_early(spec: &SpecWithDefaults<'_>, written: &WindowsSpec) -> Option<Diagnostic> {
    let (from, until) = (written.from.valid()?, written.until.as_ref()?.valid()?);
    let message = "these windows end before they start";
    let problem = spec.error("interval-order", until.span, message);
    Some(
        problem
            .label("the end")
            .related(spec.place(from.span), "the start")
            .help("`from` is earlier than `until`"),
    )
}

/// A text that should be a moment and is none.
pub(super) fn time_problem(
    spec: &SpecWithDefaults<'_>,
    text: &Spanned<String>,
    error: &time::TimeError,
) -> Diagnostic {
    let message = format!("`{}` {error}", text.value);
    spec.error("time", text.span, message)
}
