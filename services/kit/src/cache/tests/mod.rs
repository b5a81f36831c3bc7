//! The cache against a real Redis that is killed, stalled, emptied and lied in, and without one.

mod house;
mod outages;
mod reads;
mod sides;
