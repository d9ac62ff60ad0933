//! A client's connection, which is closed when the client stops reading what it asked for.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};

/// Clients that take less in the time of a write do not read: systems take a few bytes for them all the
/// same.
const LEAST: usize = 16 * 1024;

/// A connection with its place among those that may be open.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    /// How long the client may take for [`LEAST`] bytes.
    write_time: Duration,
    /// Runs out when it has taken too long.
    waiting: Option<Pin<Box<Sleep>>>,
    /// What it has taken meanwhile.
    taken: usize,
    _place: OwnedSemaphorePermit,
}

impl Socket {
    pub(super) fn new(
        stream: TcpStream,
        write_time: Duration,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            stream,
            write_time,
            waiting: None,
            taken: 0,
            _place: place,
        }
    }

    /// Fails instead of waiting for longer than writes may.
    fn limit(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(result) = written {
            self.taken += *result.as_ref().unwrap_or(&0);
            if self.taken >= LEAST {
                self.waiting = None;
            }
            return Poll::Ready(result);
        }
        let write_time = self.write_time;
        if self.waiting.is_none() {
            self.taken = 0;
        }
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(sleep(write_time)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        // Clients that send head and body apart wait for the acknowledgement of the head (Nagle's
        // algorithm), which Linux delays by 40 ms. It forgets this setting after a while.
        #[cfg(target_os = "linux")]
        if matches!(polled, Poll::Ready(Ok(()))) {
            let _ = rustix::net::sockopt::set_tcp_quickack(&self.stream, true);
        }
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.limit(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.limit(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Asked for when all is written.
        self.waiting = None;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
