//! The turnstile of mirrored requests: so many under way, so many waiting, no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bounds the mirrored requests of one candidate. Only mirror tasks wait here.
#[derive(Debug)]
pub struct MirrorGate {
    under_way: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    queue: usize,
}

/// A place in the queue of a [`MirrorGate`].
#[derive(Debug)]
pub struct Place {
    under_way: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl MirrorGate {
    /// At most `concurrency` under way and `queue` waiting.
    pub fn new(concurrency: usize, queue: usize) -> Self {
        Self {
            under_way: Arc::new(Semaphore::new(concurrency)),
            waiting: Arc::default(),
            queue,
        }
    }

    /// A place in the queue, or `None` when it is full; never waits.
    pub fn queue(&self) -> Option<Place> {
        let queued = self
            .waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
                (waiting < self.queue).then_some(waiting + 1)
            });
        queued.is_ok().then(|| Place {
            under_way: Arc::clone(&self.under_way),
            waiting: Arc::clone(&self.waiting),
        })
    }

    /// How many wait now.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Place {
    /// Waits for the turn and leaves the queue.
    pub async fn turn(self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.under_way).acquire_owned().await.ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_finished_request_makes_room() {
        let gate = MirrorGate::new(1, 1);
        let permit = gate.queue().unwrap().turn().await.unwrap();
        let second = gate.queue().unwrap();
        assert!(gate.queue().is_none());
        drop(permit);
        let _permit = second.turn().await.unwrap();
        assert!(gate.queue().is_some());
    }
}
