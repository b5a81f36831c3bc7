//! Orders and customers of the sample system.
