//! Moves rows between databases, and compares them.

pub mod feed;
pub mod link;
pub mod load;
pub mod mapping;
pub mod mirrored;
mod pace;
pub mod plan;
pub mod reconcile;
pub mod repair;
pub mod schedule;
pub mod schema;
pub mod service;
pub mod sides;
pub mod store;
pub mod sync;
pub mod transform;
pub mod value;
