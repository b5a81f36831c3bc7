//! The migration service over HTTP, as a process of its own.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test, what is not there is a failed test"
)]

mod holds;
mod hostile;
mod link;
mod process;
mod reconciliation;
mod restarts;
mod runs;
mod sides;
