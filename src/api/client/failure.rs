//! Why a call got no answer.

use std::error::Error;

/// Why no answer arrived as a whole.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no such request: nothing of it can be sent, now or later.
    Unsendable(String),
    /// No connection was made: nothing of the request can have left.
    NotConnected(String),
    /// Anything from the first byte of the request on.
    Broken(String),
}

/// The whole chain of an error in one line.
pub(super) fn reason(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
