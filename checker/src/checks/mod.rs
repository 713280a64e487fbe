//! Checks of registers, deletes included: each a claim, judged on a whole history.
//!
//! Every check is a function of the history and of what the run knows besides, and finds violations or does not; none
//! depends on another's finding. All are decided per key, but for sequential consistency.
//!
//! How strong a register is, from the weakest: [`safe`], [`weakly_regular`], [`regular`], [`linearizable`]; for every k,
//! [`k_atomic`] for k is weaker than linearizable and than for k - 1; so is [`sequential`] than linearizable. No others
//! of these imply each other. [`staleness`] and [`atomicity`] are figures instead of claims.

mod age;
mod answers;
mod causal;
mod clusters;
mod convergence;
mod deletes;
mod dominance;
mod fresh;
mod handoff;
mod k_atomic;
pub(crate) mod looks;
mod phantoms;
mod regular;
pub(crate) mod repeats;
mod replicas;
mod safe;
mod sequential;
mod sessions;
mod sessions_from_values;
mod staleness;
mod survival;
mod version_order;
mod zones;

pub use answers::{Interval, Owed, answered, refused};
pub use causal::{causal, causal_from_values};
pub use convergence::converged;
pub(crate) use convergence::converged_as;
pub use deletes::{deleted_in_the_end, deletes_stay_deleted};
pub use fresh::fresh_reads;
pub use handoff::handoff;
pub use k_atomic::{Atomicity, atomicity, k_atomic};
pub use phantoms::{failed_proposals_visible, failed_writes_visible, values_from_nowhere};
pub use regular::{regular, weakly_regular};
pub use replicas::{Agreement, KeyAgreement, KeyBehind, ReplicaReport, ReplicaState, replicas};
pub use safe::safe;
pub use sequential::sequential;
pub use sessions::{monotonic_reads, monotonic_writes, read_your_writes, writes_follow_reads};
pub use sessions_from_values::{
    monotonic_reads_from_values, monotonic_writes_from_values, read_your_writes_from_values,
    session_guarantees_from_values, writes_follow_reads_from_values,
};
pub use staleness::{
    Bucket, Distribution, ReadStaleness, Staleness, WorstRead, WriteOrder, each_read_staleness, staleness,
};
pub use survival::acked_writes_survive;
pub use version_order::version_order;
pub use zones::linearizable;
