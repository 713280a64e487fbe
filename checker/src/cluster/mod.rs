//! What nodes tell of themselves, judged without any history: the owners of partitions, and whom answers were counted by.
//!
//! It is white-box evidence, from the nodes' own logs, and a hundred times as sensitive as a history: two quorums that do
//! not meet are seen whether or not a read happened to fall between them.

mod moves;
mod quorums;

pub use moves::{Move, MoveKind, moves_are_proved};
pub use quorums::{ClusterRecord, CountedQuorum, OwnersRecord, QuorumOperation, quorums_meet};
