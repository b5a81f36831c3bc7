//! What was found since the last write, and which exchanges are its samples.
//!
//! Each finding keeps a reservoir (Vitter's algorithm R): after n exchanges, each of them is among
//! the k samples with probability k/n. Whether an exchange is drawn is decided before it is
//! rendered, so most cost a hash per discrepancy and nothing else.

use super::Finding;
use super::config::Settings;
use super::finding::{Sighting, sightings};
use super::record::Record;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Findings that are told apart per route; what comes beyond is one finding.
pub(super) const MAX_PER_ROUTE: usize = 1000;
/// Bytes of rendered exchanges that may wait for a write.
const MAX_WAITING_BYTES: usize = 16 << 20;
/// The slot of the smallest sample, beside those of the reservoir.
pub(super) const SMALLEST: u32 = 64;
/// The slot of the sample that an imported finding came with.
pub(super) const IMPORTED: u32 = 65;
/// Exchanges after which a write is due.
const BATCH: usize = 512;

/// What the writer knows of findings on disk, and what it has to add.
#[derive(Default)]
pub(super) struct Tally {
    known: HashMap<String, Reservoir>,
    per_route: HashMap<Arc<str>, usize>,
    pub(super) news: HashMap<String, News>,
    exchanges: usize,
    waiting_bytes: usize,
}

/// The samples of one finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reservoir {
    /// Exchanges drawn from so far.
    pub(super) drawn: u64,
    /// One bit for each slot that holds a sample.
    pub(super) slots: u64,
    /// The bytes of the smallest sample, if there is one.
    pub(super) smallest: Option<u64>,
}

/// What is to be added to one finding.
pub(super) struct News {
    pub(super) route: Arc<str>,
    pub(super) sighting: Sighting,
    pub(super) seen: u64,
    pub(super) drawn: u64,
    pub(super) smallest: Option<u64>,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) samples: BTreeMap<u32, NewSample>,
}

/// An exchange that takes a slot.
pub(super) struct NewSample {
    pub(super) exchange: Arc<Rendered>,
    pub(super) path: String,
}

/// An exchange ready to be stored.
pub(super) struct Rendered {
    pub(super) at: Timestamp,
    pub(super) document: String,
}

impl Tally {
    /// Notes a finding that is on disk.
    pub(super) fn know(&mut self, fingerprint: String, route: &str, reservoir: Reservoir) {
        *self.per_route.entry(route.into()).or_default() += 1;
        self.known.insert(fingerprint, reservoir);
    }

    /// Adds one exchange; `false` when its detail had to go because too much is waiting.
    pub(super) fn add(&mut self, finding: &Finding, settings: &Settings) -> bool {
        let route = &finding.exchange.route;
        let (sightings, discrepancies) = sightings(finding, &settings.redaction);
        let bytes = finding.exchange.bytes();
        let full = self.waiting_bytes > MAX_WAITING_BYTES;
        let drawn: Vec<(String, u32, String)> = sightings
            .into_iter()
            .flat_map(|sighting| {
                self.count(
                    route,
                    sighting,
                    (finding.exchange.at, bytes),
                    settings.samples,
                    full,
                )
            })
            .collect();
        self.exchanges += 1;
        if drawn.is_empty() {
            return true;
        }
        if full {
            return false;
        }
        let record = Record::new(finding, discrepancies, &settings.redaction);
        let Ok(document) = serde_json::to_string(&record) else {
            return false;
        };
        self.waiting_bytes += document.len();
        let exchange = Arc::new(Rendered {
            at: record.at,
            document,
        });
        for (fingerprint, slot, path) in drawn {
            if let Some(news) = self.news.get_mut(&fingerprint) {
                news.samples.insert(
                    slot,
                    NewSample {
                        exchange: Arc::clone(&exchange),
                        path,
                    },
                );
            }
        }
        true
    }

    /// Counts a sighting, and says which slots its exchange takes, if any. Of one that is `let_go`,
    /// they keep what they had.
    fn count(
        &mut self,
        route: &Arc<str>,
        sighting: Sighting,
        (at, bytes): (Timestamp, u64),
        samples: u32,
        let_go: bool,
    ) -> Vec<(String, u32, String)> {
        let sighting = self.admit(route, sighting);
        let fingerprint = sighting.fingerprint.clone();
        let path = sighting.at_path.clone();
        let reservoir = self.known.entry(fingerprint.clone()).or_default();
        let before = *reservoir;
        let slot = reservoir.draw(samples);
        let smallest = reservoir.undercut(bytes, samples);
        if let_go {
            (reservoir.slots, reservoir.smallest) = (before.slots, before.smallest);
        }
        let reservoir = *reservoir;
        let news = self
            .news
            .entry(fingerprint.clone())
            .or_insert_with(|| News {
                route: Arc::clone(route),
                sighting,
                seen: 0,
                drawn: 0,
                smallest: None,
                first: at,
                last: at,
                samples: BTreeMap::new(),
            });
        news.seen += 1;
        news.drawn = reservoir.drawn;
        news.smallest = reservoir.smallest;
        news.first = news.first.min(at);
        news.last = news.last.max(at);
        let slots = slot.into_iter().chain(smallest);
        slots
            .map(|slot| (fingerprint.clone(), slot, path.clone()))
            .collect()
    }

    /// A new finding beyond the limit is counted under the one that stands for the rest.
    fn admit(&mut self, route: &Arc<str>, sighting: Sighting) -> Sighting {
        if self.known.contains_key(&sighting.fingerprint) {
            return sighting;
        }
        let known = self.per_route.entry(Arc::clone(route)).or_default();
        if *known >= MAX_PER_ROUTE {
            return sighting.crowded_out(route);
        }
        *known += 1;
        sighting
    }

    /// Whether a write is due before its time.
    pub(super) fn is_full(&self) -> bool {
        self.exchanges >= BATCH || self.waiting_bytes > MAX_WAITING_BYTES
    }

    /// Forgets the news, which are on disk now.
    pub(super) fn wrote(&mut self) {
        self.news.clear();
        self.exchanges = 0;
        self.waiting_bytes = 0;
    }
}

impl Reservoir {
    /// Draws the next exchange: the slot it takes, if any. Slots that retention emptied fill first.
    pub(super) fn draw(&mut self, samples: u32) -> Option<u32> {
        self.drawn += 1;
        let free = (0..samples).find(|slot| self.slots & (1 << slot) == 0);
        let slot = free.or_else(|| {
            let lot = fastrand::u64(0..self.drawn);
            u32::try_from(lot).ok().filter(|&lot| lot < samples)
        })?;
        self.slots |= 1 << slot;
        Some(slot)
    }

    /// The slot of the smallest sample, if an exchange of this size is smaller.
    fn undercut(&mut self, bytes: u64, samples: u32) -> Option<u32> {
        let smaller = samples > 0 && self.smallest.is_none_or(|smallest| bytes < smallest);
        smaller.then(|| {
            self.smallest = Some(bytes);
            SMALLEST
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exchange_is_as_likely_a_sample_as_any_other() {
        fastrand::seed(7);
        let (rounds, exchanges, samples) = (4000, 40, 5);
        let mut chosen = vec![0_u32; exchanges];
        for _ in 0..rounds {
            let mut reservoir = Reservoir::default();
            let mut slots = [0; 5];
            for exchange in 0..exchanges {
                if let Some(slot) = reservoir.draw(samples) {
                    slots[slot as usize] = exchange;
                }
            }
            for exchange in slots {
                chosen[exchange] += 1;
            }
        }
        // 500 expected each; five standard deviations are about 105.
        assert!(chosen.iter().all(|n| (395..=605).contains(n)), "{chosen:?}");
    }

    #[test]
    fn no_samples_means_no_samples_and_sixty_four_fit() {
        assert_eq!(Reservoir::default().draw(0), None);
        let mut reservoir = Reservoir::default();
        let slots: Vec<_> = (0..64).filter_map(|_| reservoir.draw(64)).collect();
        assert_eq!(slots, (0..64).collect::<Vec<_>>());
        assert_eq!(
            reservoir,
            Reservoir {
                drawn: 64,
                slots: u64::MAX,
                smallest: None
            }
        );
    }

    #[test]
    fn a_sample_that_had_to_go_leaves_its_slot_to_the_next() {
        let mut tally = Tally::default();
        let settings = Settings::default();
        let finding = crate::journal::tests::found_alone();
        tally.waiting_bytes = MAX_WAITING_BYTES + 1;
        assert!(!tally.add(&finding, &settings));
        tally.wrote();
        let reservoir = *tally.known.values().next().unwrap();
        let nothing = Reservoir {
            drawn: 1,
            slots: 0,
            smallest: None,
        };
        assert_eq!(reservoir, nothing);
        assert!(tally.add(&finding, &settings));
        let news = tally.news.values().next().unwrap();
        let slots: Vec<u32> = news.samples.keys().copied().collect();
        assert_eq!((news.drawn, slots), (2, vec![0, SMALLEST]));
    }
}
