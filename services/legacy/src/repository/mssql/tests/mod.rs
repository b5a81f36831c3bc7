//! What can be held against SQL Server's protocol without SQL Server: a fake server on the
//! loopback speaks as much TDS as the driver needs. Whether the T-SQL does what it should, only a
//! real server can say: `tests/api` runs there.

mod asking;
mod fake;
mod opening;
mod pool;
mod reading;
mod refusals;
mod repository;
mod scripts;
mod tokens;
