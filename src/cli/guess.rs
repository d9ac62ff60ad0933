//! Words of other tools on the command line, and what leads on from each.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};

/// A word of Terraform, dbt, kubectl, gh or git, and a tip.
type Guess = (&'static [&'static str], &'static str);

const COMMANDS: &[Guess] = &[
    (
        &["import", "take-over"],
        "`stocktake adopt` records jobs that were triggered by other means",
    ),
    (
        &["refresh", "sync", "update"],
        "`stocktake status` asks the service and records the answers; `stocktake plan --refresh` plans with them",
    ),
    (
        &["destroy", "delete", "stop", "kill", "abort", "down"],
        "`stocktake cancel KEY` stops a running job; what is done stays done and is paid for",
    ),
    (
        &["rm", "remove", "forget", "taint"],
        "`stocktake state rm KEY` forgets that a job was submitted; to run a failed one again, `stocktake retry KEY`",
    ),
    (
        &["rerun", "restart", "resume", "replay", "redo"],
        "`stocktake retry KEY` submits a failed job once more; a changed `rerun:` in its file any job",
    ),
    (
        &[
            "run", "submit", "start", "create", "deploy", "build", "up", "trigger", "push",
        ],
        "`stocktake apply` submits what is new, after `stocktake plan` showed it",
    ),
    (
        &["output", "outputs", "results", "artifacts"],
        "results lie where the workflow writes them; `stocktake status KEY` shows the job, `stocktake serve` says where the embedded service keeps them",
    ),
    (
        &["logs", "log", "describe", "get", "inspect"],
        "`stocktake status KEY` shows a job, `stocktake status KEY --failed` why objects failed, `stocktake state show KEY` its history",
    ),
    (
        &["list", "ls", "ps", "jobs", "top", "history"],
        "`stocktake status` shows every recorded job, `stocktake plan --all` every job of the files",
    ),
    (
        &["wait", "follow", "tail"],
        "`stocktake status --wait` waits until the jobs have ended",
    ),
    (
        &["diff", "preview", "dry-run", "explain", "compare"],
        "`stocktake plan` shows what would be submitted, and why",
    ),
    (
        &["lint", "check", "test", "fmt", "format", "parse", "compile"],
        "`stocktake validate` checks the job files; there is no formatter",
    ),
    (
        &["new", "setup", "configure", "login", "auth", "config"],
        "`stocktake init` begins a workspace; keys come from TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, or from `tccli configure`",
    ),
    (
        &["unlock", "force-unlock", "lock"],
        "the state's lock ends with the process that holds it; `--lock-timeout 5m` waits for it",
    ),
    (
        &["debug", "info"],
        "`stocktake state verify` checks the state, `stocktake validate` the files; -v logs every call",
    ),
    (
        &[
            "workspace",
            "workspaces",
            "env",
            "target",
            "targets",
            "use",
            "switch",
        ],
        "-t NAME chooses the target; stocktake.toml declares them",
    ),
    (
        &["server", "daemon", "dev", "emulator"],
        "`stocktake serve` runs the embedded service",
    ),
    (
        &["completion"],
        "`stocktake completions SHELL` prints the script",
    ),
];

const OPTIONS: &[Guess] = &[
    (
        &["-o", "--output", "-output"],
        "`--format json` is for programs, `plan --out FILE` keeps a plan",
    ),
    (&["-out"], "`plan --out FILE` keeps a plan"),
    (
        &["--dry-run", "--check", "--diff", "--no-op"],
        "`stocktake plan` shows what would be submitted, and sends nothing",
    ),
    (
        &["-f", "--file"],
        "every file below jobs/ is read; `--only KEY` chooses jobs, `apply PLANFILE` takes a saved plan",
    ),
    (
        &["--follow", "--watch", "-w"],
        "`stocktake status --wait` waits, and shows the progress",
    ),
    (
        &[
            "--yes",
            "--force",
            "-auto-approve",
            "--no-input",
            "--approve",
            "--confirm",
        ],
        "`--auto-approve` (or -y) submits without asking",
    ),
    (
        &[
            "--select",
            "--filter",
            "--job",
            "-s",
            "-l",
            "--selector",
            "--models",
            "-m",
        ],
        "`--only KEY` chooses jobs: a key, a whole matrix, or a pattern with `*`",
    ),
    (
        &[
            "--env",
            "--environment",
            "-e",
            "--profile",
            "--context",
            "-n",
            "--namespace",
        ],
        "-t NAME chooses the target",
    ),
    (
        &["--chdir", "-chdir", "--project-dir", "--cwd"],
        "-C DIR looks for the workspace in another folder",
    ),
    (
        &["-var", "--vars", "--set"],
        "`--var NAME=VALUE` sets a declared variable",
    ),
    (
        &["--all-targets", "--full-refresh", "--replace"],
        "`stocktake retry KEY` submits a failed job once more; a changed `rerun:` any job",
    ),
    (
        &["--debug", "--log-level", "--trace"],
        "-v logs requests and answers, -vv everything",
    ),
    (
        &["--lock"],
        "`--lock-timeout 5m` waits for another run that writes the state",
    ),
];

/// Replaces clap's tip, which goes by spelling alone, where the word is one of another tool.
pub(super) fn lead_on(error: &mut clap::Error) {
    let guesses = [
        (ContextKind::InvalidSubcommand, COMMANDS),
        (ContextKind::InvalidArg, OPTIONS),
    ];
    for (kind, table) in guesses {
        let Some(ContextValue::String(word)) = error.get(kind) else {
            continue;
        };
        let word = word.split(['=', ' ']).next().unwrap_or_default();
        let found = table.iter().find(|(words, _)| words.contains(&word));
        let Some((_, tip)) = found else { continue };
        let tip = ContextValue::StyledStrs(vec![StyledStr::from(*tip)]);
        for spelled_alike in [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg] {
            error.remove(spelled_alike);
        }
        error.insert(ContextKind::Suggested, tip);
    }
}

/// Takes `--json` for `--format=json`.
pub(super) fn expand_json(arguments: &mut [OsString]) {
    let options = arguments
        .iter_mut()
        .take_while(|argument| *argument != "--");
    for argument in options.filter(|argument| *argument == "--json") {
        *argument = OsString::from("--format=json");
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{COMMANDS, OPTIONS};
    use crate::cli::CommandLine;

    #[test]
    fn no_guess_is_a_command_or_an_option() {
        let program = CommandLine::command();
        for (words, _) in COMMANDS {
            for word in *words {
                assert!(program.find_subcommand(word).is_none(), "{word}");
            }
        }
        let global: Vec<String> = program
            .get_arguments()
            .filter_map(|option| option.get_long())
            .map(|long| format!("--{long}"))
            .collect();
        for (words, _) in OPTIONS {
            for word in *words {
                assert!(!global.iter().any(|option| option == word), "{word}");
            }
        }
    }
}
