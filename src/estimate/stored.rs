//! Objects that are read: as a whole, or by a thread of its own while they come.

use std::io::{self, Read};

use hyper::body::Bytes;
use md5::{Digest, Md5};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Counter;
use crate::api::client::{Client, Download};
use crate::api::objects::{ListProblem, resolve};

/// Pieces that lie between the network and the reading thread.
const PIECES: usize = 16;

/// What went through [`Counter::pump`].
pub(super) struct Passed {
    pub(super) size: u64,
    pub(super) md5: Md5,
}

/// The pieces of an object, for a reader in a thread.
pub(super) struct Pieces {
    pieces: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl Counter<'_> {
    /// The key of a list that a job names by its key or its URL.
    pub(super) fn key_of(client: &Client, name: &str) -> Result<String, String> {
        let key = resolve(&client.endpoint().bucket, name);
        key.map_err(|problem| format!("the list `{name}`: this {problem}"))
    }

    /// Reads an object as a whole, but no more than `limit` bytes and one.
    pub(super) async fn whole(
        &self,
        client: &Client,
        key: &str,
        limit: usize,
    ) -> Result<Vec<u8>, String> {
        let (mut download, name) = (client.download(key), quoted(key));
        let mut whole = Vec::new();
        while let Some(piece) = self.piece(&mut download, &name).await? {
            whole.extend_from_slice(&piece);
            if whole.len() > limit {
                whole.truncate(limit + 1);
                break;
            }
        }
        Ok(whole)
    }

    /// Hands the pieces of an object to a thread, until there are no more or it wants no more. Errors
    /// show its name, which may be another one than its key.
    pub(super) async fn pump(
        &self,
        client: &Client,
        (key, name): (&str, &str),
        pieces: mpsc::Sender<Bytes>,
    ) -> Result<Passed, String> {
        let mut download = client.download(key);
        let mut passed = Passed {
            size: 0,
            md5: Md5::new(),
        };
        while let Some(piece) = self.piece(&mut download, name).await? {
            passed.size += piece.len() as u64;
            passed.md5.update(&piece);
            if pieces.send(piece).await.is_err() {
                break;
            }
        }
        Ok(passed)
    }

    async fn piece(&self, download: &mut Download, name: &str) -> Result<Option<Bytes>, String> {
        let piece = download.chunk().await;
        piece.map_err(|error| match error.status() {
            Some(404) => format!("the bucket has no object {name}"),
            _ => format!("{name} cannot be read: {}", self.explain(&error)),
        })
    }
}

/// Runs `read` in a thread of its own over the pieces that are sent.
pub(super) fn reading<T: Send + 'static>(
    read: impl FnOnce(Pieces) -> T + Send + 'static,
) -> (mpsc::Sender<Bytes>, JoinHandle<T>) {
    let (sender, pieces) = mpsc::channel(PIECES);
    let pieces = Pieces {
        pieces,
        current: Bytes::new(),
    };
    (sender, tokio::task::spawn_blocking(move || read(pieces)))
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.current = piece,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.current.len());
        buffer[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}

/// A key as errors have it.
pub(super) fn quoted(key: &str) -> String {
    format!("`{key}`")
}

/// What is wrong with a list, with its name.
pub(super) fn problem(name: &str, problem: &ListProblem) -> String {
    format!("{name}: {problem}")
}
