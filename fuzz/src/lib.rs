//! What the fuzz targets do with their input. The tests of the crate above run the same functions
//! over the corpora.

mod hostile;

use std::io::sink;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use stocktake::diagnostic::Diagnostic;
use stocktake::document::{Entries, Field, Syntax};
use stocktake::expand::{ExpandContext, Expander};
use stocktake::jobfile::model::{
    InputSpec, JobFile, JobSpec, OperationSpec, WindowsSpec, WorkflowIdsSpec,
};
use stocktake::jobfile::{Reader, discover};
use stocktake::report::diagnostics::human;
use stocktake::source::{SourceFile, Span, Spanned};

pub use hostile::{http_head, inventory, saved_plan, state, url_list, xml};

static READER: LazyLock<Reader> = LazyLock::new(Reader::new);
static EXPANDER: LazyLock<Expander> = LazyLock::new(|| expander(Timestamp::UNIX_EPOCH));

fn expander(now: Timestamp) -> Expander {
    Expander::new(ExpandContext {
        target: "local".to_owned(),
        bucket: "demo-1250000000".parse().ok(),
        region: "ap-beijing".parse().ok(),
        workflows: None,
        workflow_names: [].into(),
        private_callbacks: false,
        variables: [("folder".to_owned(), "cn".to_owned())].into(),
        now,
    })
}

/// Any bytes as a YAML job file: read, resolved, and the findings shown.
pub fn yaml(bytes: &[u8]) {
    job_file(bytes, Syntax::Yaml);
}

/// Any bytes as a TOML job file: read, resolved, and the findings shown.
pub fn toml(bytes: &[u8]) {
    job_file(bytes, Syntax::Toml);
}

fn job_file(bytes: &[u8], syntax: Syntax) {
    let file = match discover::decode(bytes.to_vec(), Path::new("jobs/a")) {
        Ok(file) => file,
        Err(finding) => return show(&[finding]),
    };
    let (job_file, mut findings) = READER.load(&file, syntax);
    match job_file {
        Some(job_file) => findings.extend(EXPANDER.expand(&file, &job_file).1),
        None => assert!(findings.iter().any(Diagnostic::is_error)),
    }
    show(&findings);
}

/// Findings are about text that is there, and can be shown.
fn show(findings: &[Diagnostic]) {
    for place in findings.iter().filter_map(|finding| finding.place.as_ref()) {
        assert!(place.file.text().get(place.span.range()).is_some());
    }
    human(&mut sink(), findings, 80).expect("a sink takes everything");
}

/// Any text as the name and the prefix of a job.
pub fn expression(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let text = if text.contains("${") {
        text.to_owned()
    } else {
        format!("${{ {text} }}")
    };
    let whole = Span::new(0, text.len());
    let written = || valid(text.clone(), whole);
    let spec = JobSpec {
        name: Some(written()),
        ..job_spec(written(), whole)
    };
    resolve(text, spec, &EXPANDER);
}

/// Any four lines as the length, the ends and the offset of windows, a fifth one as now.
pub fn windows(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut lines = text.splitn(5, '\n');
    let mut line = || lines.next().filter(|line| !line.is_empty());
    let written = |line: &str| {
        let start = line.as_ptr() as usize - text.as_ptr() as usize;
        valid(line.to_owned(), Span::new(start, start + line.len()))
    };
    let (Some(every), Some(from)) = (line(), line()) else {
        return;
    };
    let windows = WindowsSpec {
        every: written(every),
        from: written(from),
        until: line().map(written),
        offset: line().map(written),
    };
    let now = line().and_then(|line| line.parse().ok());
    let expander = expander(now.unwrap_or(Timestamp::UNIX_EPOCH));
    let whole = Span::new(0, text.len());
    let spec = JobSpec {
        windows: Some(valid(windows, whole)),
        ..job_spec(valid("a/".to_owned(), whole), whole)
    };
    resolve(text.to_owned(), spec, &expander);
}

fn job_spec(prefix: Field<String>, whole: Span) -> JobSpec {
    let input = InputSpec {
        prefix: Some(prefix),
        ..InputSpec::default()
    };
    let operation = OperationSpec {
        workflow: None,
        workflow_ids: Some(valid(WorkflowIdsSpec::One("w1".to_owned()), whole)),
        time_interval: None,
    };
    JobSpec {
        input: Some(valid(input, whole)),
        operation: Some(valid(operation, whole)),
        ..JobSpec::default()
    }
}

fn valid<T>(value: T, span: Span) -> Field<T> {
    Field::Valid(Spanned::new(value, span))
}

/// Either there is a finding, or there are jobs, each of a key of its own; periods follow one another.
fn resolve(text: String, spec: JobSpec, expander: &Expander) {
    let key = Spanned::new("a".to_owned(), Span::default());
    let job_file = JobFile {
        version: None,
        defaults: None,
        jobs: Some(Entries(vec![(key, valid(Box::new(spec), Span::default()))])),
        workflows: None,
    };
    let file = Arc::new(SourceFile::new(Path::new("jobs/a"), text));
    let (jobs, findings) = expander.expand(&file, &job_file);
    show(&findings);
    for pair in jobs.windows(2) {
        assert_ne!(pair[0].key, pair[1].key);
        let [earlier, later] =
            [&pair[0], &pair[1]].map(|job| job.work.request.operation.time_interval);
        assert_eq!(earlier.end, later.start);
    }
}
