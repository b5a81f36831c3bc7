//! What a write has of the outbox until it is dropped: its share of the limits, its note that it waits
//! on disk alone, its end.

use super::{Outbox, Shared};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A write's share of the outbox's limits; it comes back when it is dropped.
#[derive(Debug)]
pub struct Admitted {
    shared: Arc<Shared>,
    bytes: usize,
}

/// A write that waits on disk alone; see [`Outbox::park`].
#[derive(Debug)]
pub struct Parked(Arc<Shared>);

/// Takes a write out of the outbox when it is dropped; see [`Outbox::answered`].
pub struct Over {
    outbox: Outbox,
    id: u64,
}

impl Outbox {
    /// Takes a share of the limits for a write of so many bytes, or nothing.
    pub fn admit(&self, bytes: usize, most: usize, most_bytes: usize) -> Option<Admitted> {
        let admitted = self.admit_leftover(bytes);
        let fits = self.shared.writes.load(Ordering::Relaxed) <= most
            && self.shared.bytes.load(Ordering::Relaxed) <= most_bytes;
        fits.then_some(admitted)
    }

    /// Takes a share for a write that is on disk already, whatever the limits are now.
    pub fn admit_leftover(&self, bytes: usize) -> Admitted {
        self.shared.writes.fetch_add(1, Ordering::Relaxed);
        self.shared.bytes.fetch_add(bytes, Ordering::Relaxed);
        Admitted {
            shared: Arc::clone(&self.shared),
            bytes,
        }
    }

    /// Notes that a write whose outcome is counted waits on disk alone: a stop needn't wait for it.
    pub fn park(&self) -> Parked {
        self.shared.parked.fetch_add(1, Ordering::Relaxed);
        Parked(Arc::clone(&self.shared))
    }

    /// A write was answered: it is over when this is dropped, and if what comes in between panics, too.
    pub fn answered(&self, id: u64) -> Over {
        Over {
            outbox: self.clone(),
            id,
        }
    }
}

impl Admitted {
    /// Its bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.shared.writes.fetch_sub(1, Ordering::Relaxed);
        self.shared.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Drop for Over {
    fn drop(&mut self) {
        self.outbox.remove(self.id);
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        self.0.parked.fetch_sub(1, Ordering::Relaxed);
    }
}
