//! Claims on what the cache says of itself.

use axum::Router;

use super::sides::{Database, connected, until};
use crate::app::App;
use crate::cache::Cache;
use crate::testing::servers::Redis;
use crate::testing::{Server, Target};

fn service(cache: &Cache) -> Router {
    App::new("test", Router::new())
        .cached(cache)
        .complete(async || Ok(()))
}

#[tokio::test]
async fn the_cache_says_where_it_is_and_how_often_it_hits() {
    let mut redis = Redis::start();
    let (cache, database) = (connected(&redis).await, Database::default());
    for _ in 0..4 {
        let _ = database.read(&cache, "1").await;
    }
    let server = Server::start(service(&cache)).await;
    let target = Target::one(&server.url());
    let health = target.get("/cache/health").await.expect(200);
    assert_eq!(health.json["data"]["type"], "cache-health");
    assert_eq!(*health.attribute("tier"), "redis");
    assert_eq!(*health.attribute("hitRate"), 0.75);
    let stats = target.get("/cache/health/stats").await.expect(200);
    assert_eq!(stats.attribute("kinds")["value"]["redisHits"], 3);
    assert_eq!(*stats.attribute("redisKeys"), 1);
    let metrics = target.get("/metrics").await.expect(200).text;
    for line in [
        r#"cache_reads_total{kind="value",result="redis"} 3"#,
        r#"cache_reads_total{kind="value",result="miss"} 1"#,
        "cache_redis_connected 1",
        r#"http_requests_total{method="GET",route="/cache/health",status="200"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    redis.stop();
    // Nobody reads, and it is noticed all the same.
    until(|| !cache.house().connected).await;
    let health = target.get("/cache/health").await.expect(200);
    assert_eq!(*health.attribute("tier"), "degraded");
    let emptied = target.send(http::Method::DELETE, "/cache", &[], "").await;
    assert_eq!((emptied.status, emptied.text.as_str()), (204, ""));
}

#[tokio::test]
async fn a_cache_without_redis_is_in_memory_and_says_so() {
    let cache = Cache::in_memory();
    let _ = Database::default().read(&cache, "1").await;
    let server = Server::start(service(&cache)).await;
    let target = Target::one(&server.url());
    let health = target.get("/cache/health").await.expect(200);
    assert_eq!(*health.attribute("tier"), "memory");
    assert_eq!(*health.attribute("memoryEntries"), 1);
}
