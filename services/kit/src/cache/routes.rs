//! What the cache says of itself, and how it is emptied: `/cache`.
//!
//! These are for operators; the contract's clients know nothing of a cache.

use std::collections::BTreeMap;

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Cache;
use super::stats::Reads;
use crate::document::{Document, Resource};

/// The endpoints of a service's cache.
pub(crate) fn routes(service: &'static str, cache: Cache) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(stats))
        .routes(routes!(clear))
        .with_state(Shown { service, cache })
}

#[derive(Clone)]
struct Shown {
    service: &'static str,
    cache: Cache,
}

/// Where values are kept at present.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Tier {
    /// In Redis.
    Redis,
    /// In this process, because Redis is away.
    Degraded,
    /// In this process, because no Redis is wanted.
    Memory,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CacheHealth)]
#[serde(rename_all = "camelCase")]
struct Health {
    tier: Tier,
    /// Whether Redis answers; false without one.
    redis_connected: bool,
    /// How often Redis was lost since the start.
    redis_failures: u64,
    memory_entries: u64,
    memory_bytes: u64,
    /// The part of reads that cost no query, from 0 to 1; null before the first read.
    #[schema(minimum = 0, maximum = 1)]
    hit_rate: Option<f64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CacheStats)]
#[serde(rename_all = "camelCase")]
struct Stats {
    total: Reads,
    /// By kind of value; one that was not read yet is missing.
    kinds: BTreeMap<&'static str, Reads>,
    /// Keys in the database of Redis, whoever's they are; null while it is away.
    redis_keys: Option<u64>,
    memory_entries: u64,
    memory_bytes: u64,
}

/// Where the cache is.
///
/// A cache that is degraded to memory is healthy: it answers, and the service with it.
#[utoipa::path(
    get, path = "/cache/health", tag = "cache",
    responses((status = 200, description = "How the cache is doing", body = Document<Resource<Health>>)),
)]
async fn health(State(shown): State<Shown>) -> Document<Resource<Health>> {
    let house = shown.cache.house();
    let health = Health {
        tier: match (&shown.cache.0.redis, house.connected) {
            (None, _) => Tier::Memory,
            (Some(_), false) => Tier::Degraded,
            (Some(_), true) => Tier::Redis,
        },
        redis_connected: house.connected,
        redis_failures: house.failures,
        memory_entries: house.entries,
        memory_bytes: house.bytes,
        hit_rate: shown.cache.0.stats.total().hit_rate(),
    };
    Document::one(Resource::new("cache-health", shown.service, health))
}

/// What the cache has done since the start.
#[utoipa::path(
    get, path = "/cache/health/stats", tag = "cache",
    responses((status = 200, description = "Counts by kind", body = Document<Resource<Stats>>)),
)]
async fn stats(State(shown): State<Shown>) -> Document<Resource<Stats>> {
    let house = shown.cache.house();
    let redis_keys = match shown.cache.present() {
        Some((_, present)) => present.connection.keys().await.ok(),
        None => None,
    };
    let stats = Stats {
        total: shown.cache.0.stats.total(),
        kinds: shown.cache.0.stats.by_kind(),
        redis_keys,
        memory_entries: house.entries,
        memory_bytes: house.bytes,
    };
    Document::one(Resource::new("cache-stats", shown.service, stats))
}

/// Empties the cache.
///
/// While Redis is away it is emptied before it is read again.
#[utoipa::path(
    delete, path = "/cache", tag = "cache",
    responses((status = 204, description = "Nothing from before is read any more")),
)]
async fn clear(State(shown): State<Shown>) -> StatusCode {
    shown.cache.clear().await;
    StatusCode::NO_CONTENT
}
