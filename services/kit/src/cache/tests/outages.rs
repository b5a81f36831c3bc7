//! Claims on a Redis that fails: no wrong answer, no stale read, no wait but one, and back again.

use std::time::Duration;

use futures::future::join_all;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::sides::{Database, beside, connected, until};
use crate::cache::{Cache, RedisUrl};
use crate::testing::servers::Redis;

/// Writes and reads, each read after each write.
async fn is_never_stale(cache: &Cache, database: &Database) {
    for _ in 0..20 {
        let written = database.write(cache, "1").await;
        assert_eq!(database.read(cache, "1").await, written);
        assert_eq!(database.read(cache, "1").await, written);
    }
}

async fn is_back(cache: &Cache) {
    until(|| cache.house().connected).await;
}

#[tokio::test]
async fn a_killed_redis_is_stood_in_for_by_memory_and_comes_back() {
    let mut redis = Redis::start();
    let (cache, database) = (connected(&redis).await, Database::default());
    is_never_stale(&cache, &database).await;
    redis.stop();
    is_never_stale(&cache, &database).await;
    assert!(!cache.house().connected);
    redis.restart();
    is_back(&cache).await;
    is_never_stale(&cache, &database).await;
}

#[tokio::test]
async fn a_stalled_redis_keeps_one_request_waiting_and_no_other() {
    let redis = Redis::start();
    let (cache, database) = (connected(&redis).await, Database::default());
    is_never_stale(&cache, &database).await;
    let lost = cache.house().failures;
    redis.pause();
    for _ in 0..10 {
        is_never_stale(&cache, &database).await;
    }
    // Redis was given up once, and nobody tried it again.
    assert_eq!(cache.house().failures, lost + 1);
    redis.resume();
    is_back(&cache).await;
    is_never_stale(&cache, &database).await;
}

#[tokio::test]
async fn what_was_invalidated_while_redis_stalled_is_not_served_when_it_goes_on() {
    let redis = Redis::start();
    let (cache, database) = (connected(&redis).await, Database::default());
    let ids: Vec<_> = (0..50).map(|id| id.to_string()).collect();
    for round in 0..3 {
        for id in &ids {
            let _ = database.read(&cache, id).await;
        }
        redis.pause();
        let mut written = 0;
        for id in &ids {
            written = database.write(&cache, id).await;
        }
        redis.resume();
        for id in &ids {
            assert_eq!(database.read(&cache, id).await, written, "round {round}");
        }
        is_back(&cache).await;
        for id in &ids {
            assert_eq!(database.read(&cache, id).await, written, "round {round}");
        }
    }
}

#[tokio::test]
async fn a_process_that_starts_reads_nothing_of_the_one_before() {
    let redis = Redis::start();
    let database = Database::default();
    let before = connected(&redis).await;
    assert_eq!(database.read(&before, "1").await, 0);
    drop(before);
    // It ended between its commit and the invalidation.
    let _ = database.write(&Cache::in_memory(), "1").await;
    let after = connected(&redis).await;
    assert_eq!(database.read(&after, "1").await, 1);
}

#[tokio::test]
async fn a_redis_emptied_by_another_hand_costs_queries_and_nothing_else() {
    let redis = Redis::start();
    let (cache, database) = (connected(&redis).await, Database::default());
    let mut beside = beside(&redis).await;
    for _ in 0..20 {
        let written = database.write(&cache, "1").await;
        assert_eq!(database.read(&cache, "1").await, written);
        let _: () = redis::cmd("FLUSHALL")
            .query_async(&mut beside)
            .await
            .unwrap();
        assert_eq!(database.read(&cache, "1").await, written);
    }
    assert_eq!(database.queries(), 40);
}

#[tokio::test]
async fn rubbish_under_our_keys_is_removed_and_never_served() {
    let redis = Redis::start();
    let (cache, database) = (connected(&redis).await, Database::default());
    let mut beside = beside(&redis).await;
    let _ = database.write(&cache, "1").await;
    let _ = database.read(&cache, "2").await;
    let other: Vec<u8> = redis::cmd("GET")
        .arg("test:value:2")
        .query_async(&mut beside)
        .await
        .unwrap();
    let long = vec![b'v'; 2_000_000];
    for rubbish in [
        b"".as_slice(),
        b"0",
        b"null",
        b"v0000000000000000",
        b"\xff\xfe",
        &other,
        &long,
    ] {
        let mut set = redis::cmd("SET");
        let _: () = set
            .arg("test:value:1")
            .arg(rubbish)
            .query_async(&mut beside)
            .await
            .unwrap();
        assert_eq!(database.read(&cache, "1").await, 1);
        assert_eq!(database.read(&cache, "1").await, 1);
    }
    for (command, arguments) in [("RPUSH", ["0", "1"]), ("HSET", ["a", "1"])] {
        let _: () = redis::cmd("DEL")
            .arg("test:value:1")
            .query_async(&mut beside)
            .await
            .unwrap();
        let mut set = redis::cmd(command);
        let _: () = set
            .arg("test:value:1")
            .arg(&arguments)
            .query_async(&mut beside)
            .await
            .unwrap();
        assert_eq!(database.read(&cache, "1").await, 1);
        assert_eq!(database.read(&cache, "1").await, 1);
    }
    assert!(cache.house().connected);
}

#[tokio::test]
async fn a_redis_that_is_full_counts_as_away_until_it_is_not() {
    let redis = Redis::start();
    let (cache, database) = (connected(&redis).await, Database::default());
    let mut beside = beside(&redis).await;
    let mut limit = async |bytes: &str| {
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg("maxmemory").arg(bytes);
        let _: () = set.query_async(&mut beside).await.unwrap();
    };
    limit("1").await;
    is_never_stale(&cache, &database).await;
    assert!(!cache.house().connected);
    limit("0").await;
    is_back(&cache).await;
    is_never_stale(&cache, &database).await;
}

#[tokio::test]
async fn whatever_answers_in_the_place_of_redis_a_read_is_right() {
    for answer in [
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n",
        "$999999999\r\nxxxx",
        "*1000000000\r\n",
        "-ERR no\r\n-ERR no\r\n-ERR no\r\n-ERR no\r\n",
        "\u{0}\u{0}\u{0}\r\n",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let liar = tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(answer.as_bytes()).await;
                kept.push(stream);
            }
        });
        let cache = Cache::in_redis(RedisUrl::parse(&url).unwrap(), "test");
        is_never_stale(&cache, &Database::default()).await;
        assert!(!cache.house().connected, "{answer}");
        liar.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_no_reader_sees_less_than_was_acknowledged_whatever_redis_does() {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    static DONE: AtomicBool = AtomicBool::new(false);
    static ACKNOWLEDGED: AtomicU64 = AtomicU64::new(0);
    let mut redis = Redis::start();
    let (cache, database) = (connected(&redis).await, Database::default());
    let writer = {
        let (cache, database) = (cache.clone(), database.clone());
        tokio::spawn(async move {
            while !DONE.load(Ordering::SeqCst) {
                let written = database.write(&cache, "1").await;
                ACKNOWLEDGED.store(written, Ordering::SeqCst);
            }
        })
    };
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let (cache, database) = (cache.clone(), database.clone());
            tokio::spawn(async move {
                let mut reads = 0_u64;
                while !DONE.load(Ordering::SeqCst) {
                    let acknowledged = ACKNOWLEDGED.load(Ordering::SeqCst);
                    let read = database.read(&cache, "1").await;
                    assert!(read >= acknowledged, "{read} after {acknowledged}");
                    reads += 1;
                }
                reads
            })
        })
        .collect();
    let under_way = async || {
        let target = ACKNOWLEDGED.load(Ordering::SeqCst) + 20;
        until(|| ACKNOWLEDGED.load(Ordering::SeqCst) >= target).await;
    };
    for round in 0..6 {
        under_way().await;
        if round % 2 == 0 {
            redis.pause();
            under_way().await;
            redis.resume();
        } else {
            redis.stop();
            under_way().await;
            redis.restart();
        }
        // Some rounds meet a Redis that is still on its way back.
        if round > 2 {
            until(|| cache.house().connected).await;
        }
    }
    DONE.store(true, Ordering::SeqCst);
    writer.await.unwrap();
    let reads = join_all(readers).await;
    assert!(reads.into_iter().all(|reads| reads.unwrap() > 0));
    let _ = tokio::time::timeout(Duration::from_secs(30), is_back(&cache)).await;
}
