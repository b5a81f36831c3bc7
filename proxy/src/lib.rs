//! The shadow-traffic proxy: data plane, mirror, journal, control API, dashboard, command line.
