//! Findings in files, as data: `report` lays them out for people and machines.

use crate::source::Place;

/// How bad a [`Diagnostic`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is planned or submitted.
    Error,
    /// Worth a look; everything goes on.
    Warning,
}

/// One finding: what is wrong, where, and the way out.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name of the kind of finding, in kebab case, for machines and for documentation.
    pub code: &'static str,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// A few words at the underlined place.
    pub label: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
    /// Where it is; absent when it is about no file in particular.
    pub place: Option<Place>,
    /// Other places that explain it, each with a few words.
    pub related: Vec<(Place, String)>,
}

impl Diagnostic {
    /// An error with the given code and sentence.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            label: None,
            help: None,
            place: None,
            related: Vec::new(),
        }
    }

    /// A warning with the given code and sentence.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message)
        }
    }

    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Puts a few words at the underlined place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Marks another place that explains the finding.
    #[must_use]
    pub fn related(mut self, place: Place, words: impl Into<String>) -> Self {
        self.related.push((place, words.into()));
        self
    }

    /// Whether it stops the command.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Sorts findings the way they are shown: by file, then by place, those without a place first.
pub fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by(|left, right| {
        let order = |diagnostic: &Diagnostic| {
            let place = diagnostic.place.as_ref();
            place.map(|place| (place.file.path().to_path_buf(), place.span))
        };
        order(left).cmp(&order(right))
    });
}

/// The known name that is nearest to a written one, if any is near enough.
///
/// Case and the marks between words are ignored: `WorkflowIds` means `workflow_ids`.
pub fn closest<'name>(
    written: &str,
    known: impl IntoIterator<Item = &'name str>,
) -> Option<&'name str> {
    const MAX_NAME: usize = 100;
    if written.len() > MAX_NAME {
        return None;
    }
    let written = plain(written);
    let near = |name: &&'name str| {
        let distance = strsim::damerau_levenshtein(&written, &plain(name));
        let limit = written.chars().count().max(3) / 3;
        (distance <= limit).then_some((distance, *name))
    };
    let candidates = known.into_iter().filter_map(|name| near(&name));
    candidates
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

fn plain(name: &str) -> String {
    let letters = name
        .chars()
        .filter(|letter| !matches!(letter, '_' | '-' | ' '));
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["prefix", "object", "url_file", "workflow_ids"];
        let closest = |written| closest(written, known);
        assert_eq!(closest("prefx"), Some("prefix"));
        assert_eq!(closest("WorkflowIds"), Some("workflow_ids"));
        assert_eq!(closest("workflow_id"), Some("workflow_ids"));
        assert_eq!(closest("objcet"), Some("object"));
        assert_eq!(closest("folder"), None);
        assert_eq!(closest(""), None);
        assert_eq!(closest(&"prefix".repeat(100)), None);
    }
}
