//! Why a command cannot go on: findings to show, and how to end.

use crate::api::client::ClientError;
use crate::diagnostic::Diagnostic;
use crate::service::StartError;
use crate::state::StateError;

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
        let message = error.to_string();
        let problem = Diagnostic::error("state", message);
        match error {
            StateError::Missing { .. } => problem
                .help(
                    "if this target was never used, `stocktake state init` begins a state; if it was, bring \
                     the file back: without it every job would count as new, and be billed again",
                )
                .into(),
            StateError::Locked { .. } => Self::new(Exit::Locked, problem.help("wait for it with --lock-timeout, as in `--lock-timeout 5m`")),
            StateError::Foreign { .. } => Self::new(Exit::Failed, problem.help("each target has a state of its own: see `state` in stocktake.toml")),
            StateError::NewerFormat { .. } => problem.help("a newer version of stocktake wrote it: update this one").into(),
            StateError::Damaged { .. } | StateError::Contradiction { .. } => {
                problem.help("nothing was submitted; restore the file from git, or mend that line").into()
            }
            _ => problem.into(),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Diagnostic::error("client", error.to_string()).into()
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Diagnostic::error("service", error.to_string()).into()
    }
}
