//! The body of `POST /inventorytriggerjob`.

use std::borrow::Cow;

use serde::Deserialize;

use super::element::{Element, decode_tree};
use super::xml::{self, Document, WireError};
use crate::api::name::{JobName, WorkflowId};
use crate::api::request::{Input, JobType, Operation, Request, TimeInterval, WorkflowIds};
use crate::api::time;

/// Why the body of a request is refused; the service words it as its documented errors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not the XML it should be.
    #[error(transparent)]
    Body(#[from] WireError),
    /// An element is missing or has a value that is not acceptable.
    #[error("{element}: {problem}")]
    Argument {
        /// Path of the element, such as `Request.Input`.
        element: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RequestXml<'a> {
    name: Option<Cow<'a, str>>,
    r#type: Option<Cow<'a, str>>,
    input: Option<InputXml<'a>>,
    operation: Option<OperationXml<'a>>,
}

/// `Input`, as it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InputXml<'a> {
    manifest: Option<Cow<'a, str>>,
    url_file: Option<Cow<'a, str>>,
    prefix: Option<Cow<'a, str>>,
    object: Option<Cow<'a, str>>,
}

/// `Operation`, as it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OperationXml<'a> {
    workflow_ids: Option<Cow<'a, str>>,
    time_interval: Option<TimeIntervalXml<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TimeIntervalXml<'a> {
    start: Option<Cow<'a, str>>,
    end: Option<Cow<'a, str>>,
}

/// Writes the body, elements in the order of the API's page.
pub fn encode_request(request: &Request) -> Result<String, WireError> {
    Document::write("Request", |body| {
        body.text("Name", request.name.as_str());
        body.text("Type", request.kind.as_str());
        write_input(body, &request.input);
        write_operation(body, &request.operation, None);
    })
}

/// `Input`, as requests send it and answers echo it.
pub(super) fn write_input(document: &mut Document, input: &Input) {
    let name = match input {
        Input::Prefix(_) => "Prefix",
        Input::Object(_) => "Object",
        Input::Manifest(_) => "Manifest",
        Input::UrlFile(_) => "UrlFile",
    };
    document.element("Input", |document| document.text(name, input.value()));
}

/// `Operation`, as requests send it and answers echo it; `as_sent` is a `TimeInterval` to echo.
pub(super) fn write_operation(
    document: &mut Document,
    operation: &Operation,
    as_sent: Option<&Element>,
) {
    let interval = operation.time_interval;
    document.element("Operation", |document| {
        document.text("WorkflowIds", &operation.workflow_ids.joined());
        if let Some(as_sent) = as_sent {
            return as_sent.write(document);
        }
        if interval.is_unbounded() {
            return;
        }
        document.element("TimeInterval", |document| {
            for (name, moment) in [("Start", interval.start), ("End", interval.end)] {
                if let Some(moment) = moment {
                    document.text(name, &time::format(moment));
                }
            }
        });
    });
}

/// Reads and checks a body as the service does.
pub fn decode_request(body: &[u8]) -> Result<Request, RequestError> {
    let body: RequestXml = xml::decode("Request", body)?;
    let name = body.name.unwrap_or_default();
    Ok(Request {
        name: JobName::new(&name).map_err(|error| argument("Request.Name", error.to_string()))?,
        kind: decode_type(body.r#type.as_deref())?,
        input: body.input.unwrap_or_default().decode()?,
        operation: body.operation.unwrap_or_default().decode()?,
    })
}

/// `TimeInterval` of a body, as it was sent.
pub fn time_interval_as_sent(body: &[u8]) -> Option<Element> {
    let request = decode_tree("Request", body).ok()?;
    let operation = request.find("Operation")?;
    operation.find("TimeInterval").cloned()
}

/// The elements of a request; what else stands in a body, [`decode_request`] passes over.
const ELEMENTS: [&str; 13] = [
    "Request",
    "Request.Name",
    "Request.Type",
    "Request.Input",
    "Request.Input.Manifest",
    "Request.Input.UrlFile",
    "Request.Input.Prefix",
    "Request.Input.Object",
    "Request.Operation",
    "Request.Operation.WorkflowIds",
    "Request.Operation.TimeInterval",
    "Request.Operation.TimeInterval.Start",
    "Request.Operation.TimeInterval.End",
];

/// Paths of the elements in a body, which is one that [`decode_request`] reads, that it passes over.
pub fn unknown_elements(body: &[u8]) -> Vec<String> {
    let paths = std::str::from_utf8(body).map(xml::element_paths);
    let mut unknown: Vec<String> = paths.unwrap_or_default();
    unknown.retain(|path| !ELEMENTS.contains(&path.as_str()));
    unknown
}

fn argument(element: &'static str, problem: impl Into<String>) -> RequestError {
    RequestError::Argument {
        element,
        problem: problem.into(),
    }
}

fn decode_type(text: Option<&str>) -> Result<JobType, RequestError> {
    match text {
        None | Some("" | "Workflow") => Ok(JobType::Workflow),
        Some("Job") => Err(argument(
            "Request.Type",
            "`Job` is not supported here, only `Workflow`",
        )),
        Some(other) => Err(argument(
            "Request.Type",
            format!("`{other}` is not a type of batch job"),
        )),
    }
}

impl InputXml<'_> {
    /// Exactly one choice; an empty element counts as absent (answers print unset ones that way).
    pub(super) fn decode(self) -> Result<Input, RequestError> {
        let choices = [
            self.prefix.map(|text| Input::Prefix(text.into_owned())),
            self.object.map(|text| Input::Object(text.into_owned())),
            self.manifest.map(|text| Input::Manifest(text.into_owned())),
            self.url_file.map(|text| Input::UrlFile(text.into_owned())),
        ];
        let mut given = choices
            .into_iter()
            .flatten()
            .filter(|input| !input.value().is_empty());
        match (given.next(), given.next()) {
            (Some(input), None) => Ok(input),
            (None, _) => Err(argument(
                "Request.Input",
                "one of Manifest, UrlFile, Prefix, Object must be given",
            )),
            (Some(_), Some(_)) => Err(argument(
                "Request.Input",
                "only one of Manifest, UrlFile, Prefix, Object may be given",
            )),
        }
    }
}

impl OperationXml<'_> {
    pub(super) fn decode(self) -> Result<Operation, RequestError> {
        let ids = self.workflow_ids.unwrap_or_default();
        let ids = ids.split(',').map(|id| WorkflowId::new(id.trim()));
        let ids = ids.collect::<Result<Vec<_>, _>>();
        let ids =
            ids.map_err(|error| argument("Request.Operation.WorkflowIds", error.to_string()))?;
        let workflow_ids = WorkflowIds::new(ids);
        Ok(Operation {
            workflow_ids: workflow_ids
                .map_err(|error| argument("Request.Operation.WorkflowIds", error.to_string()))?,
            time_interval: self.time_interval.unwrap_or_default().decode()?,
        })
    }
}

impl TimeIntervalXml<'_> {
    fn decode(&self) -> Result<TimeInterval, RequestError> {
        /// `0` is the documented default of Start.
        fn moment(text: Option<&str>) -> Result<Option<jiff::Timestamp>, time::TimeError> {
            time::parse_optional(text.filter(|text| *text != "0"))
        }
        let start = moment(self.start.as_deref())
            .map_err(|error| argument("Request.Operation.TimeInterval.Start", error.to_string()))?;
        let end = moment(self.end.as_deref())
            .map_err(|error| argument("Request.Operation.TimeInterval.End", error.to_string()))?;
        if let (Some(start), Some(end)) = (start, end)
            && start > end
        {
            return Err(argument(
                "Request.Operation.TimeInterval",
                "Start is after End",
            ));
        }
        Ok(TimeInterval { start, end })
    }
}
