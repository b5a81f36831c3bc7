//! Mirrored exchanges that may still teach something.
//!
//! A client may send a token as soon as it has it, before the candidate has answered with its own.
//! A mirrored request that lacks one waits for those that began before it, and for nobody else.

use papaya::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often it is looked whether they are over.
const GLANCE: Duration = Duration::from_millis(5);

#[derive(Clone, Default)]
pub(super) struct Lessons(Arc<UnderWay>);

#[derive(Default)]
struct UnderWay {
    next: AtomicU64,
    numbers: HashMap<u64, ()>,
}

/// An exchange that may teach something until this is dropped.
pub struct Lesson {
    under_way: Arc<UnderWay>,
    number: u64,
}

impl Lessons {
    /// Begins one; never waits.
    pub(super) fn begin(&self) -> Lesson {
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.0.numbers.pin().insert(number, ());
        Lesson {
            under_way: Arc::clone(&self.0),
            number,
        }
    }
}

impl Lesson {
    /// Waits for those that began before, or until enough is known.
    pub(crate) async fn before(&self, enough: impl Fn() -> bool) {
        let earlier = |number: &&u64| **number < self.number;
        let numbers = &self.under_way.numbers;
        let mut waited: Vec<u64> = numbers.pin().keys().filter(earlier).copied().collect();
        while !waited.is_empty() && !enough() {
            tokio::time::sleep(GLANCE).await;
            let numbers = numbers.pin();
            waited.retain(|number| numbers.contains_key(number));
        }
    }
}

impl Drop for Lesson {
    fn drop(&mut self) {
        self.under_way.numbers.pin().remove(&self.number);
    }
}
