//! The whole sample system and the proxy in one process, with traffic.
fn main() {}
