//! `status --format html`: what is in the page, and what a browser makes of it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;
use stocktake::api::name::JobId;
use stocktake::api::wire::JobState;
use stocktake::job::JobKey;
use stocktake::report::{HtmlReport, status_html};
use stocktake::state::{Objects, Outcome, Record, Seen, Submission, SubmissionId};

use crate::browser::Browser;
use crate::support::jobs::job;
use crate::support::target::Target;
use crate::support::text::assert_contains;
use crate::support::workspace::Workspace;

const SCRIPT: &str = r#"</script><script>alert("1")</script>&amp;'"#;
const CHINESE: &str = "二零二二年春季视频转码";
const RIGHT_TO_LEFT: &str = "ארכיון-العربية";

/// Fails for every object whose content is `bad`, and says something that looks like markup.
const PICKY: &[&str] = &[
    "sh",
    "-c",
    r#"if grep -q bad "$1"; then echo "<img src=http://192.0.2.1/> $2" >&2; exit 3; fi; cat "$1""#,
    "sh",
    "{object}",
    "{key}",
];

/// A workspace whose jobs have ended, with names that try to be more than names.
fn ended() -> Workspace {
    let env = Workspace::new().target("local", &Target::embedded(PICKY));
    for number in 0..30 {
        let text = if number < 25 { "bad" } else { "good" };
        env.write(&format!("bucket/in/{number:02} \"<b>视频.txt"), text);
    }
    env.write("bucket/good/a.txt", "good");
    let mut jobs = serde_json::Map::new();
    let long = "k".repeat(128);
    for (number, key) in [SCRIPT, CHINESE, RIGHT_TO_LEFT, &long]
        .into_iter()
        .enumerate()
    {
        let prefix = if key == SCRIPT { "in/" } else { "good/" };
        let job = json!({
            "name": format!("job_{number}"),
            "input": { "prefix": prefix },
            "operation": { "workflow_ids": "w1" },
            "overlap": "allow",
            "rerun": number.to_string(),
        });
        jobs.insert(key.to_owned(), job);
    }
    let file = |jobs: &serde_json::Map<String, _>| json!({ "jobs": jobs }).to_string();
    env.write("jobs/a.yaml", &file(&jobs));
    env.run(&["apply"]).expect(7);
    let later = json!({
        "input": { "prefix": "later/" }, "operation": { "workflow_ids": "w1" },
    });
    jobs.insert("later".to_owned(), later);
    env.write("jobs/a.yaml", &file(&jobs));
    env
}

#[test]
fn the_page_holds_everything_and_nothing_that_people_wrote_becomes_markup() {
    let env = ended();
    let page = env.run(&["status", "--format", "html"]).expect(0).stdout;
    assert!(
        !page.contains("<script") && !page.contains("<img"),
        "{page}"
    );
    assert!(!page.contains("<b>视频"), "{page}");
    assert_contains(
        &page,
        "&lt;img src=http:&#x2f;&#x2f;192.0.2.1&#x2f;&gt; in&#x2f;00",
    );
    for text in [
        CHINESE,
        RIGHT_TO_LEFT,
        &"k".repeat(128),
        "and 5 more objects",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(page.contains("<title>1 failed of 4 jobs · Target local · stocktake</title>"));
    assert_contains(&page, "The plan: 1 new, 3 unchanged, 1 failed and left.");
    // Of one job alone nothing is said about the files.
    let one = env
        .run(&["status", CHINESE, "--format", "html"])
        .expect(0)
        .stdout;
    assert!(
        one.contains(CHINESE) && !one.contains(RIGHT_TO_LEFT),
        "{one}"
    );
    assert!(!one.contains("The plan:"), "{one}");
    let twice =
        "jobs: { twice: { input: { prefix: later/a }, operation: { workflow_ids: w1 } } }\n";
    env.write("jobs/b.yaml", twice);
    let blocked = env.run(&["status", "--format", "html"]).expect(0).stdout;
    assert!(blocked.contains("<strong>Blocked:</strong>"), "{blocked}");
    env.write("jobs/b.yaml", "jobs: { a: {} }\n");
    let broken = env.run(&["status", "--format", "html"]).expect(0).stdout;
    assert!(broken.contains("The job files have 2 mistakes"), "{broken}");
}

fn record(number: usize, state: &JobState) -> Arc<Record> {
    let key = format!("{number:05}{}", "长".repeat(123));
    let mut job = job("name");
    Arc::make_mut(&mut job.work).rerun = Some(key.clone());
    let now = Timestamp::from_second(1_700_000_000 + i64::try_from(number).unwrap()).unwrap();
    let job_id = JobId::new(&format!("b{number:032x}")).unwrap();
    let mut seen = Seen::new(job_id.clone(), state.clone(), now);
    seen.started = Some(now);
    seen.message = state.is_failure().then(|| "<&\"'".repeat(10_000));
    seen.objects = Some(Box::new(Objects {
        succeeded: 1,
        total: 3,
        ..Objects::default()
    }));
    Arc::new(Record {
        fingerprint: job.work.fingerprint(),
        key: JobKey::new(&key),
        written_at: now,
        work: job.work,
        submissions: vec![Submission {
            id: SubmissionId::random(),
            intended_at: now,
            not_before: None,
            not_after: None,
            ended_at: Some(now),
            outcome: Outcome::Accepted {
                job_id,
                request_id: None,
            },
            by_hand: false,
            removed: None,
        }],
        seen: Some(seen),
    })
}

#[test]
fn a_page_of_thousands_of_jobs_is_as_large_as_one_of_hundreds() {
    let states = [JobState::Running, JobState::Failed, JobState::Success];
    let records: Vec<_> = (0..9000)
        .map(|number| record(number, &states[number % 3]))
        .collect();
    let report = HtmlReport {
        target: "prod",
        now: Timestamp::from_second(1_700_010_000).unwrap(),
        records: &records,
        failed: &[],
        plan: None,
    };
    let mut page = Vec::new();
    status_html(&mut page, &report).unwrap();
    assert!(page.len() < 1_000_000, "{}", page.len());
    let page = String::from_utf8(page).unwrap();
    for said in [
        "<title>3,000 running, 3,000 failed of 9,000 jobs",
        "and 8,500 more jobs<",
        "and 2,950 more failed jobs<",
        "and 8,970 more jobs, not drawn<",
    ] {
        assert!(page.contains(said), "{said}");
    }
    assert_eq!(page.matches("<article").count(), 50);
}

/// Where the keyboard leads, step by step, until it has gone round.
fn stops(browser: &mut Browser) -> Vec<String> {
    let mut stops = Vec::new();
    for _ in 0..20 {
        browser.press("Tab", 9);
        let at = browser.value(
            "document.activeElement === document.body ? '' : document.activeElement.textContent",
        );
        match at.as_str().unwrap() {
            "" => break,
            stop => stops.push(stop.to_owned()),
        }
    }
    stops
}

#[test]
#[ignore = "needs Chromium"]
fn a_browser_shows_the_page_to_everybody() {
    let mut browser = Browser::start();
    let env = ended();
    let page = env.run(&["status", "--format", "html"]).expect(0).stdout;
    let path = env.write("report.html", &page);
    let url = format!("file://{}", path.display());
    let mut grounds = Vec::new();
    for (width, scheme, picture) in [
        (1100, "light", "report-light.png"),
        (1100, "dark", "report-dark.png"),
        (360, "light", "report-narrow.png"),
        (360, "dark", "report-narrow-dark.png"),
    ] {
        browser.look(width, 900, scheme);
        browser.open(&url);
        browser.picture(picture);
        grounds.push(browser.value("getComputedStyle(document.body).backgroundColor"));
        assert_eq!(
            browser.value(include_str!("contrast.js")),
            json!([]),
            "{scheme}"
        );
        let overflow = browser.value("document.documentElement.scrollWidth - innerWidth");
        assert!(
            overflow.as_i64().unwrap() <= 0,
            "{picture} is {overflow} too wide"
        );
        assert_eq!(browser.requests(), [url.as_str()]);
        assert_eq!(browser.complaints(), Vec::<String>::new());
    }
    assert!(
        grounds[0] != grounds[1] && grounds[0] == grounds[2],
        "{grounds:?}"
    );

    browser.look(1100, 900, "light");
    let names = "[...document.querySelectorAll('#jobs tbody th > bdi:first-child')].map(e => e.textContent)";
    let names = browser.value(names);
    for name in [SCRIPT, CHINESE, RIGHT_TO_LEFT] {
        assert!(names.as_array().unwrap().contains(&json!(name)), "{names}");
    }
    assert_eq!(browser.value("document.documentElement.lang"), "en");
    let unnamed = "[...document.querySelectorAll('section, table, svg[role]')].filter(e => \
                   !e.caption && !e.ariaLabel && !e.getAttribute('aria-labelledby')).length";
    assert_eq!(browser.value(unnamed), 0);
    assert_eq!(
        browser.value("document.querySelectorAll('#timeline .bar').length"),
        4
    );

    assert_eq!(
        stops(&mut browser),
        ["Skip to the jobs", "25 failed: show them"]
    );
    browser.open(&url);
    browser.press("Tab", 9);
    let skip = browser.value("document.activeElement.getBoundingClientRect().left >= 0");
    assert_eq!(skip, true, "what has the focus is not to be seen");
    browser.press("Tab", 9);
    let ring = browser.value("getComputedStyle(document.activeElement).outlineStyle");
    assert_eq!(ring, "solid");
    browser.press("Enter", 13);
    browser.wait_for("document.querySelector('details').open");
    let objects = browser.value("document.querySelectorAll('details li').length");
    assert_eq!(objects, 20);
    browser.picture("report-opened.png");
}
