//! What the guard knows of one dial, and what may become of it: no clock, no file, no journal.

use super::climb::Climb;
use super::judge::{Reason, Trip};
use super::{Limits, Phase};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// What the guard knows of one dial; the journal keeps it over restarts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Post {
    /// How often the dial was turned back.
    pub(super) hits: u64,
    /// Why it is held, while it is.
    pub(super) hold: Option<Hold>,
    /// How long it was held the last time, and until when.
    last: Option<(Duration, Timestamp)>,
    /// Where it stands in its plan, if it has one.
    #[serde(default)]
    pub(super) climb: Option<Climb>,
    /// Whether modern may answer, so that the window says something of now.
    #[serde(skip)]
    pub(super) watched: bool,
}

/// A dial that is held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Hold {
    /// The route that tripped it.
    pub(super) route: String,
    /// The routes that it holds wherever their dial goes by another name.
    #[serde(default)]
    pub(super) routes: BTreeSet<String>,
    pub(super) reason: Reason,
    pub(super) why: String,
    pub(super) since: Timestamp,
    pub(super) until: Timestamp,
    /// Whether the file says so, too.
    pub(super) turned_back: bool,
    /// Why it does not.
    pub(super) obstacle: Option<String>,
    #[serde(skip)]
    pub(super) retry: Retry,
}

/// When the file is tried next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Retry {
    at: Timestamp,
    tries: u32,
}

impl Post {
    pub(super) fn phase(&self) -> Phase {
        match &self.hold {
            None => Phase::Watching,
            Some(hold) if hold.turned_back => Phase::HoldingOff,
            Some(_) => Phase::Tripped,
        }
    }

    /// Whether it is or was held. What is kept of a hold has to be kept without it once it is over.
    pub(super) fn was_held(&self) -> bool {
        self.last.is_some()
    }

    /// Watching → tripped. Within as long after a hold as it lasted, the next one is twice as long.
    /// `routes` has all that the dial turns, the one that tripped it among them.
    pub(super) fn trip(
        &mut self,
        route: &str,
        routes: BTreeSet<String>,
        trip: Trip,
        limits: &Limits,
        now: Timestamp,
    ) {
        let soon = |(held, until): &(Duration, Timestamp)| now < later(*until, *held);
        let span = match self.last.filter(soon) {
            Some((held, _)) => held.saturating_mul(2).max(limits.hold_off),
            None => limits.hold_off,
        };
        let span = span.min(Limits::LONGEST_HOLD);
        self.hits = self.hits.saturating_add(1);
        self.watched = false;
        self.last = Some((span, later(now, span)));
        self.hold = Some(Hold {
            route: route.to_owned(),
            routes,
            reason: trip.reason,
            why: trip.why,
            since: now,
            until: later(now, span),
            turned_back: false,
            obstacle: None,
            retry: Retry::default(),
        });
    }

    /// Another dial than the one that was held is this route's now, so it is held instead.
    pub(super) fn take_over(&mut self, route: &str, former: &Self) {
        let Some(hold) = &former.hold else { return };
        let own = self.hold.take();
        let mut hold = match &own {
            Some(own) if own.until >= hold.until => own.clone(),
            _ => hold.clone(),
        };
        hold.routes = own.map(|own| own.routes).unwrap_or_default();
        hold.routes.insert(route.to_owned());
        self.hold = Some(hold);
        let lasts = self.last.into_iter().chain(former.last);
        self.last = lasts.max_by_key(|(_, until)| *until);
        self.watched = false;
    }

    /// Tripped → holding off: the file says what the dial does. Whether that is news.
    pub(super) fn turned_back(&mut self) -> bool {
        match &mut self.hold {
            Some(hold) if !hold.turned_back => {
                hold.turned_back = true;
                hold.obstacle = None;
                true
            }
            _ => false,
        }
    }

    /// Still tripped: the file can't be edited. Whether that is news.
    pub(super) fn not_turned_back(&mut self, obstacle: String, now: Timestamp) -> bool {
        let Some(hold) = &mut self.hold else {
            return false;
        };
        hold.retry.failed(now);
        hold.obstacle.replace(obstacle).is_none()
    }

    /// Holding off → watching, when it is time. A clock that was set back makes no hold longer.
    pub(super) fn rest(&mut self, now: Timestamp) -> bool {
        let over = self.hold.as_ref().is_some_and(|hold| {
            let until = hold.until.min(later(now, Limits::LONGEST_HOLD));
            hold.turned_back && now >= until
        });
        over && self.release(now)
    }

    /// Whatever it was doing → watching. Whether the dial was held.
    pub(super) fn release(&mut self, now: Timestamp) -> bool {
        let held = self.hold.take().is_some();
        if let Some((_, until)) = self.last.as_mut().filter(|_| held) {
            *until = now;
        }
        held
    }
}

impl Retry {
    const LONGEST: Duration = Duration::from_secs(30);

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        // A clock that was set back delays no try for long.
        now >= self.at || later(now, Self::LONGEST) < self.at
    }

    fn failed(&mut self, now: Timestamp) {
        let pause = Duration::from_secs(1 << self.tries.min(5)).min(Self::LONGEST);
        self.tries = self.tries.saturating_add(1);
        self.at = later(now, pause);
    }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn trip() -> Trip {
        Trip {
            reason: Reason::ModernErrors,
            why: "a test".to_owned(),
        }
    }

    fn routes() -> BTreeSet<String> {
        BTreeSet::from(["r".to_owned()])
    }

    fn held(post: &Post) -> i64 {
        let hold = post.hold.as_ref().unwrap();
        hold.until.as_second() - hold.since.as_second()
    }

    fn limits() -> Limits {
        Limits {
            hold_off: Duration::from_secs(100),
            ..Limits::default()
        }
    }

    #[test]
    fn a_dial_is_held_longer_each_time_and_not_for_ever() {
        let (mut post, mut now) = (Post::default(), 0);
        let mut spans = Vec::new();
        for _ in 0..14 {
            post.trip("r", routes(), trip(), &limits(), at(now));
            assert!(post.turned_back());
            spans.push(held(&post));
            now += held(&post);
            assert!(!post.rest(at(now - 1)));
            assert!(post.rest(at(now)));
            assert_eq!(post.phase(), Phase::Watching);
            now += 10;
        }
        assert_eq!(spans[..4], [100, 200, 400, 800]);
        assert_eq!(spans.last(), Some(&86_400));
        assert_eq!(post.hits, 14);
    }

    #[test]
    fn a_calm_as_long_as_the_hold_makes_the_next_one_short_again() {
        let mut post = Post::default();
        post.trip("r", routes(), trip(), &limits(), at(0));
        post.turned_back();
        assert!(post.rest(at(100)));
        post.trip("r", routes(), trip(), &limits(), at(200));
        assert_eq!(held(&post), 100);
    }

    #[test]
    fn a_dial_whose_file_says_otherwise_is_held_until_it_does_not() {
        let mut post = Post::default();
        post.trip("r", routes(), trip(), &limits(), at(0));
        assert!(post.not_turned_back("read-only".to_owned(), at(0)));
        assert!(
            !post.not_turned_back("read-only".to_owned(), at(1)),
            "old news"
        );
        assert!(!post.rest(at(100_000)));
        assert_eq!(post.phase(), Phase::Tripped);
        assert!(post.turned_back());
        assert!(post.rest(at(100_000)));
    }

    #[test]
    fn tries_come_less_and_less_often_and_a_clock_set_back_stops_none() {
        let mut post = Post::default();
        post.trip("r", routes(), trip(), &limits(), at(0));
        let due = |post: &Post, now| post.hold.as_ref().unwrap().retry.is_due(at(now));
        assert!(due(&post, 0));
        let mut now = 1_000;
        for pause in [1, 2, 4, 8, 16, 30, 30] {
            post.not_turned_back(String::new(), at(now));
            assert!(!due(&post, now + pause - 1) && due(&post, now + pause));
            now += pause;
        }
        assert!(due(&post, 10), "the clock was set back");
    }

    #[test]
    fn what_is_kept_is_taken_up_as_it_was() {
        let mut post = Post::default();
        post.trip("r", routes(), trip(), &limits(), at(5));
        let kept = serde_json::to_string(&post).unwrap();
        assert_eq!(serde_json::from_str::<Post>(&kept).unwrap(), post);
    }

    #[test]
    fn a_dial_that_takes_a_hold_over_keeps_the_one_that_lasts_longer() {
        let (mut first, mut long) = (Post::default(), Post::default());
        first.trip("r", routes(), trip(), &limits(), at(0));
        long.trip("s", ["s".to_owned()].into(), trip(), &limits(), at(50));
        let mut fresh = Post::default();
        fresh.take_over("r", &first);
        assert_eq!(fresh.hold, first.hold);
        long.take_over("r", &first);
        let hold = long.hold.unwrap();
        assert_eq!((hold.route.as_str(), hold.routes.len()), ("s", 2));
        assert_eq!(hold.until, at(150));
    }

    #[test]
    fn how_long_the_next_hold_is_goes_by_the_latest_one_and_not_by_the_longest() {
        let (mut long, mut late) = (Post::default(), Post::default());
        let limits_of_long = Limits {
            hold_off: Duration::from_secs(5_000),
            ..limits()
        };
        long.trip("r", routes(), trip(), &limits_of_long, at(0));
        long.release(at(10));
        late.trip("s", ["s".to_owned()].into(), trip(), &limits(), at(90_000));
        long.take_over("s", &late);
        long.release(at(90_050));
        long.trip("r", routes(), trip(), &limits(), at(90_060));
        assert_eq!(held(&long), 200);
    }
}
