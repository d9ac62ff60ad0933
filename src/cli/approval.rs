//! Asking before something that cannot be undone.

use std::io::{self, IsTerminal, Write as _};

use super::failure::Failure;
use super::session::Session;
use crate::diagnostic::Diagnostic;

/// Asks whether to do what the question says.
pub(super) fn ask(session: &Session, question: &str) -> Result<(), Failure> {
    if !is_anybody_there(session) {
        let problem = Diagnostic::error("approval", "this needs a yes, and there is nobody to ask");
        return Err(problem.help("give --auto-approve; nothing was done").into());
    }
    if is_answered(session, question, "yes")? {
        return Ok(());
    }
    Err(Diagnostic::error("approval", "declined; nothing was done").into())
}

/// Asks whether to submit to the session's target, in the words that the target wants; `can_ask` is
/// false where the output is for programs.
pub(super) fn submit(session: &Session, can_ask: bool) -> Result<(), Failure> {
    let target = &session.target.name;
    if !(can_ask && is_anybody_there(session)) {
        let message = format!("`{target}` costs money, and there is nobody to ask");
        return Err(Diagnostic::error("approval", message)
            .help("nothing was sent; give --auto-approve, or a plan that `plan --out` kept")
            .into());
    }
    let question = format!("\nSubmit to `{target}`?");
    if is_answered(session, &question, &session.target.confirm)? {
        return Ok(());
    }
    Err(Diagnostic::error("approval", "declined; nothing was sent").into())
}

/// On a terminal there is somebody; elsewhere nobody could answer.
fn is_anybody_there(session: &Session) -> bool {
    io::stdin().is_terminal() && !session.settings.no_input
}

fn is_answered(session: &Session, question: &str, wanted: &str) -> io::Result<bool> {
    let mut out = session.ui.messages();
    write!(out, "{question} Only `{wanted}` does: ")?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == wanted)
}
