//! Whether the job files still say what was planned: a person may have answered a question meanwhile,
//! or a list been counted.

use std::sync::Arc;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::failure::Failure;
use super::plan_file;
use super::session::Session;
use crate::diagnostic::Diagnostic;
use crate::jobfile::discover;
use crate::plain_text::printable;
use crate::plan::Plan;
use crate::source::SourceFile;

/// Refuses a plan of jobs whose file has another content by now.
pub(super) fn check(session: &Session, plan: &Plan) -> Result<(), Failure> {
    let Some(changed) = changed(session, plan) else {
        return Ok(());
    };
    let message = format!(
        "`{}` has changed since it was planned",
        printable(changed.path())
    );
    Err(Diagnostic::error("file-changed", message)
        .help("nothing was submitted; look at the new plan, and apply that")
        .into())
}

/// A file of the plan's jobs that has another content by now.
pub(super) fn changed(session: &Session, plan: &Plan) -> Option<Arc<SourceFile>> {
    let files = plan_file::files_of(plan.jobs.iter().map(|planned| &planned.job));
    let root = session.workspace.root();
    let has_changed = |file: &&Arc<SourceFile>| {
        let now = discover::open_as(&root.join(file.path()), file.path());
        !now.is_ok_and(|now| now.text() == file.text())
    };
    files.par_iter().find_any(has_changed).cloned()
}
