//! Jepsen's own checks, with the figures that Jepsen gives.
//!
//! Each is a function of a transcript of its workload: sets, counters, queues, ids, banks, and two that look for
//! writes seen in an order that they can't have had. A [`Report`] has findings by name and the figures under Jepsen's
//! names for them. What is wrong in Jepsen's own, or concludes more than the history allows, is put right, and a
//! paragraph says so that begins "Deviation:". A transcript with calls that the workload does not have is refused, as
//! nothing is known of what they do.
//!
//! Sources: `jepsen.checker` and `jepsen.tests.{bank, long-fork, causal-reverse}` of Jepsen 0.3, for what is judged and
//! reported.

mod additions;
mod bank;
mod causal_reverse;
mod counter;
mod elements;
mod figures;
mod long_fork;
mod report;
mod set;
mod set_full;
mod total_queue;
mod unique_ids;

pub use bank::{BankErrorFigures, BankErrors, BankFigures, BankOptions, bank};
pub use causal_reverse::{CausalReverseError, CausalReverseFigures, causal_reverse};
pub use counter::{CounterFigures, CounterRead, counter};
pub use long_fork::{LongForkFigures, LongForkOptions, long_fork};
pub use report::{Part, Report};
pub use set::{SetFigures, set};
pub use set_full::{Quantiles, SetFullFigures, SetFullOptions, StaleElement, set_full};
pub use total_queue::{TotalQueueFigures, total_queue};
pub use unique_ids::{UniqueIdsFigures, unique_ids};
