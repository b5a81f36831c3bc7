//! One byte budget for everything that is captured.
//!
//! A capture takes what it needs without waiting, or learns that the budget is spent; what it
//! took comes back when it is dropped.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that captures may hold at one time, over all routes.
#[derive(Debug)]
pub struct Budget {
    limit: AtomicUsize,
    used: AtomicUsize,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit: AtomicUsize::new(limit),
            used: AtomicUsize::new(0),
        })
    }

    /// Changes the limit; what is held already stays held.
    pub fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// The limit in bytes.
    pub fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// The bytes held now.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// An empty hold on the budget.
    pub fn hold(self: &Arc<Self>) -> Hold {
        Hold {
            budget: Arc::clone(self),
            bytes: 0,
        }
    }
}

/// What a chunk of a body costs: its bytes and its entry in a list, so that a body of single bytes is
/// no way around the budget.
pub(crate) fn cost(chunk: &Bytes) -> usize {
    chunk.len().saturating_add(size_of::<Bytes>())
}

/// What the headers of a message cost: what was read of them, and their entries in the map.
pub(crate) fn cost_of_head(headers: &HeaderMap) -> usize {
    let entry = size_of::<HeaderName>() + size_of::<HeaderValue>() + size_of::<usize>();
    let costs = headers
        .iter()
        .map(|(name, value)| entry + name.as_str().len() + value.len());
    costs.fold(0, usize::saturating_add)
}

/// Bytes taken from a [`Budget`]; they return when the hold is dropped.
#[derive(Debug)]
pub struct Hold {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Hold {
    /// An empty hold on the same budget.
    #[must_use]
    pub fn another(&self) -> Self {
        self.budget.hold()
    }

    /// Takes over what another hold on the same budget has.
    pub fn absorb(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Gives some of it back.
    pub fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Takes `bytes` more, or takes nothing and says no.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let limit = self.budget.limit();
        let taken = self
            .budget
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|&sum| sum <= limit)
            });
        if taken.is_ok() {
            self.bytes += bytes;
        }
        taken.is_ok()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_budget_refuses_and_a_dropped_hold_gives_back() {
        let budget = Budget::new(100);
        let mut first = budget.hold();
        assert!(first.grow(60));
        let mut second = budget.hold();
        assert!(!second.grow(41));
        assert!(second.grow(40));
        assert!(!second.grow(usize::MAX));
        drop(first);
        assert_eq!(budget.used(), 40);
        let mut third = budget.hold();
        third.absorb(second);
        assert_eq!(budget.used(), 40);
        drop(third);
        assert_eq!(budget.used(), 0);
    }
}
