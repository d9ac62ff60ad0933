//! Asking before something that cannot be undone.

use std::io::{self, IsTerminal, Write as _};

use super::failure::Failure;
use super::session::Session;
use crate::diagnostic::Diagnostic;
use crate::plan::{Plan, Summary};
use crate::units::count;
use crate::workspace::DEFAULT_CONFIRM;

/// Asks whether to do what the question says.
pub(super) fn ask(session: &Session, question: &str) -> Result<(), Failure> {
    if !is_anybody_there(session) {
        let problem = Diagnostic::error("approval", "this needs a yes, and there is nobody to ask");
        return Err(problem.help("give --auto-approve; nothing was done").into());
    }
    if is_answered(session, question, DEFAULT_CONFIRM)? {
        return Ok(());
    }
    Err(Diagnostic::error("approval", "declined; nothing was done").into())
}

/// Asks whether to do what the plan says, in the words that the target wants; `can_ask` is false where
/// the output is for programs.
pub(super) fn submit(session: &Session, plan: &Plan, can_ask: bool) -> Result<(), Failure> {
    let target = &session.target.name;
    if !(can_ask && is_anybody_there(session)) {
        let message = format!("`{target}` costs money, and there is nobody to ask");
        return Err(Diagnostic::error("approval", message)
            .help("nothing was sent; give --auto-approve, or a plan that `plan --out` kept")
            .into());
    }
    let question = format!("\n{}", question(&plan.summary, target));
    if is_answered(session, &question, &session.target.confirm)? {
        return Ok(());
    }
    Err(Diagnostic::error("approval", "declined; nothing was sent").into())
}

/// What `apply` would do, as a question.
fn question(summary: &Summary, target: &str) -> String {
    let submissions = summary.submit + summary.resubmit;
    let parts = [
        (submissions, "submit", "job", "jobs"),
        (summary.resolve, "look up", "submission", "submissions"),
        (summary.renamed, "record", "rename", "renames"),
    ];
    let parts = parts.iter().filter(|(number, ..)| *number > 0);
    let parts =
        parts.map(|(number, verb, one, many)| format!("{verb} {}", count(*number, one, many)));
    format!("`{target}`: {}?", parts.collect::<Vec<_>>().join(", "))
}

/// Only on a terminal can a question be answered.
fn is_anybody_there(session: &Session) -> bool {
    io::stdin().is_terminal() && !session.settings.no_input
}

/// `yes` has a short form; a word of the target's own has none.
fn is_answered(session: &Session, question: &str, wanted: &str) -> io::Result<bool> {
    let is_default = wanted == DEFAULT_CONFIRM;
    let mut out = session.ui.messages();
    if is_default {
        write!(out, "{question} [y/N] ")?;
    } else {
        write!(out, "{question} Only `{wanted}` does: ")?;
    }
    out.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    let answer = answer.trim();
    Ok(answer == wanted || (is_default && ["y", "yes"].contains(&answer.to_lowercase().as_str())))
}

#[cfg(test)]
mod tests {
    use super::question;
    use crate::plan::Summary;

    #[test]
    fn a_prompt_asks_what_will_happen() {
        let summary = |submit, resolve, renamed| Summary {
            submit,
            resolve,
            renamed,
            ..Summary::default()
        };
        let cases = [
            (summary(1, 0, 0), "`prod`: submit 1 job?"),
            (summary(0, 0, 40), "`prod`: record 40 renames?"),
            (summary(0, 1, 0), "`prod`: look up 1 submission?"),
            (
                summary(2, 1, 1),
                "`prod`: submit 2 jobs, look up 1 submission, record 1 rename?",
            ),
        ];
        for (summary, expected) in cases {
            assert_eq!(question(&summary, "prod"), expected);
        }
    }
}
