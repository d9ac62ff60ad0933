//! From the address of a state to the place where it is.

use std::path::Path;
use std::sync::Arc;

use super::failure::Failure;
use super::settings::Settings;
use crate::diagnostic::Diagnostic;
use crate::state::Location;
use crate::state::shared::{FolderStore, Shared};
use crate::workspace::{StateAddress, Target};

/// Reads the address that the environment gives; a path in it is relative to the current folder.
pub(super) fn address(text: &Path) -> Result<StateAddress, Failure> {
    let address = match text.to_str() {
        Some(text) => StateAddress::parse(text)
            .map_err(|error| Diagnostic::error("state", format!("STOCKTAKE_STATE: {error}")))?,
        None => StateAddress::File(text.to_owned()),
    };
    Ok(match address {
        StateAddress::File(path) => StateAddress::File(std::path::absolute(path)?),
        shared @ StateAddress::Folder(_) => shared,
    })
}

/// The place of the target's state.
pub(super) fn locate(
    target: &Target,
    settings: &Settings,
    named_by_environment: bool,
) -> Result<Location, Failure> {
    let folder = match &target.state {
        StateAddress::File(path) => return Ok(Location::File(path.clone())),
        StateAddress::Folder(folder) => folder,
    };
    if target.embedded().is_some() {
        let message = "an embedded target cannot have a shared state: its jobs are on this machine";
        let problem = Diagnostic::error("state", message);
        return Err(problem.help("name a file in STOCKTAKE_STATE").into());
    }
    // Requests change stocktake.toml: in automation it names no folder of the machine.
    if settings.automation && !named_by_environment {
        let message = format!("{} is outside the workspace", target.state);
        let problem = Diagnostic::error("state", message);
        return Err(problem
            .help(format!(
                "allow it where the pipeline is defined, which no request can change: \
                 STOCKTAKE_STATE={}",
                target.state
            ))
            .into());
    }
    Ok(Location::Shared(Shared {
        store: Arc::new(FolderStore::new(folder)),
        address: target.state.to_string(),
        run: settings.run.clone(),
    }))
}
