//! Each answer of a bucket against a table of documented header names and elements.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

use data_encoding::BASE64;
use md5::{Digest, Md5};
use quick_xml::Reader;
use quick_xml::events::Event;
use reqwest::Method;
use serde::Deserialize;
use stocktake::service::RunningService;

use super::world::{CI_HOST, COS_HOST, World, raw};
use crate::support::workspace::PROJECT;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    common: Vec<String>,
    answer: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    page: String,
    request: String,
    #[serde(default)]
    ci: bool,
    #[serde(default)]
    with: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    status: u16,
    headers: BTreeSet<String>,
    #[serde(default)]
    elements: BTreeSet<String>,
    #[serde(default)]
    more: BTreeSet<String>,
}

/// An answer as it is on the wire.
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Row {
    fn host(&self) -> &'static str {
        if self.ci { CI_HOST } else { COS_HOST }
    }

    fn request_id(&self) -> String {
        let side = if self.ci { "ci" } else { "cos" };
        format!("x-{side}-request-id")
    }
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        Self {
            status: status.parse().unwrap(),
            headers: headers
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            body: body.to_owned(),
        }
    }

    /// The paths of the elements of the body.
    fn elements(&self) -> BTreeSet<String> {
        if self
            .headers
            .get("Content-Type")
            .is_none_or(|kind| kind != "application/xml")
        {
            return BTreeSet::new();
        }
        let mut reader = Reader::from_str(&self.body);
        let mut path: Vec<String> = Vec::new();
        let mut found = BTreeSet::new();
        loop {
            let (name, is_open) = match reader.read_event().unwrap() {
                Event::Start(start) => (start.name().as_ref().to_owned(), true),
                Event::Empty(empty) => (empty.name().as_ref().to_owned(), false),
                Event::End(_) => {
                    path.pop();
                    continue;
                }
                Event::Eof => return found,
                _ => continue,
            };
            path.push(name);
            found.insert(path.join("/"));
            if !is_open {
                path.pop();
            }
        }
    }
}

/// Sends the request of a row, with the names in braces filled in.
async fn ask(
    world: &World,
    service: &RunningService,
    row: &Row,
    known: &BTreeMap<&str, String>,
) -> Answer {
    let fill = |text: &str| {
        let known = known.iter();
        known.fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
    };
    let (method, target) = row.request.split_once(' ').unwrap();
    let target = fill(target);
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs: Vec<_> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let body = fill(&row.body);
    let mut request = world.request_to(row.host(), service, method, path, &pairs);
    for (name, value) in &row.with {
        request = request.header(name, fill(value));
    }
    if target == "/?delete" {
        request = request.header("Content-MD5", BASE64.encode(&Md5::digest(&body)));
    }
    let request = request.body(body).build().unwrap();
    Answer::parse(&raw(service, request, false).await)
}

/// What an answer has that its page has not, and the other way round.
fn differences(table: &Table, row: &Row, answer: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    if answer.status != row.status {
        found.push(format!(
            "status {} in place of {}",
            answer.status, row.status
        ));
    }
    let request_id = row.request_id();
    let common = table.common.iter().chain([&request_id]);
    let documented: BTreeSet<&String> = row.headers.iter().chain(common).collect();
    for name in documented
        .iter()
        .filter(|name| !answer.headers.contains_key(**name))
    {
        // HTTP leaves the length out where an answer never has content.
        let has_none = matches!(answer.status, 204 | 304) || row.request.starts_with("HEAD ");
        if *name != "Content-Length" || !has_none {
            found.push(format!("no {name}"));
        }
    }
    let own = answer
        .headers
        .keys()
        .filter(|name| name.to_ascii_lowercase().starts_with("x-"));
    let unknown = own.filter(|name| !documented.contains(name) && !row.more.contains(*name));
    found.extend(unknown.map(|name| format!("{name} is not listed")));
    let elements = answer.elements();
    found.extend(
        row.elements
            .difference(&elements)
            .map(|path| format!("no <{path}>")),
    );
    let unknown = elements
        .difference(&row.elements)
        .filter(|path| !row.more.contains(*path));
    found.extend(unknown.map(|path| format!("<{path}> is not listed")));
    found
}

#[tokio::test]
async fn answers_have_the_headers_and_elements_of_their_pages() {
    let table = fs::read_to_string(format!("{PROJECT}/tests/conformance/answers.toml")).unwrap();
    let table: Table = toml::from_str(&table).unwrap();
    let world = World::new();
    let service = world.start().await;
    let mut known: BTreeMap<&str, String> = BTreeMap::new();
    let mut wrong = String::new();
    for row in &table.answer {
        let answer = ask(&world, &service, row, &known).await;
        for difference in differences(&table, row, &answer) {
            let _ = writeln!(wrong, "{} ({}): {difference}", row.page, row.request);
        }
        if let Some(etag) = answer.headers.get("ETag") {
            known.insert("etag", etag.clone());
        }
        for (name, element) in [
            ("upload", "<UploadId>"),
            ("job", "<JobId>"),
            ("run", "<RunId>"),
        ] {
            if let Some((_, rest)) = answer.body.split_once(element) {
                known.insert(name, rest.split_once('<').unwrap().0.to_owned());
            }
        }
        if row.ci {
            service.idle().await;
        }
    }
    service.shutdown().await;
    assert!(wrong.is_empty(), "{wrong}");
}
