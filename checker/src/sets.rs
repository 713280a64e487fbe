//! Sets where adds win: a key holds the elements that were added, but for those that a remove took away.
//!
//! An `add` puts an element there, each once at most in its key; a `remove` takes one away as far as its client had read
//! it, of which `seen` is the proof: without it, an acknowledged remove promises nothing, as the add may have come
//! after it (Shapiro, Preguiça, Baquero, Zawirski, *Conflict-free Replicated Data Types*, SSS 2011, on the OR-set). A
//! `read`, and a look at a replica, return a list of elements in any order; null is the empty set.
//!
//! Each function judges a whole history, in time near linear in the size of its lists.

use crate::{
    collections::{self, Kind},
    evidence::{Context, Finding},
    history::History,
};

/// Finds reads and looks at replicas that have an element that nobody had invoked an add of when they ended.
///
/// Tested are all ok reads and all looks.
pub fn values_from_nowhere(history: &History, context: &Context) -> Finding {
    collections::values_from_nowhere(history, context, Kind::Set)
}

/// Finds reads and looks at replicas that have an element whose add failed, and so surely did not happen.
///
/// Tested are the ok reads and the looks that ended after a failed write of their key began.
pub fn failed_writes_visible(history: &History, context: &Context) -> Finding {
    collections::failed_writes_visible(history, context, Kind::Set)
}

/// Finds reads that miss an element whose add had been acknowledged when they began, and which nothing that
/// had begun when they ended removed.
///
/// Tested are the ok reads that had such to find.
pub fn complete(history: &History, context: &Context) -> Finding {
    collections::complete(history, context, Kind::Set)
}

/// Finds reads, and final looks at replicas, that have an element although an acknowledgement that came before they began
/// says that it was removed.
///
/// Tested are those before which anything was so.
pub fn removed_stay_removed(history: &History, context: &Context) -> Finding {
    collections::overwritten_stay_gone(history, context, Kind::Set)
}

/// Finds final looks at replicas that have an element although it was removed: the share of [`removed_stay_removed`] that holds whether
/// or not quorums meet.
///
/// Tested are those before which anything was so.
pub fn gone_in_the_end(history: &History, context: &Context) -> Finding {
    collections::gone_in_the_end(history, context, Kind::Set)
}

/// Finds reads that miss an element that their session had put there, and which nothing that had begun when they ended
/// removed.
///
/// Tested are the ok reads that had such to find.
pub fn read_your_writes(history: &History, context: &Context) -> Finding {
    collections::read_your_writes(history, context, Kind::Set)
}

/// Finds reads that miss an element that their session had read before, and which nothing that had begun when they ended
/// removed.
///
/// Tested are the ok reads that had such to find.
pub fn monotonic_reads(history: &History, context: &Context) -> Finding {
    collections::monotonic_reads(history, context, Kind::Set)
}

/// Finds acknowledged adds of which the replicas' final looks show no trace, and which nothing removed.
///
/// Tested are those that ended before the first of their key's final looks began. A key without a look is unknown, as is
/// one of which not all replicas were looked at where that could matter.
pub fn acked_writes_survive(history: &History, context: &Context) -> Finding {
    collections::survive(history, context, Kind::Set)
}

/// Finds keys whose replicas hold different items at their final looks. In whatever order, and whatever their versions.
///
/// Tested are the keys that were looked at on two replicas or more.
pub fn converged(history: &History, context: &Context) -> Finding {
    collections::converged(history, context)
}

/// Finds what is wrong in the end: acknowledged elements that no replica holds and nothing removed; and, at any replica,
/// elements that were removed, that nobody added, or whose add failed.
///
/// What may or may not have happened may or may not show. Tested are the acknowledged adds that nothing removed, and the
/// final looks.
pub fn exact(history: &History, context: &Context) -> Finding {
    collections::exact(history, context, Kind::Set)
}
