//! `stocktake workflow` over workflows that were made by other means.

use reqwest::Method;
use stocktake::api::wire::decode_workflow_answer;
use stocktake::service::{Fault, FaultKind, RunningService};

use super::world::{BUCKET, World};
use crate::support::target::Target;
use crate::support::text::assert_contains;
use crate::support::workspace::{Run, Workspace};

/// Whatever is hard to write down: words of YAML, dollars, elements that no page has, several of one
/// name, an order of links that is none of the files'.
const HARD: &str = "<Request><MediaWorkflow><Name>目录_1</Name><New>on</New><Topology><Dependencies>\
    <Start>Transcode_a,Snapshot_b</Start><Transcode_a>Snapshot_b,End</Transcode_a>\
    <Snapshot_b>End</Snapshot_b></Dependencies><Nodes>\
    <Start><Type>Start</Type><Input><ObjectPrefix>/</ObjectPrefix><QueueId>p1</QueueId>\
    <NotifyConfig><State>on</State><Url>https://example.com/a?b=${c}</Url><Event>TaskFinish,WorkflowFinish\
    </Event></NotifyConfig><ExtFilter><State>On</State><Custom>true</Custom><CustomExts>mp4/mov\
    </CustomExts><Video>false</Video></ExtFilter></Input></Start>\
    <Transcode_a><Type>Transcode</Type><Operation><TemplateId>010</TemplateId>\
    <WatermarkTemplateId>no</WatermarkTemplateId><WatermarkTemplateId>: a, [b]</WatermarkTemplateId>\
    <Output><Region>ap-beijing</Region><Bucket>other-1250000000</Bucket>\
    <Object>out/$${InputPath}-${Odd}-${InputName}.mp4</Object></Output></Operation>\
    <Later><TTSConfig><Deep>1</Deep></TTSConfig></Later></Transcode_a>\
    <Snapshot_b><Type>Unheard</Type></Snapshot_b></Nodes></Topology></MediaWorkflow></Request>";

/// One node, of a type that runs as long as a test wants.
const SLOW: &str = "<Request><MediaWorkflow><Name>slow</Name><Topology><Dependencies><Start>A</Start>\
    <A>End</A></Dependencies><Nodes><Start><Type>Start</Type><Input><ObjectPrefix>/</ObjectPrefix></Input>\
    </Start><A><Type>Slow</Type></A></Nodes></Topology></MediaWorkflow></Request>";

async fn create(world: &World, service: &RunningService, body: &'static str) -> String {
    let request = world.request(service, Method::POST, "/workflow", &[]);
    let answer = request.body(body).send().await.unwrap();
    let status = answer.status();
    let body = answer.bytes().await.unwrap();
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    decode_workflow_answer(&body).unwrap().unwrap().workflow_id
}

fn workspace(service: &RunningService) -> Workspace {
    let endpoint = format!("http://{}", service.address());
    Workspace::new().target("local", &Target::of(BUCKET).set("endpoint", endpoint))
}

fn run(env: &Workspace, arguments: &[&str], code: i32) -> Run {
    let arguments = [&["workflow"], arguments].concat();
    // The service answers on other threads of this process.
    tokio::task::block_in_place(|| env.run_signed(&arguments).expect(code))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_is_imported_is_declared_as_it_is() {
    let world = World::new();
    let mut settings = world.settings();
    settings.workflows.clear();
    let service = world.start_with(settings).await;
    let id = create(&world, &service, HARD).await;
    let env = workspace(&service);
    let listed = run(&env, &["list"], 0).stdout;
    assert!(
        listed.contains("目录_1") && listed.contains(&id) && listed.contains("Paused"),
        "{listed}"
    );
    assert!(
        listed.contains("2 nodes") && listed.contains("1 workflow"),
        "{listed}"
    );
    let shown = run(&env, &["show", "目录_1"], 0).stdout;
    assert!(!shown.contains("The files declare"), "{shown}");
    let imported = run(&env, &["import", &id, "--key", "catalogue"], 0);
    assert!(
        imported
            .stdout
            .contains("jobs/catalogue.yaml declares catalogue"),
        "{imported:?}"
    );
    assert!(
        imported.stderr.contains(&format!("catalogue = \"{id}\"")),
        "{imported:?}"
    );
    insta::assert_snapshot!(env.read("jobs/catalogue.yaml"));
    tokio::task::block_in_place(|| env.run(&["validate"]).expect(0));
    for name in ["catalogue", "目录_1", &id] {
        let shown = run(&env, &["show", name], 0).stdout;
        assert!(shown.contains("The files declare the same."), "{shown}");
    }
    let again = run(&env, &["import", &id, "--key", "catalogue"], 1).stderr;
    assert_contains(&again, "declare a workflow `catalogue` already");
    let again = run(
        &env,
        &["import", &id, "--key", "other", "--file", "catalogue.yaml"],
        1,
    )
    .stderr;
    assert_contains(&again, "cannot write jobs/catalogue.yaml");
    let declared = env
        .read("jobs/catalogue.yaml")
        .replace("Unheard", "MediaInfo");
    env.write("jobs/catalogue.yaml", &declared);
    let shown = run(&env, &["show", "catalogue"], 0).stdout;
    assert_contains(&shown, "nodes.Snapshot_b.type: Unheard → MediaInfo");
    service.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn state_and_end_of_a_workflow_are_changed_on_request_alone() {
    let world = World::new();
    world.put("in/a", "2022-02-14T00:00:00Z");
    let mut settings = world.settings();
    let lost = FaultKind::Drop { acts: true };
    settings.faults.faults = vec![Fault::new("PUT", "/workflow/*", lost).nth([1])];
    let service = world.start_with(settings).await;
    let id = create(&world, &service, HARD).await;
    create(&world, &service, HARD).await;
    let env = workspace(&service);
    env.write(
        "stocktake.toml",
        &format!(
            "{}\n[targets.local.workflow_names]\ncatalogue = \"{id}\"\n",
            env.read("stocktake.toml")
        ),
    );
    let ambiguous = run(&env, &["show", "目录_1"], 1).stderr;
    assert!(ambiguous.contains("names several workflows"), "{ambiguous}");
    let unknown = run(&env, &["pause", "catalog"], 1).stderr;
    assert!(unknown.contains("did you mean `catalogue`?"), "{unknown}");
    let asked = run(&env, &["activate", "catalogue"], 1).stderr;
    assert!(asked.contains("there is nobody to ask"), "{asked}");
    // The answer to the first change is lost; the change is not, and asking again says so.
    run(&env, &["activate", "catalogue", "-y"], 1);
    let again = run(&env, &["activate", "catalogue", "-y"], 0).stderr;
    assert!(again.contains("is active already"), "{again}");
    let active = run(&env, &["delete", "catalogue", "-y"], 1).stderr;
    assert_contains(&active, "pause it first: stocktake workflow pause");
    let paused = run(&env, &["pause", "catalogue", "-y"], 0).stdout;
    assert_eq!(paused, format!("catalogue ({id}) is paused\n"));
    let deleted = run(&env, &["delete", "catalogue", "-y"], 0).stdout;
    assert_eq!(deleted, format!("catalogue ({id}) is deleted\n"));
    let listed = run(&env, &["list"], 0).stdout;
    assert!(!listed.contains(&id), "{listed}");
    service.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_a_job_runs_is_not_deleted() {
    let world = World::new();
    world.put("in/a", "2022-02-14T00:00:00Z");
    let mut settings = world.settings();
    let wait = super::world::workflow(&[
        "sh",
        "-c",
        "until [ -e \"$1.go\" ]; do sleep 0.02; done",
        "sh",
        "{object}",
    ]);
    let wait = stocktake::service::NodeSettings::Command(wait);
    settings.nodes = [("Slow".to_owned(), wait)].into();
    let service = world.start_with(settings).await;
    let id = create(&world, &service, SLOW).await;
    let job = world.submit(&service, "<Object>in/a</Object>", &id).await;
    let env = workspace(&service);
    let refused = run(&env, &["delete", &id, "-y"], 1).stderr;
    assert_contains(&refused, format!("the batch job {job} runs"));
    world.put("in/a.go", "2022-02-14T00:00:00Z");
    service.idle().await;
    run(&env, &["delete", &id, "-y"], 0);
    service.shutdown().await;
}
