//! The page that a service shows at `/`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use reqwest::header::{CONTENT_SECURITY_POLICY, HOST};
use stocktake::api::credentials::Credentials;
use stocktake::api::name::WorkflowId;
use stocktake::service::{RunningService, start};

use super::world::{CI_HOST, COPY, FAIL, World, workflow};
use crate::browser::Browser;
use crate::support::text::assert_contains;

async fn page(world: &World, service: &RunningService, host: &str) -> (u16, String) {
    let port = service.address().port();
    let request = world.client.get(format!("http://127.0.0.1:{port}/"));
    let answer = request.header(HOST, host).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_every_job_and_its_failed_objects() {
    let world = World::new();
    world.put("in/<b>&\"视频.txt", "2022-02-14T01:30:00Z");
    let service = world.start().await;
    world.submit(&service, "<Prefix>in/</Prefix>", COPY).await;
    let failed = world.submit(&service, "<Prefix>in/</Prefix>", FAIL).await;
    service.idle().await;
    let (status, text) = page(&world, &service, "localhost:1").await;
    assert_eq!(status, 200);
    assert!(text.contains("<title>1 failed of 2 jobs"), "{text}");
    assert!(text.contains(&failed), "{text}");
    assert_contains(&text, "no in&#x2f;&lt;b&gt;&amp;&quot;视频.txt");
    assert!(!text.contains("<b>&"), "{text}");
    service.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_there_for_those_who_call_this_machine_and_nobody_else() {
    let world = World::new();
    let service = world.start().await;
    let port = service.address().port();
    for host in [
        format!("127.0.0.1:{port}"),
        "[::1]".to_owned(),
        "LOCALHOST".to_owned(),
    ] {
        assert_eq!(page(&world, &service, &host).await.0, 200, "{host}");
    }
    // A name that points here is how a page from elsewhere could read this one.
    for host in ["example.com", "localhost.example.com", "192.0.2.1"] {
        assert_eq!(page(&world, &service, host).await.0, 400, "{host}");
    }
    // A bucket's host means the bucket.
    assert_eq!(page(&world, &service, CI_HOST).await.0, 401);
    let url = format!("http://127.0.0.1:{port}/");
    let posted = world.client.post(&url).send().await.unwrap();
    assert_eq!(posted.status(), 400);
    let answer = world.client.get(&url).send().await.unwrap();
    let policy = answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
    service.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_others_can_reach_shows_it_only_if_asked_to() {
    let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    for is_asked in [false, true] {
        let world = World::new();
        let mut settings = world.settings();
        settings.page_for_all = is_asked;
        settings.credentials = Credentials::permanent("id", "key");
        let service = start(settings, everywhere).await.unwrap();
        let expected = if is_asked { 200 } else { 400 };
        for host in ["127.0.0.1", "192.0.2.1:8787"] {
            assert_eq!(page(&world, &service, host).await.0, expected, "{host}");
        }
        assert_eq!(page(&world, &service, "example.com").await.0, 400);
        service.shutdown().await;
    }
}

/// A service whose jobs end when the test says so.
async fn gated(world: &World) -> RunningService {
    world.put("in/a", "2022-02-14T01:30:00Z");
    let mut settings = world.settings();
    settings.working_folder = world.folder.path().to_owned();
    let wait = "until [ -e gate ]; do sleep 0.02; done";
    settings.workflows.insert(
        WorkflowId::new("wgated").unwrap(),
        workflow(&["sh", "-c", wait]),
    );
    world.start_with(settings).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn a_browser_shows_what_runs_while_it_runs() {
    let mut browser = Browser::start();
    let world = World::new();
    let service = gated(&world).await;
    let url = format!("http://{}/", service.address());
    browser.look(1100, 700, "light");
    browser.open(&url);
    browser.wait_for("document.querySelector('#counts').textContent.includes('No job yet')");
    // Whatever follows happens on this very page.
    browser.value("window.first = true");
    world.submit(&service, "<Prefix>in/</Prefix>", FAIL).await;
    world
        .submit(&service, "<Prefix>in/</Prefix>", "wgated")
        .await;
    browser.wait_for("document.title.startsWith('1 running, 1 failed of 2 jobs')");
    browser.picture("service-running.png");
    browser.value("document.querySelector('details summary').click()");
    browser.value("document.querySelector('details summary').focus()");
    fs::write(world.folder.path().join("gate"), "").unwrap();
    browser.wait_for("document.title.startsWith('1 failed of 2 jobs')");
    assert_eq!(browser.value("window.first"), true);
    assert_eq!(
        browser.value("document.querySelector('details').open"),
        true
    );
    assert_eq!(browser.value("document.activeElement.tagName"), "SUMMARY");
    browser.picture("service-ended.png");
    let requests = browser.requests();
    assert!(
        requests.iter().all(|request| *request == url),
        "{requests:?}"
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
    service.shutdown().await;
    browser.wait_for("document.querySelector('#away').textContent.includes('does not answer')");
    assert_eq!(
        browser.value("document.querySelectorAll('#jobs tbody tr').length"),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn a_browser_without_scripts_reads_the_same_page_and_loads_it_again() {
    let mut browser = Browser::start();
    let world = World::new();
    let service = gated(&world).await;
    world
        .submit(&service, "<Prefix>in/</Prefix>", "wgated")
        .await;
    browser.disable_scripts();
    browser.open(&format!("http://{}/", service.address()));
    fs::write(world.folder.path().join("gate"), "").unwrap();
    browser.wait_for("document.querySelector('#jobs tbody').textContent.includes('Success')");
    assert!(browser.requests().len() > 1);
    service.shutdown().await;
}
