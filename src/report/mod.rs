//! The layout of everything that people and machines read. A module words its own errors and findings;
//! this one arranges them, and it alone prints.
//!
//! Data goes to stdout, the rest to stderr. Whether there is colour, and how wide a line is, is
//! decided once, in [`Ui`].

mod adopt;
mod apply;
mod apply_json;
mod cancel;
mod completion;
pub mod diagnostics;
mod doctor;
mod failures;
mod hint;
mod html;
mod json;
mod lock;
mod markdown;
mod moving;
mod plan;
mod progress;
mod records;
mod render;
mod resolve;
mod serve;
mod state;
mod status;
mod steering;
mod table;
mod text;
mod ui;
mod watch;
mod workflows;

pub use adopt::{
    Adoption, human as adoption_human, json as adoption_json, refusal,
    schema_json as adoption_schema_json,
};
pub use apply::{ApplyReporter, outcome as apply_outcome};
pub use apply_json::{ApplyStream, schema_json as apply_schema_json};
pub use cancel::cancelling;
pub use completion::{ObjectReport, jobs_csv};
pub use doctor::{human as doctor_human, json as doctor_json, schema_json as doctor_schema_json};
pub use failures::{
    human as failures_human, json as failures_json, schema_json as failures_schema_json,
};
pub use hint::{pasteable, quoted, repeat_options};
pub use html::{AskedFor, HtmlReport, html as status_html, worth_explaining};
pub use lock::{LockView, human as lock_human, json as lock_json, schema_json as lock_schema_json};
pub use plan::{
    PlanView, blocked as plan_blocked, gitlab as plan_gitlab, human as plan_human,
    json as plan_json, markdown as plan_markdown,
};
pub use progress::{Progress, ProgressLine};
pub use records::{
    history as records_history, json as records_json, list as records_list,
    schema_json as records_schema_json,
};
pub use render::{
    Rendered, VariableOrigin, curl as render_curl, human as render_human, json as render_json,
};
pub use resolve::{kept, resolved, unresolved};
pub use serve::{KeyPairPlace, key_pair, serving};
pub use state::{
    begun as state_begun, shared_begun as shared_state_begun, verified as state_verified,
    verified_json as state_verified_json, verified_schema_json,
};
pub use status::{
    ended as jobs_ended, human as status_human, markdown as status_markdown, record_state,
};
pub use ui::{ColorChoice, Look, Ui, Verbosity, finish_output};
pub use watch::{
    KEYS as WATCH_KEYS, SHOWN_JOBS, WatchCause, WatchOpening, WatchView, intention,
    opening as watch_opening, plan as watch_plan, polling as watch_polling,
};
pub use workflows::{WorkflowLine, workflow_list, workflow_shown};
