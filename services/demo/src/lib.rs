//! What the demo and `sample-traffic` share: the traffic.

pub mod traffic;
