//! Public clients, unchanged: Tencent's SDKs for Python and Node, and the clients that `PyPI` carries.

use stocktake::api::name::{BucketName, Region, WorkflowId};
use stocktake::service::{NodeSettings, RunningService, TlsFiles, self_signed, tls_names};
use tokio::process::Command;

use super::world::{BUCKET, World, workflow};
use crate::support::tools::{node_modules, python};
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
    let nodes = [("Snapshot".to_owned(), NodeSettings::Copy)];
    settings.nodes.extend(nodes);
    let service = world.start_with(settings).await;
    let mut script = Command::new(python());
    script.arg(format!("{PROJECT}/tests/conformance/python_sdk.py"));
    script.arg(service.address().to_string());
    let printed = run(script).await;
    assert!(printed.contains("Ran 13 tests"), "{printed}");
    service.shutdown().await;
}

/// Runs a client and returns what it printed; it must succeed.
async fn run(mut client: Command) -> String {
    let output = client.output().await.unwrap();
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    assert!(output.status.success(), "{printed}");
    printed
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the Python of .ci/run"]
async fn the_public_python_sdk_writes_objects_over_http_and_tls() {
    let printed = run_over_tls("python_objects.py").await;
    assert!(printed.contains("Ran 14 tests"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the Python of .ci/run"]
async fn coscmd_tccli_opendal_and_fsspec_handle_objects_over_http_and_tls() {
    let printed = run_over_tls("python_clients.py").await;
    assert!(printed.contains("Ran 6 tests"), "{printed}");
}

/// Runs a Python script against a service that speaks TLS, with its certificate to trust.
async fn run_over_tls(script: &str) -> String {
    let world = World::new();
    let (service, files) = start_with_tls(&world).await;
    let mut client = Command::new(python());
    client.arg(format!("{PROJECT}/tests/conformance/{script}"));
    client.arg(service.address().to_string());
    client.arg(&files.certificate);
    let printed = run(client).await;
    service.shutdown().await;
    printed
}

async fn start_with_tls(world: &World) -> (RunningService, TlsFiles) {
    let bucket = BucketName::new(BUCKET).unwrap();
    let region = Region::new("ap-beijing").unwrap();
    let names = tls_names([&bucket].into_iter(), &region, [127, 0, 0, 1].into());
    let files = self_signed(&world.folder.path().join("tls"), &names).unwrap();
    let mut settings = world.settings();
    settings.tls = Some(files.clone());
    (world.start_with(settings).await, files)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the Node modules of .ci/run"]
async fn the_public_node_sdk_writes_objects_over_http_and_tls() {
    for scheme in ["http", "https"] {
        let world = World::new();
        let (service, files) = start_with_tls(&world).await;
        let mut client = Command::new("node");
        client.arg(format!("{PROJECT}/tests/conformance/node_objects.js"));
        client.arg(service.address().to_string()).arg(scheme);
        client.env("NODE_PATH", node_modules());
        client.env("NODE_EXTRA_CA_CERTS", &files.certificate);
        let printed = run(client).await;
        assert!(printed.contains("ok"), "{printed}");
        service.shutdown().await;
    }
}
