//! One spec, several jobs: every combination of its matrix, every period of its windows.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;

use super::EXPANSION_LIMIT;
use super::matrix::combinations;
use super::periods::passed;
use super::spec::SpecWithDefaults;
use super::uses::Tracker;
use super::windows::Window;
use crate::diagnostic::Diagnostic;
use crate::jobfile::model::MatrixValue;

/// One instance of what a spec expands to.
#[derive(Debug, Clone, Default)]
pub(super) struct Instance<'a> {
    /// Name and value of each list of the matrix, in the order of the file.
    pub(super) matrix: Vec<(&'a str, &'a MatrixValue)>,
    /// The period, if the spec has windows.
    pub(super) window: Option<Arc<Window>>,
}

/// Names in expressions whose values cannot be known: what they come from is invalid, or does not
/// exist yet. An expression that uses one is skipped without a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Unresolvable {
    pub(super) key: bool,
    pub(super) matrix: bool,
    pub(super) window: bool,
}

/// What a spec expands to.
#[derive(Debug)]
pub(super) struct Expansion<'a> {
    /// With anything unresolvable, these become no jobs; their other mistakes are still reported.
    pub(super) instances: Vec<Instance<'a>>,
    pub(super) unresolvable: Unresolvable,
    /// Mistakes in matrix and windows.
    pub(super) problems: Vec<Diagnostic>,
}

impl Unresolvable {
    pub(super) const ALL: Self = Self {
        key: true,
        matrix: true,
        window: true,
    };

    /// Whether the value of `name`, as an expression writes it, cannot be known.
    pub(super) fn includes(self, name: &str) -> bool {
        match name.split('.').next() {
            Some("key") => self.key,
            Some("matrix") => self.matrix,
            Some("window") => self.window,
            _ => false,
        }
    }
}

impl Instance<'_> {
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

/// All instances of a spec: one without name or value where it has neither matrix nor windows.
pub(super) fn expand<'a>(
    spec: &SpecWithDefaults<'a>,
    now: Timestamp,
    tracker: &Tracker,
) -> Expansion<'a> {
    let mut expansion = Expansion {
        instances: vec![Instance::default()],
        unresolvable: Unresolvable::default(),
        problems: Vec::new(),
    };
    match spec.find(|spec| &spec.matrix) {
        None => {}
        Some(Err(_)) => expansion.unresolvable.matrix = true,
        Some(Ok(matrix)) => match combinations(spec, matrix) {
            Ok(combinations) => expansion.instances = combinations,
            Err(mut problems) => {
                expansion.unresolvable.matrix = true;
                expansion.problems.append(&mut problems);
            }
        },
    }
    match spec.find(|spec| &spec.windows) {
        None => {}
        Some(Err(_)) => expansion.unresolvable.window = true,
        Some(Ok(windows)) => {
            let limit = EXPANSION_LIMIT / expansion.instances.len().max(1);
            match passed(spec, windows, now, limit, tracker) {
                Ok(windows) if !windows.is_empty() => {
                    expansion.instances = cross(&expansion.instances, &windows);
                }
                Ok(_) => expansion.unresolvable.window = true,
                Err(mut problems) => {
                    expansion.unresolvable.window = true;
                    expansion.problems.append(&mut problems);
                }
            }
        }
    }
    expansion
}

fn cross<'a>(instances: &[Instance<'a>], windows: &[Arc<Window>]) -> Vec<Instance<'a>> {
    let pairs = instances
        .iter()
        .flat_map(|instance| windows.iter().map(move |window| (instance, window)));
    let instance = |(instance, window): (&Instance<'a>, &Arc<Window>)| Instance {
        matrix: instance.matrix.clone(),
        window: Some(Arc::clone(window)),
    };
    pairs.map(instance).collect()
}
