//! One spec, several jobs: every combination of its matrix, every period of its windows.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;

use super::EXPANSION_LIMIT;
use super::layers::{Layers, said};
use super::matrix::combinations;
use super::periods::passed;
use super::uses::Tracker;
use super::windows::Window;
use crate::diagnostic::Diagnostic;
use crate::jobfile::model::MatrixValue;

/// One element of what a spec expands to.
#[derive(Debug, Clone, Default)]
pub(super) struct Element<'a> {
    /// Name and value of each list of the matrix, in the order of the file.
    pub(super) matrix: Vec<(&'a str, &'a MatrixValue)>,
    /// The period, if the spec has windows.
    pub(super) window: Option<Arc<Window>>,
}

/// Names that expressions may use and whose values are not known, since something is wrong with what
/// they come from, or since there are none yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Unknown {
    pub(super) key: bool,
    pub(super) matrix: bool,
    pub(super) window: bool,
}

/// What a spec expands to.
#[derive(Debug)]
pub(super) struct Expansion<'a> {
    /// Where something is unknown, these become no jobs; what is wrong with them is wrong all the same.
    pub(super) elements: Vec<Element<'a>>,
    pub(super) unknown: Unknown,
    /// What is wrong with matrix and windows.
    pub(super) problems: Vec<Diagnostic>,
}

impl Unknown {
    /// Nothing is known of the job.
    pub(super) const ALL: Self = Self {
        key: true,
        matrix: true,
        window: true,
    };

    /// Whether an expression that uses `name` has a value nobody knows.
    pub(super) fn covers(self, name: &str) -> bool {
        match name.split('.').next() {
            Some("key") => self.key,
            Some("matrix") => self.matrix,
            Some("window") => self.window,
            _ => false,
        }
    }
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
pub(super) fn expand<'a>(layers: &Layers<'a>, now: Timestamp, tracker: &Tracker) -> Expansion<'a> {
    let mut expansion = Expansion {
        elements: vec![Element::default()],
        unknown: Unknown::default(),
        problems: Vec::new(),
    };
    match layers.find(|spec| said(spec.matrix.as_ref())) {
        None => {}
        Some(Err(_)) => expansion.unknown.matrix = true,
        Some(Ok(matrix)) => match combinations(layers, matrix) {
            Ok(combinations) => expansion.elements = combinations,
            Err(mut problems) => {
                expansion.unknown.matrix = true;
                expansion.problems.append(&mut problems);
            }
        },
    }
    match layers.find(|spec| said(spec.windows.as_ref())) {
        None => {}
        Some(Err(_)) => expansion.unknown.window = true,
        Some(Ok(windows)) => {
            let limit = EXPANSION_LIMIT / expansion.elements.len().max(1);
            match passed(layers, windows, now, limit, tracker) {
                Ok(windows) if !windows.is_empty() => {
                    expansion.elements = cross(&expansion.elements, &windows);
                }
                Ok(_) => expansion.unknown.window = true,
                Err(mut problems) => {
                    expansion.unknown.window = true;
                    expansion.problems.append(&mut problems);
                }
            }
        }
    }
    expansion
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
