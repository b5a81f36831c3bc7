//! The order-management monolith that is being replaced.
