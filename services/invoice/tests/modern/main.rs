//! The modern side, both services on one database, against the whole contract and through the
//! outages of its servers.
#![expect(clippy::unwrap_used, reason = "a test that cannot start panics")]

mod contract;
mod outages;
mod side;
