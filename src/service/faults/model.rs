//! Faults, and which calls they hit.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::file;
use crate::files;
use crate::plain_text::printable;

/// A larger file of faults is a mistake.
const LIMIT: u64 = 1024 * 1024;

/// Faults in order: the first one that hits a call is the one that happens.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faults {
    /// What the probabilities are drawn from.
    pub seed: u64,
    /// The faults.
    pub faults: Vec<Fault>,
}

/// One fault, and the calls that it hits.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// HTTP method of the calls; any if absent.
    pub method: Option<String>,
    /// Path of the calls, where a `*` at the end stands for any rest; any if absent.
    pub path: Option<String>,
    /// Which of the calls that fit.
    pub choice: Choice,
    /// What happens.
    pub kind: FaultKind,
}

/// Which of the calls that fit a fault are hit.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// All of them.
    Always,
    /// Those with these numbers, counted from 1.
    Nth(Vec<u64>),
    /// One after each `n` calls.
    Every(u64),
    /// Each with this probability, from 0 to 1.
    Probability(f64),
}

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// Nothing is done, and the answer says so.
    Refuse {
        /// HTTP status.
        status: u16,
        /// Code of the error.
        code: String,
        /// Seconds for the header `Retry-After`.
        retry_after: Option<u64>,
    },
    /// The connection is closed without an answer.
    Drop {
        /// Whether the call is acted on before.
        acts: bool,
    },
    /// The call is acted on, and the answer is an error all the same.
    Fail {
        /// HTTP status.
        status: u16,
        /// Code of the error.
        code: String,
    },
    /// The call is acted on, and the connection is closed in the middle of the answer's body.
    Half,
    /// The call is acted on, and the answer is 200 with something that is not the API's.
    Garbage,
    /// The call is acted on at once, and answered late.
    Slow {
        /// How late.
        delay: Duration,
    },
    /// The connection is closed without an answer, and only later the call is acted on.
    Late {
        /// How much later.
        delay: Duration,
    },
}

/// Why faults cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FaultsError {
    /// The file cannot be read.
    #[error("cannot read the faults in {file}: {source}")]
    File {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// The text is not what it should be.
    #[error("{file}: {problem}")]
    Content {
        /// The file.
        file: String,
        /// What is wrong, and where.
        problem: String,
    },
}

impl Faults {
    /// Reads a file of faults.
    pub fn read(path: &Path) -> Result<Self, FaultsError> {
        let file = printable(path);
        let text = match read(path) {
            Ok(text) => text,
            Err(source) => return Err(FaultsError::File { file, source }),
        };
        Self::parse(text.trim_start_matches('\u{feff}'))
            .map_err(|problem| FaultsError::Content { file, problem })
    }

    /// Reads faults from a text (TOML); the error says what is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        file::parse(text)
    }
}

/// The text of a regular file, or of a pipe.
fn read(path: &Path) -> io::Result<String> {
    let content = files::read_all(&mut files::open_stream(path)?, LIMIT)?;
    let content =
        content.ok_or_else(|| io::Error::other(format!("it is larger than {LIMIT} bytes")))?;
    String::from_utf8(content).map_err(|_| io::Error::other("it is not UTF-8"))
}

impl Fault {
    /// A fault that hits every call of that method and path.
    pub fn new(method: &str, path: &str, kind: FaultKind) -> Self {
        Self {
            method: Some(method.to_owned()),
            path: Some(path.to_owned()),
            choice: Choice::Always,
            kind,
        }
    }

    /// Only the calls with these numbers, counted from 1.
    #[must_use]
    pub fn nth(mut self, numbers: impl IntoIterator<Item = u64>) -> Self {
        self.choice = Choice::Nth(numbers.into_iter().collect());
        self
    }
}
