//! The checks of the embedded service: folders, commands, a port.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::check::{Check, Finding, failed, ok};
use crate::plain_text::printable;
use crate::workspace::EmbeddedService;

/// What is known of the machine.
#[derive(Debug, Clone, Copy)]
pub struct Machine<'a> {
    /// Where commands are looked for.
    pub path: Option<&'a OsStr>,
    /// Where commands run.
    pub working_folder: &'a Path,
    /// Where the service runs already.
    pub running_at: Option<SocketAddr>,
}

/// Checks what the service stands on. It is not started.
pub fn embedded(service: &EmbeddedService, machine: Machine<'_>) -> Vec<Check> {
    let mut checks: Vec<Check> = service
        .buckets
        .iter()
        .map(|(bucket, folder)| {
            let asked = format!("read {}", printable(folder));
            Check::new("bucket-folder", bucket.as_str(), asked, readable(folder))
        })
        .collect();
    checks.extend(service.workflows.iter().map(|(id, workflow)| {
        let program = workflow.command.first().map_or("", String::as_str);
        let asked = format!("the program `{program}`");
        Check::new(
            "command",
            id.as_str(),
            asked,
            program_there(program, machine),
        )
    }));
    let data = printable(&service.data);
    let asked = format!("write {data}");
    checks.push(Check::new(
        "data-folder",
        data,
        asked,
        writable(&service.data),
    ));
    checks.push(port(machine.running_at));
    checks
}

fn readable(folder: &Path) -> Finding {
    match access(folder, Access::READ_OK | Access::EXEC_OK) {
        Ok(()) => ok(printable(folder)),
        Err(error) => failed(
            format!("{} cannot be read: {error}", printable(folder)),
            format!("mkdir -p '{}'", printable(folder)),
        ),
    }
}

/// The service makes its folder itself, in the nearest one that is there.
fn writable(data: &Path) -> Finding {
    let there = data.ancestors().find(|folder| folder.is_dir());
    let there = there.unwrap_or(data);
    match access(there, Access::WRITE_OK) {
        Ok(()) => ok("it can be written"),
        Err(error) => failed(
            format!("{} cannot be written: {error}", printable(there)),
            format!("chmod u+w '{}'", printable(there)),
        ),
    }
}

fn program_there(program: &str, machine: Machine<'_>) -> Finding {
    let candidates: Vec<PathBuf> = if program.contains('/') {
        vec![machine.working_folder.join(program)]
    } else {
        let folders = machine.path.map(std::env::split_paths);
        folders
            .into_iter()
            .flatten()
            .map(|folder| folder.join(program))
            .collect()
    };
    let is_program =
        |path: &&PathBuf| path.is_file() && access(path.as_path(), Access::EXEC_OK).is_ok();
    match candidates.iter().find(is_program) {
        Some(path) => ok(printable(path)),
        None => failed(
            format!("there is no program `{program}`"),
            format!(
                "install it, or correct `command` of the workflow; `command -v {program}` finds it"
            ),
        ),
    }
}

fn port(running_at: Option<SocketAddr>) -> Check {
    let finding = match running_at {
        Some(address) => ok(format!("a `serve` listens on {address}")),
        None => match TcpListener::bind((Ipv4Addr::LOCALHOST, 0)) {
            Ok(_) => ok("the service can listen on this machine"),
            Err(error) => failed(
                format!("no port of this machine can be listened on: {error}"),
                "see the limits on open files and ports: `ulimit -n`",
            ),
        },
    };
    Check::new("port", "", "listen on 127.0.0.1", finding)
}
