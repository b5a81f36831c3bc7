//! Cutover: a shadow-traffic proxy for strangler-fig migrations.
//!
//! The data plane ([`dataplane`]) answers clients; the [`mirror`] sends what passed to the other
//! side; the comparator judges; the [`journal`] keeps; the [`control`] API shows and edits.

pub mod cli;
pub mod clock;
pub mod control;
pub mod dataplane;
mod escape;
pub mod exchange;
pub mod findings;
pub mod guard;
pub mod ids;
pub mod journal;
mod key_file;
pub mod lanes;
pub mod mirror;
pub mod outbox;
pub mod outcome;
pub mod readiness;
pub mod reconciliation;
mod recorded;
pub mod routes;
pub mod routing;
pub mod server;
pub mod sessions;
mod side;
mod sqlite;
pub mod toml_file;

pub use side::Side;
