//! Evidence: what a check found, the ops that prove it, and the words for them.

mod calls;
mod context;
mod doubt;
mod finding;
mod shrink;
mod tally;
mod timeline;
mod witness;
mod words;

pub use context::{Context, Crash, FaultSpan};
pub use doubt::Doubt;
pub use finding::Finding;
pub use timeline::timeline;
pub use witness::{Witness, WitnessOp};

pub(crate) use calls::{CallTally, CallWords};
pub(crate) use shrink::shrink;
pub(crate) use tally::Tally;
pub(crate) use words::{Words, ended_ns, seconds};
