//! Messages on the wire. `lsp_server` has this too, and believes every length that a client claims.

use std::io::{self, BufRead, Read, Write};

use lsp_server::Message;
use serde_json::{Value, json};

/// A longer message ends the connection: nothing of an editor is as long.
const SIZE_LIMIT: u64 = 256 * 1024 * 1024;

/// A longer line is no header.
const HEADER_LIMIT: u64 = 4096;

/// What a client sent.
#[derive(Debug)]
pub(super) enum Received {
    Message(Message),
    /// JSON, but no message of the protocol.
    NoMessage,
    NoJson,
}

/// Reads the next message; `None` at the end. An error is something behind which no other message can be
/// found.
pub(super) fn read(input: &mut impl BufRead) -> io::Result<Option<Received>> {
    let Some(length) = read_header(input)? else {
        return Ok(None);
    };
    if length > SIZE_LIMIT {
        return Err(invalid("a message is too long"));
    }
    // Grows with what comes, not with what is claimed.
    let mut content = Vec::new();
    input.take(length).read_to_end(&mut content)?;
    if (content.len() as u64) < length {
        return Ok(None);
    }
    let Ok(value) = serde_json::from_slice::<Value>(&content) else {
        return Ok(Some(Received::NoJson));
    };
    let message = serde_json::from_value(value);
    Ok(Some(message.map_or(Received::NoMessage, Received::Message)))
}

/// The length of the message that follows.
fn read_header(input: &mut impl BufRead) -> io::Result<Option<u64>> {
    let mut length = None;
    let mut lines = 0;
    loop {
        let mut line = Vec::new();
        input.take(HEADER_LIMIT).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        lines += 1;
        let line = str::from_utf8(&line).map_err(|_| invalid("a header is not text"))?;
        let line = line.trim_end();
        if line.is_empty() && length.is_some() {
            return Ok(length);
        }
        let (name, value) = line
            .split_once(':')
            .filter(|_| lines < 100)
            .ok_or_else(|| invalid("a header is malformed"))?;
        if name.eq_ignore_ascii_case("Content-Length") {
            let number = value.trim().parse();
            length = Some(number.map_err(|_| invalid("a length is no number"))?);
        }
    }
}

/// Writes one message.
pub(super) fn write(output: &mut impl Write, message: &Value) -> io::Result<()> {
    let text = message.to_string();
    write!(output, "Content-Length: {}\r\n\r\n{text}", text.len())?;
    output.flush()
}

pub(super) fn result(id: &impl serde::Serialize, result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

/// An error in answer to a request; without an id where none could be read.
pub(super) fn error(id: &impl serde::Serialize, code: lsp_server::ErrorCode, words: &str) -> Value {
    let error = json!({ "code": code as i32, "message": words });
    json!({ "jsonrpc": "2.0", "id": id, "error": error })
}

pub(super) fn notification(method: &str, params: &impl serde::Serialize) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

fn invalid(words: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, words)
}

#[cfg(test)]
mod tests {
    use super::{Received, read};

    #[test]
    fn what_cannot_be_a_message_ends_the_connection_without_taking_memory() {
        for text in [
            "hello\r\n\r\n",
            "Content-Length: 99999999999999999999\r\n\r\n",
            "Content-Length: 18446744073709551615\r\n\r\n{}",
            "Content-Length: -1\r\n\r\n",
            "\r\n\r\n",
            "\u{fffd}\r\n",
        ] {
            assert!(read(&mut text.as_bytes()).is_err(), "{text:?}");
        }
        let endless = "x".repeat(1 << 20);
        assert!(read(&mut endless.as_bytes()).is_err());
        let cut = "Content-Length: 200000000\r\n\r\n{";
        assert!(read(&mut cut.as_bytes()).unwrap().is_none());
        assert!(read(&mut &b""[..]).unwrap().is_none());
    }

    #[test]
    fn other_content_is_named_and_skipped() {
        let text = "Content-Length: 1\r\n\r\n{content-length:2\r\nX: y\r\n\r\n{}";
        let mut input = text.as_bytes();
        assert!(matches!(read(&mut input), Ok(Some(Received::NoJson))));
        assert!(matches!(read(&mut input), Ok(Some(Received::NoMessage))));
        assert!(matches!(read(&mut input), Ok(None)));
    }
}
