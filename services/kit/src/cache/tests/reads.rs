//! Claims on reads and writes while nothing fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt as _;
use futures::future::join_all;
use tokio::sync::oneshot;

use super::sides::{Database, ROW, Thing, VALUE, beside, connected, until};
use crate::cache::Cache;
use crate::store::StoreError;
use crate::testing::servers::Redis;

/// Every claim holds with Redis and with memory alone.
async fn both() -> (Redis, [Cache; 2]) {
    let redis = Redis::start();
    let cache = connected(&redis).await;
    (redis, [cache, Cache::in_memory()])
}

#[tokio::test]
async fn what_was_read_once_is_not_asked_for_again() {
    let (_redis, caches) = both().await;
    for cache in caches {
        let database = Database::default();
        assert_eq!(database.read(&cache, "1").await, 0);
        assert_eq!(database.read(&cache, "1").await, 0);
        assert_eq!(database.queries(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cold_hot_key_costs_one_query() {
    let (_redis, caches) = both().await;
    for cache in caches {
        let database = Database::default();
        let reads = (0..500).map(|_| {
            let (cache, database) = (cache.clone(), database.clone());
            tokio::spawn(async move { database.read(&cache, "1").await })
        });
        assert!(
            join_all(reads)
                .await
                .into_iter()
                .all(|read| read.unwrap() == 0)
        );
        assert_eq!(database.queries(), 1);
    }
}

#[tokio::test]
async fn a_read_that_began_before_a_write_stores_nothing_old_after_it() {
    let (_redis, caches) = both().await;
    for cache in caches {
        let database = Database::default();
        let (go, gone) = oneshot::channel::<()>();
        let (start, started) = oneshot::channel::<()>();
        let (reader, old) = (cache.clone(), database.clone());
        let early = tokio::spawn(async move {
            let load = async || {
                let value = old.query().await;
                start.send(()).unwrap();
                gone.await.unwrap();
                value
            };
            reader.read(VALUE.key(&["1"]), load).await.unwrap()
        });
        started.await.unwrap();
        assert_eq!(database.write(&cache, "1").await, 1);
        // One read while the early one is still out, one after it has tried to store.
        assert_eq!(database.read(&cache, "1").await, 1);
        go.send(()).unwrap();
        assert_eq!(early.await.unwrap(), 0);
        assert_eq!(database.read(&cache, "1").await, 1);
        assert_eq!(database.queries(), 2);
    }
}

#[tokio::test]
async fn another_process_sees_what_this_one_wrote() {
    let redis = Redis::start();
    let (here, there) = (connected(&redis).await, connected(&redis).await);
    let database = Database::default();
    for round in 0..20 {
        assert_eq!(database.read(&here, "1").await, round);
        assert_eq!(database.read(&there, "1").await, round);
        let _ = database.write(&here, "1").await;
    }
    assert_eq!(database.queries(), 20);
}

#[tokio::test]
async fn a_write_whose_client_goes_away_is_finished_and_invalidates() {
    let (_redis, caches) = both().await;
    for cache in caches {
        let database = Database::default();
        assert_eq!(database.read(&cache, "1").await, 0);
        let (go, gone) = oneshot::channel::<()>();
        let written = Arc::new(AtomicBool::new(false));
        let (writing, db) = (written.clone(), database.clone());
        let commit = async move {
            gone.await.unwrap();
            writing.store(true, Ordering::SeqCst);
            let _ = db.write(&Cache::in_memory(), "1").await;
            Ok::<_, StoreError>(())
        };
        let mut write = Box::pin(cache.write(vec![VALUE.key(&["1"])], commit));
        assert!((&mut write).now_or_never().is_none());
        drop(write);
        go.send(()).unwrap();
        until(|| cache.0.stats.by_kind()["value"].invalidations() == 1).await;
        assert!(written.load(Ordering::SeqCst));
        assert_eq!(database.read(&cache, "1").await, 1);
    }
}

#[tokio::test]
async fn a_failed_write_invalidates_too_for_it_may_have_been_committed() {
    let (_redis, caches) = both().await;
    for cache in caches {
        let database = Database::default();
        let _ = database.read(&cache, "1").await;
        for (error, queries) in [
            (StoreError::Taken("a.b"), 1),
            (
                StoreError::database("the connection broke in the commit"),
                2,
            ),
        ] {
            let failing = async { Err::<(), _>(error) };
            assert!(cache.write(vec![VALUE.key(&["1"])], failing).await.is_err());
            let _ = database.read(&cache, "1").await;
            assert_eq!(database.queries(), queries);
        }
    }
}

#[tokio::test]
async fn an_alias_is_resolved_and_rows_are_kept_under_their_own_id_only() {
    let redis = Redis::start();
    let cache = connected(&redis).await;
    let found = async |id: &str| {
        let row = Thing { id: "own".into() };
        let load = async || Ok((id == "own" || id == "alias").then_some(row));
        cache.find(&ROW, id, load).await.unwrap()
    };
    for _ in 0..3 {
        assert_eq!(found("alias").await, Some(Thing { id: "own".into() }));
        assert_eq!(found("nobody").await, None);
    }
    assert_eq!(found("").await, None);
    let mut beside = beside(&redis).await;
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query_async(&mut beside)
        .await
        .unwrap();
    for key in keys {
        let entry: String = redis::cmd("GET")
            .arg(&key)
            .query_async(&mut beside)
            .await
            .unwrap();
        assert_eq!(
            entry.starts_with('v'),
            key == "test:row:own",
            "{key}: {entry}"
        );
    }
}

#[tokio::test]
async fn an_emptied_cache_asks_again() {
    let (_redis, caches) = both().await;
    for cache in caches {
        let database = Database::default();
        let _ = database.read(&cache, "1").await;
        cache.clear().await;
        let _ = database.read(&cache, "1").await;
        assert_eq!(database.queries(), 2);
    }
}
