//! Values that no read may return: those that nobody wrote, those of the future, and those of failed writes.
//!
//! Every ok read and every observation is judged by the write of the value that it returned. If a write of it that took
//! effect or may have was invoked before the read ended, all is well; else if a failed one was, the read is an aborted
//! read (G1a of Adya, *Weak Consistency*, MIT 1999); else the value came from nowhere. So each bad read is
//! found by exactly one of the two checks here.

use crate::{
    evidence::{Context, Finding, Tally, Words, seconds},
    history::{History, KeyId, Observation, Op, Phase},
};

/// Finds reads and observations of values that nobody had invoked a write of when the read ended.
///
/// Tested are all ok reads and all observations. A value of the future has its later write in evidence.
pub fn values_from_nowhere(history: &History, context: &Context) -> Finding {
    let mut tally = Tally::new();
    for read in history.keys().flat_map(|key| returns(history, key, |_| true)) {
        tally.test(1);
        if source(history, read) == Source::Nowhere {
            tally.violate(evidence(history, read), read);
        }
    }
    tally.finish(history, context, |words, read, _| tell(words, read))
}

/// Finds reads and observations of values whose write failed, and so surely did not happen.
///
/// Tested are the ok reads and the observations that ended after a write of their key began that failed.
pub fn failed_writes_visible(history: &History, context: &Context) -> Finding {
    failed_visible(history, context, |_| true)
}

/// The same of what replicas agree upon by proposals, with looks in the end alone.
///
/// A replica holds what it accepted last, and a proposal that a minority accepted can come to nothing: whoever made it is
/// told so, by a quorum that holds what came in its place, while the minority goes on holding it until it learns of that.
pub fn failed_proposals_visible(history: &History, context: &Context) -> Finding {
    failed_visible(history, context, |look| look.phase == Phase::Final)
}

fn failed_visible(history: &History, context: &Context, counts: impl Fn(&Observation) -> bool) -> Finding {
    let mut tally = Tally::new();
    for key in history.keys() {
        let Some(first_failed) = history.ops_of(key).find(|op| op.is_failed_write()) else {
            continue;
        };
        for read in returns(history, key, &counts).filter(|read| first_failed.start < read.end) {
            tally.test(1);
            if matches!(source(history, read), Source::Failed(_)) {
                tally.violate(evidence(history, read), read);
            }
        }
    }
    tally.finish(history, context, |words, read, _| tell(words, read))
}

/// Returns whether `read` returned a value that a possible write had been invoked of before it ended.
pub(super) fn is_known(history: &History, read: &Op) -> bool {
    source(history, read) == Source::Known
}

/// Returns a read of a value that is not known, with the write that shows why, if there is one.
pub(super) fn evidence<'h>(history: &'h History, read: &'h Op) -> Vec<&'h Op> {
    let write = match source(history, read) {
        Source::Failed(write) => Some(write),
        Source::Known | Source::Nowhere => history.write_of(read.value).or(history.failed_write_of(read.value)),
    };
    [read].into_iter().chain(write).collect()
}

/// Returns a sentence on a read of a value that is not known.
pub(super) fn tell(words: Words<'_>, read: &Op) -> String {
    let returned = words.return_of(read);
    match (source(words.history, read), &evidence(words.history, read)[..]) {
        (Source::Failed(write), _) => {
            let (write, span) = (words.op(write), words.span(write));
            format!("{returned}, although {write} {span} had failed, so that its value must never be seen.")
        }
        (_, [_, write]) => {
            let (write, began) = (words.op(write), seconds(write.start_ns));
            format!("{returned}, although {write} began only at {began}, after that.")
        }
        _ => format!("{returned}, which nobody wrote."),
    }
}

/// Where a read's value may have come from.
#[derive(PartialEq, Eq)]
enum Source<'h> {
    Known,
    Failed(&'h Op),
    Nowhere,
}

/// Returns the best that can be said for what `read` returned.
fn source<'h>(history: &'h History, read: &Op) -> Source<'h> {
    let in_time = |write: &&Op| write.start < read.end;
    let write = history.write_of(read.value);
    // Of a nothing whose write is not known some delete may be it.
    let is_possible_nothing = write.is_none() && history.is_nothing(read.value);
    if is_possible_nothing || write.is_some_and(|write| in_time(&write)) {
        return Source::Known;
    }
    history
        .failed_write_of(read.value)
        .filter(in_time)
        .map_or(Source::Nowhere, Source::Failed)
}

/// Returns all that saw something of `key`: ok reads, then those observations that count.
fn returns(history: &History, key: KeyId, counts: impl Fn(&Observation) -> bool) -> impl Iterator<Item = &Op> {
    let reads = history.ops_of(key).filter(|op| op.is_ok_read());
    let looks = history.observations_of(key).filter(move |look| counts(look));
    reads.chain(looks.map(|look| &look.op))
}
