//! A bounded pool of connections, which throws away every one that it is not sure of.
//!
//! A connection belongs to the future that asks it, and is put back only once an answer was read to
//! its end. A future that is dropped half-way, a time that runs out and a protocol that breaks
//! therefore need no bookkeeping: the connection goes with them, and the server rolls back.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tiberius::Row;
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};

use super::{
    address::Address,
    call::Call,
    connection::{self, Client},
    error::{Meaning, MssqlError},
};

/// How often a deadlock's victim is sent again.
const DEADLOCK_RETRIES: u32 = 3;
/// The pause before the first of them; each further one waits longer.
const DEADLOCK_PAUSE: Duration = Duration::from_millis(20);

/// What the pool may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Connections at one time.
    pub(super) connections: usize,
    /// Waiting for one of them.
    pub(super) acquire: Duration,
    /// Opening one, login included.
    pub(super) connect: Duration,
    /// One call, from the first byte sent to the last byte read.
    pub(super) call: Duration,
    /// A connection that was idle for longer shows that it is alive before it is used.
    pub(super) idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16,
            acquire: Duration::from_secs(5),
            connect: Duration::from_secs(5),
            call: Duration::from_secs(10),
            idle: Duration::from_secs(10),
        }
    }
}

/// Connections to one database.
#[derive(Debug)]
pub(super) struct Pool {
    address: Address,
    limits: Limits,
    idle: Mutex<Vec<Idle>>,
    permits: Semaphore,
}

#[derive(Debug)]
struct Idle {
    client: Client,
    since: Instant,
}

impl Pool {
    /// A pool without connections yet.
    pub(super) fn new(address: Address, limits: Limits) -> Self {
        Self {
            address,
            limits,
            idle: Mutex::new(Vec::new()),
            permits: Semaphore::new(limits.connections),
        }
    }

    /// The results of a call. A deadlock's victim is sent again: the server has undone it whole.
    pub(super) async fn call(&self, call: &Call) -> Result<Vec<Vec<Row>>, MssqlError> {
        let mut retries = 0;
        loop {
            match self.call_once(call).await {
                Err(error)
                    if error.meaning() == Meaning::Deadlock && retries < DEADLOCK_RETRIES =>
                {
                    retries += 1;
                    tracing::debug!(
                        call = call.name,
                        retries,
                        "a deadlock's victim is sent again"
                    );
                    sleep(DEADLOCK_PAUSE * retries).await;
                }
                answer => return answer,
            }
        }
    }

    /// The results of a call that gives this many.
    pub(super) async fn results<const EXPECTED: usize>(
        &self,
        call: &Call,
    ) -> Result<[Vec<Row>; EXPECTED], MssqlError> {
        let results = self.call(call).await?;
        <[Vec<Row>; EXPECTED]>::try_from(results).map_err(|results| MssqlError::Results {
            call: call.name,
            expected: EXPECTED,
            found: results.len(),
        })
    }

    /// Lets go of idle connections; those in use end with their calls, and no call begins.
    pub(super) fn close(&self) {
        self.permits.close();
        self.idle.lock().clear();
    }

    async fn call_once(&self, call: &Call) -> Result<Vec<Vec<Row>>, MssqlError> {
        let limits = self.limits;
        let _permit = timeout(limits.acquire, self.permits.acquire())
            .await
            .map_err(|_| MssqlError::Busy(limits.acquire))?
            .map_err(|_| MssqlError::Closed)?;
        let mut client = self.connection().await?;
        let answer = timeout(limits.call, connection::ask(&mut client, call))
            .await
            .unwrap_or(Err(MssqlError::Timeout {
                call: call.name,
                limit: limits.call,
            }));
        match &answer {
            Ok(_) => self.put_back(client),
            Err(error) if connection::is_in_step(error) => self.put_back(client),
            Err(MssqlError::Timeout { .. }) => {}
            // What broke one connection, a restart for instance, broke the idle ones, too.
            Err(_) => self.idle.lock().clear(),
        }
        answer
    }

    async fn connection(&self) -> Result<Client, MssqlError> {
        // The lock is not held while a connection is tried.
        while let Some(mut idle) = self.take_idle() {
            if idle.since.elapsed() < self.limits.idle || self.is_alive(&mut idle.client).await {
                return Ok(idle.client);
            }
        }
        connection::open(&self.address, self.limits.connect).await
    }

    fn take_idle(&self) -> Option<Idle> {
        self.idle.lock().pop()
    }

    async fn is_alive(&self, client: &mut Client) -> bool {
        let ping = Call::ping();
        let answer = timeout(self.limits.connect, connection::ask(client, &ping)).await;
        matches!(answer, Ok(Ok(_)))
    }

    fn put_back(&self, client: Client) {
        if !self.permits.is_closed() {
            let since = Instant::now();
            self.idle.lock().push(Idle { client, since });
        }
    }
}
