//! A job file as written. Each field carries its place, and may be invalid on its own.

mod free_value;
mod matrix;
mod operation;
mod workflow;

use schemars::JsonSchema;

use crate::document::{Entries, Field};
use crate::job::Overlap;
use crate::source::Spanned;

pub use free_value::{ElementsSpec, FreeValue};
pub use matrix::{Exclusion, MatrixSpec, MatrixValue};
use operation::EXAMPLE_ID;
pub use operation::{OperationSpec, TimeIntervalSpec, WorkflowIdsSpec};
pub use workflow::{NodeSpec, StartSpec, WorkflowSpec, WorkflowStateSpec};

const BUCKET: &str = r"^([a-z0-9][a-z0-9-]*-\d+|[\s\S]*\$\{[\s\S]*)$";
const REGION: &str = r"^([a-z0-9-]+|[\s\S]*\$\{[\s\S]*)$";
/// The most characters of a key.
pub(super) const KEY_LIMIT: usize = 128;
/// A key becomes part of `key[name=value,…]`.
const KEY: &str = r"^[^\s\u0000-\u001f\u007f-\u009f\[\],=$]{1,128}$";
/// Without expressions.
const FIXED_MOMENT: &str = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}([Zz]|[+-]\d{2}:?\d{2})$";
const LENGTH: &str = r"^\s*(\d+\s*)?(minute|hour|day|week|month|year)s?\s*$";
const OFFSET: &str = r"^([Zz]|[+-]\d{2}:?\d{2})$";

/// Batch jobs for Tencent Cloud CI: each job runs a workflow over the objects of a bucket, once.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "job file")]
pub struct JobFile {
    /// Version of this format. `1` is the only one, and what a file without it has.
    #[schemars(extend("const" = 1, "default" = 1))]
    pub version: Option<Field<u32>>,
    /// Fields for every job of this file, merged under each job field by field: what a job says
    /// itself goes first. An `input` is taken as a whole.
    #[schemars(extend("examples" = [{ "operation": { "workflow_ids": EXAMPLE_ID } }]))]
    pub defaults: Option<Field<JobSpec>>,
    /// The jobs, each under its key. A key names a job in this workspace, is unique across all
    /// files, and is never sent to the service; renaming a key never runs a job again.
    ///
    /// 1 to 128 characters without blanks and without `[`, `]`, `,`, `=` and `$`.
    #[schemars(extend("propertyNames" = {
        "title": "key of a job",
        "description": "a key has 1 to 128 characters: no blanks, none of `[` `]` `,` `=` `$`",
        "pattern": KEY,
    }, "examples" = [{
        "spring-uploads": { "input": { "prefix": "input/" }, "operation": { "workflow_ids": EXAMPLE_ID } },
    }]))]
    pub jobs: Option<Entries<Field<Box<JobSpec>>>>,
    /// Workflows, each under its key, which jobs of any file name as `operation.workflow`. The key is
    /// unique across all files. `defaults` and `matrix` do not reach them.
    #[schemars(extend("propertyNames" = {
        "title": "key of a workflow",
        "description": "a key has 1 to 128 characters: no blanks, none of `[` `]` `,` `=` `$`",
        "pattern": KEY,
    }, "examples" = [{
        "thumbnails": {
            "start": { "prefix": "input/" },
            "nodes": { "small": { "type": "PicProcess", "operation": {
                "template_id": "t1a2b3", "output": { "object": "small/${InputName}.jpg" },
            } } },
        },
    }]))]
    pub workflows: Option<Entries<Field<Box<WorkflowSpec>>>>,
}

impl JobFile {
    /// The specs of its jobs, each with its key.
    pub fn job_specs(&self) -> &[(Spanned<String>, Field<Box<JobSpec>>)] {
        self.jobs.as_ref().map_or(&[], |jobs| &jobs.0)
    }

    /// The specs of its workflows, each with its key.
    pub fn workflow_specs(&self) -> &[(Spanned<String>, Field<Box<WorkflowSpec>>)] {
        self.workflows
            .as_ref()
            .map_or(&[], |workflows| &workflows.0)
    }
}

/// One job: what to read, and which workflow to run over it.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "job")]
pub struct JobSpec {
    /// What the job is for, for people. Never sent to the service; changing it runs nothing.
    #[schemars(extend("examples" = ["Thumbnails for what was uploaded before the workflow existed"]))]
    pub description: Option<Field<String>>,
    /// The name that the service shows for the job. Without it, the key is the name, with the
    /// values of matrix and windows joined by `_`.
    ///
    /// At most 128 Chinese characters, letters, digits, `-` and `_`. Changing it runs nothing.
    #[schemars(extend("examples" = ["spring_uploads", "archive_${ matrix.folder }"]))]
    pub name: Option<Field<String>>,
    /// The kind of batch job. Only `Workflow` exists here, and it need not be written.
    #[schemars(extend("default" = "Workflow"))]
    pub r#type: Option<Field<JobTypeSpec>>,
    /// Which objects to read: exactly one of `prefix`, `object`, `manifest`, `url_file`.
    #[schemars(extend("examples" = [{ "prefix": "input/" }]))]
    pub input: Option<Field<InputSpec>>,
    /// What to run over the objects.
    #[schemars(extend("examples" = [{ "workflow_ids": EXAMPLE_ID }]))]
    pub operation: Option<Field<OperationSpec>>,
    /// Lists of values: one job for every combination of them. An expression reads a value as
    /// `${ matrix.name }`. Under `exclude` stand combinations to leave out.
    #[schemars(extend("examples" = [{ "folder": ["cn", "sg"] }]))]
    pub matrix: Option<Field<MatrixSpec>>,
    /// Cuts time into whole periods: one job for each that has passed, with its own
    /// `time_interval`. A new period becomes a new job by itself at the next plan.
    #[schemars(extend("examples" = [{ "every": "1 month", "from": "2022-01-01T00:00:00+0800" }]))]
    pub windows: Option<Field<WindowsSpec>>,
    /// Any text. Changing it asks for the same work once more, in a commit that can be reviewed.
    #[schemars(extend("examples" = ["2022-06: after the workflow was fixed"]))]
    pub rerun: Option<Field<String>>,
    /// What happens when the service ended the job as Failed or Cancel: `leave` shows it,
    /// `resubmit` submits it again, up to `max_attempts` times in all.
    #[schemars(extend("default" = "leave"))]
    pub on_failure: Option<Field<OnFailureSpec>>,
    /// How often the same work is submitted at most, with `on_failure: resubmit`.
    #[schemars(extend("default" = 2, "minimum" = 2, "maximum" = 100, "examples" = [3]))]
    pub max_attempts: Option<Field<u32>>,
    /// Whether the job may process objects that another job of the same workflow covers. `deny`
    /// blocks such a plan, because the same objects would be paid for twice.
    #[schemars(extend("default" = "deny"))]
    pub overlap: Option<Field<Overlap>>,
    /// The bucket to run in, instead of the target's: `<name>-<APPID>`.
    #[schemars(
        title = "bucket name with its APPID",
        extend("pattern" = BUCKET, "examples" = ["examplebucket-1250000000"])
    )]
    pub bucket: Option<Field<String>>,
    /// The region of the bucket, instead of the target's.
    #[schemars(title = "region", extend("pattern" = REGION, "examples" = ["ap-beijing"]))]
    pub region: Option<Field<String>>,
}

/// Which objects to read: exactly one of the fields.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "input", extend("minProperties" = 1, "maxProperties" = 1))]
pub struct InputSpec {
    /// Every object whose key begins with this.
    #[schemars(extend("minLength" = 1, "examples" = ["input/", "archive/${ matrix.folder }/"]))]
    pub prefix: Option<Field<String>>,
    /// One object, by its key.
    #[schemars(extend("minLength" = 1, "examples" = ["videos/intro.mp4"]))]
    pub object: Option<Field<String>>,
    /// The objects of a COS inventory: the key of its `manifest.json`. What the list holds is not
    /// part of the job: a new list under an old key needs `rerun`.
    #[schemars(extend(
        "minLength" = 1,
        "examples" = ["inventory/1250000000/examplebucket/daily/20220601/manifest.json"]
    ))]
    pub manifest: Option<Field<String>>,
    /// The objects named in a text file in the bucket, one address a line. What the list holds is
    /// not part of the job: a new list under an old key needs `rerun`.
    #[schemars(extend("minLength" = 1, "examples" = ["lists/urls.txt"]))]
    pub url_file: Option<Field<String>>,
}

/// Whole periods of time, one job for each that has passed.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "windows")]
pub struct WindowsSpec {
    /// How long a period is: a number and minutes, hours, days, weeks, months or years.
    #[schemars(
        title = "length of time",
        extend("pattern" = LENGTH, "examples" = ["1 month", "2 weeks", "15 minutes"])
    )]
    pub every: Field<String>,
    /// Where the first period starts: date, time and offset.
    #[schemars(
        title = "date and time with an offset",
        extend("pattern" = FIXED_MOMENT, "examples" = ["2022-01-01T00:00:00+0800"])
    )]
    pub from: Field<String>,
    /// No period ends later than this: date, time and offset. Without it, that is now.
    #[schemars(
        title = "date and time with an offset",
        extend("pattern" = FIXED_MOMENT, "examples" = ["2022-07-01T00:00:00+0800"])
    )]
    pub until: Option<Field<String>>,
    /// The offset from UTC whose calendar counts: where days begin and months end.
    #[schemars(
        title = "offset from UTC",
        extend("pattern" = OFFSET, "default" = "+08:00", "examples" = ["+08:00", "Z"])
    )]
    pub offset: Option<Field<String>>,
}

/// The kinds of batch job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
pub enum JobTypeSpec {
    /// Run a workflow over every object.
    Workflow,
}

/// What to do when the service ended a job as Failed or Cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailureSpec {
    /// Show it, do nothing.
    Leave,
    /// Submit the same work again, up to `max_attempts`.
    Resubmit,
}
