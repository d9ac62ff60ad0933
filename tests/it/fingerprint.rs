//! Fingerprints never change: a changed one runs, and bills, everything again.

use stocktake::api::time;
use stocktake::job::Work;

/// A work in the form of a record, and its fingerprint.
const PINNED: &[(&str, &str)] = &[
    (
        r#"{"bucket":"demo-1250000000","region":"ap-beijing","request":{"name":"demo","type":"Workflow","input":{"prefix":"input"},"operation":{"workflow_ids":["w1"]}}}"#,
        "a9f8ca8743de5015a3492a666249c9d2b0fe37ae45c3074ad0d48fe5e80ac4ca",
    ),
    (
        r#"{"bucket":"demo-1250000000","region":"ap-beijing","request":{"name":"demo","type":"Workflow","input":{"prefix":"input"},"operation":{"workflow_ids":["w7476ff3564ee45b7b490d64bccaba6cc"],"time_interval":{"start":"2022-02-01T04:00:00Z","end":"2022-05-01T04:00:00Z"}}}}"#,
        "f9435f351808ba0dafaa89ed4fec6828fe8f63f4753c6842f01e9d751ae9b4ba",
    ),
    (
        r#"{"bucket":"demo-1250000000","region":"ap-shanghai","request":{"name":"demo","input":{"object":"视频/一.mp4"},"operation":{"workflow_ids":["w2","w1"]}},"rerun":"2"}"#,
        "4c56951695bb66a3576878e2614adcc7aa5a608d8a64f505f64fa5e8805022ea",
    ),
    (
        r#"{"bucket":"demo-1250000000","region":"ap-beijing","request":{"name":"demo","input":{"manifest":"inventory/manifest.json"},"operation":{"workflow_ids":["w1"],"time_interval":{"end":"2022-05-01T04:00:00Z"}}}}"#,
        "773243c231618756fb18e9afd149e1d9dd4bf5c89f72fb33254eb50302e0b059",
    ),
    (
        r#"{"bucket":"demo-1250000000","region":"ap-beijing","request":{"name":"demo","input":{"url_file":"list.txt"},"operation":{"workflow_ids":["w1"],"time_interval":{"start":"2022-05-01T04:00:00Z"}}}}"#,
        "118253d4416e1c97476e846b7cb0b31276eb38dceb144fb1a1a855c31d58c89c",
    ),
];

fn work(json: &str) -> Work {
    serde_json::from_str(json).unwrap()
}

#[test]
fn fingerprints_never_change() {
    for (json, expected) in PINNED {
        assert_eq!(work(json).fingerprint().to_string(), *expected, "{json}");
    }
}

#[test]
fn the_name_and_the_order_of_ids_do_not_enter() {
    let plain = work(PINNED[0].0);
    let mut other = plain.clone();
    other.request.name = "another".parse().unwrap();
    assert_eq!(plain.fingerprint(), other.fingerprint());
    let (one, two) = (r#"["w2","w1"]"#, r#"["w1","w2","w1"]"#);
    let swapped = PINNED[2].0.replace(one, two);
    assert_eq!(
        work(PINNED[2].0).fingerprint(),
        work(&swapped).fingerprint()
    );
}

#[test]
fn every_field_that_makes_a_difference_enters() {
    let base = work(PINNED[1].0);
    let mut others = vec![base.clone(); 7];
    others[0].bucket = "other-1250000000".parse().unwrap();
    others[1].region = "ap-shanghai".parse().unwrap();
    others[2].rerun = Some(String::new());
    others[3].request.input = stocktake::api::request::Input::Object("input".to_owned());
    others[4].request.input = stocktake::api::request::Input::Prefix("input/".to_owned());
    others[5].request.operation.time_interval.start = None;
    others[6].request.operation.time_interval.end = time::parse("2022-05-01T04:00:01Z").ok();
    let mut fingerprints: Vec<_> = others.iter().map(Work::fingerprint).collect();
    fingerprints.push(base.fingerprint());
    fingerprints.sort();
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), 8);
}
