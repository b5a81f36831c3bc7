//! Ids that a copy made: the proxy is told each pair, so that a client may use either.

use serde::{Deserialize, Serialize};

use super::{LinkError, Proxy};
use crate::plan::Plan;
use crate::store::Target;

/// Pairs that are told at a time: at their longest they fit into a request that the proxy takes.
const PAGE: u32 = 500;

/// What became of the pairs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// New ones.
    pub learned: u64,
    /// Those that were known.
    pub known: u64,
    /// Those one of whose ids belongs to something else.
    pub refused: u64,
    /// Those for which there is no room.
    pub full: u64,
}

#[derive(Serialize)]
struct Pair<'p> {
    entity: &'p str,
    legacy: &'p str,
    modern: &'p str,
}

/// Tells every pair of ids that was made for the entities of a plan.
pub async fn tell_ids(proxy: &Proxy, plan: &Plan, target: &dyn Target) -> Result<Told, LinkError> {
    let mut told = Told::default();
    let entities = plan
        .tables
        .iter()
        .filter_map(|table| table.generates.as_ref());
    for (entity, _) in entities {
        let mut after = String::new();
        loop {
            let page = target.ids(entity, &after, PAGE).await;
            let page = page.map_err(LinkError::Ids)?;
            let Some((last, _)) = page.last() else { break };
            after.clone_from(last);
            let pairs = page.iter().map(|(legacy, modern)| Pair {
                entity,
                legacy,
                modern,
            });
            let pairs: Vec<Pair<'_>> = pairs.collect();
            let answer: Told = proxy.post("/api/ids", &pairs).await?;
            told.add(answer);
        }
    }
    Ok(told)
}

impl Told {
    /// Whether the proxy knows every pair now.
    pub fn is_complete(&self) -> bool {
        self.refused == 0 && self.full == 0
    }

    fn add(&mut self, more: Self) {
        self.learned = self.learned.saturating_add(more.learned);
        self.known = self.known.saturating_add(more.known);
        self.refused = self.refused.saturating_add(more.refused);
        self.full = self.full.saturating_add(more.full);
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            learned,
            known,
            refused,
            full,
        } = self;
        write!(
            f,
            "{learned} pairs of ids learned, {known} known, {refused} refused"
        )?;
        if *full > 0 {
            write!(f, ", {full} without room")?;
        }
        Ok(())
    }
}
