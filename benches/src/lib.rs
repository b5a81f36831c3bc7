//! Micro-benchmarks and the load matrix.
