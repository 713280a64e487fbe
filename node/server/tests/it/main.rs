//! Nodes as real processes on the loopback, and the store on real files.

mod cluster;
mod durability;
mod nonsense;
mod process;
mod refusals;
mod ring;
mod store;
mod flip;
