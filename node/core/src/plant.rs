//! Real bugs of real stores, planted here to prove that the tester finds them. See MUTANTS.md for where each was seen.
//!
//! The feature `plants` compiles them in, and a node then carries at most one, by name, from its settings. Without
//! the feature there is no way to ask for one, and the compiler drops the branches.

/// A bug that a node can be told to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// A write is acknowledged as soon as it is sent, before W replicas hold it (Q1's twin on the write path).
    ReplyBeforeAcks,
    /// A hint is counted as stored and never kept (H2, H11: failures after which no hint is written).
    HintDropped,
    /// Read repair takes the older of two answers for the winner, and the replica believes it (Q4).
    RepairWritesOlder,
    /// A replica that finds nothing of its own under a key goes on as whom it was there before, and gives dots that it
    /// has given (V3, V4).
    ActorReused,
}

impl Plant {
    /// Every bug, in the order of their rows.
    pub const ALL: [Plant; 4] = [
        Plant::ReplyBeforeAcks,
        Plant::HintDropped,
        Plant::RepairWritesOlder,
        Plant::ActorReused,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Plant::ReplyBeforeAcks => "reply-before-acks",
            Plant::HintDropped => "hint-dropped",
            Plant::RepairWritesOlder => "repair-writes-older",
            Plant::ActorReused => "actor-reused",
        }
    }

    /// What it does, in a sentence.
    pub fn description(self) -> &'static str {
        match self {
            Plant::ReplyBeforeAcks => "a write is acknowledged before W replicas hold it",
            Plant::HintDropped => "a hint for an unreachable replica is counted and thrown away",
            Plant::RepairWritesOlder => "read repair overwrites the newer version with the older one",
            Plant::ActorReused => "a replica that lost a key writes it under dots that it gave before",
        }
    }

    /// The bug of that name.
    pub fn from_name(name: &str) -> Option<Plant> {
        Plant::ALL.into_iter().find(|plant| plant.name() == name)
    }
}
