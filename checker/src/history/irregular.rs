//! Why an event can't follow those before it.

use super::{event::Function, op::Position};

/// The sequence of events is not a history. The producer recorded wrongly, or events were lost or reordered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("take the event of index {index} into the history: {irregularity}")]
pub struct HistoryError {
    /// The `index` of the first event that does not fit.
    pub index: u64,
    /// Why it does not.
    pub irregularity: Irregularity,
}

/// What is wrong with an event in its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Irregularity {
    /// A completion by a process that has no op open.
    #[error("its process has no op open that it could complete")]
    CompletedNothing,
    /// An invocation by a process that has an op open.
    #[error("its process still has the op open that it invoked at index {open}")]
    InvokedTwice {
        /// The open op's invocation.
        open: u64,
    },
    /// An invocation by a client whose last op ended in info; what follows belongs to another process.
    #[error("its process ended in info at index {at} and may not act again")]
    InvokedAfterCrash {
        /// The completion in info.
        at: u64,
    },
    /// The completion names another function than the invocation.
    #[error("it completes a {}", invoked.name())]
    OtherFunction {
        /// The invocation's.
        invoked: Function,
    },
    /// The completion names another key than the invocation.
    #[error("it completes an op on key {invoked}")]
    OtherKey {
        /// The invocation's.
        invoked: String,
    },
    /// The completion of a write, of whatever kind, names another value than its invocation.
    #[error("it completes a write of {invoked}")]
    OtherValue {
        /// The invocation's, as JSON.
        invoked: String,
    },
    /// The completion of a look names another replica or phase than its invocation.
    #[error("it completes a look at another replica or in another phase")]
    OtherReplica,
    /// A read or a write of any kind by a process that is no client, and so is no session.
    #[error("only clients, whose process is an integer, read and write")]
    NotAClient,
    /// A look that does not say at which replica.
    #[error("a read-replica names its replica in `node`")]
    NoReplica,
    /// A look that does not say when in the run.
    #[error("a read-replica names its `phase`")]
    NoPhase,
    /// A compare-and-set whose value is no pair.
    #[error("a cas has a pair for its value: what it expects, and what it sets")]
    NoPair,
    /// A version that is a number where others are text, or the reverse: they have no order.
    #[error("its version is a number where earlier ones are text, or the reverse")]
    MixedVersions,
    /// There are more events than a history can hold.
    #[error("a history holds at most {} events", Position::COUNT_MAX)]
    TooLong,
}
