//! After the rules have changed: which findings do today's rules hide?
//!
//! A finding that all telling samples show to be hidden is allowed; one that was allowed and shows
//! again is open. What an operator called fixed stays that until it is seen.

use super::judge::{Judged, Trial};
use super::stored::Stored;
use crate::journal::{FindingDetail, Journal, JournalError, State};
use crate::routes::LiveRoutes;
use crate::routing::Route;
use jiff::civil::Date;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;

/// Judges findings anew whenever routes are loaded, and at the start those of routes that changed
/// while the proxy was away. Ends with the routes.
pub async fn follow(routes: Arc<LiveRoutes>, journal: Journal) {
    let mut events = routes.subscribe();
    loop {
        let table = routes.table();
        for route in &table.routes {
            if let Err(error) = recheck(route, table.day, &journal).await {
                // The next change tries again; until then findings are open rather than allowed.
                tracing::warn!(route = %route.name, %error, "findings can't be judged anew");
            }
        }
        match events.recv().await {
            Err(RecvError::Closed) => return,
            // Whatever was missed, the table in use says what holds now.
            Ok(_) | Err(RecvError::Lagged(_)) => {}
        }
    }
}

/// Judges the findings of a route, if that was not done by its present rules.
async fn recheck(route: &Arc<Route>, day: Date, journal: &Journal) -> Result<(), JournalError> {
    let basis = route.evidence.basis();
    if journal.reader().rechecked(&route.name).await? == Some(basis) {
        return Ok(());
    }
    let mut stored = Stored::of(journal.reader(), &route.name);
    while let Some(detail) = stored.next().await? {
        decide(route, day, journal, detail).await?;
    }
    journal.note_recheck(&route.name, basis).await
}

async fn decide(
    route: &Arc<Route>,
    day: Date,
    journal: &Journal,
    detail: FindingDetail,
) -> Result<(), JournalError> {
    let (id, route) = (detail.finding.id.clone(), Arc::clone(route));
    // A comparison may take a while, and other tasks want their turn.
    let judged = tokio::task::spawn_blocking(move || {
        let (global, own) = &*route.declared;
        let trial = Trial::new(global, own, day);
        trial.map_or(Judged::CannotTell, |trial| {
            trial.all(&detail.finding, &detail.samples)
        })
    });
    match judged.await.unwrap_or(Judged::CannotTell) {
        Judged::Hidden => {
            let from = [State::Open, State::Regressed];
            journal.decide(&id, &from, State::Allowed).await?;
        }
        Judged::Shows => {
            journal.decide(&id, &[State::Allowed], State::Open).await?;
        }
        Judged::CannotTell => {}
    }
    Ok(())
}
