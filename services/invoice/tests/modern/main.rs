//! The modern side, both services on one database, against the whole contract and its own
//! documents, and through the outages of its servers.
#![expect(clippy::unwrap_used, reason = "a test that cannot start panics")]

mod contract;
mod fuzz;
mod outages;
mod side;
