//! A database that counts its queries, and a cache in front of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::cache::{Cache, Kind, RedisUrl, Row};
use crate::store::StoreError;
use crate::testing::servers::Redis;

pub(super) static ROW: Kind = Kind::new("row", 300);
pub(super) static VALUE: Kind = Kind::new("value", 300);

/// One cell of a table, and how often it was asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Database {
    value: Arc<AtomicU64>,
    queries: Arc<AtomicU64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Thing {
    pub(super) id: String,
}

impl Row for Thing {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Database {
    pub(super) fn queries(&self) -> u64 {
        self.queries.load(Ordering::SeqCst)
    }

    /// Reads the cell; whoever is reading is not done at once.
    pub(super) async fn query(&self) -> Result<u64, StoreError> {
        self.queries.fetch_add(1, Ordering::SeqCst);
        let value = self.value.load(Ordering::SeqCst);
        tokio::task::yield_now().await;
        Ok(value)
    }

    /// Reads the cell through the cache.
    pub(super) async fn read(&self, cache: &Cache, id: &str) -> u64 {
        cache.read(VALUE.key(&[id]), || self.query()).await.unwrap()
    }

    /// Writes the cell; what was written once that is acknowledged.
    pub(super) async fn write(&self, cache: &Cache, id: &str) -> u64 {
        let value = self.value.clone();
        let commit = async move { Ok(value.fetch_add(1, Ordering::SeqCst) + 1) };
        cache.write(vec![VALUE.key(&[id])], commit).await.unwrap()
    }
}

/// A cache whose Redis is there.
pub(super) async fn connected(redis: &Redis) -> Cache {
    let cache = Cache::in_redis(RedisUrl::parse(&redis.url()).unwrap(), "test");
    until(|| cache.house().connected).await;
    cache
}

/// Waits for something that happens by itself.
pub(super) async fn until(happened: impl Fn() -> bool) {
    let started = Instant::now();
    while !happened() {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "it never happened"
        );
        sleep(Duration::from_millis(5)).await;
    }
}

/// A connection beside the cache's.
pub(super) async fn beside(redis: &Redis) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(redis.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}
