//! Raising dials by their plans: a dial that may climb does so by an edit of the file.

use super::climb::Climb;
use super::post::Post;
use super::{Guard, Phase, dials};
use crate::journal::DialEvent;
use crate::lanes::Lanes;
use crate::readiness::{Around, State, Verdict, assess};
use crate::routes::{EditError, RouteEdit};
use crate::routing::{Mode, Route, Share};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked whether a dial may rise.
const PACE: Duration = Duration::from_secs(1);

impl Guard {
    /// Raises dials again and again, where their plans let them.
    pub async fn climb(self: Arc<Self>, lanes: Arc<Lanes>) {
        loop {
            tokio::time::sleep(PACE).await;
            self.raise(&lanes, self.now()).await;
        }
    }

    /// Takes note of where a dial stands in its plan.
    pub(super) fn look_at_plan(&self, post: &mut Post, routes: &[&Arc<Route>], now: Timestamp) {
        let Some(route) = routes.first() else { return };
        if route.mode != Mode::Shadow || route.stages.shares.is_empty() {
            post.climb = None;
            return;
        }
        let (stages, share) = (&route.stages, route.modern_share);
        let held = post.phase() != Phase::Watching;
        let climb = &mut post.climb;
        let climb = climb.get_or_insert_with(|| Climb::new(stages, share, now));
        if climb.see(stages, share, held, now) {
            let why = format!("a hand turned it down to {share}: it stays there");
            self.tell(route.dial.name(), DialEvent::STOPPED, why, now);
        }
        for route in routes {
            climb.compared(&route.name, route.counts.snapshot().compared());
        }
    }

    /// Raises the dials that may rise now.
    pub async fn raise(&self, lanes: &Lanes, now: Timestamp) {
        let (tag, table) = self.routes.tagged();
        let mut around = None;
        for (name, routes) in dials(&table) {
            let Some(route) = routes.first() else {
                continue;
            };
            let Some(next) = self.next_of(&name, route, now) else {
                continue;
            };
            let unseen = unwell(&routes).or_else(|| self.unseen(&name, &routes, now));
            if unseen.is_some() {
                self.expect(&name, None, unseen);
                continue;
            }
            if around.is_none() {
                around = Some(Around::ask(&self.journal, lanes).await);
            }
            let Some(around) = &around else { continue };
            let obstacle = routes
                .iter()
                .find_map(|route| not_ready(route, around, now));
            if obstacle.is_some() {
                self.expect(&name, None, obstacle);
                continue;
            }
            let edit = RouteEdit {
                modern_share: Some(next),
                ..RouteEdit::default()
            };
            self.expect(&name, Some(next), None);
            match self.routes.edit(&route.name, &edit, Some(&tag)).await {
                Ok(_) => {
                    let (from, time) = (route.modern_share, route.stages.time);
                    let time = humantime::format_duration(time);
                    let why = format!("{from} → {next}: ready, and {from} for {time} at least");
                    tracing::info!(dial = %name, why, "a dial rises by its plan");
                    self.tell(&name, DialEvent::RAISED, why, now);
                    // It is another document now; the other dials come next time.
                    return;
                }
                Err(EditError::Stale { .. }) => self.expect(&name, None, None),
                Err(error) => {
                    tracing::warn!(dial = %name, %error, "a dial can't rise by its plan");
                    self.expect(&name, None, Some(error.to_string()));
                }
            }
        }
    }

    fn next_of(&self, dial: &Arc<str>, route: &Route, now: Timestamp) -> Option<Share> {
        let posts = self.posts.lock();
        let post = posts.get(dial)?;
        let climb = post.climb.as_ref()?;
        // What the file says now was seen, and nobody holds it.
        let settled = climb.share == route.modern_share && post.phase() == Phase::Watching;
        settled.then(|| climb.next(&route.stages, now)).flatten()
    }

    /// What has to be seen of the stage first. Evidence is that of a day; where nobody asks at night, a
    /// dial would climb to the top of its plan by the day before.
    fn unseen(&self, dial: &Arc<str>, routes: &[&Arc<Route>], now: Timestamp) -> Option<String> {
        let mut posts = self.posts.lock();
        let climb = posts.get_mut(dial)?.climb.as_mut()?;
        let too_few = routes.iter().find_map(|route| {
            let (name, least) = (&route.name, route.guard.minimum);
            let compared = climb.compared(name, route.counts.snapshot().compared());
            (compared < least).then(|| {
                format!("{name} was compared {compared} times on this stage; wanted ≥ {least}")
            })
        });
        too_few.or_else(|| {
            let lately = routes.iter().any(|route| {
                let seen = route.evidence.recent().read(now, route.guard.window);
                seen.matched + seen.different > 0
            });
            let window = routes.first()?.guard.window;
            let window = humantime::format_duration(window);
            (!lately).then(|| format!("nothing was compared within {window}"))
        })
    }

    fn expect(&self, dial: &Arc<str>, share: Option<Share>, obstacle: Option<String>) {
        let mut posts = self.posts.lock();
        if let Some(climb) = posts.get_mut(dial).and_then(|post| post.climb.as_mut()) {
            climb.expect(share);
            climb.obstacle = obstacle;
        }
    }
}

/// The first modern side that is failing, or was a moment ago: by evidence alone, one that died takes a
/// while to make its routes unready.
fn unwell(routes: &[&Arc<Route>]) -> Option<String> {
    routes.iter().find_map(|route| {
        let (modern, window) = (route.modern.as_ref()?, route.guard.window);
        (!modern.mirror.was_well_for(window)).then(|| {
            let window = humantime::format_duration(window);
            format!("{} is failing, or was within {window}", modern.name())
        })
    })
}

/// What keeps a route from moving on.
fn not_ready(route: &Route, around: &Around, now: Timestamp) -> Option<String> {
    let readiness = assess(route, &around.besides(route), now);
    if readiness.verdict == Verdict::Ready {
        return None;
    }
    let criteria = readiness.criteria.into_iter();
    let mut open = criteria.filter(|criterion| criterion.state != State::Green);
    let why = open
        .next()
        .map_or_else(String::new, |first| first.explanation);
    Some(format!("{} is not ready: {why}", route.name))
}
