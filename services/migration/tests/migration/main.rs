//! Migration on real databases, and what the services answer on them afterwards.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test, what is not there is a failed test"
)]

mod answers;
mod quirks;
mod runs;
mod sides;
mod stops;
