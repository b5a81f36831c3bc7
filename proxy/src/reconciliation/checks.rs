//! What was found of the rows behind findings, kept for a minute so that a page which is drawn
//! every second asks once.

use super::check::Checked;
use super::config::RowService;
use crate::ids::Ids;
use crate::journal::{FindingDetail, Journal};
use crate::routing::Route;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Findings whose rows are remembered.
const MOST: usize = 500;

/// How long what was found is told again.
const FRESH: Duration = Duration::from_mins(1);

/// Questions that are under way at one time; who comes on top hears what is known.
const AT_ONCE: usize = 4;

/// What was found of the rows behind findings.
pub struct Checks {
    known: Mutex<HashMap<String, (Instant, Checked)>>,
    turns: Semaphore,
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            turns: Semaphore::new(AT_ONCE),
        }
    }
}

impl Checks {
    /// What is known of the rows behind a finding; they are compared where that is old, or `anew`.
    /// Nothing while too much is asked.
    pub async fn of(
        &self,
        service: &RowService,
        finding: &FindingDetail,
        route: &Route,
        (ids, journal): (&Ids, &Journal),
        anew: bool,
    ) -> Option<Checked> {
        let id = &finding.finding.id;
        let known = self.known.lock().get(id).cloned();
        if let Some((at, checked)) = &known
            && !anew
            && at.elapsed() < FRESH
        {
            return Some(checked.clone());
        }
        let Ok(_turn) = self.turns.try_acquire() else {
            return known.map(|(_, checked)| checked);
        };
        let checked = Checked::of(service, finding, route, ids, journal).await;
        let mut all = self.known.lock();
        if all.len() >= MOST {
            all.retain(|_, (at, _)| at.elapsed() < FRESH);
        }
        // More than that within a minute is nobody's reading: the next question asks anew.
        if all.len() < MOST {
            all.insert(id.clone(), (Instant::now(), checked.clone()));
        }
        Some(checked)
    }
}
