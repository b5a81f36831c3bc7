//! What the services share: errors, validation, pages of documentation, health, telemetry, shutdown.
