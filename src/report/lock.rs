//! Who holds a shared state.

use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::report::json::write as write_json;
use crate::schema;
use crate::state::Holder;
use crate::state::shared::Position;

/// The format that [`json`] writes.
const FORMAT: &str = "stocktake.lock/1";

/// Who holds a shared state.
#[derive(Debug)]
pub struct LockView<'a> {
    /// The store.
    pub place: &'a str,
    /// The run that holds it, if one does.
    pub holder: Option<&'a Holder>,
    /// Until when it is waited for.
    pub until: Option<Timestamp>,
    /// The end of the log.
    pub position: Option<Position>,
    /// How long a run that says nothing is waited for.
    pub lease: Duration,
}

/// For people.
pub fn human(out: &mut dyn Write, view: &LockView<'_>) -> io::Result<()> {
    match view.holder {
        Some(holder) => {
            writeln!(out, "{} is held by {holder}", view.place)?;
            let lease = view.lease;
            writeln!(
                out,
                "a run that writes nothing for {lease:?} is gone before by the next one"
            )?;
        }
        None => writeln!(out, "{} is free", view.place)?,
    }
    match view.position {
        Some(position) => writeln!(out, "its log ends with slot {}", position.number),
        None => Ok(()),
    }
}

/// What `stocktake state lock --format json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "stocktake lock")]
struct Document<'a> {
    /// The version of this format; fields are added to it, and never changed.
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// The run that holds the state; null when none does.
    holder: Option<&'a Holder>,
    /// How long a run that writes nothing is waited for, in seconds.
    lease_s: f64,
    /// The end of the log.
    log: Option<Position>,
    /// The store.
    state: &'a str,
    /// Until when the holder said that it holds it, by its store's clock or its own; null when none
    /// does.
    #[schemars(with = "Option<String>")]
    until: Option<Timestamp>,
}

/// For programs.
pub fn json(out: &mut dyn Write, view: &LockView<'_>) -> io::Result<()> {
    let document = Document {
        format: FORMAT,
        holder: view.holder,
        lease_s: view.lease.as_secs_f64(),
        log: view.position,
        state: view.place,
        until: view.until,
    };
    write_json(out, &document)
}

/// The schema of what [`json`] writes.
pub fn schema_json() -> Value {
    schema::of::<Document<'_>>()
}
