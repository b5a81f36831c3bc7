//! Real servers, private to the tests: on free ports of the loopback, in temporary directories,
//! and gone with the test's process however that ends.
//!
//! Nothing here finds or uses a server that runs already. `make test` installs the programs.

mod binaries;
mod mariadb;
mod postgres;
mod redis;
mod supervised;
mod template;

pub use mariadb::{Mariadb, mariadb_database};
pub use postgres::{Postgres, postgres_database};
pub use redis::Redis;

#[cfg(test)]
mod tests;
