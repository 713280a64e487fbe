//! Linearizability in near-linear time, for objects whose values tell enough.
//!
//! A drain is so many takes, as it is in the models of the search. Where each element is put in at most once, a take says of which put it is, and what a search through orders would try is
//! settled by a sort and a sweep. Each way here decides exactly, or says that it does not apply, whereupon a search has to:
//!
//! | object | decided | not applicable |
//! |---|---|---|
//! | [`queue`], unordered | all, with calls of unknown outcome | a value enqueued twice; a drain of unknown outcome that matters |
//! | [`fifo`] | all, with calls of unknown outcome | the same |
//! | [`stack`] | all, with pushes of unknown outcome | a value pushed twice; a pop of unknown outcome that matters, in part |
//! | [`set`] | grow-only, with calls of unknown outcome, values added any number of times | removes, if somebody read |
//! | [`counter`] | all adds by the same number, with calls of unknown outcome | adds by different numbers |
//! | [`mutex`] | all, with calls of unknown outcome | |
//!
//! Everything takes O(n log n) time and linear memory whatever is concurrent, and never recurs over the history. A call of
//! unknown outcome may take effect at any time after its start, or never; a failed one never did. A is before B only if
//! A's end is before B's start. A call that is not known by its function is not applicable, unless it failed.
//!
//! A finding's count is of the violations met on the way, of which there can be more: what is broken in an order of
//! the whole is told once.

mod counter;
mod emptiness;
mod fifo;
mod layers;
mod ledger;
mod moment;
mod mutex;
mod queue;
mod set;
mod shrink;
mod stack;

pub use counter::counter;
pub use fifo::fifo;
pub use mutex::mutex;
pub use queue::queue;
pub use set::set;
pub use stack::stack;

use crate::{
    evidence::{CallWords, Finding},
    transcript::{Call, Transcript},
};

/// What a way of its own made of a transcript.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// The transcript is linearizable if nothing was found, and else it is not.
    Decided(Finding),
    /// This way does not apply, and why, as a clause.
    NotApplicable(String),
}

impl Decision {
    /// Returns that `call` does what keeps this way from applying.
    fn not_applicable(transcript: &Transcript, call: &Call, what: &str) -> Self {
        let words = CallWords { transcript };
        Self::NotApplicable(format!("{} (index {}) {what}", words.call(call), call.index))
    }
}
