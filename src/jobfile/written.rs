//! Requests as the text of a job file: what brings jobs of other origin under review.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::model::KEY_LIMIT;
use crate::api::name::JobName;
use crate::api::request::Request;
use crate::api::time;
use crate::document::other_meaning;
use crate::job::JobKey;

/// A job that is to be written down.
#[derive(Debug, Clone)]
pub struct NewJob<'a> {
    /// Its key; no other job of the file has it.
    pub key: JobKey,
    /// What it asks the service for.
    pub request: &'a Request,
    /// What it is for, or where it came from.
    pub description: Option<&'a str>,
    /// Tells it from a job of the same work.
    pub rerun: Option<&'a str>,
}

/// The text of a YAML job file that holds `jobs`, in which `schema` is the path to the schema of job
/// files as seen from the file's folder.
///
/// Each job expands to its request again: what looks like an expression stays the text it is, and
/// what YAML 1.1 reads differently is quoted.
pub fn job_file(jobs: &[NewJob<'_>], schema: &str) -> String {
    let mut text = format!("# yaml-language-server: $schema={schema}\njobs:\n");
    for job in jobs {
        add_job(&mut text, job);
    }
    text
}

fn add_job(text: &mut String, job: &NewJob<'_>) {
    let request = job.request;
    let mut line = |depth: usize, field: &str, value: &str| {
        let indentation = 2 * depth;
        let _ = writeln!(
            text,
            "{:indentation$}{field}:{}{value}",
            "",
            if value.is_empty() { "" } else { " " }
        );
    };
    line(1, &scalar(job.key.as_str()), "");
    if let Some(description) = job.description {
        line(2, "description", &literal(description));
    }
    if request.name.as_str() != job.key.as_str() {
        line(2, "name", &scalar(request.name.as_str()));
    }
    line(2, "input", "");
    line(3, request.input.field(), &literal(request.input.value()));
    line(2, "operation", "");
    match request.operation.workflow_ids.as_slice() {
        [id] => line(3, "workflow_ids", &scalar(id.as_str())),
        ids => {
            let ids: Vec<String> = ids.iter().map(|id| scalar(id.as_str())).collect();
            line(3, "workflow_ids", &format!("[{}]", ids.join(", ")));
        }
    }
    let interval = request.operation.time_interval;
    if !interval.is_unbounded() {
        line(3, "time_interval", "");
    }
    for (field, moment) in [("start", interval.start), ("end", interval.end)] {
        if let Some(moment) = moment {
            line(4, field, &time::format(moment));
        }
    }
    if let Some(rerun) = job.rerun {
        line(2, "rerun", &literal(rerun));
    }
}

/// A text taken literally in a field that allows expressions.
fn literal(text: &str) -> String {
    scalar(&text.replace("${", "${ '${' }"))
}

/// A text as a YAML scalar on one line that readers of every version take for that text.
pub(super) fn scalar(text: &str) -> String {
    if text.is_empty() || text.contains(needs_escape) {
        return escaped(text);
    }
    #[expect(clippy::expect_used, reason = "a text is always YAML")]
    let written = serde_yaml::to_string(text).expect("a text is written");
    let written = written.trim_end_matches('\n');
    let is_quoted = written.starts_with(['"', '\'']);
    // A plain scalar that begins like a number may be one, or a date, for one reader or the other.
    let begins_like_a_number =
        text.starts_with(|first: char| first.is_ascii_digit()) || text.starts_with(['-', '+', '.']);
    if is_quoted || !(begins_like_a_number || text == "=" || other_meaning(text).is_some()) {
        return written.to_owned();
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// What must be escaped: control characters, what some readers take for a line break, and the byte
/// order mark.
fn needs_escape(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Double-quoted, with escapes.
fn escaped(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            _ if needs_escape(character) => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Makes keys out of names, none of them twice.
#[derive(Debug, Default)]
pub struct Keys {
    /// Each key that is taken, with the number last tried as its suffix.
    taken: HashMap<String, u64>,
}

impl Keys {
    /// Keys that none of `taken` is.
    pub fn new(taken: impl IntoIterator<Item = String>) -> Self {
        Self {
            taken: taken.into_iter().map(|key| (key, 1)).collect(),
        }
    }

    /// The name as a key where it is free, or else the name and a number.
    pub fn key_for(&mut self, name: &JobName) -> JobKey {
        let mut key = name.as_str().to_owned();
        while self.taken.contains_key(&key) {
            let last = self.taken.entry(name.as_str().to_owned()).or_insert(1);
            *last += 1;
            key = numbered(name.as_str(), *last);
        }
        self.taken.insert(key.clone(), 1);
        JobKey::new(&key)
    }
}

/// The name and a number, the name cut where both would be longer than a key.
fn numbered(name: &str, number: u64) -> String {
    let number = format!("-{number}");
    let room = KEY_LIMIT.saturating_sub(number.len());
    let end = name
        .char_indices()
        .nth(room)
        .map_or(name.len(), |(end, _)| end);
    format!("{}{number}", &name[..end])
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};

    use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, proptest};
    use proptest::{collection, option, prop_oneof, sample};

    use super::{Keys, NewJob, job_file};
    use crate::api::name::{JobName, WorkflowId};
    use crate::api::request::{Input, JobType, Operation, Request, TimeInterval, WorkflowIds};
    use crate::document::Syntax;
    use crate::expand::{ExpandContext, Expander};
    use crate::jobfile::Reader;
    use crate::source::SourceFile;

    static READER: LazyLock<Reader> = LazyLock::new(Reader::new);

    /// Texts that mean something else to one reader of YAML or another, or are hard to write.
    const HARD: &[&str] = &[
        "no",
        "Yes",
        "on",
        "y",
        "null",
        "~",
        "true",
        "1:20",
        "010",
        "0x1F",
        "1_000",
        "1e9",
        ".5",
        "-1",
        "+1",
        ".inf",
        "2022-01-01",
        "2022-02-01T12:00:00Z",
        "=",
        "<<",
        "- a",
        "a: b",
        "a #b",
        "#a",
        "%a",
        "@a",
        "`a",
        "*a",
        "&a",
        "!a",
        "|",
        ">",
        "? a",
        "[a",
        "{a",
        "'a'",
        "\"a\"",
        "a\\b",
        " a ",
        "${",
        "${ vars.x }",
        "${ '${' }",
        "$${a}",
        "视频/",
        "😀",
        "---",
        "...",
        "a\u{2028}b",
        "a\u{a0}b",
        "a:",
        "a,b]",
        "-",
        "y/",
        "NO.",
        "0",
        "1.2.3",
        "12e03",
        "0o17",
    ];

    fn input_text() -> impl Strategy<Value = String> {
        let hard = sample::select(HARD).prop_map(str::to_owned);
        prop_oneof![hard, "[^\\p{C}]{1,40}", "[a-z$ {}'\":#,-]{1,12}"]
    }

    fn any_text() -> impl Strategy<Value = String> {
        let any = any::<String>().prop_map(|text| {
            let is_private = |character| ('\u{f8f0}'..='\u{f8f3}').contains(&character);
            text.replace(is_private, "")
        });
        prop_oneof![any, input_text(), "[a-z\n\r\t #]{0,20}"]
    }

    fn request() -> impl Strategy<Value = Request> {
        let choice = sample::select(&[
            Input::Prefix,
            Input::Object,
            Input::Manifest,
            Input::UrlFile,
        ] as &[fn(String) -> Input]);
        let name = prop_oneof!["[a-zA-Z0-9_-]{1,12}", "(no|1_0|0b1|12|视频-1|-|_)"];
        let ids = collection::vec("[a-z0-9_-]{1,4}", 1..4);
        let seconds = option::of(0..4_000_000_000_i64);
        let ends = (seconds, option::of(1..1_000_000_i64));
        (name, choice, input_text(), ids, ends).prop_map(
            |(name, choice, value, ids, (start, length))| {
                let ids = ids.iter().map(|id| WorkflowId::new(id).unwrap()).collect();
                let moment = |seconds| jiff::Timestamp::from_second(seconds).unwrap();
                let end = length.map(|length| moment(start.unwrap_or(0) + length));
                Request {
                    name: JobName::new(&name).unwrap(),
                    kind: JobType::Workflow,
                    input: choice(value),
                    operation: Operation {
                        workflow_ids: WorkflowIds::new(ids).unwrap(),
                        time_interval: TimeInterval {
                            start: start.map(moment),
                            end,
                        },
                    },
                }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn written_files_expand_to_the_same_requests(
            jobs in collection::vec((request(), option::of(any_text()), option::of(any_text())), 1..4),
        ) {
            let mut keys = Keys::default();
            let new = jobs.iter().map(|(request, description, rerun)| NewJob {
                key: keys.key_for(&request.name),
                request,
                description: description.as_deref(),
                rerun: rerun.as_deref(),
            });
            let text = job_file(&new.collect::<Vec<_>>(), "../schema/jobfile.schema.json");
            let file = Arc::new(SourceFile::new("jobs/a.yaml", text));
            let (read, findings) = READER.load(&file, Syntax::Yaml);
            prop_assert!(findings.is_empty(), "{:?}\n{}", findings, file.text());
            let context = ExpandContext {
                target: "local".to_owned(),
                bucket: "demo-1250000000".parse().ok(),
                region: "ap-beijing".parse().ok(),
                workflows: None,
                workflow_names: [].into(),
                private_callbacks: false,
                variables: [].into(),
                now: jiff::Timestamp::UNIX_EPOCH,
            };
            let (expanded, findings) = Expander::new(context).expand(&file, &read.unwrap());
            let errors = findings.iter().filter(|finding| finding.is_error());
            prop_assert_eq!(errors.count(), 0, "{:?}\n{}", findings, file.text());
            prop_assert_eq!(expanded.len(), jobs.len());
            for (job, (request, description, rerun)) in expanded.iter().zip(&jobs) {
                prop_assert_eq!(&job.work.request, request);
                prop_assert_eq!(job.description.as_deref(), description.as_deref());
                prop_assert_eq!(job.work.rerun.as_deref(), rerun.as_deref());
            }
        }
    }

    #[test]
    fn keys_are_names_made_unique() {
        let mut keys = Keys::new(["a".to_owned(), "b-2".to_owned()]);
        let long = "x".repeat(128);
        let names = ["a", "a", "b", "b", &long, &long, "视频", "视频"];
        let keys = names.map(|name| keys.key_for(&JobName::new(name).unwrap()).to_string());
        let cut = format!("{}-2", "x".repeat(126));
        assert_eq!(
            keys,
            ["a-2", "a-3", "b", "b-3", &long, &cut, "视频", "视频-2"]
        );
    }

    #[test]
    fn a_job_file_reads_well() {
        let request = Request {
            name: JobName::new("批量_demo-1").unwrap(),
            kind: JobType::Workflow,
            input: Input::Prefix("input/${x}".to_owned()),
            operation: Operation {
                workflow_ids: WorkflowId::new("w1").unwrap().into(),
                time_interval: TimeInterval {
                    start: Some("2022-02-01T04:00:00Z".parse().unwrap()),
                    end: None,
                },
            },
        };
        let job = NewJob {
            key: crate::job::JobKey::new("on"),
            request: &request,
            description: Some("Found at the service: j1"),
            rerun: Some("2"),
        };
        let text = job_file(&[job], "../schema/jobfile.schema.json");
        insta::assert_snapshot!(text, @"
        # yaml-language-server: $schema=../schema/jobfile.schema.json
        jobs:
          'on':
            description: 'Found at the service: j1'
            name: 批量_demo-1
            input:
              prefix: input/${ '${' }x}
            operation:
              workflow_ids: w1
              time_interval:
                start: 2022-02-01T12:00:00+0800
            rerun: '2'
        ");
    }
}
