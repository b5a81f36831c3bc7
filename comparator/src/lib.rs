//! Compares two HTTP responses under rules; pure, no clock, no input or output.
