//! Nodes as real processes on the loopback, and the store on real files.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test, and says where")]

mod certificates;
mod choice;
mod client;
mod cluster;
mod control;
mod corpus;
mod drain;
mod drawing;
mod durability;
mod nonsense;
mod overload;
mod process;
mod refusals;
mod relay;
mod ring;
mod store;
