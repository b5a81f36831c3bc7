//! Reads of one key that are under way: who asks meanwhile waits for the same answer.
//!
//! A write detaches the flights of what it made stale: whoever asks after it starts a new one.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OnceCell;

use crate::store::StoreError;

/// What a flight ends with; its key says of which type the value is.
type Landed = Result<Option<Arc<dyn Any + Send + Sync>>, Arc<StoreError>>;

type Cell = Arc<OnceCell<Landed>>;

/// The flights under way.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<Arc<str>, Cell>>);

/// One reader's place on a flight.
struct Seat<'a> {
    flights: &'a Flights,
    key: &'a Arc<str>,
    cell: Cell,
}

/// What a reader got.
#[derive(Debug)]
pub(super) struct Arrival<T> {
    pub(super) result: Result<Option<T>, StoreError>,
    /// Whether another reader's fetch gave the answer.
    pub(super) shared: bool,
}

impl Flights {
    /// Fetches the value, unless somebody is doing so already.
    ///
    /// A reader who goes away while fetching leaves it to one of those who wait.
    pub(super) async fn join<T, F>(&self, key: &Arc<str>, fetch: F) -> Arrival<T>
    where
        T: Clone + Send + Sync + 'static,
        F: Future<Output = Result<Option<T>, StoreError>>,
    {
        let seat = self.board(key);
        let mut shared = true;
        let landing = async {
            shared = false;
            let fetched = fetch.await.map_err(Arc::new)?;
            Ok(fetched.map(|value| Arc::new(value) as Arc<dyn Any + Send + Sync>))
        };
        let landed = seat.cell.get_or_init(|| landing).await.clone();
        Arrival {
            result: unpacked(landed),
            shared,
        }
    }

    /// Lets nobody else on the flights of these keys.
    pub(super) fn detach(&self, keys: &[Arc<str>]) {
        let mut flights = self.0.lock();
        for key in keys {
            flights.remove(key);
        }
    }

    /// Lets nobody else on any flight under way.
    pub(super) fn detach_all(&self) {
        self.0.lock().clear();
    }

    fn board<'a>(&'a self, key: &'a Arc<str>) -> Seat<'a> {
        let cell = self.0.lock().entry(key.clone()).or_default().clone();
        Seat {
            flights: self,
            key,
            cell,
        }
    }
}

/// The first to leave a flight that has landed closes it, and so does the last to leave at all.
impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut flights = self.flights.0.lock();
        let is_over = self.cell.initialized() || Arc::strong_count(&self.cell) == 2;
        let is_mine = |cell: &Cell| Arc::ptr_eq(cell, &self.cell);
        if is_over && flights.get(self.key).is_some_and(is_mine) {
            flights.remove(self.key);
        }
    }
}

fn unpacked<T: Clone + Send + Sync + 'static>(landed: Landed) -> Result<Option<T>, StoreError> {
    let Some(value) = landed.map_err(StoreError::database)? else {
        return Ok(None);
    };
    // A key has one kind, and a kind one type.
    match value.downcast::<T>() {
        Ok(value) => Ok(Some(Arc::unwrap_or_clone(value))),
        Err(_) => Err(StoreError::database("a key is of two types")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt as _;
    use futures::future::{join_all, pending};
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_hundred_readers_of_one_key_fetch_once() {
        let (flights, key, fetches) = (
            Flights::default(),
            Arc::from("order:1"),
            AtomicUsize::new(0),
        );
        let fetch = async || {
            tokio::task::yield_now().await;
            fetches.fetch_add(1, Ordering::Relaxed);
            Ok(Some(17))
        };
        let arrivals = join_all((0..100).map(|_| flights.join(&key, fetch()))).await;
        assert!(
            arrivals
                .iter()
                .all(|arrival| matches!(arrival.result, Ok(Some(17))))
        );
        assert_eq!(fetches.load(Ordering::Relaxed), 1);
        assert_eq!(arrivals.iter().filter(|arrival| arrival.shared).count(), 99);
        assert!(flights.0.lock().is_empty());
    }

    #[tokio::test]
    async fn a_failure_is_everybodys_and_the_next_reader_tries_again() {
        let (flights, key) = (Flights::default(), Arc::from("order:1"));
        let failing = async || {
            tokio::task::yield_now().await;
            Err::<Option<i32>, _>(StoreError::database("no"))
        };
        let arrivals = join_all((0..3).map(|_| flights.join(&key, failing()))).await;
        assert!(arrivals.iter().all(|arrival| arrival.result.is_err()));
        let next = flights.join(&key, async { Ok(Some(17)) }).await;
        assert_eq!(next.result.unwrap(), Some(17));
    }

    #[tokio::test]
    async fn a_reader_who_goes_away_leaves_the_fetch_to_another() {
        let (flights, key) = (Flights::default(), Arc::from("order:1"));
        let mut first = Box::pin(flights.join::<i32, _>(&key, pending()));
        assert!(first.as_mut().now_or_never().is_none());
        let mut second = Box::pin(flights.join(&key, async { Ok(Some(17)) }));
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        let arrival = second.await;
        assert_eq!((arrival.result.unwrap(), arrival.shared), (Some(17), false));
        drop(flights.join::<i32, _>(&key, pending()).now_or_never());
        assert!(flights.0.lock().is_empty());
    }

    #[tokio::test]
    async fn whoever_asks_after_a_write_does_not_join_a_flight_of_before() {
        let (flights, key) = (Flights::default(), Arc::from("order:1"));
        let (land, landed) = oneshot::channel();
        let mut before = Box::pin(flights.join(&key, async { Ok(landed.await.ok()) }));
        assert!(before.as_mut().now_or_never().is_none());
        flights.detach(std::slice::from_ref(&key));
        let after = flights.join(&key, async { Ok(Some("new")) }).await;
        assert_eq!(after.result.unwrap(), Some("new"));
        land.send("old").unwrap();
        assert_eq!(before.await.result.unwrap(), Some("old"));
    }
}
