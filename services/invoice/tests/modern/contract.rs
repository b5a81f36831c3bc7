//! The same claims on every database with every cache.

use std::sync::LazyLock;

use kit::testing::Target;
use kit::testing::servers::{Redis, postgres_database};

use crate::side::{on_postgres, on_sqlite};

/// Ended by its own supervisor when this process ends.
static REDIS: LazyLock<Redis> = LazyLock::new(Redis::start);

/// Makes a module with every claim, on what its name says.
macro_rules! held {
    ($name:ident, $side:expr) => {
        mod $name {
            use super::*;

            kit::contract_tests!(modern_side);
            kit::modern_contract_tests!(modern_side);

            async fn modern_side() -> Target {
                $side.await
            }
        }
    };
}

held!(on_sqlite_and_memory, on_sqlite(None));
held!(on_sqlite_and_redis, on_sqlite(Some(&REDIS)));
held!(
    on_postgres_and_memory,
    on_postgres(&postgres_database(), None)
);
held!(
    on_postgres_and_redis,
    on_postgres(&postgres_database(), Some(&REDIS))
);
