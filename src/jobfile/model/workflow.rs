//! `workflows`: what runs over each object.

use schemars::JsonSchema;

use super::free_value::ElementsSpec;
use super::{BUCKET, REGION};
use crate::document::{Entries, Field};
use crate::source::Spanned;

/// The name of a node is the name of an element.
const NODE: &str = r"^[A-Za-z_\u4e00-\u9fff][A-Za-z0-9_\-\u4e00-\u9fff]{0,127}$";

/// One workflow: where it starts, its nodes, and the links between them.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "workflow")]
pub struct WorkflowSpec {
    /// What the workflow is for, for people. Never sent to the service.
    #[schemars(extend("examples" = ["Small pictures for the catalogue"]))]
    pub description: Option<Field<String>>,
    /// The name that the service shows. Without it, the key is the name.
    ///
    /// At most 128 Chinese characters, letters, digits, `-` and `_`.
    #[schemars(extend("examples" = ["thumbnails"]))]
    pub name: Option<Field<String>>,
    /// Whether the workflow reacts to uploads: `active` does, `paused` does not. Batch jobs run
    /// either way.
    #[schemars(extend("default" = "paused"))]
    pub state: Option<Field<WorkflowStateSpec>>,
    /// The bucket that the workflow belongs to, instead of the target's: `<name>-<APPID>`.
    #[schemars(
        title = "bucket name with its APPID",
        extend("pattern" = BUCKET, "examples" = ["examplebucket-1250000000"])
    )]
    pub bucket: Option<Field<String>>,
    /// The region of the bucket, instead of the target's.
    #[schemars(title = "region", extend("pattern" = REGION, "examples" = ["ap-beijing"]))]
    pub region: Option<Field<String>>,
    /// Which uploads start it, and where it begins.
    #[schemars(extend("examples" = [{ "prefix": "input/", "extensions": ["jpg", "png"] }]))]
    pub start: Field<StartSpec>,
    /// The nodes, each under its name.
    #[schemars(extend("propertyNames" = {
        "title": "name of a node",
        "description": "a name begins with a letter and has letters, digits, `_` and `-`",
        "pattern": NODE,
    }, "minProperties" = 1, "examples" = [{
        "small": {
            "type": "PicProcess",
            "operation": { "template_id": "t1a2b3", "output": { "object": "small/${InputName}.jpg" } },
        },
    }]))]
    pub nodes: Entries<Field<NodeSpec>>,
    /// Elements of `MediaWorkflow` that have no field here.
    #[schemars(extend("examples" = [{ "NewElement": "1" }]))]
    pub other: Option<Field<ElementsSpec>>,
}

/// Whether a workflow reacts to uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkflowStateSpec {
    /// It does.
    Active,
    /// It does not; batch jobs run all the same.
    Paused,
}

/// Which uploads start a workflow, and where it begins.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "start")]
pub struct StartSpec {
    /// Uploads whose keys begin with this start the workflow, while it is active; `/` is the whole
    /// bucket.
    #[schemars(extend("minLength" = 1, "examples" = ["input/", "/"]))]
    pub prefix: Field<String>,
    /// Only uploads with one of these extensions, at most ten, without the dot.
    #[schemars(extend("minItems" = 1, "examples" = [["jpg", "png"]]))]
    pub extensions: Option<Field<Vec<Spanned<String>>>>,
    /// The nodes that the workflow begins with. Without it: those that no other node leads to.
    #[schemars(extend("minItems" = 1, "examples" = [["small"]]))]
    pub next: Option<Field<Vec<Spanned<String>>>>,
    /// Where the service reports what ended: the fields of `NotifyConfig`.
    #[schemars(extend(
        "examples" = [{ "state": "On", "type": "Url", "url": "https://example.com/done", "event": ["WorkflowFinish"] }]
    ))]
    pub notify_config: Option<Field<ElementsSpec>>,
    /// Which kinds of upload start it, where extensions do not say: the fields of `ExtFilter`.
    #[schemars(extend("examples" = [{ "state": "On", "image": true }]))]
    pub ext_filter: Option<Field<ElementsSpec>>,
    /// Other elements of the start's `Input`, such as queues.
    #[schemars(extend("examples" = [{ "queue_id": "p2911917386e148639319e13c285cc774" }]))]
    pub input: Option<Field<ElementsSpec>>,
    /// Elements of the start node beside its `Input`.
    #[schemars(extend("examples" = [{ "NewElement": "1" }]))]
    pub other: Option<Field<ElementsSpec>>,
}

/// One node: what it does, and which nodes follow.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "node")]
pub struct NodeSpec {
    /// What kind of node it is, in the API's word.
    #[schemars(extend("minLength" = 1, "examples" = ["PicProcess", "Transcode", "Snapshot"]))]
    pub r#type: Field<String>,
    /// The nodes that follow; without it, or empty, the end.
    #[schemars(extend("examples" = [["checked"], []]))]
    pub next: Option<Field<Vec<Spanned<String>>>>,
    /// What it does: the fields of `Operation`. `output` gets the workflow's bucket and region where
    /// it names none; the API's placeholders, such as `${InputName}`, stay as they are.
    #[schemars(extend(
        "examples" = [{ "template_id": "t1a2b3", "output": { "object": "small/${InputName}.jpg" } }]
    ))]
    pub operation: Option<Field<ElementsSpec>>,
    /// Other elements of the node, such as `input`.
    #[schemars(extend("examples" = [{ "NewElement": "1" }]))]
    pub other: Option<Field<ElementsSpec>>,
}
