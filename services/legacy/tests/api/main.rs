//! The monolith through its API, on databases of their own.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, what is not there is a failed test"
)]

mod contract;
mod monolith;
mod quirks;
