//! What a person may have meant.

/// The known name that is nearest to a written one, if any is near enough.
///
/// Case and the marks between words count for nothing, so that `WorkflowIds` means `workflow_ids`.
pub fn closest<'name>(
    written: &str,
    known: impl IntoIterator<Item = &'name str>,
) -> Option<&'name str> {
    const LONGEST_NAME: usize = 100;
    if written.len() > LONGEST_NAME {
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
