//! How a run ends: verdicts, what is not verified, stops and going on.
