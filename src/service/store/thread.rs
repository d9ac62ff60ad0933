//! A thread that works through a queue, and its handle.

use std::fmt;
use std::sync::Mutex;
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use super::StoreError;
use crate::sync::lock;

/// Above this many queued tasks, [`Thread::send`] waits.
const QUEUE: usize = 1024;

/// The handle of a thread.
pub(super) struct Thread<T> {
    running: Mutex<Option<Running<T>>>,
}

struct Running<T> {
    queue: mpsc::Sender<T>,
    thread: JoinHandle<()>,
}

impl<T: Send + 'static> Thread<T> {
    /// Starts a thread, which ends when its handle is closed.
    pub(super) fn start(work: impl FnOnce(mpsc::Receiver<T>) + Send + 'static) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let thread = std::thread::spawn(move || work(waiting));
        Self {
            running: Mutex::new(Some(Running { queue, thread })),
        }
    }

    pub(super) async fn send(&self, task: T) -> Result<(), StoreError> {
        let queue = self.queue().ok_or(StoreError::Closed)?;
        queue.send(task).await.map_err(|_| StoreError::Closed)
    }

    /// Waits until the thread has worked through its queue and ended.
    pub(super) async fn close(&self) {
        let running = lock(&self.running).take();
        if let Some(Running { queue, thread }) = running {
            drop(queue);
            let ended = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(ended, Ok(Ok(()))) {
                tracing::error!("a thread of the database ended in a panic");
            }
        }
    }

    fn queue(&self) -> Option<mpsc::Sender<T>> {
        let running = lock(&self.running);
        running.as_ref().map(|running| running.queue.clone())
    }
}

/// Tasks need not have one.
impl<T> fmt::Debug for Thread<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Thread").finish_non_exhaustive()
    }
}
