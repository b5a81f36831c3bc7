//! What the services of the sample system share: the contract's request bodies, documents and
//! errors, and the frame around every service (health, fallbacks, serving, shutdown).
//!
//! It knows no table and no business rule of one side only: what legacy and modern do
//! differently lives with them.

pub mod app;
#[cfg(feature = "cache")]
pub mod cache;
#[cfg(feature = "sqlite")]
mod columns;
pub mod config;
#[cfg(feature = "postgres")]
pub mod database;
pub mod document;
pub mod error;
pub mod extract;
pub mod money;
pub mod openapi;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod process;
pub mod requests;
pub mod serve;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod store;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;

pub use document::{Document, Relation, Resource};
pub use error::ApiError;
pub use money::Money;
