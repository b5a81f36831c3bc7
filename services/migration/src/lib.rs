//! Moves rows between databases, and compares them.

pub mod mapping;
pub mod plan;
pub mod schema;
pub mod store;
pub mod transform;
pub mod value;
