//! Heads of requests end their lines with CR LF. The parser takes a bare LF as well, and a proxy in front
//! may not: what the two take for one request would differ.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use memchr::memchr;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection whose parser sees a NUL, which it refuses, in the place of a bare LF.
#[derive(Debug)]
pub(super) struct StrictHeads<S> {
    stream: S,
    heads: Heads,
}

impl<S> StrictHeads<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            heads: Heads::default(),
        }
    }
}

/// Replaces in the bytes of a connection, read in pieces of this size, what its parser is not to see.
pub fn strict_heads(bytes: &mut [u8], size: usize) {
    let mut heads = Heads::default();
    for piece in bytes.chunks_mut(size.max(1)) {
        heads.check(piece);
    }
}

/// Finds the heads among the bytes of a connection.
#[derive(Debug, Default)]
struct Heads {
    place: Place,
    /// The line of a head, as far as it was read.
    line: Vec<u8>,
    has_lines: bool,
    body: u64,
    is_chunked: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Head,
    Body(u64),
    /// A body whose end is not known here, and the last of its connection.
    Rest,
}

impl Heads {
    fn check(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            let length = match self.place {
                Place::Rest => return,
                Place::Body(left) => {
                    let length =
                        usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    self.place = match left - length as u64 {
                        0 => Place::Head,
                        left => Place::Body(left),
                    };
                    length
                }
                Place::Head => self.check_line(bytes),
            };
            bytes = &mut bytes[length..];
        }
    }

    /// Checks the line that the bytes begin with, and returns its length.
    fn check_line(&mut self, bytes: &mut [u8]) -> usize {
        let Some(end) = memchr(b'\n', bytes) else {
            self.line.extend_from_slice(bytes);
            return bytes.len();
        };
        self.line.extend_from_slice(&bytes[..end]);
        if self.line.pop() == Some(b'\r') {
            self.end_line();
        } else {
            bytes[end] = 0;
            self.place = Place::Rest;
        }
        end + 1
    }

    fn end_line(&mut self) {
        if !self.line.is_empty() {
            self.has_lines = true;
            self.note_field();
            self.line.clear();
            return;
        }
        // Empty lines may come before a head.
        if self.has_lines {
            let place = match (self.is_chunked, self.body) {
                (true, _) => Place::Rest,
                (false, 0) => Place::Head,
                (false, length) => Place::Body(length),
            };
            *self = Self {
                place,
                ..Self::default()
            };
        }
    }

    /// Only what the parser takes counts: what it refuses ends the connection.
    fn note_field(&mut self) {
        let Ok(line) = std::str::from_utf8(&self.line) else {
            return;
        };
        let Some((name, value)) = line.split_once(':') else {
            return;
        };
        if name.starts_with("CONNECT ") {
            // What follows the head is a tunnel.
            self.is_chunked = true;
        } else if name.eq_ignore_ascii_case("content-length") {
            self.body = value.trim().parse().unwrap_or(0);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            self.is_chunked = true;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StrictHeads<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.heads.check(&mut buffer.filled_mut()[before..]);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StrictHeads<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::Heads;

    /// What the parser sees, however the bytes are cut into reads.
    fn seen(bytes: &str) -> String {
        let whole = |size: usize| {
            let mut heads = Heads::default();
            let mut bytes = bytes.as_bytes().to_vec();
            for piece in bytes.chunks_mut(size) {
                heads.check(piece);
            }
            String::from_utf8(bytes).unwrap()
        };
        let seen = whole(1000);
        for size in 1..8 {
            assert_eq!(whole(size), seen, "{size}");
        }
        seen
    }

    #[test]
    fn bare_line_feeds_of_heads_alone_are_replaced() {
        let post = "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n\n\n\nx";
        let get = "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n";
        let fine = [post, get, post].concat();
        assert_eq!(seen(&fine), fine);
        let bare = [post, "GET / HTTP/1.1\nHost: x\r\n\r\n"].concat();
        assert_eq!(seen(&bare), bare.replace(".1\nHost", ".1\0Host"));
        let end = "GET / HTTP/1.1\r\nHost: x\n\n";
        assert_eq!(seen(end), end.replacen("x\n", "x\0", 1));
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\n\n\r\n0\r\n\r\n";
        assert_eq!(seen(chunked), chunked);
    }
}
