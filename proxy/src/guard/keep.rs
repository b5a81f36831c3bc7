//! What the guard has the journal keep: what happened to dials, and what it knows of them.
//!
//! The journal may be slow or fail; the guard goes on, and what could not be kept is kept later.

use super::post::Post;
use super::{Guard, PACE};
use crate::journal::{DialEvent, Journal};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Events that may wait for the journal; the oldest go first.
const MOST: usize = 1_000;

/// The pause after the journal failed.
const PAUSE: Duration = Duration::from_secs(2);

/// Events that the journal has not kept yet.
#[derive(Default)]
pub(super) struct Unkept {
    events: VecDeque<DialEvent>,
    /// How many have left at the front.
    left: u64,
}

impl Unkept {
    pub(super) fn push(&mut self, event: DialEvent) {
        if self.events.len() >= MOST {
            self.events.pop_front();
            self.left += 1;
        }
        self.events.push_back(event);
    }

    /// Those that wait, and how many will have left once they are kept.
    fn waiting(&self) -> (Vec<DialEvent>, u64) {
        let events: Vec<DialEvent> = self.events.iter().cloned().collect();
        let until = self.left + events.len() as u64;
        (events, until)
    }

    /// They are kept; some may have been pushed out meanwhile.
    fn kept(&mut self, until: u64) {
        while self.left < until && self.events.pop_front().is_some() {
            self.left += 1;
        }
    }
}

/// What a former run knew of the dials; nothing if the journal can't tell.
pub(super) async fn restore(journal: &Journal) -> BTreeMap<Arc<str>, Post> {
    let kept = match journal.reader().dials().await {
        Ok(kept) => kept,
        Err(error) => {
            tracing::error!(%error, "it is not known which dials the guard held before");
            return BTreeMap::new();
        }
    };
    let posts = kept.into_iter().filter_map(|(dial, document)| {
        let unread = |error| tracing::error!(dial, %error, "what was kept of a dial is unreadable");
        let post = serde_json::from_str(&document).map_err(unread).ok()?;
        Some((Arc::from(dial.as_str()), post))
    });
    posts.collect()
}

impl Guard {
    /// Has the journal keep what is new, again and again.
    pub async fn keep(self: Arc<Self>) {
        // Holds may have moved since they were restored: all is kept once.
        let mut kept = BTreeMap::new();
        loop {
            let pause = if self.keep_once(&mut kept).await {
                PACE
            } else {
                PAUSE
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Has the journal keep what is new, before the proxy stops.
    pub async fn close(&self) {
        self.keep_once(&mut BTreeMap::new()).await;
    }

    async fn keep_once(&self, kept: &mut BTreeMap<String, String>) -> bool {
        let (events, until) = self.unkept.lock().waiting();
        let now = self.documents();
        let mut changed = now.clone();
        changed.retain(|dial, document| kept.get(dial) != Some(document));
        if events.is_empty() && changed.is_empty() {
            return true;
        }
        match self.journal.keep_dials(&events, &changed).await {
            Ok(()) => {
                *kept = now;
                self.unkept.lock().kept(until);
                true
            }
            Err(error) => {
                tracing::warn!(%error, "what happened to dials is kept in memory alone for now");
                false
            }
        }
    }

    fn documents(&self) -> BTreeMap<String, String> {
        let posts = self.posts.lock();
        let told = posts
            .iter()
            .filter(|(_, post)| post.was_held() || post.climb.is_some());
        let documents = told.filter_map(|(dial, post)| {
            // These types can't fail to be written.
            Some((dial.to_string(), serde_json::to_string(post).ok()?))
        });
        documents.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn event(why: usize) -> DialEvent {
        DialEvent {
            at: Timestamp::UNIX_EPOCH,
            dial: "a".to_owned(),
            event: DialEvent::TRIPPED.to_owned(),
            why: why.to_string(),
        }
    }

    #[test]
    fn what_happens_while_the_journal_writes_is_kept_the_next_time() {
        let mut unkept = Unkept::default();
        (0..MOST).for_each(|n| unkept.push(event(n)));
        let (events, until) = unkept.waiting();
        assert_eq!(events.len(), MOST);
        (MOST..MOST + 3).for_each(|n| unkept.push(event(n)));
        unkept.kept(until);
        let (left, _) = unkept.waiting();
        assert_eq!(left, [event(MOST), event(MOST + 1), event(MOST + 2)]);
    }
}
