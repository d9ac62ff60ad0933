//! One spec, several jobs: every combination of its matrix, every period of its windows.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;

use super::uses::Tracker;
use super::windows::{Every, Window, Windows};
use super::{EXPANSION_LIMIT, place};
use crate::api::time;
use crate::diagnostic::Diagnostic;
use crate::jobfile::document::Entries;
use crate::jobfile::model::{JobSpec, MatrixSpec, MatrixValue, WindowsSpec};
use crate::source::{SourceFile, Spanned};

/// A spec and what its file puts under it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layers<'a> {
    pub(super) file: &'a Arc<SourceFile>,
    pub(super) key: &'a Spanned<String>,
    pub(super) spec: &'a JobSpec,
    pub(super) defaults: Option<&'a JobSpec>,
}

impl<'a> Layers<'a> {
    /// A field of the spec, or else of the defaults.
    pub(super) fn find<T: ?Sized>(
        &self,
        field: impl Fn(&'a JobSpec) -> Option<&'a T>,
    ) -> Option<&'a T> {
        field(self.spec).or_else(|| self.defaults.and_then(field))
    }
}

/// One element of what a spec expands to.
#[derive(Debug, Clone, Default)]
pub(super) struct Element<'a> {
    /// Name and value of each list of the matrix, in the order of the file.
    pub(super) matrix: Vec<(&'a str, &'a MatrixValue)>,
    /// The period, if the spec has windows.
    pub(super) window: Option<Arc<Window>>,
}

impl Element<'_> {
    /// The key of the job: `archive[region_folder=cn,window=2022-01]`.
    pub(super) fn key(&self, key: &str) -> String {
        if self.matrix.is_empty() && self.window.is_none() {
            return key.to_owned();
        }
        let mut text = format!("{key}[");
        for (index, (name, value)) in self.named_values().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(text, "{comma}{name}={value}");
        }
        text.push(']');
        text
    }

    /// Each value with its name, the window last.
    pub(super) fn named_values(&self) -> impl Iterator<Item = (&str, String)> {
        let matrix = self
            .matrix
            .iter()
            .map(|(name, value)| (*name, value.to_string()));
        let window = self
            .window
            .iter()
            .map(|window| ("window", window.label.clone()));
        matrix.chain(window)
    }
}

/// All elements of a spec: one without name or value where it has neither matrix nor windows.
pub(super) fn expand<'a>(
    layers: &Layers<'a>,
    now: Timestamp,
    tracker: &Tracker,
) -> Result<Vec<Element<'a>>, Vec<Diagnostic>> {
    let mut elements = vec![Element::default()];
    let mut problems = Vec::new();
    if let Some(matrix) = layers.find(|spec| spec.matrix.as_ref()) {
        match combinations(layers, matrix) {
            Ok(combinations) => elements = combinations,
            Err(mut found) => problems.append(&mut found),
        }
    }
    if let Some(windows) = layers.find(|spec| spec.windows.as_ref()) {
        let limit = EXPANSION_LIMIT / elements.len().max(1);
        match passed(layers, windows, now, limit, tracker) {
            Ok(windows) => elements = cross(&elements, &windows),
            Err(mut found) => problems.append(&mut found),
        }
    }
    if problems.is_empty() {
        Ok(elements)
    } else {
        Err(problems)
    }
}

fn cross<'a>(elements: &[Element<'a>], windows: &[Arc<Window>]) -> Vec<Element<'a>> {
    let pairs = elements
        .iter()
        .flat_map(|element| windows.iter().map(move |window| (element, window)));
    let element = |(element, window): (&Element<'a>, &Arc<Window>)| Element {
        matrix: element.matrix.clone(),
        window: Some(Arc::clone(window)),
    };
    pairs.map(element).collect()
}

/// Every combination of the lists, the last list changing fastest, without the excluded ones.
fn combinations<'a>(
    layers: &Layers<'a>,
    matrix: &'a Spanned<MatrixSpec>,
) -> Result<Vec<Element<'a>>, Vec<Diagnostic>> {
    check_matrix(layers, matrix)?;
    let mut combinations: Vec<Vec<(&str, &MatrixValue)>> = vec![Vec::new()];
    for (name, values) in &matrix.value.lists.0 {
        combinations = combinations
            .iter()
            .flat_map(|combination| {
                values.iter().map(move |value| {
                    let mut combination = combination.clone();
                    combination.push((name.value.as_str(), &value.value));
                    combination
                })
            })
            .collect();
    }
    let is_excluded = |combination: &Vec<(&str, &MatrixValue)>| {
        matrix
            .value
            .exclude
            .iter()
            .any(|excluded| matches(&excluded.value, combination))
    };
    combinations.retain(|combination| !is_excluded(combination));
    let element = |matrix| Element {
        matrix,
        window: None,
    };
    Ok(combinations.into_iter().map(element).collect())
}

fn matches(excluded: &Entries<Spanned<MatrixValue>>, combination: &[(&str, &MatrixValue)]) -> bool {
    excluded.0.iter().all(|(name, value)| {
        let here = combination.iter().find(|(other, _)| *other == name.value);
        here.is_some_and(|(_, other)| **other == value.value)
    })
}

/// Refuses too large a matrix before it is made, repeated values, and exclusions that exclude nothing.
fn check_matrix(layers: &Layers<'_>, matrix: &Spanned<MatrixSpec>) -> Result<(), Vec<Diagnostic>> {
    let lists = &matrix.value.lists.0;
    let mut problems = Vec::new();
    let sizes = lists.iter().map(|(_, values)| values.len());
    let count = sizes.fold(1_usize, usize::saturating_mul);
    if count > EXPANSION_LIMIT {
        let message =
            format!("this matrix makes {count} jobs; one spec may become {EXPANSION_LIMIT}");
        let problem = Diagnostic::error("too-many-jobs", message).at(place(layers, matrix.span));
        problems.push(problem.help("split the spec, or run one wider prefix"));
    }
    for (name, values) in lists {
        if name.value == "window" {
            let problem =
                Diagnostic::error("matrix-name", "a list of a matrix cannot be named `window`");
            problems.push(
                problem
                    .at(place(layers, name.span))
                    .help("that name belongs to `windows`"),
            );
        }
        if values.is_empty() {
            let problem = Diagnostic::error(
                "matrix-empty",
                format!("the list `{}` is empty", name.value),
            );
            problems.push(
                problem
                    .at(place(layers, name.span))
                    .help("an empty list makes no job at all"),
            );
        }
        problems.extend(repeated(layers, values));
    }
    problems.extend(
        matrix
            .value
            .exclude
            .iter()
            .filter_map(|excluded| useless(layers, matrix, excluded)),
    );
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

fn repeated(layers: &Layers<'_>, values: &[Spanned<MatrixValue>]) -> Vec<Diagnostic> {
    let mut seen = std::collections::BTreeMap::new();
    let mut problems = Vec::new();
    for value in values {
        if let Some(first) = seen.insert(value.value.to_string(), value.span) {
            let message = format!("the value `{}` stands twice in this list", value.value);
            let problem =
                Diagnostic::error("matrix-repeated", message).at(place(layers, value.span));
            problems.push(problem.related(place(layers, first), "first here"));
        }
    }
    problems
}

fn useless(
    layers: &Layers<'_>,
    matrix: &Spanned<MatrixSpec>,
    excluded: &Spanned<Entries<Spanned<MatrixValue>>>,
) -> Option<Diagnostic> {
    let lists = &matrix.value.lists.0;
    let absent = excluded.value.0.iter().find(|(name, value)| {
        let list = lists.iter().find(|(other, _)| other.value == name.value);
        !list.is_some_and(|(_, values)| values.iter().any(|other| other.value == value.value))
    });
    if excluded.value.0.is_empty() {
        let problem = Diagnostic::error(
            "matrix-exclude",
            "this exclusion names no value, and would exclude every job",
        );
        return Some(problem.at(place(layers, excluded.span)));
    }
    let (name, value) = absent?;
    let message = format!(
        "no list of this matrix has `{}: {}`, so that this excludes nothing",
        name.value, value.value
    );
    Some(Diagnostic::error("matrix-exclude", message).at(place(layers, value.span)))
}

/// The periods of `windows` that have passed.
fn passed(
    layers: &Layers<'_>,
    spec: &Spanned<WindowsSpec>,
    now: Timestamp,
    limit: usize,
    tracker: &Tracker,
) -> Result<Vec<Arc<Window>>, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let every = spec.value.every.value.parse::<Every>().map_err(|error| {
        let message = format!("`{}` {error}", spec.value.every.value);
        problems.push(
            Diagnostic::error("window-length", message).at(place(layers, spec.value.every.span)),
        );
    });
    let mut moment = |text: &Spanned<String>| {
        time::parse(&text.value).map_err(|error| problems.push(time_problem(layers, text, &error)))
    };
    let from = moment(&spec.value.from);
    let until = spec.value.until.as_ref().map(&mut moment).transpose();
    let offset = spec
        .value
        .offset
        .as_ref()
        .map_or(Ok(time::CHINA_STANDARD_TIME), |text| {
            time::parse_offset(&text.value).ok_or_else(|| {
                let message = format!(
                    "`{}` is not an offset from UTC such as `+08:00`",
                    text.value
                );
                problems
                    .push(Diagnostic::error("window-offset", message).at(place(layers, text.span)));
            })
        });
    let (Ok(every), Ok(from), Ok(until), Ok(offset)) = (every, from, until, offset) else {
        return Err(problems);
    };
    if let (Some(until), Some(text)) = (until, &spec.value.until)
        && until <= from
    {
        let problem = Diagnostic::error("interval-order", "these windows end before they start");
        return Err(vec![
            problem
                .at(place(layers, text.span))
                .label("the end")
                .related(place(layers, spec.value.from.span), "the start")
                .help("`from` is earlier than `until`"),
        ]);
    }
    let windows = Windows {
        every,
        from,
        until,
        offset,
    };
    let passed = windows.passed(now, limit).map_err(|error| {
        let message =
            format!("these windows make {error}; one spec may become {EXPANSION_LIMIT} jobs");
        vec![Diagnostic::error("too-many-jobs", message).at(place(layers, spec.span))]
    });
    let count = passed.as_ref().map_or(0, Vec::len);
    tracker.uses_periods(windows.end_after(count));
    Ok(passed?.into_iter().map(Arc::new).collect())
}

/// A text that should be a moment and is none.
pub(super) fn time_problem(
    layers: &Layers<'_>,
    text: &Spanned<String>,
    error: &time::TimeError,
) -> Diagnostic {
    let message = format!("`{}` {error}", text.value);
    Diagnostic::error("time", message).at(place(layers, text.span))
}
