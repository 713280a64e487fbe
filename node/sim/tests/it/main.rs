//! What the core promises, shown on simulated clusters.

mod cluster;
mod determinism;
mod directed;
mod durability;
mod faults;
mod gossip;
mod handoff;
mod levels;
mod mending;
mod paths;
mod quorum;
mod reads;
mod ring;
mod siblings;
mod skew;
mod sloppy;
mod soak;
mod tally;
mod tombstones;
