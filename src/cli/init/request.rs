//! A request as it is sent to the API, read from a file and written down as a job.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::failure::Failure;
use crate::api::request::{Input, Request};
use crate::api::wire::{RequestError, WireError, decode_request, unknown_elements};
use crate::diagnostic::Diagnostic;
use crate::files;
use crate::job::JobKey;
use crate::jobfile::written::{Keys, NewJob, job_file};
use crate::jobfile::{Reader, discover};
use crate::load::{Inexpressible, ReadBack};
use crate::plain_text::printable;
use crate::source::{Place, SourceFile, Span};
use crate::workspace::{JOBS_FOLDER, Workspace};

/// A larger body is refused by the service.
const BODY_LIMIT: u64 = 1024 * 1024;
/// Names of files have 255 bytes at most, and a character has up to four.
const FILE_NAME_LIMIT: usize = 60;

/// A job file that is to be written.
#[derive(Debug)]
pub(super) struct FirstJob {
    /// Its path in the workspace.
    pub(super) name: String,
    /// Its text.
    pub(super) text: String,
    /// The key of its job.
    pub(super) key: JobKey,
}

/// Turns the request in the file at `path` into a job of the workspace in `root`, whose job files it
/// does not repeat a key of.
pub(super) fn job_from(path: &Path, root: &Path) -> Result<FirstJob, Failure> {
    let (request, file) = read_request(path)?;
    let key = Keys::new(keys_of(root)?).key_for(&request.name);
    let file_name: String = key.as_str().chars().take(FILE_NAME_LIMIT).collect();
    let name = format!("{JOBS_FOLDER}/{file_name}.yaml");
    // A link that leads nowhere is something, too.
    if root.join(&name).symlink_metadata().is_ok() {
        let problem = Diagnostic::error("file-exists", format!("{name} exists already"));
        return Err(problem
            .help("move it, or change `Name` in the request")
            .into());
    }
    let job = NewJob {
        key: key.clone(),
        request: &request,
        description: None,
        rerun: None,
    };
    let read_back = ReadBack::default().check(&job);
    read_back.map_err(|error| vec![inexpressible(&error, &file)])?;
    let text = job_file(&[job], "../schema/jobfile.schema.json");
    Ok(FirstJob { name, text, key })
}

fn read_request(path: &Path) -> Result<(Request, Arc<SourceFile>), Vec<Diagnostic>> {
    let shown = printable(path);
    let problem = |message: String| vec![Diagnostic::error("request", message)];
    let body = read_body(path).map_err(|error| problem(format!("cannot read {shown}: {error}")))?;
    let body = body.ok_or_else(|| {
        let limit = BODY_LIMIT >> 20;
        problem(format!(
            "{shown} is larger than {limit} MiB, which no request is"
        ))
    })?;
    let body = files::without_mark(&body);
    let request = decode_request(body);
    let file = Arc::new(SourceFile::new(
        path,
        String::from_utf8_lossy(body).into_owned(),
    ));
    if let Some(problem) = foreign_encoding(&file) {
        return Err(vec![problem]);
    }
    let mut request = request.map_err(|error| vec![refused(&error, &file)])?;
    request.input = without_blanks(request.input);
    let unknown = unknown_elements(body);
    if unknown.is_empty() {
        return Ok((request, file));
    }
    let finding = |element: &String| {
        let message = format!("a job file has no field for `{element}`");
        at_element(Diagnostic::error("request", message), element, &file)
            .help("remove the element, if the job is the same without it")
    };
    Err(unknown.iter().map(finding).collect())
}

/// A document that says it is in another encoding than the one that it is read in.
fn foreign_encoding(file: &Arc<SourceFile>) -> Option<Diagnostic> {
    let declaration = file.text().trim_start().strip_prefix("<?xml")?;
    let declaration = declaration.split_once("?>")?.0;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start_matches(['=', ' ', '\t', '\r', '\n']);
    let quote = value.chars().next()?;
    let name = value.strip_prefix(quote)?.split(quote).next()?;
    let is_ours = ["utf-8", "utf8", "us-ascii", "ascii"];
    if is_ours.contains(&name.to_ascii_lowercase().as_str()) {
        return None;
    }
    let message = format!("the request declares the encoding {}", name.escape_debug());
    let place = line_from(0, file);
    Some(
        Diagnostic::error("request", message)
            .at(place)
            .help("save it as UTF-8, and leave the declaration out"),
    )
}

/// A pretty-printed request has line breaks around its values.
fn without_blanks(input: Input) -> Input {
    let trim = |text: String| text.trim().to_owned();
    match input {
        Input::Prefix(text) => Input::Prefix(trim(text)),
        Input::Object(text) => Input::Object(trim(text)),
        Input::Manifest(text) => Input::Manifest(trim(text)),
        Input::UrlFile(text) => Input::UrlFile(trim(text)),
    }
}

/// Points at the element whose value no job file can hold.
fn inexpressible(error: &Inexpressible, file: &Arc<SourceFile>) -> Diagnostic {
    const ELEMENTS: [(&str, &str); 8] = [
        ("name", "Name"),
        ("prefix", "Prefix"),
        ("object", "Object"),
        ("manifest", "Manifest"),
        ("url_file", "UrlFile"),
        ("workflow_ids", "WorkflowIds"),
        ("start", "Start"),
        ("end", "End"),
    ];
    let message = format!("no job file can hold this request: {}", error.problem);
    let problem = Diagnostic::error("request", message);
    let element = ELEMENTS
        .iter()
        .find(|(field, _)| error.field.as_deref() == Some(*field));
    match element {
        Some((_, element)) => at_element(problem, element, file),
        None => problem.at(line_from(0, file)),
    }
}

/// `None` for a body beyond the limit.
fn read_body(path: &Path) -> io::Result<Option<Vec<u8>>> {
    files::read_all(&mut files::open_stream(path)?, BODY_LIMIT)
}

fn refused(error: &RequestError, file: &Arc<SourceFile>) -> Diagnostic {
    match error {
        RequestError::Body(error) => {
            let message = format!("{} is not a request: {error}", printable(file.path()));
            let problem = Diagnostic::error("request", message)
                .help("it is what is sent to POST /inventorytriggerjob: <Request>…</Request>");
            match error {
                WireError::Syntax { offset, .. } => problem.at(line_from(*offset, file)),
                _ => problem,
            }
        }
        RequestError::Argument { element, problem } => {
            let problem = Diagnostic::error("request", format!("{element}: {problem}"));
            at_element(problem, element, file)
        }
    }
}

/// The rest of the line that such a byte of the text stands in; what ends too early ends with its last
/// letter.
fn line_from(offset: usize, file: &Arc<SourceFile>) -> Place {
    let text = file.text().trim_end();
    let start = text.floor_char_boundary(offset.min(text.len().saturating_sub(1)));
    let length = text[start..].lines().next().map_or(0, str::len);
    Place::new(file, Span::new(start, start + length))
}

/// Points at the first element of that name.
fn at_element(problem: Diagnostic, path: &str, file: &Arc<SourceFile>) -> Diagnostic {
    let name = path.rsplit('.').next().unwrap_or(path);
    let text = file.text();
    let tag = format!("<{name}");
    let ends_name = |rest: &str| rest.starts_with(['>', '/', ' ', '\t', '\r', '\n']);
    let mut tags = text.match_indices(&tag).map(|(start, _)| start);
    let start = tags.find(|start| ends_name(&text[start + tag.len()..]));
    let span = start.map_or_else(
        || Span::new(0, text.lines().next().map_or(0, str::len)),
        |start| Span::new(start + 1, start + tag.len()),
    );
    problem.at(Place::new(file, span))
}

/// The keys that the job files of a workspace use already, if it has any.
fn keys_of(root: &Path) -> Result<Vec<String>, Vec<Diagnostic>> {
    if !root.join(JOBS_FOLDER).is_dir() {
        return Ok(Vec::new());
    }
    let workspace = Workspace::open(root)?;
    let target = workspace.target(workspace.default_target())?;
    let buckets = target.embedded().map(|service| service.buckets.values());
    let buckets: Vec<PathBuf> = buckets.into_iter().flatten().cloned().collect();
    let (found, _) = discover::discover(root, Path::new(JOBS_FOLDER), &buckets);
    let reader = Reader::new();
    // What cannot be read is for `validate` to say.
    let files = found.iter().filter_map(|found| {
        let source = discover::open(found).ok()?;
        reader.load(&source, found.syntax).0
    });
    let keys = files
        .filter_map(|file| file.jobs)
        .flat_map(|jobs| jobs.0.into_iter().map(|(key, _)| key.value));
    Ok(keys.collect())
}
