//! Checks of registers, deletes included: each a claim, judged on a whole history.
//!
//! Every check is a function of the history and of what the run knows besides, and finds violations or does not; none
//! depends on another's finding. All are decided per key.

mod age;
mod causal;
mod convergence;
mod deletes;
mod fresh;
mod handoff;
pub(crate) mod looks;
mod phantoms;
pub(crate) mod repeats;
mod sessions;
mod sessions_from_values;
mod survival;
mod zones;

pub use causal::{causal, causal_from_values};
pub use convergence::converged;
pub(crate) use convergence::converged_as;
pub use deletes::{deleted_in_the_end, deletes_stay_deleted};
pub use fresh::fresh_reads;
pub use handoff::handoff;
pub use phantoms::{failed_writes_visible, values_from_nowhere};
pub use sessions::{monotonic_reads, monotonic_writes, read_your_writes, writes_follow_reads};
pub use sessions_from_values::{
    monotonic_reads_from_values, monotonic_writes_from_values, read_your_writes_from_values,
    session_guarantees_from_values, writes_follow_reads_from_values,
};
pub use survival::acked_writes_survive;
pub use zones::linearizable;
