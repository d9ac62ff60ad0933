//! `stocktake.toml` as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::document::Entries;
use crate::source::Spanned;

/// The settings of a workspace: where its jobs go, and the values they are written with.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "workspace file")]
pub struct WorkspaceFile {
    /// The target that commands use when none is named. Without it: `local`.
    #[schemars(extend("default" = "local", "examples" = ["prod"]))]
    pub default_target: Option<Spanned<String>>,
    /// Variables that job files use as `${ vars.name }`. A target may give them other values.
    #[schemars(extend("examples" = [{ "thumbnails": "w7476ff3564ee45b7b490d64bccaba6cc" }]))]
    #[serde(default)]
    pub vars: Entries<Spanned<String>>,
    /// Who is told when a job that was waited for ends, and when a run leaves something unresolved: the
    /// webhook at `STOCKTAKE_NOTIFY_URL` of the environment.
    #[schemars(extend("examples" = [{ "form": "wecom" }]))]
    pub notify: Option<NotifySpec>,
    /// Where jobs can go. The target `local` exists even if nothing is written.
    #[serde(default)]
    pub targets: Entries<TargetSpec>,
}

/// Where jobs go: a bucket, its region, and the rules for handing it work.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "target")]
pub struct TargetSpec {
    /// `embedded` runs the jobs on this machine over local folders; without it they go to Tencent
    /// Cloud, or to `endpoint`.
    #[schemars(extend("examples" = ["embedded"]))]
    pub service: Option<Spanned<ServiceSpec>>,
    /// The bucket with its APPID, such as `media-1250000000`.
    #[schemars(extend("examples" = ["media-1250000000"]))]
    pub bucket: Option<Spanned<String>>,
    /// The bucket's region, such as `ap-beijing`.
    #[schemars(extend("examples" = ["ap-beijing"]))]
    pub region: Option<Spanned<String>>,
    /// Where to connect instead of the bucket's own host, such as `http://127.0.0.1:8787`. Plain
    /// http is allowed on this machine only.
    #[schemars(extend("examples" = ["http://127.0.0.1:8787"]))]
    pub endpoint: Option<Spanned<String>>,
    /// The role that this machine takes in exchange for an OIDC token of GitHub, GitLab or another
    /// provider, such as `qcs::cam::uin/100000000001:roleName/batch-jobs`; together with
    /// `provider_id`.
    #[schemars(extend("examples" = ["qcs::cam::uin/100000000001:roleName/batch-jobs"]))]
    pub role_arn: Option<Spanned<String>>,
    /// The identity provider of `role_arn`, as it is named in the console.
    #[schemars(extend("examples" = ["github"]))]
    pub provider_id: Option<Spanned<String>>,
    /// `instance` takes the role of the instance that this runs on, where nothing else gives
    /// credentials.
    #[schemars(extend("examples" = ["instance"]))]
    pub role: Option<Spanned<RoleSpec>>,
    /// The state file, relative to the workspace; or a folder that many machines share, such as
    /// `file:///srv/stocktake/prod`. Without it: `<target>.state.jsonl`, and
    /// `.stocktake/<target>.state.jsonl` for an embedded target.
    #[schemars(extend("examples" = ["prod.state.jsonl", "file:///srv/stocktake/prod"]))]
    pub state: Option<Spanned<String>>,
    /// The most submissions that one plan may make. Without it: 100, and no limit for an embedded
    /// target.
    #[schemars(extend("default" = 100, "examples" = [20]))]
    pub max_submissions: Option<Spanned<u32>>,
    /// The most objects that one plan may make workflows process, each counted once for every
    /// workflow that runs over it. Without it: no limit.
    #[schemars(extend("examples" = [1_000_000]))]
    pub max_objects: Option<Spanned<u64>>,
    /// The most bytes that one plan may make workflows process, such as `10 GiB`. Without it: no
    /// limit.
    #[schemars(extend("examples" = ["10 GiB"]))]
    pub max_bytes: Option<Spanned<String>>,
    /// The most that one plan may cost by `prices`, such as `200 CNY`. Without it: no limit.
    #[schemars(extend("examples" = ["200 CNY"]))]
    pub max_cost: Option<Spanned<String>>,
    /// How long one call to the service may take, such as `30s`. Without it: one minute, and 10
    /// seconds for an embedded target.
    #[schemars(extend("default" = "1m", "examples" = ["30s"]))]
    pub timeout: Option<Spanned<String>>,
    /// How long a submission may be on its way: its signature ends that long after it was recorded,
    /// and the service refuses it later. Without it: 30 seconds, and 10 seconds for a service on this
    /// machine.
    #[schemars(extend("default" = "30s", "examples" = ["1m"]))]
    pub window: Option<Spanned<String>>,
    /// How long after that the service's list shows the job of a submission at the latest. Without it:
    /// 75 seconds, which is the least for a service that is not on this machine; 1 second for an
    /// embedded target.
    #[schemars(extend("default" = "75s", "examples" = ["2m"]))]
    pub settle: Option<Spanned<String>>,
    /// The most requests a second, those that read buckets for estimates included.
    #[schemars(extend("examples" = [10]))]
    pub rate: Option<Spanned<u32>>,
    /// What `apply` asks for on a terminal: `yes`, or the target's name typed. Without it: `yes`.
    #[schemars(extend("default" = "yes"))]
    pub confirm: Option<Spanned<ConfirmSpec>>,
    /// Workflows that are managed elsewhere: the name that jobs use as `operation.workflow`, and the id.
    #[schemars(extend("examples" = [{ "thumbnails": "w0f1e2d3c4b5a49687786a5b4c3d2e1f0" }]))]
    #[serde(default)]
    pub workflow_names: Entries<Spanned<String>>,
    /// What workflows cost, by their ids or names: for estimates, and for `max_cost`.
    #[serde(default)]
    pub prices: Entries<PriceSpec>,
    /// Values of variables for this target.
    #[schemars(extend("examples" = [{ "thumbnails": "w0f1e2d3c4b5a49687786a5b4c3d2e1f0" }]))]
    #[serde(default)]
    pub vars: Entries<Spanned<String>>,
    /// Embedded targets: the folder that stands for each bucket, relative to the workspace.
    #[schemars(extend("examples" = [{ "demo-1250000000": "jobs/bucket" }]))]
    #[serde(default)]
    pub buckets: Entries<Spanned<String>>,
    /// Embedded targets: what each workflow id runs.
    #[serde(default)]
    pub workflows: Entries<WorkflowSpec>,
    /// Embedded targets: what the nodes of workflows run that are made through the API, by the type of
    /// the node. A node without a command fails its run.
    #[schemars(extend("examples" = [{ "PicProcess": { "command": ["cp", "{object}", "{output}"] } }]))]
    #[serde(default)]
    pub nodes: Entries<NodeProgramSpec>,
}

/// The webhook that is told what happens. Its address and key come from the environment alone.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "notify")]
pub struct NotifySpec {
    /// `json` for programs, `wecom` or `dingtalk` for a robot of these. Without it: `json`.
    #[schemars(extend("default" = "json"))]
    #[serde(default)]
    pub form: NotifyForm,
}

/// The forms of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotifyForm {
    /// Every event as data.
    #[default]
    Json,
    /// A robot of `WeCom`.
    Wecom,
    /// A robot of `DingTalk`.
    Dingtalk,
}

/// The services that this program brings itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceSpec {
    /// Runs in this process, or as `stocktake serve`.
    Embedded,
}

/// The roles that need no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleSpec {
    /// The one that is bound to the instance.
    Instance,
}

/// What a person types to let a plan be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmSpec {
    /// The word `yes`.
    Yes,
    /// The name of the target.
    Name,
}

/// What one workflow costs; both together, where both are written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceSpec {
    /// For each object, such as `0.0015 CNY`.
    #[schemars(extend("examples" = ["0.0015 CNY"]))]
    pub per_object: Option<Spanned<String>>,
    /// For each GiB of objects, such as `0.07 CNY`.
    #[schemars(extend("examples" = ["0.07 CNY"]))]
    pub per_gib: Option<Spanned<String>>,
}

/// What the nodes of one type run: a command, or nothing with `copy`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "node")]
pub struct NodeProgramSpec {
    /// The program and its arguments, run once for each object without a shell. `{object}` stands
    /// for the path of the file that it reads, `{output}` for the one that it writes, `{key}` for
    /// the key of the object that the run is about, `{bucket}` for the bucket.
    #[schemars(extend("examples" = [["cp", "{object}", "{output}"]]))]
    pub command: Option<Spanned<Vec<String>>>,
    /// Whether a node writes what it reads, instead of a command.
    #[schemars(extend("default" = false))]
    pub copy: Option<Spanned<bool>>,
    /// How long one run may take, such as `5m`. Without it: one hour.
    #[schemars(extend("default" = "1h", "examples" = ["5m"]))]
    pub time_limit: Option<Spanned<String>>,
    /// The variables of the environment that the command gets, beside PATH, HOME, USER, LANG, LC_*, TZ
    /// and TMPDIR.
    #[schemars(extend("examples" = [["MODEL_PATH"]]))]
    #[serde(default)]
    pub environment: Vec<Spanned<String>>,
}

/// A workflow of the embedded service.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "workflow")]
pub struct WorkflowSpec {
    /// A name for people.
    #[schemars(extend("examples" = ["checksum"]))]
    pub name: Option<String>,
    /// The program and its arguments, run once for each object without a shell. `{object}` stands
    /// for the path of the object's file, `{key}` for its key, `{bucket}` for the bucket. What it
    /// prints is kept as the object's result.
    #[schemars(extend("examples" = [["sha256sum", "{object}"]]))]
    pub command: Spanned<Vec<String>>,
    /// How long one run may take, such as `5m`. Without it: one hour.
    #[schemars(extend("default" = "1h", "examples" = ["5m"]))]
    pub time_limit: Option<Spanned<String>>,
    /// The variables of the environment that the command gets, beside PATH, HOME, USER, LANG, LC_*, TZ
    /// and TMPDIR. No others reach it: neither credentials nor tokens.
    #[schemars(extend("examples" = [["MODEL_PATH"]]))]
    #[serde(default)]
    pub environment: Vec<Spanned<String>>,
    /// Whether the service lists the workflow as paused. Batch jobs run it all the same.
    #[serde(default)]
    pub paused: bool,
}
