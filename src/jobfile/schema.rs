//! The schema of a type and the check against it: one thing for editors and for us.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde_json::Value;

/// The JSON schema of files that hold a `T`.
#[derive(Debug)]
pub struct Schema<T> {
    json: Value,
    of: PhantomData<fn() -> T>,
}

impl<T: JsonSchema> Schema<T> {
    /// Generates the schema of `T`.
    pub fn new() -> Self {
        Self {
            json: schemars::schema_for!(T).to_value(),
            of: PhantomData,
        }
    }
}

impl<T: JsonSchema> Default for Schema<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Schema<T> {
    /// The schema as JSON.
    pub fn json(&self) -> &Value {
        &self.json
    }
}
