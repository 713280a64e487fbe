//! Histories: what clients did to a store, when, and what they were told.
//!
//! Events come in as lines; a builder pairs them into ops and refuses what can't have happened; every check reads the
//! result.

mod batch;
mod batch_texts;
mod borrowed;
mod builder;
mod by_key;
mod event;
mod growing;
mod id;
mod indexed;
mod interner;
mod irregular;
mod of_key;
mod of_part;
mod op;
mod op_counts;
mod order;
mod seen;
mod slots;
mod tombstones;
mod values;
mod versions;

pub(crate) use batch::{Batch, NotForBatches};
pub use borrowed::{EventRef, ProcessRef, ValueRef, VersionRef};
pub use builder::HistoryBuilder;
pub use event::{Event, EventKind, Function, LineError, Phase, Process, Version};
pub use id::{KeyId, NodeId, ProcessId, ValueId, VersionId};
pub use indexed::History;
pub use irregular::{HistoryError, Irregularity};
pub use op::{Action, Observation, Op, Outcome, Position};
