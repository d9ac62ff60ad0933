//! A client that nobody here wrote: Tencent's Python SDK.

use std::process::Output;

use stocktake::api::name::WorkflowId;
use tokio::process::Command;

use super::world::{World, workflow};
use crate::support::tools::python;
use crate::support::workspace::PROJECT;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the Python of .ci/run"]
async fn the_public_python_sdk_works_unchanged() {
    let world = World::new();
    let mut settings = world.settings();
    settings.workflows.clear();
    let mut paused = workflow(&["true"]);
    paused.paused = true;
    for (id, workflow) in [
        ("wcopy", workflow(&["cat", "{object}"])),
        ("wfail", workflow(&["false"])),
        ("wslow", workflow(&["sleep", "600"])),
        ("wpaused", paused),
    ] {
        settings
            .workflows
            .insert(WorkflowId::new(id).unwrap(), workflow);
    }
    let service = world.start_with(settings).await;
    let mut script = Command::new(python());
    script.arg(format!("{PROJECT}/tests/conformance/python_sdk.py"));
    script.arg(service.address().to_string());
    let Output {
        status,
        stdout,
        stderr,
    } = script.output().await.unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr),
    );
    assert!(status.success(), "{stdout}\n{stderr}");
    assert!(stderr.contains("Ran 12 tests"), "{stderr}");
    service.shutdown().await;
}
