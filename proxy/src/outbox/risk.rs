//! How many writes a kill would take away without a trace, and the mark on disk that tells the next
//! run.
//!
//! A write is at risk from before the primary is asked until it is on disk or over. Nobody waits for
//! the mark: it is raised by the writer's next batch, to the next power of two so that most writes
//! find it high enough, and taken down again once a second. So it says "about so many at most". It
//! does not say which.

use super::{Change, Outbox, Shared};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes at risk.
#[derive(Default)]
pub(super) struct Risk {
    now: AtomicU64,
    /// What the writer has been told to mark.
    told: AtomicU64,
}

/// A write that is at risk until this is dropped.
pub struct AtRisk(Arc<Shared>);

impl std::fmt::Debug for AtRisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AtRisk")
    }
}

impl Drop for AtRisk {
    fn drop(&mut self) {
        self.0.risk.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Outbox {
    /// A write is about to be sent to the primary.
    pub fn risk(&self) -> AtRisk {
        if self.shared.risk.begin() {
            self.tell(Change::AtRisk);
        }
        AtRisk(Arc::clone(&self.shared))
    }
}

impl Risk {
    /// Whether the writer must hear of it.
    fn begin(&self) -> bool {
        let now = self.now.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        let mark = mark_for(now);
        now > self.told.load(Ordering::SeqCst) && self.told.fetch_max(mark, Ordering::SeqCst) < mark
    }

    /// What is to be marked.
    pub(super) fn told(&self) -> u64 {
        self.told.load(Ordering::SeqCst)
    }

    pub(super) fn now(&self) -> u64 {
        self.now.load(Ordering::SeqCst)
    }

    /// Takes the mark down to what is at risk now; what is to be marked, if that is another. What
    /// begins meanwhile either sees the lower mark, or is seen here.
    pub(super) fn settle(&self) -> Option<u64> {
        let before = self.told.swap(0, Ordering::SeqCst);
        let now = mark_for(self.now());
        let told = self.told.fetch_max(now, Ordering::SeqCst).max(now);
        (told != before).then_some(told)
    }
}

const fn mark_for(writes: u64) -> u64 {
    match writes.checked_next_power_of_two() {
        Some(mark) if writes > 0 => mark,
        _ => writes,
    }
}
