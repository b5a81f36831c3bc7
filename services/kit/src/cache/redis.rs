//! One connection to Redis, and the commands that the cache needs: look up and lease, store
//! under a lease, remove, empty the namespace.
//!
//! Every command has a short deadline, and what is read of an entry is bounded. An error is an
//! error of the whole connection; what to do about it is for [`link`](super::link) to say.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, RedisError, cmd};

use super::entry::{self, LONGEST};
use super::tier::{LEASE_LIFE, Looked};
use crate::postgres::redacted;

/// How long a command may take. A request pays it once: then Redis counts as away.
pub(super) const ANSWER: Duration = Duration::from_millis(50);

/// How long a connection may take to be made. No request waits for it.
const CONNECT: Duration = Duration::from_secs(1);

/// Keys removed, or looked through, by one command.
const BATCH: usize = 1000;

/// The key that a new connection is tried with; no kind's key is without a colon.
const PROBE: &str = "probe";

/// Gives the entry, or leases the key when there is none. What cannot be an entry, by its type or
/// its length, is shown as an empty one.
const LOOK_UP: &str = "local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return false
end
if kind ~= 'string' or redis.call('STRLEN', KEYS[1]) > tonumber(ARGV[3]) then return '' end
return redis.call('GET', KEYS[1])";

/// Puts a value in the place of its lease; a lease that fell with its key stores nothing.
const STORE: &str = "local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'string' and redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end";

/// A URL that names no Redis.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a Redis URL such as redis://127.0.0.1:6379")]
pub struct RedisUrlError(String, #[source] RedisError);

/// Where Redis is.
#[derive(Clone)]
pub struct RedisUrl(Client);

impl RedisUrl {
    /// Reads a URL such as `redis://127.0.0.1:6379/0`; nothing is connected to.
    pub fn parse(url: &str) -> Result<Self, RedisUrlError> {
        Client::open(url)
            .map(Self)
            .map_err(|error| RedisUrlError(redacted(url), error))
    }

    /// Reads a flag's value: a URL, or an empty text for no Redis.
    pub fn parse_if_any(url: &str) -> Result<Option<Self>, RedisUrlError> {
        if url.is_empty() {
            return Ok(None);
        }
        Self::parse(url).map(Some)
    }
}

/// Says where, and not with which password.
impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({})", self.0.get_connection_info().addr())
    }
}

/// A connection that all requests share; the last clone closes it.
#[derive(Clone)]
pub(super) struct Connection {
    redis: MultiplexedConnection,
    namespace: &'static str,
}

/// The right to store one value.
pub(super) struct RedisLease {
    connection: Connection,
    token: String,
}

impl Connection {
    /// Connects, and sees Redis do what requests will ask of it: one that is full or read-only
    /// answers a ping.
    pub(super) async fn open(url: &RedisUrl, namespace: &'static str) -> Result<Self, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER));
        let connecting = url.0.get_multiplexed_async_connection_with_config(&config);
        let redis = tokio::time::timeout(CONNECT, connecting)
            .await
            .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
        let connection = Self { redis, namespace };
        connection.look_up(PROBE).await?;
        connection.remove(&[PROBE]).await?;
        Ok(connection)
    }

    pub(super) async fn ping(&self) -> Result<(), RedisError> {
        cmd("PING").exec_async(&mut self.redis.clone()).await
    }

    /// What is under the key; when nothing is, a lease to put it there.
    pub(super) async fn look_up(&self, key: &str) -> Result<Looked<RedisLease>, RedisError> {
        let token = entry::lease();
        let mut script = self.script(LOOK_UP, key);
        script.arg(&token).arg(millis(LEASE_LIFE)).arg(LONGEST);
        let found: Option<Bytes> = script.query_async(&mut self.redis.clone()).await?;
        Ok(match found {
            Some(entry) => Looked::Found(entry),
            None => Looked::Leased(RedisLease {
                connection: self.clone(),
                token,
            }),
        })
    }

    /// Removes the keys, and with each the lease of whoever is loading its value.
    pub(super) async fn remove<K: AsRef<str>>(&self, keys: &[K]) -> Result<(), RedisError> {
        for batch in keys.chunks(BATCH) {
            let mut unlink = cmd("UNLINK");
            for key in batch {
                unlink.arg(self.name(key.as_ref()));
            }
            unlink.exec_async(&mut self.redis.clone()).await?;
        }
        Ok(())
    }

    /// Removes every key of the namespace that is there from beginning to end.
    pub(super) async fn clear(&self) -> Result<(), RedisError> {
        let mut redis = self.redis.clone();
        let pattern = self.name("*");
        let mut cursor = 0_u64;
        loop {
            let (next, names): (u64, Vec<Bytes>) = cmd("SCAN")
                .arg(cursor)
                .arg("MATCH")
                .arg(&pattern)
                .arg("COUNT")
                .arg(BATCH)
                .query_async(&mut redis)
                .await?;
            if !names.is_empty() {
                let names: Vec<&[u8]> = names.iter().map(AsRef::as_ref).collect();
                cmd("UNLINK").arg(names).exec_async(&mut redis).await?;
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// How many keys the database holds, of whatever namespace.
    pub(super) async fn keys(&self) -> Result<u64, RedisError> {
        cmd("DBSIZE").query_async(&mut self.redis.clone()).await
    }

    /// A script on one key; its text travels along, so that a restarted Redis knows it.
    fn script(&self, script: &str, key: &str) -> Cmd {
        let mut eval = cmd("EVAL");
        eval.arg(script).arg(1).arg(self.name(key));
        eval
    }

    fn name(&self, key: &str) -> String {
        format!("{}:{key}", self.namespace)
    }
}

impl RedisLease {
    /// Stores the value if the lease still stands: it falls with the key's removal.
    pub(super) async fn store(
        self,
        key: &str,
        entry: &[u8],
        life: Duration,
    ) -> Result<(), RedisError> {
        let mut script = self.connection.script(STORE, key);
        script.arg(&self.token).arg(entry).arg(millis(life));
        script.exec_async(&mut self.connection.redis.clone()).await
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_redis() {
        for url in [
            "redis://127.0.0.1:6379",
            "redis://:secret@redis/2",
            "redis://redis",
        ] {
            assert!(RedisUrl::parse(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "redis",
            "127.0.0.1:6379",
            "http://redis",
            "redis://redis/two",
        ] {
            let error = RedisUrl::parse(url).unwrap_err().to_string();
            assert!(error.contains(url), "{error}");
        }
        let error = RedisUrl::parse("redis://:secret@redis/two").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
        let shown = format!("{:?}", RedisUrl::parse("redis://:secret@redis/2").unwrap());
        assert_eq!(shown, "RedisUrl(redis:6379)");
    }
}
