//! The variables that commands get: not the credentials of the process that starts them.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::sync::Arc;

/// What every command gets of the environment, beside the `LC_…` variables.
const ALLOWED: [&str; 6] = ["PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR"];
const LOCALE_PREFIX: &str = "LC_";

/// The environment that commands get a part of. `Debug` shows no value.
#[derive(Clone, Default)]
pub struct Environment(Arc<[(OsString, OsString)]>);

impl Environment {
    /// What a command gets: the variables that all get, and those of these names.
    pub(super) fn allowed<'a>(
        &'a self,
        names: &'a [String],
    ) -> impl Iterator<Item = (&'a OsStr, &'a OsStr)> {
        let is_allowed = |name: &str| {
            ALLOWED.contains(&name)
                || name.starts_with(LOCALE_PREFIX)
                || names.iter().any(|other| other == name)
        };
        let allowed = self
            .0
            .iter()
            .filter(move |(name, _)| name.to_str().is_some_and(is_allowed));
        allowed.map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

impl FromIterator<(OsString, OsString)> for Environment {
    fn from_iter<I: IntoIterator<Item = (OsString, OsString)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|(name, _)| name);
        formatter.debug_list().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Environment;

    #[test]
    fn commands_get_what_is_listed_and_what_they_name() {
        let all = [
            "PATH",
            "HOME",
            "LC_ALL",
            "TENCENTCLOUD_SECRET_KEY",
            "GITHUB_TOKEN",
            "MODEL",
            "MODEL_KEY",
        ];
        let environment: Environment = all
            .iter()
            .map(|name| (name.into(), "canary".into()))
            .collect();
        let names = ["MODEL".to_owned()];
        let allowed: Vec<_> = environment.allowed(&names).map(|(name, _)| name).collect();
        assert_eq!(allowed, ["PATH", "HOME", "LC_ALL", "MODEL"]);
        assert!(!format!("{environment:?}").contains("canary"));
    }
}
