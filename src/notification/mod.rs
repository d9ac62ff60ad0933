//! Tells a webhook that a job has ended or that a run left something unresolved.
//!
//! An event is a file before the state says what it tells, and stays one until the webhook has taken
//! it: so a process that is killed loses none, and whatever is told twice has the same id.

mod courier;
mod event;
mod outbox;
mod webhook;

pub use courier::Courier;
pub use event::{Event, schema_json};
pub use outbox::Outbox;
pub use webhook::{Webhook, WebhookError};
