//! Registers with siblings: a key holds every value that no later write knew of.
//!
//! A `write` puts a value there, unique in its key, and takes away those that its client had read: with the context of
//! its read it hands back what it knows, and the history says so in `seen`. A `delete` does the same and puts nothing
//! there. A `read`, and a look at a replica, return a list of values; null is the empty list. Descent is transitive:
//! whoever saw a value saw all that its write had seen.
//!
//! Each function judges a whole history, in time near linear in the size of its lists.

use crate::{
    collections::{self, Kind},
    evidence::{Context, Finding},
    history::History,
};

/// Finds reads and looks at replicas that have a value that nobody had invoked a write of when they ended.
///
/// Tested are all ok reads and all looks.
pub fn values_from_nowhere(history: &History, context: &Context) -> Finding {
    collections::values_from_nowhere(history, context, Kind::Siblings)
}

/// Finds reads and looks at replicas that have a value whose write failed, and so surely did not happen.
///
/// Tested are the ok reads and the looks that ended after a failed write of their key began.
pub fn failed_writes_visible(history: &History, context: &Context) -> Finding {
    collections::failed_writes_visible(history, context, Kind::Siblings)
}

/// Finds reads that miss a value whose write had been acknowledged when they began, and which nothing that
/// had begun when they ended overwrote.
///
/// Tested are the ok reads that had such to find.
pub fn complete(history: &History, context: &Context) -> Finding {
    collections::complete(history, context, Kind::Siblings)
}

/// Finds reads, and final looks at replicas, that have a value although an acknowledgement that came before they began
/// says that it was overwritten.
///
/// Tested are those before which anything was so.
pub fn overwritten_stay_gone(history: &History, context: &Context) -> Finding {
    collections::overwritten_stay_gone(history, context, Kind::Siblings)
}

/// Finds final looks at replicas that have a value although it was overwritten: the share of [`overwritten_stay_gone`] that holds whether
/// or not quorums meet.
///
/// Tested are those before which anything was so.
pub fn gone_in_the_end(history: &History, context: &Context) -> Finding {
    collections::gone_in_the_end(history, context, Kind::Siblings)
}

/// Finds reads that miss a value that their session had put there, and which nothing that had begun when they ended
/// overwrote.
///
/// Tested are the ok reads that had such to find.
pub fn read_your_writes(history: &History, context: &Context) -> Finding {
    collections::read_your_writes(history, context, Kind::Siblings)
}

/// Finds reads that miss a value that their session had read before, and which nothing that had begun when they ended
/// overwrote.
///
/// Tested are the ok reads that had such to find.
pub fn monotonic_reads(history: &History, context: &Context) -> Finding {
    collections::monotonic_reads(history, context, Kind::Siblings)
}

/// Finds reads that have a value but miss one that the value's session had put there before, and which nothing that had
/// begun when they ended overwrote.
///
/// Tested are the ok reads that had such to find. A quorum does not promise it of a read that began before the first of
/// the two writes was acknowledged.
pub fn monotonic_writes(history: &History, context: &Context) -> Finding {
    collections::monotonic_writes(history, context, Kind::Siblings)
}

/// Finds reads that have a value but miss one that the value's session had read before it wrote, and which nothing that
/// had begun when they ended overwrote.
///
/// Tested are the ok reads that had such to find. A write that hands back all that its session had read overwrites it, so
/// that nothing is due but what it did not hand back.
pub fn writes_follow_reads(history: &History, context: &Context) -> Finding {
    collections::writes_follow_reads(history, context, Kind::Siblings)
}

/// Finds acknowledged writes of which the replicas' final looks show no trace, and which nothing overwrote.
///
/// Tested are those that ended before the first of their key's final looks began. A key without a look is unknown, as is
/// one of which not all replicas were looked at where that could matter.
pub fn acked_writes_survive(history: &History, context: &Context) -> Finding {
    collections::survive(history, context, Kind::Siblings)
}

/// Finds keys whose replicas hold different items at their final looks. In whatever order, and whatever their versions.
///
/// Tested are the keys that were looked at on two replicas or more.
pub fn converged(history: &History, context: &Context) -> Finding {
    collections::converged(history, context)
}

/// Finds reads and looks at replicas that have a value together with one whose write had seen it, or a value twice.
///
/// Tested are the ok reads and the looks that have two values or more. A key where descent takes too many steps to
/// follow is unknown.
pub fn not_invented(history: &History, context: &Context) -> Finding {
    collections::false_siblings(history, context)
}
