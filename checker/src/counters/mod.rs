//! Counters: increments by positive and negative numbers, all of which count exactly once.
//!
//! An `increment` adds its value; a `read`, and a look at a replica, return a number; null is 0. Which increments a
//! number is made of can't be seen, so a read is judged by the least and the greatest number that it may return:
//!
//! ```text
//! least    = what was acknowledged before it began, and every negative one that began before it ended
//! greatest = what was acknowledged before it began, and every positive one that began before it ended
//! ```
//!
//! A failed increment is in neither: it surely did not happen. One of unknown outcome may count at any later time, or
//! never. (Shapiro, Preguiça, Baquero, Zawirski, *Conflict-free Replicated Data Types*, SSS 2011, on the PN-counter.)

pub(crate) mod bounds;
mod checks;

pub use checks::{converged, exact, fresh_reads, read_your_writes, values_from_nowhere};
