//! Being the one process that brings rows to a database, and the look whether one still
//! is. How a database keeps others away is for its own module.

use std::fs::File;
use std::time::Duration;

use async_trait::async_trait;
use kit::error::Cause;

/// How often it is looked whether one still is.
const LOOK: Duration = Duration::from_millis(500);

/// While there is one, no other process brings rows to a database: of two that do, one could put what
/// it read before over what the other read later. The system takes it back from a process that dies.
pub struct Alone {
    lock: Box<dyn Lock>,
}

/// What keeps others away.
#[async_trait]
pub(super) trait Lock: Send + Sync {
    /// An error where it may be another's by now.
    async fn check(&mut self) -> Result<(), Cause>;
}

impl Alone {
    pub(super) fn by(lock: impl Lock + 'static) -> Self {
        Self {
            lock: Box::new(lock),
        }
    }

    /// Ends when another process may be at work on the database.
    pub async fn lost(&mut self) -> Cause {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Err(cause) = self.check().await {
                return cause;
            }
        }
    }

    /// An error where another process may be at work on the database by now.
    pub async fn check(&mut self) -> Result<(), Cause> {
        self.lock.check().await
    }
}

/// A locked file is let go of by nobody but its process.
#[async_trait]
impl Lock for File {
    async fn check(&mut self) -> Result<(), Cause> {
        Ok(())
    }
}
