//! Asking before something that cannot be undone.

use std::io::{IsTerminal, Write as _};

use super::failure::Failure;
use super::session::Session;
use crate::diagnostic::Diagnostic;

/// Asks on a terminal; elsewhere nobody could answer.
pub(super) fn ask(session: &Session, question: &str) -> Result<(), Failure> {
    let can_ask = std::io::stdin().is_terminal() && !session.settings.no_input;
    if !can_ask {
        let problem = Diagnostic::error("approval", "this needs a yes, and there is nobody to ask");
        return Err(problem.help("give --auto-approve; nothing was done").into());
    }
    let mut out = session.ui.messages();
    write!(out, "{question} Only `yes` does: ")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if answer.trim() == "yes" {
        return Ok(());
    }
    Err(Diagnostic::error("approval", "declined; nothing was done").into())
}
