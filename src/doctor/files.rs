//! What lies on this machine: the job files and the state.

use std::path::Path;

use rustix::fs::{Access, access};

use super::check::{Check, Finding, failed, ok};
use crate::load::Loaded;
use crate::plain_text::printable;
use crate::state::{Location, Records, StateError};

/// Whether the job files are right.
pub fn jobs(loaded: &Loaded) -> Check {
    let errors = loaded.diagnostics.iter().filter(|found| found.is_error());
    let finding = match errors.count() {
        0 => ok(format!(
            "{} jobs in {} files",
            loaded.jobs.len(),
            loaded.files
        )),
        count => failed(
            format!("{count} mistakes"),
            "`stocktake validate` shows where they stand",
        ),
    };
    Check::new("job-files", "", "the files under jobs/", finding)
}

/// Whether the state is there, whole, and can be written. A target without one may be new.
pub fn state(
    target: &str,
    location: &Location,
    read: Result<&Records, &StateError>,
    may_be_absent: bool,
) -> Check {
    let finding = match read {
        Ok(records) => {
            let found = format!("{} records", records.len());
            location
                .file()
                .map_or_else(|| ok(found.clone()), |path| writable(path, found.clone()))
        }
        Err(StateError::Missing { .. }) if may_be_absent => {
            ok("none yet: the first apply begins it")
        }
        Err(StateError::Missing { .. }) => failed(
            "it is not there",
            format!(
                "`stocktake -t {target} state init`, if this target was never used; else bring the file \
                 back: without it every job counts as new, and is billed again"
            ),
        ),
        Err(error) if location.file().is_none() => failed(
            error.to_string(),
            "`stocktake state verify` says more, and what to do",
        ),
        Err(error) => failed(error.to_string(), "restore the file from git"),
    };
    let asked = format!("read {location}");
    Check::new("state", "", asked, finding)
}

/// A state is written in place, and a lock beside it.
fn writable(path: &Path, found: String) -> Finding {
    let folder = path.parent().unwrap_or(Path::new("."));
    for place in [path, folder] {
        if let Err(error) = access(place, Access::WRITE_OK) {
            return failed(
                format!("{} cannot be written: {error}", printable(place)),
                format!("chmod u+w '{}'", printable(place)),
            );
        }
    }
    ok(found)
}
