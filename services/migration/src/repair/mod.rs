//! Puts right what a comparison found.
