//! The environment: read here, once, and nowhere else.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use super::options::parse_duration;
use crate::credentials::Variables;
use crate::diagnostic::Diagnostic;
use crate::service::Environment;

/// The prefix of variables that become `${ vars.name }`.
const VARIABLE_PREFIX: &str = "STOCKTAKE_VAR_";

/// Arguments for every command; with `_` and a command's name, for that one.
const ARGUMENTS: &str = "STOCKTAKE_ARGS";

/// What the environment says. `Debug` shows no secret.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    /// `STOCKTAKE_STATE`: the state file, instead of the target's.
    pub(super) state: Option<PathBuf>,
    /// `STOCKTAKE_VAR_name`, in the order of names.
    pub(super) variables: Vec<(String, String)>,
    /// What credentials are found by.
    pub(super) credential_variables: Variables,
    /// `PATH`: where commands are looked for.
    pub(super) path: Option<OsString>,
    /// `USER`: recorded with the decisions of people.
    pub(super) user: Option<String>,
    /// `NO_COLOR`, `CLICOLOR_FORCE`, `FORCE_COLOR`, `CLICOLOR`, `TERM`: colour or none, if they say.
    pub(super) color: Option<bool>,
    /// `CI` or `STOCKTAKE_IN_AUTOMATION`: no hints are shown.
    pub(super) automation: bool,
    /// `STOCKTAKE_INPUT=0`, or `CI`: no questions are asked.
    pub(super) no_input: bool,
    /// `STOCKTAKE_PROGRESS_INTERVAL`: how often a line says how far the work is, without a terminal.
    pub(super) progress_interval: Option<Duration>,
    /// `STOCKTAKE_LOG`: what to log, as `tracing` filters say it.
    pub(super) log: Option<String>,
    /// `STOCKTAKE_LOG_FILE`: where to log, instead of standard error.
    pub(super) log_file: Option<PathBuf>,
    /// The address of the run of a pipeline that this is, on the platforms that tell it.
    pub(super) run: Option<String>,
    /// `STOCKTAKE_TARGET`: the target, where the command line names none.
    pub(super) target: Option<String>,
    /// `HTTPS_PROXY`: the proxy on the way to a service; its address may hold a password.
    pub(super) proxy: Option<SecretString>,
    /// `NO_PROXY`: hosts that are reached without it.
    pub(super) no_proxy: Option<String>,
    /// `STOCKTAKE_ALLOWED_HOSTS`: hosts that files may name in automation.
    pub(super) allowed_hosts: Vec<String>,
    /// `STOCKTAKE_NOTIFY_URL`: the webhook that is told what happens; a secret, as robots have it.
    pub(super) notify_url: Option<SecretString>,
    /// `STOCKTAKE_NOTIFY_SECRET`: what messages are signed with.
    pub(super) notify_secret: Option<SecretString>,
    /// `SOURCE_DATE_EPOCH`: the moment that plans are dated with.
    pub(super) plan_date: Option<Timestamp>,
    /// `STOCKTAKE_ARGS` and `STOCKTAKE_ARGS_PLAN` and its like: arguments after the command's name.
    arguments: BTreeMap<String, String>,
    /// All of it, for the commands of the embedded service.
    pub(super) environment: Environment,
    /// Variables that are set and cannot be used.
    pub(super) problems: Vec<Diagnostic>,
}

/// Variables that decide what is sent where: one that is not UTF-8 ends the command. Those of
/// credentials are checked where they are used.
const DECIDING_PREFIX: &str = "STOCKTAKE_";
const DECIDING_NAMES: [&str; 5] = [
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "SOURCE_DATE_EPOCH",
];

fn not_utf_8(name: &str) -> Diagnostic {
    let name = name.escape_debug();
    Diagnostic::error(
        "environment",
        format!("the variable {name} is set, but is not UTF-8"),
    )
    .help("set it to a text in UTF-8, or unset it")
}

/// `SOURCE_DATE_EPOCH`, as reproducible-builds.org defines it.
fn plan_date(seconds: &str) -> Result<Timestamp, Diagnostic> {
    let date = seconds.trim().parse().ok();
    let date = date.and_then(|seconds| Timestamp::from_second(seconds).ok());
    date.ok_or_else(|| {
        let message = "SOURCE_DATE_EPOCH is not a number of seconds since 1970";
        Diagnostic::error("environment", message).help("write what `date +%s` prints, or unset it")
    })
}

impl Settings {
    /// Reads the environment of this process.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub(super) fn from_environment() -> Self {
        let all: Vec<(OsString, OsString)> = std::env::vars_os().collect();
        Self {
            credential_variables: Variables::of(all.iter().cloned()),
            environment: all.iter().cloned().collect(),
            ..Self::from_bytes(all)
        }
    }

    /// A variable that cannot be read is a problem, and never one that is not set.
    fn from_bytes(all: Vec<(OsString, OsString)>) -> Self {
        let mut unreadable = Vec::new();
        let text = |(name, value): (OsString, OsString)| {
            let text = (name.to_str(), value.to_str());
            if let (Some(name), Some(value)) = text {
                return Some((name.to_owned(), value.to_owned()));
            }
            let name = name.to_string_lossy();
            let decides =
                name.starts_with(DECIDING_PREFIX) || DECIDING_NAMES.contains(&name.as_ref());
            if decides {
                unreadable.push(not_utf_8(&name));
            }
            None
        };
        let texts = all.into_iter().filter_map(text).collect();
        let mut settings = Self::from_variables(texts);
        settings.problems.append(&mut unreadable);
        settings
    }

    fn from_variables(mut all: Vec<(String, String)>) -> Self {
        all.sort();
        let get = |wanted: &str| {
            let found = all
                .iter()
                .find(|(name, value)| name == wanted && !value.is_empty());
            found.map(|(_, value)| value.clone())
        };
        let is_set = |name: &str| get(name).is_some_and(|value| value != "0" && value != "false");
        let variable = |(name, value): &(String, String)| {
            let name = name.strip_prefix(VARIABLE_PREFIX)?;
            (!value.is_empty()).then(|| (name.to_owned(), value.clone()))
        };
        let ci = is_set("CI");
        let date = get("SOURCE_DATE_EPOCH").map(|seconds| plan_date(&seconds));
        Self {
            state: get("STOCKTAKE_STATE").map(PathBuf::from),
            variables: all.iter().filter_map(variable).collect(),
            credential_variables: Variables::default(),
            path: get("PATH").map(OsString::from),
            user: get("USER").or_else(|| get("LOGNAME")),
            color: color(&get),
            run: pipeline_run(&get),
            automation: ci || is_set("STOCKTAKE_IN_AUTOMATION"),
            no_input: ci
                || get("STOCKTAKE_INPUT").is_some_and(|value| value == "0" || value == "false"),
            progress_interval: get("STOCKTAKE_PROGRESS_INTERVAL")
                .and_then(|text| parse_duration(&text).ok()),
            log: get("STOCKTAKE_LOG"),
            log_file: get("STOCKTAKE_LOG_FILE").map(PathBuf::from),
            target: get("STOCKTAKE_TARGET"),
            proxy: get("HTTPS_PROXY")
                .or_else(|| get("https_proxy"))
                .map(SecretString::from),
            no_proxy: get("NO_PROXY").or_else(|| get("no_proxy")),
            allowed_hosts: get("STOCKTAKE_ALLOWED_HOSTS")
                .unwrap_or_default()
                .split([',', ' '])
                .filter(|host| !host.is_empty())
                .map(str::to_owned)
                .collect(),
            notify_url: get("STOCKTAKE_NOTIFY_URL").map(SecretString::from),
            notify_secret: get("STOCKTAKE_NOTIFY_SECRET").map(SecretString::from),
            plan_date: date.as_ref().and_then(|date| date.as_ref().ok().copied()),
            problems: date.and_then(Result::err).into_iter().collect(),
            arguments: all
                .iter()
                .filter(|(name, _)| name.starts_with(ARGUMENTS))
                .cloned()
                .collect(),
            environment: Environment::default(),
        }
    }
}

impl Settings {
    /// What the environment adds after the name of a command, before the arguments given there.
    pub(super) fn arguments(&self, command: &str) -> Vec<OsString> {
        let own = format!("{ARGUMENTS}_{}", command.to_uppercase().replace('-', "_"));
        let values = [ARGUMENTS, &own].map(|name| self.arguments.get(name));
        let words = values
            .into_iter()
            .flatten()
            .flat_map(|text| text.split_whitespace());
        words.map(OsString::from).collect()
    }
}

/// GitLab gives the address of a job; GitHub gives its parts.
fn pipeline_run(get: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    get("CI_JOB_URL").or_else(|| {
        let server = get("GITHUB_SERVER_URL")?;
        let (repository, run) = (get("GITHUB_REPOSITORY")?, get("GITHUB_RUN_ID")?);
        Some(format!("{server}/{repository}/actions/runs/{run}"))
    })
}

/// `NO_COLOR` goes before `CLICOLOR_FORCE` and `FORCE_COLOR`, these before `CLICOLOR=0` and a dumb
/// terminal.
fn color(get: &dyn Fn(&str) -> Option<String>) -> Option<bool> {
    let forced = |name| get(name).is_some_and(|value| value != "0");
    if get("NO_COLOR").is_some() {
        return Some(false);
    }
    if forced("CLICOLOR_FORCE") || forced("FORCE_COLOR") {
        return Some(true);
    }
    let off = get("CLICOLOR").is_some_and(|value| value == "0")
        || get("TERM").is_some_and(|value| value == "dumb");
    off.then_some(false)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;

    use super::Settings;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        let owned = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::from_variables(owned.collect())
    }

    #[test]
    fn no_color_goes_first_and_an_empty_one_is_unset() {
        assert_eq!(
            settings(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]).color,
            Some(false)
        );
        assert_eq!(
            settings(&[("NO_COLOR", ""), ("FORCE_COLOR", "1")]).color,
            Some(true)
        );
        assert_eq!(
            settings(&[("CLICOLOR_FORCE", "0"), ("TERM", "dumb")]).color,
            Some(false)
        );
        assert_eq!(settings(&[("TERM", "xterm")]).color, None);
    }

    #[test]
    fn a_variable_that_is_not_utf_8_is_named_if_it_decides_anything() {
        let bytes = || OsString::from_vec(b"x\xff".to_vec());
        for name in ["STOCKTAKE_VAR_folder", "STOCKTAKE_TARGET", "NO_PROXY"] {
            let settings = Settings::from_bytes(vec![(name.into(), bytes())]);
            assert!(
                settings.problems[0].message.contains(name),
                "{:?}",
                settings.problems
            );
        }
        let other = Settings::from_bytes(vec![("OTHER".into(), bytes())]);
        assert!(other.problems.is_empty());
    }

    #[test]
    fn a_date_that_is_none_is_a_problem() {
        assert!(
            settings(&[("SOURCE_DATE_EPOCH", "1640995200")])
                .plan_date
                .is_some()
        );
        assert!(settings(&[("SOURCE_DATE_EPOCH", "")]).problems.is_empty());
        assert_eq!(
            settings(&[("SOURCE_DATE_EPOCH", "yesterday")])
                .problems
                .len(),
            1
        );
    }

    #[test]
    fn variables_lose_their_prefix() {
        let settings = settings(&[
            ("STOCKTAKE_VAR_b", "2"),
            ("STOCKTAKE_VAR_a", "1"),
            ("OTHER", "3"),
        ]);
        assert_eq!(
            settings.variables,
            [
                ("a".to_owned(), "1".to_owned()),
                ("b".to_owned(), "2".to_owned())
            ]
        );
    }
}
