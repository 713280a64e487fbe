//! What siblings and sets share: a key holds a collection of items, each put there by one write and overwritten by
//! those that saw it.
//!
//! A sibling is overwritten by a write or delete whose client had read it, directly or by way of another sibling that
//! had itself overwritten it; an element of a set by a remove of a client that had read it. Beyond that the checks are
//! the same, set-valued: what was put there is there or overwritten, what was overwritten is gone, and nothing else is
//! there. Everything is decided per key.

mod exact;
mod kind;
mod model;
mod order;
mod phantoms;
mod present;
mod sessions;
mod siblings;
mod violation;

pub(crate) use exact::{converged, exact};
pub(crate) use kind::Kind;
pub(crate) use order::{monotonic_writes, writes_follow_reads};
pub(crate) use phantoms::{failed_writes_visible, values_from_nowhere};
pub(crate) use present::{complete, gone_in_the_end, overwritten_stay_gone, survive};
pub(crate) use sessions::{monotonic_reads, read_your_writes};
pub(crate) use siblings::false_siblings;
