//! What a history does not say of its run: how many replicas a key has, which faults were on, which nodes crashed.

use std::time::Duration;

/// The run's own facts. [`Context::default`] knows none, and then nothing is concluded from them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// How many replicas each key has (N). Unless known, the replicas observed are taken for all.
    pub replica_count: Option<usize>,
    /// The faults that were on, for the words of a witness. No verdict depends on them.
    pub faults: Vec<FaultSpan>,
    /// Every crash of a node.
    pub crashes: Vec<Crash>,
    /// How long after a write's start its coordinator has to stay up for its promise of handoff to bind.
    pub handoff_window: Duration,
}

/// A fault and when it was on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultSpan {
    /// A phrase such as `n3 isolated`.
    pub label: String,
    /// When it took effect, in nanoseconds since the start of the run.
    pub start_ns: u64,
    /// When it was undone; none if it never was.
    pub end_ns: Option<u64>,
}

/// A node's process ended without warning: killed, or its power cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    /// The node, as histories name it.
    pub node: String,
    /// When, in nanoseconds since the start of the run.
    pub time_ns: u64,
}
