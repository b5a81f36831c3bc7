//! What the services' tests share: a server on a free port, a client, the contract's suite, and
//! private database servers.
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
pub mod fuzz;
pub mod servers;
mod target;

pub use target::{Answer, Server, Target};
