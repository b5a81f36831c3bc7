//! Moves rows from the legacy database to the modern one.
