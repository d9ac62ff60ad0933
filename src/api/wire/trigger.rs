//! The body of `POST /inventorytriggerjob`.

use serde::{Deserialize, Serialize};

use super::xml::{self, WireError};
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

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RequestXml {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<InputXml>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<OperationXml>,
}

/// `Input`, as requests send it and answers echo it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InputXml {
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<String>,
}

/// `Operation`, as requests send it and answers echo it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OperationXml {
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow_ids: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_interval: Option<TimeIntervalXml>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TimeIntervalXml {
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
}

/// Writes the body, elements in the order of the API's page.
pub fn encode_request(request: &Request) -> Result<String, WireError> {
    let body = RequestXml {
        name: Some(request.name.as_str().to_owned()),
        r#type: Some(request.kind.as_str().to_owned()),
        input: Some(InputXml::from(&request.input)),
        operation: Some(OperationXml::from(&request.operation)),
    };
    xml::encode("Request", &body)
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

impl From<&Input> for InputXml {
    fn from(input: &Input) -> Self {
        let mut body = Self::default();
        let (Input::Prefix(value)
        | Input::Object(value)
        | Input::Manifest(value)
        | Input::UrlFile(value)) = input;
        let element = match input {
            Input::Prefix(_) => &mut body.prefix,
            Input::Object(_) => &mut body.object,
            Input::Manifest(_) => &mut body.manifest,
            Input::UrlFile(_) => &mut body.url_file,
        };
        *element = Some(value.clone());
        body
    }
}

impl InputXml {
    /// Exactly one choice; an empty element counts as absent (answers print unset ones that way).
    pub(super) fn decode(self) -> Result<Input, RequestError> {
        let choices = [
            self.prefix.map(Input::Prefix),
            self.object.map(Input::Object),
            self.manifest.map(Input::Manifest),
            self.url_file.map(Input::UrlFile),
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

impl From<&Operation> for OperationXml {
    fn from(operation: &Operation) -> Self {
        let interval = operation.time_interval;
        let time_interval = TimeIntervalXml {
            start: interval.start.map(time::format),
            end: interval.end.map(time::format),
        };
        Self {
            workflow_ids: Some(operation.workflow_ids.joined()),
            time_interval: (!interval.is_unbounded()).then_some(time_interval),
        }
    }
}

impl OperationXml {
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

impl TimeIntervalXml {
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
