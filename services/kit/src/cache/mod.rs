//! Reads through a cache: Redis first, the memory of this process while Redis is away.
//!
//! ```ignore
//! static ORDER: Kind = Kind::new("order", 300);
//!
//! cache.find(&ORDER, id, || repository.find(id)).await
//! cache.write(vec![LIST.key(&[customer])], async move { repository.insert(&order).await }).await
//! ```
//!
//! **No read that begins after a write was acknowledged by this process gives an older value.**
//! A reader who finds nothing leases the key before it asks the database, and stores only if the
//! lease still stands; a write removes what it made stale after the commit and before it is
//! acknowledged, and the leases fall with it. What Redis could not be told is owed, and paid
//! before Redis is read again. Other processes on the same Redis keep the same promise to each
//! other for as long as each of them reaches it.
//!
//! Whatever Redis does, a read costs one short deadline more at most, once, and never an error.
//! What does not go through here (a migration, a hand in the database) is seen when its key
//! expires, or after `DELETE /cache`.

mod entry;
mod flight;
mod key;
mod link;
mod memory;
mod redis;
mod routes;
mod stats;
#[cfg(test)]
mod tests;
mod tier;

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use self::entry::Entry;
use self::flight::Flights;
pub use self::key::{Key, Kind};
use self::link::{Link, Present};
use self::memory::{Memory, MemoryLease};
use self::redis::RedisLease;
pub use self::redis::{RedisUrl, RedisUrlError};
pub(crate) use self::routes::routes;
use self::stats::{Read, Stats};
use self::tier::Looked;
use crate::config::Mistakes;
use crate::store::{StoreError, is_possible_id};

/// The longest life in memory while Redis is away: other processes' writes are not heard of.
const STANDING_IN: Duration = Duration::from_secs(5);

/// The flag that every service with a cache has.
#[derive(Debug, Clone, Args)]
#[group(id = "cache")]
pub struct Flags {
    /// Where reads are cached; empty for this process's memory alone.
    #[arg(
        long,
        env = "REDIS_URL",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true,
        value_name = "URL"
    )]
    redis_url: String,
}

/// A value that has an id of its own.
pub trait Row {
    /// The own id, not an alias.
    fn id(&self) -> &str;
}

/// The cache of one service; clones are the same cache.
#[derive(Debug, Clone)]
pub struct Cache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    memory: Arc<Memory>,
    aliases: moka::sync::Cache<String, String>,
    redis: Option<Redis>,
    flights: Flights,
    stats: Stats,
}

/// The link, and the task that keeps it for as long as the cache lives.
struct Redis {
    link: Arc<Link>,
    keeper: JoinHandle<()>,
}

/// The right to store a value in the tier that was asked.
enum Lease {
    Redis(Present, RedisLease),
    Memory(MemoryLease),
}

/// What the look-up of a key came to.
enum Lookup<T> {
    Hit(T, Read),
    /// Nothing; without a lease, the value is not stored once loaded.
    Miss(Option<Lease>),
}

/// How the cache is doing.
pub(super) struct House {
    connected: bool,
    failures: u64,
    entries: u64,
    bytes: u64,
}

impl Flags {
    /// Where Redis is, if anywhere; the outer [`None`] when there was a mistake.
    pub fn settings(&self, mistakes: &mut Mistakes) -> Option<Option<RedisUrl>> {
        mistakes.keep("--redis-url", RedisUrl::parse_if_any(&self.redis_url))
    }
}

impl Cache {
    /// A cache in the memory of this process.
    pub fn in_memory() -> Self {
        Self::new(Arc::new(Memory::new()), None)
    }

    /// A cache in Redis, under keys that begin with the namespace; it is connected to in the
    /// background. Needs a tokio runtime.
    ///
    /// The namespace is emptied first, for the process before may have written without being able
    /// to invalidate.
    pub fn in_redis(url: RedisUrl, namespace: &'static str) -> Self {
        let memory = Arc::new(Memory::new());
        let link = Arc::new(Link::new(url, namespace));
        let (kept, stand_in) = (link.clone(), memory.clone());
        let keeper = tokio::spawn(async move { kept.keep(|| stand_in.clear()).await });
        Self::new(memory, Some(Redis { link, keeper }))
    }

    /// A cache in Redis when there is a URL, and in memory when there is none.
    pub fn open(redis: Option<RedisUrl>, namespace: &'static str) -> Self {
        redis.map_or_else(Self::in_memory, |url| Self::in_redis(url, namespace))
    }

    fn new(memory: Arc<Memory>, redis: Option<Redis>) -> Self {
        let aliases = moka::sync::Cache::builder()
            .max_capacity(100_000)
            .time_to_live(Duration::from_mins(5))
            .build();
        Self(Arc::new(Inner {
            memory,
            aliases,
            redis,
            flights: Flights::default(),
            stats: Stats::default(),
        }))
    }

    /// The row with this id or alias, which `load` looks for in the database.
    pub async fn find<T, F>(
        &self,
        kind: &'static Kind,
        id: &str,
        load: impl FnOnce() -> F,
    ) -> Result<Option<T>, StoreError>
    where
        T: Row + Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
        F: Future<Output = Result<Option<T>, StoreError>>,
    {
        if !is_possible_id(id) {
            return Ok(None);
        }
        let alias = alias(kind.name(), id);
        let known = self.0.aliases.get(&alias);
        let own = known.as_deref().unwrap_or(id);
        let key = kind.key(&[own]);
        let found = self.through(&key, load, |row: &T| row.id() == own).await?;
        if let Some(row) = &found
            && row.id() != own
        {
            self.0.aliases.insert(alias, row.id().to_owned());
        }
        Ok(found)
    }

    /// The own id of the entity with this id or alias, which `load` looks for in the database.
    pub async fn own_id<F>(
        &self,
        entity: &'static str,
        id: &str,
        load: impl FnOnce() -> F,
    ) -> Result<Option<String>, StoreError>
    where
        F: Future<Output = Result<Option<String>, StoreError>>,
    {
        if !is_possible_id(id) {
            return Ok(None);
        }
        let alias = alias(entity, id);
        if let Some(own) = self.0.aliases.get(&alias) {
            return Ok(Some(own));
        }
        let own = load().await?;
        if let Some(own) = &own {
            self.0.aliases.insert(alias, own.clone());
        }
        Ok(own)
    }

    /// The value of this key, which `load` makes from the database.
    pub async fn read<T, F>(&self, key: Key, load: impl FnOnce() -> F) -> Result<T, StoreError>
    where
        T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
        F: Future<Output = Result<T, StoreError>>,
    {
        let some = async || load().await.map(Some);
        let value = self.through(&key, some, |_| true).await?;
        value.ok_or_else(|| StoreError::database("a value that is always there was not"))
    }

    /// Runs a write to its end, whoever goes away meanwhile, and then removes what it made stale.
    ///
    /// A write that failed may have been committed all the same, unless a value was taken.
    pub async fn write<T: Send + 'static>(
        &self,
        stale: Vec<Key>,
        write: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let cache = self.clone();
        let task = async move {
            let written = write.await;
            if !matches!(written, Err(StoreError::Taken(_))) {
                cache.invalidate(&stale).await;
            }
            written
        };
        let written = tokio::spawn(task.in_current_span()).await;
        written.unwrap_or_else(|error| Err(StoreError::database(error)))
    }

    /// Empties the cache, in Redis and here. While Redis is away, what it holds is not read.
    pub async fn clear(&self) {
        if let Some(redis) = &self.0.redis {
            redis.link.clear().await;
        }
        self.0.memory.clear();
        self.0.aliases.invalidate_all();
        self.0.flights.detach_all();
    }

    /// The order matters: a reader who joins a flight after this must not get what a tier had
    /// before.
    async fn invalidate(&self, stale: &[Key]) {
        let keys: Vec<_> = stale.iter().map(|key| key.text().clone()).collect();
        for key in &keys {
            self.0.memory.remove(key);
        }
        if let Some(redis) = &self.0.redis {
            redis.link.remove(&keys).await;
        }
        self.0.flights.detach(&keys);
        for key in stale {
            self.0.stats.invalidated(key.kind().name());
        }
    }

    async fn through<T, F>(
        &self,
        key: &Key,
        load: impl FnOnce() -> F,
        belongs: impl FnOnce(&T) -> bool,
    ) -> Result<Option<T>, StoreError>
    where
        T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
        F: Future<Output = Result<Option<T>, StoreError>>,
    {
        let fetch = async {
            let lease = match self.look_up(key).await {
                Lookup::Hit(value, read) => {
                    self.0.stats.read(key.kind().name(), read);
                    return Ok(Some(value));
                }
                Lookup::Miss(lease) => lease,
            };
            self.0.stats.read(key.kind().name(), Read::Missed);
            let loaded = load().await?;
            if let (Some(lease), Some(value)) = (lease, loaded.as_ref())
                && belongs(value)
                && let Some(entry) = entry::seal(key.text(), value)
            {
                self.store(lease, key, entry).await;
            }
            Ok(loaded)
        };
        let arrival = self.0.flights.join(key.text(), fetch).await;
        if arrival.shared {
            self.0.stats.read(key.kind().name(), Read::Shared);
        }
        arrival.result
    }

    async fn look_up<T: DeserializeOwned>(&self, key: &Key) -> Lookup<T> {
        if let Some((link, present)) = self.present() {
            match present.connection.look_up(key.text()).await {
                Ok(Looked::Leased(lease)) => {
                    return Lookup::Miss(Some(Lease::Redis(present, lease)));
                }
                Ok(Looked::Found(entry)) => match entry::open(key.text(), &entry) {
                    Entry::Value(value) => return Lookup::Hit(value, Read::Redis),
                    Entry::Lease => return Lookup::Miss(None),
                    Entry::Rubbish => {
                        self.0.stats.rubbish(key.kind().name());
                        link.remove(std::slice::from_ref(key.text())).await;
                        return Lookup::Miss(None);
                    }
                },
                Err(error) => link.failed(&present, &error),
            }
        }
        match self.0.memory.look_up(key.text()) {
            Looked::Leased(lease) => Lookup::Miss(Some(Lease::Memory(lease))),
            Looked::Found(entry) => match entry::open(key.text(), &entry) {
                Entry::Value(value) => Lookup::Hit(value, Read::Memory),
                Entry::Lease | Entry::Rubbish => Lookup::Miss(None),
            },
        }
    }

    async fn store(&self, lease: Lease, key: &Key, entry: Vec<u8>) {
        let life = key.kind().jittered();
        match lease {
            Lease::Redis(present, lease) => {
                let stored = lease.store(key.text(), &entry, life).await;
                if let (Err(error), Some(redis)) = (stored, &self.0.redis) {
                    redis.link.failed(&present, &error);
                }
            }
            Lease::Memory(lease) if self.0.redis.is_some() => {
                lease.store(key.text(), entry, life.min(STANDING_IN));
            }
            Lease::Memory(lease) => lease.store(key.text(), entry, life),
        }
    }

    fn present(&self) -> Option<(&Link, Present)> {
        let link = &*self.0.redis.as_ref()?.link;
        Some((link, link.present()?))
    }

    fn house(&self) -> House {
        let (entries, bytes) = self.0.memory.size();
        let link = self.0.redis.as_ref().map(|redis| &redis.link);
        House {
            connected: link.is_some_and(|link| link.present().is_some()),
            failures: link.map_or(0, |link| link.failures()),
            entries,
            bytes,
        }
    }
}

fn alias(entity: &str, id: &str) -> String {
    format!("{entity}:{id}")
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redis")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}
