//! The turnstile of mirrored requests: so many under way, of all routes and of each, so many waiting,
//! no more, and none while the candidate is failing. Writes don't queue here but in the outbox: they come one by one, and
//! wait while the candidate is failing.

use super::breaker::Breaker;
use crate::outcome::Ending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How often a write that waits looks whether the breaker lets it pass.
const GLANCE: Duration = Duration::from_millis(100);

/// How many times as many as places are left a route may have waiting.
const GREED: usize = 4;

/// Bounds the mirrored requests of one candidate. Only mirror tasks wait here.
#[derive(Debug)]
pub struct MirrorGate {
    under_way: Arc<Semaphore>,
    /// Writes that are to be sent next; the others wait for one of them, first come, first served.
    writes: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    queue: usize,
    breaker: Breaker,
}

/// What one route may take of the gates that it passes.
#[derive(Debug)]
pub struct RouteShare {
    waiting: AtomicUsize,
    under_way: Arc<Semaphore>,
    writes: Arc<Semaphore>,
}

impl RouteShare {
    /// So many mirrored requests of the route under way at once.
    pub fn new(concurrency: usize) -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            under_way: Arc::new(Semaphore::new(concurrency)),
            writes: Arc::new(Semaphore::new(concurrency)),
        }
    }
}

/// A place in the queue of a [`MirrorGate`].
#[derive(Debug)]
pub struct Place {
    under_way: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    route: Arc<RouteShare>,
}

/// A turn, of the candidate's and of the route's, until it is dropped.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "held")] [OwnedSemaphorePermit; 2]);

impl Turn {
    /// The route's first: who waits for it takes nothing of what other routes wait for.
    async fn of(route: &Arc<Semaphore>, candidate: &Arc<Semaphore>) -> Option<Self> {
        let own = Arc::clone(route).acquire_owned().await.ok()?;
        let shared = Arc::clone(candidate).acquire_owned().await.ok()?;
        Some(Self([own, shared]))
    }
}

impl MirrorGate {
    /// At most `concurrency` under way and `queue` waiting.
    pub fn new(concurrency: usize, queue: usize) -> Self {
        Self {
            under_way: Arc::new(Semaphore::new(concurrency)),
            writes: Arc::new(Semaphore::new(concurrency)),
            waiting: Arc::default(),
            queue,
            breaker: Breaker::new(),
        }
    }

    /// A place in the queue for an exchange of a route, or why there is none; never waits.
    ///
    /// A route may have a few times as many waiting as there are places left, and no more: alone it
    /// gets most of the queue, and there is always a place for a route that has none, so that a
    /// busy one cannot blind the others (Choudhury and Hahne, Dynamic queue length thresholds for
    /// shared-memory packet switches, 1998).
    pub fn queue(&self, route: &Arc<RouteShare>) -> Result<Place, Ending> {
        if !self.breaker.admits() {
            return Err(Ending::Breaker);
        }
        let own = route.waiting.load(Ordering::Relaxed);
        let room = |waiting: usize| {
            let left = self.queue.saturating_sub(waiting);
            (own < left.saturating_mul(GREED)).then_some(waiting + 1)
        };
        self.waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room)
            .map_err(|_| Ending::QueueFull)?;
        route.waiting.fetch_add(1, Ordering::Relaxed);
        Ok(Place {
            under_way: Arc::clone(&self.under_way),
            waiting: Arc::clone(&self.waiting),
            route: Arc::clone(route),
        })
    }

    /// Waits until a write of a route may be tried: when others have had their try, and the breaker
    /// lets it pass. It is to be held until the try is over.
    pub async fn write_turn(&self, route: &RouteShare) -> Option<Turn> {
        let turn = Turn::of(&route.writes, &self.writes).await?;
        while !self.breaker.admits() {
            tokio::time::sleep(GLANCE).await;
        }
        Some(turn)
    }

    /// Waits for a place among those under way.
    pub async fn turn(&self, route: &RouteShare) -> Option<Turn> {
        Turn::of(&route.under_way, &self.under_way).await
    }

    /// Tells the breaker what became of a mirrored request.
    pub fn report(&self, answered: Result<(), Ending>) {
        match answered {
            Ok(()) => self.breaker.succeeded(),
            Err(
                Ending::CandidateConnect
                | Ending::CandidateNoPeer
                | Ending::CandidateReset
                | Ending::CandidateProtocol
                | Ending::CandidateDeadline,
            ) => self.breaker.failed(),
            // Whatever else ended it says nothing of the candidate's health.
            Err(_) => {}
        }
    }

    /// Whether the candidate has not been failing for this long.
    pub fn was_well_for(&self, span: Duration) -> bool {
        self.breaker.was_closed_for(span)
    }

    /// How many wait now.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Place {
    /// Waits for the turn and leaves the queue.
    pub async fn turn(self) -> Option<Turn> {
        Turn::of(&self.route.under_way, &self.under_way).await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.route.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_finished_request_makes_room() {
        let (gate, route) = (MirrorGate::new(1, 1), Arc::new(RouteShare::new(1)));
        let permit = gate.queue(&route).unwrap().turn().await.unwrap();
        let second = gate.queue(&route).unwrap();
        assert_eq!(gate.queue(&route).unwrap_err(), Ending::QueueFull);
        drop(permit);
        let _permit = second.turn().await.unwrap();
        assert!(gate.queue(&route).is_ok());
    }

    #[test]
    fn a_busy_route_leaves_room_for_those_that_come_later() {
        let gate = MirrorGate::new(1, 1000);
        let mut places = Vec::new();
        let mut fill = |gate: &MirrorGate| {
            let route = Arc::new(RouteShare::new(1));
            let before = places.len();
            while let Ok(place) = gate.queue(&route) {
                places.push(place);
            }
            places.len() - before
        };
        let taken: Vec<usize> = (0..5).map(|_| fill(&gate)).collect();
        assert_eq!(taken, [800, 160, 32, 7, 1]);
        places.clear();
        assert_eq!(gate.waiting(), 0);
    }

    #[tokio::test]
    async fn a_route_that_is_slow_leaves_places_to_the_others() {
        let gate = MirrorGate::new(4, 100);
        let (slow, other) = (Arc::new(RouteShare::new(3)), Arc::new(RouteShare::new(3)));
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(gate.queue(&slow).unwrap().turn().await.unwrap());
        }
        let fourth = gate.queue(&slow).unwrap().turn();
        let write = gate.turn(&slow);
        let (mut fourth, mut write) = (pin!(fourth), pin!(write));
        assert!(futures::poll!(&mut fourth).is_pending());
        assert!(futures::poll!(&mut write).is_pending());
        let turn = gate.queue(&other).unwrap().turn().await.unwrap();
        drop(turn);
        for _ in 0..3 {
            held.push(gate.write_turn(&slow).await.unwrap());
        }
        assert!(futures::poll!(pin!(gate.write_turn(&slow))).is_pending());
        assert!(gate.write_turn(&other).await.is_some());
        drop(held);
        assert!(fourth.await.is_some() && write.await.is_some());
    }
}
