//! A cluster of replicas in virtual time: the same core that runs as a process, with every source of chance drawn from
//! one seed.
//!
//! A [`Sim`] owns the nodes and all that lies between and under them: links with the semantics of QUIC streams, disks
//! that lose what was not synced, clocks that can be wrong, processes that are killed, paused and started again. Whoever drives
//! it submits client requests, breaks things at chosen moments, and gets back what clients would see. The same seed and
//! the same calls give the same trace, event by event; [`Sim::trace`] is its hash.

mod agenda;
mod chance;
mod clock;
mod disk;
mod gossip;
mod link;
mod process;
mod seed;
mod tally;
mod tap;
mod trace;
mod turns;
mod world;

pub use self::{
    disk::{SavedDisk, SimDisk, SimFsync},
    gossip::{GossipFigures, GossipOptions, measure_gossip},
    link::{Distribution, Kinds, LinkCounts, LinkFaults},
    process::NodeCounts,
    seed::split_seed,
    tally::Tally,
    tap::{Sent, Tap},
    trace::{TraceEvent, TraceHash, Watch, What},
    turns::Turn,
    world::{CallId, Completion, Duty, NodeIndex, Outcome, PowerLoss, Sim, SimOptions},
};
