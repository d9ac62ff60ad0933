//! `windows`: from what is written to the periods that have passed.

use std::sync::Arc;

use jiff::Timestamp;

use super::EXPANSION_LIMIT;
use super::layers::Layers;
use super::uses::Tracker;
use super::windows::{Every, Window, Windows};
use crate::api::time;
use crate::diagnostic::Diagnostic;
use crate::document::Field;
use crate::jobfile::model::WindowsSpec;
use crate::source::Spanned;

/// The periods of `windows` that have passed. No problem is given where nothing is wrong but what is
/// broken.
pub(super) fn passed(
    layers: &Layers<'_>,
    spec: &Spanned<WindowsSpec>,
    now: Timestamp,
    limit: usize,
    tracker: &Tracker,
) -> Result<Vec<Arc<Window>>, Vec<Diagnostic>> {
    let windows = read(layers, &spec.value)?;
    let passed = windows.passed(now, limit).map_err(|error| {
        let message =
            format!("these windows make {error}; one spec may become {EXPANSION_LIMIT} jobs");
        vec![layers.error("too-many-jobs", spec.span, message)]
    });
    let count = passed.as_ref().map_or(0, Vec::len);
    tracker.uses_periods(windows.end_after(count));
    Ok(passed?.into_iter().map(Arc::new).collect())
}

/// A part of windows that is broken, or whose problem is in the list.
struct Reported;

fn read(layers: &Layers<'_>, spec: &WindowsSpec) -> Result<Windows, Vec<Diagnostic>> {
    let mut reader = Reader {
        problems: Vec::new(),
    };
    let every = reader.part(&spec.every, |text| {
        let every = text.value.parse::<Every>();
        every.map_err(|error| {
            let message = format!("`{}` {error}", text.value);
            layers.error("window-length", text.span, message)
        })
    });
    let moment = |text: &Spanned<String>| {
        time::parse(&text.value).map_err(|error| time_problem(layers, text, &error))
    };
    let from = reader.part(&spec.from, moment);
    let until = spec.until.as_ref().map(|until| reader.part(until, moment));
    let offset = spec.offset.as_ref().map(|offset| {
        reader.part(offset, |text| {
            time::parse_offset(&text.value).ok_or_else(|| {
                let message = format!(
                    "`{}` is not an offset from UTC such as `+08:00`",
                    text.value
                );
                layers.error("window-offset", text.span, message)
            })
        })
    });
    if let (Ok(from), Some(Ok(until))) = (&from, &until)
        && until <= from
    {
        reader.problems.extend(ends_too_early(layers, spec));
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
        let text = field.sound().ok_or(Reported)?;
        read(text).map_err(|problem| {
            self.problems.push(problem);
            Reported
        })
    }
}

fn ends_too_early(layers: &Layers<'_>, spec: &WindowsSpec) -> Option<Diagnostic> {
    let (from, until) = (spec.from.sound()?, spec.until.as_ref()?.sound()?);
    let message = "these windows end before they start";
    let problem = layers.error("interval-order", until.span, message);
    Some(
        problem
            .label("the end")
            .related(layers.place(from.span), "the start")
            .help("`from` is earlier than `until`"),
    )
}

/// A text that should be a moment and is none.
pub(super) fn time_problem(
    layers: &Layers<'_>,
    text: &Spanned<String>,
    error: &time::TimeError,
) -> Diagnostic {
    let message = format!("`{}` {error}", text.value);
    layers.error("time", text.span, message)
}
