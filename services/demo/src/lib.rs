//! What the demo and `sample-traffic` share: the traffic.

pub mod drift;
pub mod traffic;
