//! What every store promises, held against real servers: `SQLite`, `PostgreSQL` and `MariaDB`.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on panics, with the reason as its message"
)]

mod bed;
mod burden;
mod hashed;
mod loads;
mod mariadb;
mod mssql;
mod postgres;
mod reads;
mod speed;
mod unknown;
mod writes;
