//! The forms in which a batch job names objects beside prefixes and keys: URLs, lists of URLs,
//! inventories. The service and the client both read them here.

mod budget;
mod inventory;
mod reference;
mod url_list;

pub use budget::{Budget, ListLimits};
pub use inventory::{Columns, DataFile, Inventory, MANIFEST_LIMIT, Row, Rows};
pub use reference::resolve;
pub use url_list::UrlList;

/// What is wrong with a list of objects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", place(*line))]
pub struct ListProblem {
    /// Where in it, from 1, if at a certain place.
    pub line: Option<u64>,
    /// What is wrong.
    pub problem: String,
}

fn place(line: Option<u64>) -> String {
    line.map_or_else(String::new, |line| format!("line {line}: "))
}

impl ListProblem {
    /// A problem of the list as a whole.
    fn whole(problem: impl Into<String>) -> Self {
        Self {
            line: None,
            problem: problem.into(),
        }
    }

    fn at(line: u64, problem: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            problem: problem.into(),
        }
    }
}

/// The longest key of an object, in bytes.
pub const KEY_LIMIT: usize = 850;

/// Refuses a key that the service could not have; the error completes the sentence "this …" and does
/// not show it.
pub fn check_key_length(key: &str) -> Result<(), String> {
    let length = key.len();
    if length <= KEY_LIMIT {
        return Ok(());
    }
    Err(format!(
        "key has {length} bytes; the key of an object has at most {KEY_LIMIT}"
    ))
}

/// A key that ends like a folder only shows one: there is nothing to run over.
pub fn is_placeholder(key: &str) -> bool {
    key.ends_with('/')
}
