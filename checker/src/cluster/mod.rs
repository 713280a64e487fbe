//! What nodes tell of themselves, judged without any history: the owners of partitions, and whom answers were counted by; whom they
//! take for members in the end, and what they find when they compare.
//!
//! It is white-box evidence, from the nodes' own logs, and a hundred times as sensitive as a history: two quorums that do
//! not meet are seen whether or not a read happened to fall between them.

mod comparisons;
mod members;
mod moves;
mod quorums;

pub use comparisons::{Compared, comparisons_rest};
pub use members::{MembersSeen, members_agree};
pub use moves::{Move, MoveKind, moves_are_proved};
pub use quorums::{ClusterRecord, CountedQuorum, OwnersRecord, QuorumOperation, quorums_meet};
