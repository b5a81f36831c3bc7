//! Which id of one side is which of the other.
//!
//! The two sides give ids of their own to what a write makes. From the two answers to it the pair
//! is learned; from then on requests are put in the ids of the side that they are sent to, and
//! answers are compared by what their ids mean. Pairs are kept by the [`crate::outbox`] over
//! restarts. Answers to clients are not changed: whatever id a client was given finds its thing,
//! whichever side answers.

mod known;
mod translate;
mod view;

pub(crate) use translate::Naming;
pub(crate) use view::View;

use crate::outbox::Outbox;
use crate::side::Side;
use comparator::IdPair;
use known::{Known, Learned};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many pairs are kept: some 250 bytes each.
const MOST: usize = 1_000_000;

/// The longest id that is one.
const LONGEST: usize = 256;

/// A request names something by an id that means something else to the side that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misleading;

/// What is known of the two sides' ids.
pub struct Ids {
    known: Known,
    outbox: Outbox,
    translated: AtomicU64,
    unknown: AtomicU64,
    taken: AtomicU64,
    full: AtomicU64,
}

/// What can be said of it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct IdsStatus {
    /// Pairs that are known.
    pub pairs: usize,
    /// How many pairs may be.
    pub most: usize,
    /// Ids of requests, since the start, that were put in the ids of the side they were sent to.
    pub translated: u64,
    /// Ids of requests, since the start, of which nothing was known; they were sent as they came.
    pub unknown: u64,
    /// Pairs, since the start, one of whose ids belonged to something else.
    pub taken: u64,
    /// Pairs, since the start, for which there was no room.
    pub full: u64,
}

/// What became of pairs that were told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Told {
    /// New ones.
    pub learned: u64,
    /// Those that were known.
    pub known: u64,
    /// Those one of whose ids belongs to something else, or is none.
    pub refused: u64,
    /// Those for which there is no room.
    pub full: u64,
}

impl Ids {
    /// With the pairs of a former run, and an outbox that keeps those of this one.
    pub fn new(outbox: Outbox, pairs: &[IdPair]) -> Arc<Self> {
        let known = Known::default();
        for pair in pairs {
            known.learn(pair, MOST);
        }
        Arc::new(Self {
            known,
            outbox,
            translated: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            full: AtomicU64::new(0),
        })
    }

    /// Learns pairs, and has the new ones kept.
    pub fn learn(&self, pairs: Vec<IdPair>) -> Told {
        let mut told = Told::default();
        let mut new = Vec::new();
        for pair in pairs {
            if ![&pair.entity, &pair.legacy, &pair.modern]
                .into_iter()
                .all(|text| is_name(text))
            {
                told.refused += 1;
                continue;
            }
            match self.known.learn(&pair, MOST) {
                Learned::New => {
                    told.learned += 1;
                    new.push(pair);
                }
                Learned::Known => told.known += 1,
                Learned::Taken => told.refused += 1,
                Learned::Full => told.full += 1,
            }
        }
        self.taken.fetch_add(told.refused, Ordering::Relaxed);
        self.full.fetch_add(told.full, Ordering::Relaxed);
        if !new.is_empty() {
            self.outbox.keep_ids(new);
        }
        told
    }

    /// What the lanes call what a request names that `primary` answers: by the id that it is sent
    /// with there, and by legacy's for that if it is another. Both, because what modern has made
    /// has one name before the pair is learned and two after.
    pub(crate) fn lanes(&self, entity: &str, id: &str, primary: Side) -> [Option<Arc<str>>; 2] {
        if self.known.pairs() == 0 {
            return [None, None];
        }
        let sent = self.meant(entity, id, primary);
        let legacy = match primary {
            Side::Legacy => None,
            Side::Modern => {
                let sent = sent.as_deref().unwrap_or(id);
                self.known.partner(Side::Modern, entity, sent)
            }
        };
        [sent, legacy]
    }

    /// What legacy and modern call what a request names that `primary` answers, as far as that is
    /// known.
    pub(crate) fn pair(&self, entity: &str, id: &str, primary: Side) -> [Option<Arc<str>>; 2] {
        let own = self.meant(entity, id, primary).unwrap_or_else(|| id.into());
        let other = self.known.partner(primary, entity, &own);
        match primary {
            Side::Legacy => [Some(own), other],
            Side::Modern => [other, Some(own)],
        }
    }

    /// What is known that a pair contradicts: what legacy's id belongs to, and modern's.
    pub(crate) fn contradicting(
        &self,
        entity: &str,
        legacy: &str,
        modern: &str,
    ) -> [Option<IdPair>; 2] {
        let pair = |legacy: &str, modern: &str| IdPair {
            entity: entity.to_owned(),
            legacy: legacy.to_owned(),
            modern: modern.to_owned(),
        };
        let of_legacy = self.known.partner(Side::Legacy, entity, legacy);
        let of_modern = self.known.partner(Side::Modern, entity, modern);
        [
            of_legacy
                .filter(|known| **known != *modern)
                .map(|known| pair(legacy, &known)),
            of_modern
                .filter(|known| **known != *legacy)
                .map(|known| pair(&known, modern)),
        ]
    }

    /// What `side` calls what a client means by an id, if that is another. A client says any id
    /// that it was ever given. One that the side has given itself stands; and where both sides
    /// count, a number may be either's, so that it stands as well.
    fn meant(&self, entity: &str, id: &str, side: Side) -> Option<Arc<str>> {
        if self.known.partner(side, entity, id).is_some() {
            return None;
        }
        let name = self.known.partner(side.other(), entity, id)?;
        let both_count = is_number(id) && is_number(&name);
        (!both_count && *name != *id).then_some(name)
    }

    /// What `to` calls what the other side calls so; an error where that is nothing, but `to` calls
    /// something else so.
    fn paired(&self, entity: &str, id: &str, to: Side) -> Result<Option<Arc<str>>, Misleading> {
        match self.known.partner(to.other(), entity, id) {
            Some(name) => Ok((*name != *id).then_some(name)),
            None if self.known.partner(to, entity, id).is_some() => Err(Misleading),
            None => {
                self.unknown.fetch_add(1, Ordering::Relaxed);
                Ok(None)
            }
        }
    }

    fn has_room(&self) -> bool {
        self.known.pairs() < MOST
    }

    /// What can be said of the ids now.
    pub fn status(&self) -> IdsStatus {
        IdsStatus {
            pairs: self.known.pairs(),
            most: MOST,
            translated: self.translated.load(Ordering::Relaxed),
            unknown: self.unknown.load(Ordering::Relaxed),
            taken: self.taken.load(Ordering::Relaxed),
            full: self.full.load(Ordering::Relaxed),
        }
    }
}

/// Whether a text is a whole number as JSON writes it.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = digits == "0" || !digits.starts_with('0');
    canonical && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && !text.chars().any(char::is_control)
}
