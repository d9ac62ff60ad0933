//! What would be done about each job, and why: a pure function of jobs, state and the moment.

mod model;

pub use model::{Action, Blocked, Change, Guard, Plan, PlannedJob, Reason, Summary};
