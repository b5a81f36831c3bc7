//! Holds that follow their routes: an edit that puts a route into a group, takes it out or renames the
//! group gives it another dial, and what was held stays held.
//!
//! Until the guard has looked, the new table holds the new dial itself: see `Table::keep_held`.

use super::{Guard, Post};
use crate::journal::DialEvent;
use crate::routing::{Share, Table};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A route that was held by one dial and has another now.
struct Moved {
    route: Arc<str>,
    from: Arc<str>,
    to: Arc<str>,
}

impl Guard {
    /// Moves each hold to the dial that its routes have now.
    pub(super) fn follow(
        &self,
        table: &Table,
        posts: &mut BTreeMap<Arc<str>, Post>,
        now: Timestamp,
    ) {
        for Moved { route, from, to } in moved(table, posts) {
            let Some(held) = posts.get_mut(&from) else {
                continue;
            };
            let before = held.clone();
            let over = held.hold.as_mut().is_some_and(|hold| {
                hold.routes.remove(&*route);
                hold.routes.is_empty()
            });
            if over {
                // Whoever has this dial now is not who was held.
                held.release(now);
                self.routes.ledger().dial(&from).release();
                let why = format!("{route} has the dial \"{to}\" now, which is held instead");
                self.tell(&from, DialEvent::RELEASED, why, now);
            }
            posts
                .entry(Arc::clone(&to))
                .or_default()
                .take_over(&route, &before);
            self.routes.ledger().dial(&to).hold(Share::NONE);
            let why = format!("it has {route} now, which the dial \"{from}\" was held with");
            tracing::warn!(dial = %to, why, "the guard holds the dial on");
            self.tell(&to, DialEvent::MOVED, why, now);
        }
    }
}

fn moved(table: &Table, posts: &BTreeMap<Arc<str>, Post>) -> Vec<Moved> {
    let held = posts
        .iter()
        .filter_map(|(dial, post)| Some((dial, post.hold.as_ref()?)));
    let moved = held.flat_map(|(dial, hold)| {
        let routes = hold.routes.iter().filter_map(|name| table.route(name));
        let moved = routes.filter(move |route| route.dial.name() != dial);
        moved.map(move |route| Moved {
            route: Arc::clone(&route.name),
            from: Arc::clone(dial),
            to: Arc::clone(route.dial.name()),
        })
    });
    moved.collect()
}
