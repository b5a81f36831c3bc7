//! Comparison and repair on real databases: what was planted is found, and nothing else.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on panics, with the reason as its message"
)]

mod differences;
mod ends;
mod figures;
mod keys;
mod live;
mod mariadb;
mod pair;
mod random;
mod repairs;
mod servers;
mod shown;
