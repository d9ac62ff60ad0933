//! `matrix`: every combination of its lists.

use std::collections::BTreeMap;

use super::EXPANSION_LIMIT;
use super::instances::Instance;
use super::spec::SpecWithDefaults;
use crate::diagnostic::Diagnostic;
use crate::document::Field;
use crate::jobfile::model::{Exclusion, MatrixSpec, MatrixValue};
use crate::source::Spanned;

/// A list of the matrix: its name and its values.
type List<'a> = (&'a Spanned<String>, &'a [Spanned<MatrixValue>]);

/// A name and a value for each list.
type Combination<'a> = Vec<(&'a str, &'a MatrixValue)>;

/// Every combination of the lists, the last list changing fastest, without the excluded ones.
/// `Err` without a problem: only invalid fields, which have been reported.
pub(super) fn combinations<'a>(
    spec: &SpecWithDefaults<'a>,
    matrix: &'a Spanned<MatrixSpec>,
) -> Result<Vec<Instance<'a>>, Vec<Diagnostic>> {
    let MatrixSpec {
        lists: written,
        exclude,
    } = &matrix.value;
    let lists: Vec<List<'_>> = written.0.iter().filter_map(valid_list).collect();
    let exclude = exclude.as_ref().map(Field::valid);
    let is_whole = lists.len() == written.0.len();
    let exclude = match exclude {
        None => &[][..],
        Some(Some(exclude)) => exclude.value.as_slice(),
        Some(None) => return Err(check_lists(spec, &lists)),
    };
    let mut problems = check_lists(spec, &lists);
    if !is_whole {
        return Err(problems);
    }
    problems.extend(too_many(spec, matrix, &lists));
    let useless = exclude.iter().filter_map(|one| useless(spec, &lists, one));
    problems.extend(useless);
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut combinations: Vec<Combination<'_>> = vec![Vec::new()];
    for (name, values) in &lists {
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
    combinations.retain(|combination| !exclude.iter().any(|one| matches(&one.value, combination)));
    let instance = |matrix| Instance {
        matrix,
        window: None,
    };
    Ok(combinations.into_iter().map(instance).collect())
}

fn valid_list(
    (name, values): &(Spanned<String>, Field<Vec<Spanned<MatrixValue>>>),
) -> Option<List<'_>> {
    Some((name, &values.valid()?.value))
}

fn matches(excluded: &Exclusion, combination: &Combination<'_>) -> bool {
    excluded.0.iter().all(|(name, value)| {
        let here = combination.iter().find(|(other, _)| *other == name.value);
        here.is_some_and(|(_, other)| **other == value.value)
    })
}

/// Refuses too large a matrix before it is made.
fn too_many(
    spec: &SpecWithDefaults<'_>,
    matrix: &Spanned<MatrixSpec>,
    lists: &[List<'_>],
) -> Option<Diagnostic> {
    let sizes = lists.iter().map(|(_, values)| values.len());
    let count = sizes.fold(1_usize, usize::saturating_mul);
    (count > EXPANSION_LIMIT).then(|| {
        let message =
            format!("this matrix makes {count} jobs; one spec may become {EXPANSION_LIMIT}");
        let problem = spec.error("too-many-jobs", matrix.span, message);
        problem.help("split the spec, or run one wider prefix")
    })
}

/// A list that takes a name of ours, an empty one, repeated values.
fn check_lists(spec: &SpecWithDefaults<'_>, lists: &[List<'_>]) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for (name, values) in lists {
        if name.value == "window" {
            let message = "a list of a matrix cannot be named `window`";
            let problem = spec.error("matrix-name", name.span, message);
            problems.push(problem.help("that name belongs to `windows`"));
        }
        if values.is_empty() {
            let message = format!("the list `{}` is empty", name.value);
            let problem = spec.error("matrix-empty", name.span, message);
            problems.push(problem.help("an empty list makes no job at all"));
        }
        problems.extend(repeated(spec, values));
        problems.extend(values.iter().filter_map(|value| changed_text(spec, value)));
    }
    problems
}

/// A number or truth value whose text is not what expressions would make of it, such as `08`.
fn changed_text(spec: &SpecWithDefaults<'_>, value: &Spanned<MatrixValue>) -> Option<Diagnostic> {
    let written = spec.file.slice(value.span);
    let text = value.value.to_string();
    if matches!(value.value, MatrixValue::Text(_)) || written == text {
        return None;
    }
    let message = format!("`{written}` becomes `{text}` in keys and expressions");
    let problem = spec.error("matrix-value", value.span, message);
    Some(problem.help(format!(
        "write \"{written}\" to keep it as it is, or {text}"
    )))
}

fn repeated(spec: &SpecWithDefaults<'_>, values: &[Spanned<MatrixValue>]) -> Vec<Diagnostic> {
    let mut seen = BTreeMap::new();
    let mut problems = Vec::new();
    for value in values {
        if let Some(first) = seen.insert(value.value.to_string(), value.span) {
            let message = format!("the value `{}` stands twice in this list", value.value);
            let problem = spec.error("matrix-repeated", value.span, message);
            problems.push(problem.related(spec.place(first), "first here"));
        }
    }
    problems
}

fn useless(
    spec: &SpecWithDefaults<'_>,
    lists: &[List<'_>],
    excluded: &Spanned<Exclusion>,
) -> Option<Diagnostic> {
    if excluded.value.0.is_empty() {
        let message = "this exclusion names no value, and would exclude every job";
        return Some(spec.error("matrix-exclude", excluded.span, message));
    }
    let (name, value) = excluded.value.0.iter().find(|(name, value)| {
        let list = lists.iter().find(|(other, _)| other.value == name.value);
        !list.is_some_and(|(_, values)| values.iter().any(|other| other.value == value.value))
    })?;
    let message = format!(
        "no list of this matrix has `{}: {}`, so that this excludes nothing",
        name.value, value.value
    );
    Some(spec.error("matrix-exclude", value.span, message))
}
