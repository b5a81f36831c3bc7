//! Whether Redis is there, and what it is owed.
//!
//! One failed command is enough: Redis counts as away at once, and no request tries it again. A
//! task of its own does, and lets requests back only when everything that was to be removed in the
//! meantime has been. So nothing that was invalidated while Redis was away is read after.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use redis::RedisError;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::redis::{Connection, RedisUrl};

/// The pause before Redis is tried again: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How often a Redis that nobody asks is asked whether it is there.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Keys that are owed one by one; beyond, the whole namespace is.
const OWED: usize = 10_000;

/// How long emptying the namespace may take.
const CLEARING: Duration = Duration::from_secs(10);

/// The way to Redis.
pub(super) struct Link {
    url: RedisUrl,
    namespace: &'static str,
    state: Mutex<State>,
    lost: Notify,
    failures: AtomicU64,
}

/// Presence and debts change under one lock: whoever is let to Redis finds nothing owed.
struct State {
    present: Option<Present>,
    owed: Owed,
    connections: u64,
}

/// A connection with its number, so that a late failure of an earlier one harms nobody.
#[derive(Clone)]
pub(super) struct Present {
    number: u64,
    pub(super) connection: Connection,
}

/// What has to be removed before anything is read again.
enum Owed {
    Keys(HashSet<Arc<str>>),
    Everything,
}

impl Link {
    /// A link that counts as away until [`Link::keep`] has connected it.
    ///
    /// It owes everything: who ran before may have ended without paying.
    pub(super) fn new(url: RedisUrl, namespace: &'static str) -> Self {
        Self {
            url,
            namespace,
            state: Mutex::new(State {
                present: None,
                owed: Owed::Everything,
                connections: 0,
            }),
            lost: Notify::new(),
            failures: AtomicU64::new(0),
        }
    }

    /// Redis, when it is there.
    pub(super) fn present(&self) -> Option<Present> {
        self.state.lock().present.clone()
    }

    /// How often Redis was lost.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Takes note that a command failed.
    pub(super) fn failed(&self, present: &Present, error: &RedisError) {
        let mut state = self.state.lock();
        let current = state.present.as_ref().map(|present| present.number);
        if current == Some(present.number) {
            self.lose(&mut state, error);
        }
    }

    /// Removes keys before anybody reads again: now, or before Redis counts as there again.
    pub(super) async fn remove(&self, keys: &[Arc<str>]) {
        let Some(present) = self.present() else {
            return self.owe(Owed::Keys(keys.iter().cloned().collect()), None);
        };
        if let Err(error) = present.connection.remove(keys).await {
            self.owe(Owed::Keys(keys.iter().cloned().collect()), Some(&error));
        }
    }

    /// Removes everything likewise.
    pub(super) async fn clear(&self) {
        let cleared = match self.present() {
            Some(present) => clear(&present.connection).await,
            None => return self.owe(Owed::Everything, None),
        };
        if let Err(error) = cleared {
            self.owe(Owed::Everything, Some(&error));
        }
    }

    /// Follows Redis for as long as it is polled, and calls `returned` each time that Redis is
    /// there again.
    pub(super) async fn keep(&self, returned: impl Fn()) {
        loop {
            self.away().await;
            returned();
            self.there().await;
        }
    }

    /// Until Redis is there and has been paid.
    async fn away(&self) {
        let mut pause = FIRST_PAUSE;
        while let Err(error) = self.recover().await {
            tracing::debug!(%error, "Redis is still away");
            sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
        tracing::info!(redis = ?self.url, "the cache is in Redis");
    }

    /// Until Redis is lost.
    async fn there(&self) {
        while timeout(HEARTBEAT, self.lost.notified()).await.is_err() {
            let Some(present) = self.present() else {
                continue;
            };
            if let Err(error) = present.connection.ping().await {
                self.failed(&present, &error);
            }
        }
    }

    /// One attempt to connect and pay.
    async fn recover(&self) -> Result<(), RedisError> {
        let connection = Connection::open(&self.url, self.namespace).await?;
        while let Some(owed) = self.enter(&connection) {
            if let Err(error) = owed.pay(&connection).await {
                self.state.lock().owed.add(owed);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Lets requests to Redis if nothing is owed; takes the debts to be paid otherwise.
    fn enter(&self, connection: &Connection) -> Option<Owed> {
        let mut state = self.state.lock();
        let owed = std::mem::take(&mut state.owed);
        if !owed.is_nothing() {
            return Some(owed);
        }
        state.connections = state.connections.saturating_add(1);
        state.present = Some(Present {
            number: state.connections,
            connection: connection.clone(),
        });
        None
    }

    /// Notes a debt; with one, Redis is not there.
    fn owe(&self, owed: Owed, error: Option<&RedisError>) {
        let mut state = self.state.lock();
        state.owed.add(owed);
        if state.present.is_some() {
            match error {
                Some(error) => self.lose(&mut state, error),
                // Redis came back after it was looked for: it is paid at once.
                None => self.lose(&mut state, &"an invalidation is owed"),
            }
        }
    }

    fn lose(&self, state: &mut State, error: &dyn std::fmt::Display) {
        tracing::warn!(redis = ?self.url, %error, "the cache is in memory: Redis is away");
        state.present = None;
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.lost.notify_one();
    }
}

impl Owed {
    fn is_nothing(&self) -> bool {
        matches!(self, Self::Keys(keys) if keys.is_empty())
    }

    fn add(&mut self, more: Self) {
        match (&mut *self, more) {
            (Self::Keys(keys), Self::Keys(more))
                if keys.len().saturating_add(more.len()) <= OWED =>
            {
                keys.extend(more);
            }
            _ => *self = Self::Everything,
        }
    }

    async fn pay(&self, connection: &Connection) -> Result<(), RedisError> {
        match self {
            Self::Keys(keys) => connection.remove(&keys.iter().collect::<Vec<_>>()).await,
            Self::Everything => clear(connection).await,
        }
    }
}

impl Default for Owed {
    fn default() -> Self {
        Self::Keys(HashSet::new())
    }
}

async fn clear(connection: &Connection) -> Result<(), RedisError> {
    timeout(CLEARING, connection.clear())
        .await
        .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}
