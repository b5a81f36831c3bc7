//! What the services' tests share: a server on a free port, a client, and the contract's suite.
//!
//! Behind the feature `testing`; no service has it in what it ships.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on panics, with the reason as its message"
)]

pub mod contract;
mod target;

pub use target::{Answer, Server, Target};
