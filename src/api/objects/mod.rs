//! The forms in which a batch job names objects beside prefixes and keys: URLs, lists of URLs,
//! inventories. Whoever reads one, service or client, reads it here.

mod inventory;
mod reference;
mod url_list;

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

/// A key that ends like a folder only shows one: there is nothing to run over.
pub fn is_placeholder(key: &str) -> bool {
    key.ends_with('/')
}
