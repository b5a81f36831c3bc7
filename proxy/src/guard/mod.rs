//! The guard: turns a dial back when modern does worse than the operator allows.
//!
//! For each dial (that of a route, or of a group of routes) it is in one of three phases:
//!
//! *Watching.* While modern may answer, each route's errors, latency and mismatches over the last
//! moments are held against its [`Limits`]. When one is surely passed, the dial is held at 0 % at
//! once, in an atomic that the data plane reads with each request, and the phase is
//!
//! *tripped*: the file still says otherwise. It is edited as an operator would edit it; where that
//! fails it is tried again and again, told everywhere, and the dial stays held, over restarts, too.
//! Once the file says 0 %, by whose hand ever, the phase is
//!
//! *holding off*: until the time is over the dial stays held whatever the file says, so that nobody
//! who repeats an old file turns it up again. The next time it is twice as long, unless all was well
//! for as long as that. Then the guard is watching again, with a window that begins anew.
//!
//! A hold follows its routes: who gets another dial, because a group is named or left, is held there.
//!
//! An operator may release a dial in any phase. One task looks and never waits for anything; others
//! edit the file and write the journal. Clocks are handed in.
//!
//! While it watches, a dial that has a plan (`stages`) may also climb: see `climb` for when.

mod climb;
mod config;
mod judge;
mod keep;
mod moved;
mod post;
mod rise;
mod status;

pub use config::{GuardConfig, Limits};
pub use judge::{Reason, Trip, judge};
pub use status::{GuardStatus, Phase, PlanStatus};

use crate::journal::{DialEvent, Journal};
use crate::routes::{EditError, LiveRoutes, RouteEdit};
use crate::routing::{Mode, Route, Share, Table};
use jiff::Timestamp;
use keep::Unkept;
use parking_lot::Mutex;
use post::Post;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How often the guard looks.
const PACE: Duration = Duration::from_millis(200);

/// The guard of all dials.
pub struct Guard {
    routes: Arc<LiveRoutes>,
    journal: Journal,
    posts: Mutex<BTreeMap<Arc<str>, Post>>,
    unkept: Mutex<Unkept>,
}

impl Guard {
    /// Takes up what a former run knew, dials that it held included.
    pub async fn open(routes: Arc<LiveRoutes>, journal: Journal) -> Arc<Self> {
        let posts = keep::restore(&journal).await;
        for (name, post) in &posts {
            if post.hold.is_some() {
                routes.ledger().dial(name).hold(Share::NONE);
            }
        }
        let guard = Self {
            routes,
            journal,
            posts: Mutex::new(posts),
            unkept: Mutex::default(),
        };
        // The file may have been edited meanwhile.
        guard.follow(&guard.routes.table(), &mut guard.posts.lock(), guard.now());
        Arc::new(guard)
    }

    /// Looks again and again.
    pub async fn watch(self: Arc<Self>) {
        loop {
            self.look(self.now());
            tokio::time::sleep(PACE).await;
        }
    }

    /// Edits the file again and again, as far as it says otherwise.
    pub async fn turn(self: Arc<Self>) {
        loop {
            self.turn_back(self.now()).await;
            tokio::time::sleep(PACE).await;
        }
    }

    /// By this a hold lasts as long as it is told, whatever becomes of the time of day.
    pub(super) fn now(&self) -> Timestamp {
        self.routes.ledger().clock().steady()
    }

    /// One look at every dial; waits for nothing.
    pub fn look(&self, now: Timestamp) {
        // Held to the end: where nobody changes the routes, this table stays the one in use.
        let unchanging = self.routes.unchanging();
        let table = self.routes.table();
        let mut posts = self.posts.lock();
        self.follow(&table, &mut posts, now);
        for (name, routes) in dials(&table) {
            let post = posts.entry(name).or_default();
            self.look_at(post, &routes, unchanging.is_some(), now);
            self.look_at_plan(post, &routes, now);
        }
    }

    /// `settled` says that these routes are those in use, and stay so meanwhile.
    fn look_at(&self, post: &mut Post, routes: &[&Arc<Route>], settled: bool, now: Timestamp) {
        let Some(dial) = routes.first().map(|route| &route.dial) else {
            return;
        };
        match post.phase() {
            Phase::Watching => {
                // A table that was taken into use a moment ago may hold it for a hold that was over.
                // One that is about to be holds it for a hold that is not.
                if settled && dial.ceiling().is_some() {
                    dial.release();
                }
                let watched = routes.iter().any(|route| is_watched(route));
                if watched && !post.watched {
                    for route in routes {
                        route.evidence.recent().begin_anew(now);
                    }
                }
                post.watched = watched;
                let found = routes.iter().find_map(|route| {
                    let seen = route.evidence.recent().read(now, route.guard.window);
                    let trip = is_watched(route).then(|| judge(&seen, &route.guard))??;
                    Some((route, trip))
                });
                if let Some((route, trip)) = found {
                    dial.hold(Share::NONE);
                    let stood = stand(route);
                    tracing::error!(
                        dial = %dial.name(), route = %route.name, %stood, why = trip.why,
                        "the guard turns the dial back"
                    );
                    let why = format!("{}, was {stood}: {}", route.name, trip.why);
                    let names = routes.iter().map(|route| route.name.to_string());
                    post.trip(&route.name, names.collect(), trip, &route.guard, now);
                    self.tell(dial.name(), DialEvent::TRIPPED, why, now);
                }
            }
            _ if !routes.iter().any(|route| route.guard.enabled) => {
                dial.release();
                post.release(now);
                let why = "the guard was turned off".to_owned();
                self.tell(dial.name(), DialEvent::RELEASED, why, now);
            }
            Phase::Tripped => {
                // A stop in memory alone is gone with the next start.
                let in_file = settled && !self.routes.differ_from_file();
                if in_file && routes.iter().all(|route| is_back(route)) && post.turned_back() {
                    let why = "routes.toml says so".to_owned();
                    self.tell(dial.name(), DialEvent::TURNED_BACK, why, now);
                }
            }
            Phase::HoldingOff => {
                if post.rest(now) {
                    dial.release();
                    let why = format!("the dial stands as routes.toml says: {}", stand_of(routes));
                    tracing::info!(dial = %dial.name(), "the guard holds the dial no more");
                    self.tell(dial.name(), DialEvent::RESUMED, why, now);
                }
            }
        }
    }

    /// Makes the edits that are due.
    pub async fn turn_back(&self, now: Timestamp) {
        // Whoever edits between this and our edit is told apart by the tag.
        let (tag, table) = self.routes.tagged();
        for (name, routes) in dials(&table) {
            let due = self.posts.lock().get(&name).is_some_and(|post| {
                let mut holds = post.hold.iter();
                holds.any(|hold| !hold.turned_back && hold.retry.is_due(now))
            });
            let Some(route) = routes.iter().find(|route| due && !is_back(route)) else {
                continue;
            };
            let edit = RouteEdit {
                mode: (route.mode == Mode::Modern).then_some(Mode::Shadow),
                modern_share: Some(Share::NONE),
                ..RouteEdit::default()
            };
            match self.routes.edit(&route.name, &edit, Some(&tag)).await {
                // It is another document now; whatever is left to do comes with the next look.
                Ok(_) | Err(EditError::Stale { .. }) => return,
                Err(error) => self.not_turned_back(&name, error.to_string(), now),
            }
        }
    }

    fn not_turned_back(&self, dial: &Arc<str>, obstacle: String, now: Timestamp) {
        let mut posts = self.posts.lock();
        let Some(post) = posts.get_mut(dial) else {
            return;
        };
        if post.not_turned_back(obstacle.clone(), now) {
            tracing::error!(
                %dial, obstacle,
                "the dial is held at 0 %, but routes.toml can't be edited and still says otherwise"
            );
            self.tell(dial, DialEvent::NOT_TURNED_BACK, obstacle, now);
        }
    }

    /// Lets a dial stand as the file says, by an operator's word. Whether it was held.
    pub fn release(&self, dial: &str) -> bool {
        let now = self.now();
        let mut posts = self.posts.lock();
        let Some(post) = posts.get_mut(dial) else {
            return false;
        };
        if !post.release(now) {
            return false;
        }
        let held = self.routes.ledger().dial(dial);
        held.release();
        let why = "an operator released it".to_owned();
        self.tell(held.name(), DialEvent::RELEASED, why, now);
        true
    }

    fn tell(&self, dial: &Arc<str>, event: &'static str, why: String, now: Timestamp) {
        self.unkept.lock().push(DialEvent {
            at: now,
            dial: dial.to_string(),
            event: event.to_owned(),
            why,
        });
    }
}

/// The routes of a table, by their dial.
fn dials(table: &Table) -> BTreeMap<Arc<str>, Vec<&Arc<Route>>> {
    let mut dials: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for route in &table.routes {
        let routes = dials.entry(Arc::clone(route.dial.name())).or_default();
        routes.push(route);
    }
    dials
}

/// Whether modern may answer on a route that can go back.
fn is_watched(route: &Route) -> bool {
    let (mode, share) = route.stand();
    let answers = mode == Mode::Modern || (mode == Mode::Shadow && share > Share::NONE);
    route.guard.enabled && answers && route.legacy.is_some()
}

/// Whether the file lets modern answer nobody.
fn is_back(route: &Route) -> bool {
    match route.mode {
        Mode::Legacy => true,
        Mode::Shadow => route.modern_share == Share::NONE,
        Mode::Modern => false,
    }
}

fn stand(route: &Route) -> String {
    match route.mode {
        Mode::Shadow => format!("shadow at {}", route.modern_share),
        mode => mode.as_str().to_owned(),
    }
}

fn stand_of(routes: &[&Arc<Route>]) -> String {
    routes
        .first()
        .map_or_else(String::new, |route| stand(route))
}

#[cfg(test)]
mod tests;
