//! What the cache counts, and how it shows it to Prometheus.

use std::collections::BTreeMap;
use std::fmt;

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use serde::Serialize;
use utoipa::ToSchema;

use super::Cache;

/// How a read ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// Redis had the value.
    Redis,
    /// The memory of this process had it.
    Memory,
    /// Another read of the same key was under way and gave it.
    Shared,
    /// The database was asked.
    Missed,
}

/// The reads of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reads {
    redis_hits: u64,
    memory_hits: u64,
    /// Reads that waited for another read of the same key.
    shared: u64,
    misses: u64,
    /// Entries that were none, and were removed.
    rubbish: u64,
    invalidations: u64,
    /// The part of reads that cost no query, from 0 to 1; null before the first read.
    #[schema(minimum = 0, maximum = 1)]
    hit_rate: Option<f64>,
}

/// Counts by kind.
#[derive(Debug, Default)]
pub(super) struct Stats(Mutex<BTreeMap<&'static str, Reads>>);

impl Stats {
    pub(super) fn read(&self, kind: &'static str, read: Read) {
        self.count(kind, |reads| match read {
            Read::Redis => &mut reads.redis_hits,
            Read::Memory => &mut reads.memory_hits,
            Read::Shared => &mut reads.shared,
            Read::Missed => &mut reads.misses,
        });
    }

    pub(super) fn rubbish(&self, kind: &'static str) {
        self.count(kind, |reads| &mut reads.rubbish);
    }

    pub(super) fn invalidated(&self, kind: &'static str) {
        self.count(kind, |reads| &mut reads.invalidations);
    }

    /// The reads of every kind that was read.
    pub(super) fn by_kind(&self) -> BTreeMap<&'static str, Reads> {
        let mut kinds = self.0.lock().clone();
        kinds.values_mut().for_each(Reads::rate);
        kinds
    }

    /// The reads of all kinds together.
    pub(super) fn total(&self) -> Reads {
        let mut total = Reads::default();
        for reads in self.0.lock().values() {
            total.redis_hits += reads.redis_hits;
            total.memory_hits += reads.memory_hits;
            total.shared += reads.shared;
            total.misses += reads.misses;
            total.rubbish += reads.rubbish;
            total.invalidations += reads.invalidations;
        }
        total.rate();
        total
    }

    fn count(&self, kind: &'static str, counter: impl FnOnce(&mut Reads) -> &mut u64) {
        *counter(self.0.lock().entry(kind).or_default()) += 1;
    }
}

impl Reads {
    pub(super) fn hit_rate(&self) -> Option<f64> {
        self.hit_rate
    }

    #[cfg(test)]
    pub(super) fn invalidations(&self) -> u64 {
        self.invalidations
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate needs no 53 bits")]
    fn rate(&mut self) {
        let hits = self.redis_hits + self.memory_hits + self.shared;
        let reads = hits + self.misses;
        self.hit_rate = (reads > 0).then(|| hits as f64 / reads as f64);
    }
}

/// Read when somebody asks, and kept nowhere else.
impl Collector for Cache {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let kinds = self.0.stats.by_kind();
        let mut reads = encoder.encode_descriptor(
            "cache_reads",
            "Reads by how they ended",
            None,
            MetricType::Counter,
        )?;
        for (kind, counts) in &kinds {
            for (result, count) in [
                ("redis", counts.redis_hits),
                ("memory", counts.memory_hits),
                ("shared", counts.shared),
                ("miss", counts.misses),
            ] {
                let labels = [("kind", *kind), ("result", result)];
                ConstCounter::new(count).encode(reads.encode_family(&labels)?)?;
            }
        }
        let mut invalidations = encoder.encode_descriptor(
            "cache_invalidations",
            "Keys removed because a write made them stale",
            None,
            MetricType::Counter,
        )?;
        for (kind, counts) in &kinds {
            let count = ConstCounter::new(counts.invalidations);
            count.encode(invalidations.encode_family(&[("kind", *kind)])?)?;
        }
        let house = self.house();
        let mut gauge = |name, help, value: u64| {
            let metric = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            metric.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
        };
        gauge(
            "cache_redis_connected",
            "1 while Redis is there",
            house.connected.into(),
        )?;
        gauge(
            "cache_memory_entries",
            "Entries in this process",
            house.entries,
        )?;
        gauge("cache_memory_bytes", "Their bytes", house.bytes)?;
        ConstCounter::new(house.failures).encode(encoder.encode_descriptor(
            "cache_redis_failures",
            "How often Redis was lost",
            None,
            MetricType::Counter,
        )?)
    }
}
