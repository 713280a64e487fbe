//! What the core promises, shown on simulated clusters.

mod cluster;
mod determinism;
mod directed;
mod durability;
mod handoff;
mod quorum;
mod ring;
mod siblings;
mod skew;
mod soak;
