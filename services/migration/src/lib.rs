//! Moves rows between databases, and compares them.

pub mod feed;
pub mod load;
pub mod mapping;
pub mod plan;
pub mod schema;
pub mod sides;
pub mod store;
pub mod transform;
pub mod value;
