//! Comparison and repair on real databases: what was planted is found, and nothing else.

mod differences;
mod ends;
mod pair;
mod repairs;
