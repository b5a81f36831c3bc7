//! Pools of connections to servers, and a connection on loan from one.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use kit::error::Cause;
use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::{ConnectOptions as _, Connection, Database, Pool};

/// Connections at one time: more parts than this wait for each other.
const CONNECTIONS: u32 = 16;

/// How long a statement waits for one of them, or for the server to be there.
const PATIENCE: Duration = Duration::from_secs(30);

/// A pool that has been connected once: a pool by itself would go on trying where nobody listens.
/// The name is the database's, without its password.
pub(super) async fn connected<D: Database>(
    pool: PoolOptions<D>,
    options: <D::Connection as Connection>::Options,
    name: &str,
) -> Result<Pool<D>, Cause> {
    let first = async {
        let connection = options.connect().await?;
        connection.close().await
    };
    match tokio::time::timeout(PATIENCE, first).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(format!("could not connect to {name}: {error}").into()),
        Err(_) => {
            let seconds = PATIENCE.as_secs();
            return Err(format!("{name} did not answer within {seconds} s").into());
        }
    }
    let pool = pool.max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
    Ok(pool.connect_lazy_with(options))
}

/// A connection that goes back to its pool only if what was done with it came to its end: an
/// answer that nobody reads on leaves rows on the way, which the next would take for its own.
pub(super) struct Lent<D: Database> {
    connection: PoolConnection<D>,
    sound: bool,
}

impl<D: Database> Lent<D> {
    pub(super) async fn of(pool: &Pool<D>) -> sqlx::Result<Self> {
        Ok(Self {
            connection: pool.acquire().await?,
            sound: false,
        })
    }

    /// Nothing is on its way on it.
    pub(super) fn give_back(mut self) {
        self.sound = true;
    }
}

impl<D: Database> Deref for Lent<D> {
    type Target = D::Connection;

    fn deref(&self) -> &D::Connection {
        &self.connection
    }
}

impl<D: Database> DerefMut for Lent<D> {
    fn deref_mut(&mut self) -> &mut D::Connection {
        &mut self.connection
    }
}

impl<D: Database> Drop for Lent<D> {
    fn drop(&mut self) {
        if !self.sound {
            self.connection.close_on_drop();
        }
    }
}
