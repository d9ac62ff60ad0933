//! A command of the user's own whose output is credentials.

use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::document::{self, Said};
use super::error::CredentialError;
use super::variables::PROCESS;
use crate::api::credential_provider::IssuedCredentials;
use crate::diagnostic::Diagnostic;

const TIME_LIMIT: Duration = Duration::from_secs(10);

/// More than any document of credentials.
const OUTPUT_LIMIT: u64 = 64 * 1024;

/// Runs the command line by `sh`. What it writes on standard error is dropped: it may hold secrets.
pub(super) async fn run(
    command: &str,
    warnings: &mut Vec<Diagnostic>,
) -> Result<IssuedCredentials, CredentialError> {
    let failed = |problem: String| {
        CredentialError::new(PROCESS, problem)
            .help("run its command by hand and see what it says; it prints JSON with SecretId, SecretKey, Token and Expiration")
    };
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("its command cannot be started: {error}")))?;
    let group = child.id();
    let finished = timeout(TIME_LIMIT, output(&mut child)).await;
    let Ok(finished) = finished else {
        end(group);
        return Err(failed(format!(
            "its command did not end within {TIME_LIMIT:?}"
        )));
    };
    let (output, status) =
        finished.map_err(|error| failed(format!("its command cannot be read: {error}")))?;
    if output.len() as u64 > OUTPUT_LIMIT {
        end(group);
        return Err(failed(format!(
            "its command printed more than {OUTPUT_LIMIT} bytes"
        )));
    }
    if !status.success() {
        return Err(failed(format!("its command ended with {status}")));
    }
    match document::read(PROCESS, &output, Timestamp::now(), warnings) {
        Ok(Said::Credentials(issued)) => Ok(issued),
        Ok(Said::Refused { .. }) => Err(failed("its command printed an error".to_owned())),
        Err(error) if error.help.is_none() => Err(failed(error.problem)),
        Err(error) => Err(error),
    }
}

async fn output(child: &mut Child) -> std::io::Result<(Vec<u8>, std::process::ExitStatus)> {
    let mut bytes = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout
            .take(OUTPUT_LIMIT + 1)
            .read_to_end(&mut bytes)
            .await?;
    }
    if bytes.len() as u64 > OUTPUT_LIMIT {
        return Ok((bytes, std::process::ExitStatus::default()));
    }
    Ok((bytes, child.wait().await?))
}

/// Ends the command with everything that it has started.
fn end(group: Option<u32>) {
    let group = group.and_then(|id| i32::try_from(id).ok());
    if let Some(group) = group.and_then(Pid::from_raw) {
        // It may have ended meanwhile.
        let _ = kill_process_group(group, Signal::KILL);
    }
}
