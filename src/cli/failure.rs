//! Why a command cannot go on: findings to show, and how to end.

use crate::api::client::{CallError, ClientError};
use crate::diagnostic::Diagnostic;
use crate::plain_text::printable;
use crate::remedy;
use crate::service::{StartError, StoreError};
use crate::state::StateError;
use crate::state::shared::LogError;

use super::consent;
use super::exit::Exit;

/// Why a command cannot go on.
#[derive(Debug)]
pub(super) struct Failure {
    /// How the program ends.
    pub(super) exit: Exit,
    /// What to show.
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Failure {
    /// One sentence and, where there is one, the way out.
    pub(super) fn new(exit: Exit, diagnostic: Diagnostic) -> Self {
        Self {
            exit,
            diagnostics: vec![diagnostic],
        }
    }
}

impl From<Vec<Diagnostic>> for Failure {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Self {
            exit: Exit::Failed,
            diagnostics,
        }
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::new(Exit::Failed, diagnostic)
    }
}

/// Writing to a closed pipe is how a reader says that it has seen enough.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self {
                exit: Exit::Failed,
                diagnostics: Vec::new(),
            };
        }
        Diagnostic::error("output", format!("cannot write the output: {error}")).into()
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        let exit = match error {
            StateError::Locked { .. }
            | StateError::Fenced { .. }
            | StateError::Overtaken { .. } => Exit::Locked,
            StateError::Backwards { .. } => Exit::Stale,
            _ => Exit::Failed,
        };
        Self::new(exit, state_problem(&error))
    }
}

impl From<Vec<StateError>> for Failure {
    fn from(errors: Vec<StateError>) -> Self {
        errors
            .iter()
            .map(state_problem)
            .collect::<Vec<Diagnostic>>()
            .into()
    }
}

/// What is wrong with a state, and the way out.
fn state_problem(error: &StateError) -> Diagnostic {
    let help = match error {
        StateError::Missing { .. } => {
            "if this target was never used, `stocktake state init` begins a state; if it was, bring the \
             file back: without it every job would count as new, and be billed again"
        }
        StateError::Exists { .. } => "use it; a state is begun once in the life of a target",
        StateError::Locked { .. } => "wait for it with --lock-timeout, as in `--lock-timeout 5m`",
        StateError::WrongState { .. } => {
            "each target has a state of its own: see `state` in stocktake.toml"
        }
        StateError::NewerFormat { .. } => "a newer version of stocktake wrote it: update this one",
        StateError::Damaged { .. } => {
            "nothing was submitted; restore the file from git. After a merge keep the lines of both \
             sides and remove the conflict markers only"
        }
        StateError::Truncated { .. } => "nothing was submitted; restore the file from git",
        StateError::Contradiction { .. } => {
            "find out at the service which of the two counts, and cancel the other there; then `stocktake \
             resolve KEY --keep JOBID` lets that one count. Otherwise restore the file from git"
        }
        StateError::TooLarge { .. } => "see to which file `state` in stocktake.toml points",
        StateError::ExternallyModified { .. } => {
            "leave the file alone while stocktake runs; restore it and run the command again"
        }
        StateError::Log { problem, .. } => log_help(problem),
        StateError::Backwards { .. } => {
            "nothing was sent; the store lost slots or was restored from a copy: bring back what is missing"
        }
        StateError::Fenced { .. } => {
            "this run was paused or cut off for longer than the lease; run it again: what it may have sent \
             is looked up first"
        }
        StateError::Unconfirmed { .. } => {
            "run it again when the store answers: what may have been sent is looked up first"
        }
        StateError::Overtaken { .. } => "nothing was recorded; run it again",
        StateError::Shared { .. } => "nothing more was recorded; see that the store can be reached",
        StateError::Io { .. } => {
            "the state and its folder must be readable and writable, with room on the disk"
        }
    };
    Diagnostic::error("state", error.to_string()).help(help)
}

/// The way out of a shared log that cannot be used.
fn log_help(problem: &LogError) -> &'static str {
    match problem {
        LogError::Store(_) => "nothing was sent; see that the store can be reached, and by whom",
        LogError::Gap { .. } | LogError::Missing { .. } => {
            "nothing was sent; bring the missing object back: without it jobs would count as new"
        }
        LogError::Fork { .. } | LogError::AfterMove { .. } => {
            "nothing was sent; two states were mixed, or a copy was brought back: look at the objects \
             beside it, and bring back those of one state"
        }
        _ => "nothing was sent; bring the object back as it was written",
    }
}

/// The error of a call that the service refuses because of the credentials.
pub(super) fn credentials_refused(error: &CallError) -> Option<Diagnostic> {
    let problem = error.refused_credentials()?;
    let diagnostic = Diagnostic::error("credentials", format!("{problem}: {error}"));
    let otherwise = "nothing was sent; `stocktake doctor` says which credentials are used";
    Some(diagnostic.help(remedy::of_call(error).unwrap_or(otherwise)))
}

/// A call that failed: what its code asks for, or else what the command says.
pub(super) fn call_problem(code: &'static str, error: &CallError, otherwise: &str) -> Diagnostic {
    let help = remedy::of_call(error).unwrap_or(otherwise);
    Diagnostic::error(code, error.to_string()).help(help)
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        consent::refusal(&error).into()
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let help = match &error {
            StartError::Owned { .. } => "use that one, end it, or keep the jobs elsewhere: --data",
            StartError::Listen { .. } => "`--listen 127.0.0.1:0` takes any free port",
            StartError::WellKnownKeyPair { .. } => {
                "without it a key pair is drawn, and `stocktake serve --print-credentials` shows it"
            }
            StartError::Bucket { .. } => "make the folder, or correct `buckets` of the target",
            StartError::UploadTimes { .. } => {
                "a line is a time and a key, as in `2022-02-14T09:30:00+0800 input/cat.png`"
            }
            StartError::Database {
                path,
                source: StoreError::Format { .. },
            } => &format!(
                "it was written by another build of stocktake: remove its folder with `rm -r {}`, \
                 or keep the new jobs elsewhere with --data",
                printable(path.parent().unwrap_or(path))
            ),
            StartError::Database { .. } => {
                "move it away to start with an empty one; the jobs in it are forgotten then"
            }
            StartError::Tls { .. } => "name a certificate with its chain and its key, both as PEM",
            StartError::File { .. } => "another folder for jobs and results: --data",
        };
        Diagnostic::error("service", error.to_string())
            .help(help)
            .into()
    }
}
