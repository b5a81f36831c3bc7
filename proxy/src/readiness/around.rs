//! What is known of routes besides their traffic: findings in the journal, lanes that lost a
//! write, tables that differ.

use super::{Besides, NoiseVerdict, Parity, Symptom};
use crate::journal::{Journal, OpenFindings};
use crate::lanes::{LaneRule, Lanes, LanesStatus};
use crate::reconciliation::TableResult;
use crate::routing::Route;
use std::collections::HashMap;

/// What is known of all routes besides their traffic.
pub struct Around {
    /// By route, open findings by symptom.
    open: Option<HashMap<String, Vec<(Symptom, u64)>>>,
    /// Nothing where nobody keeps them.
    lanes: Option<LanesStatus>,
    /// What comparisons of both databases found.
    data: Option<Vec<TableResult>>,
}

impl Around {
    /// Asks the journal and the lanes.
    pub async fn ask(journal: &Journal, lanes: &Lanes) -> Self {
        let open = journal.open_findings().await;
        let by_route = |open: Vec<OpenFindings>| {
            let mut routes: HashMap<String, Vec<(Symptom, u64)>> = HashMap::new();
            for open in open {
                let symptom = Symptom::new(&open.path, &open.kind);
                routes
                    .entry(open.route)
                    .or_default()
                    .push((symptom, open.count));
            }
            routes
        };
        Self {
            open: open.map(by_route),
            lanes: lanes.status().await,
            data: journal.reader().reconciliation().await.ok(),
        }
    }

    /// What is known of one route.
    pub fn besides(&self, route: &Route) -> Besides {
        let open = self.open.as_ref();
        let open_findings = open.map(|open| match open.get(&*route.name) {
            Some(open) => but_noise(route, open),
            None => 0,
        });
        Besides {
            open_findings,
            tainted: self.lanes.as_ref().map(|lanes| tainted(route, lanes)),
            parity: Parity::of(&route.reads, &route.lanes, self.data.as_deref()),
        }
    }
}

/// How many findings are not known to be noise.
fn but_noise(route: &Route, open: &[(Symptom, u64)]) -> u64 {
    let symptoms = open.iter().map(|(symptom, _)| symptom.clone());
    let noise = route.evidence.noise(symptoms);
    let rest = open.iter().zip(noise);
    let rest = rest.filter(|(_, noise)| noise.verdict != NoiseVerdict::Noise);
    rest.map(|((_, n), _)| n).sum()
}

/// The tainted lanes that may be the route's.
fn tainted(route: &Route, lanes: &LanesStatus) -> Vec<String> {
    let names = lanes.taints.iter().map(|taint| &taint.lane);
    let mut tainted: Vec<String> = names.filter(|lane| touches(route, lane)).cloned().collect();
    // Which lanes those are that are not listed, nobody knows.
    if lanes.tainted > lanes.taints.len() {
        tainted.push("lanes that are not listed".to_owned());
    }
    tainted
}

/// Whether a lane by this name may be one of the route's.
fn touches(route: &Route, lane: &str) -> bool {
    let mut entities = route.lanes.iter().map(LaneRule::entity);
    match lane.split_once(':') {
        None => true,
        Some(("route", name)) => name == &*route.name,
        Some((entity, _)) => entities.any(|own| own == entity),
    }
}
