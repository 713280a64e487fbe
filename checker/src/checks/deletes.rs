//! Deletes: what was deleted stays deleted.
//!
//! A value is deleted once a delete is acknowledged that the store ordered, or real time shows, after the value's write:
//! the write had been acknowledged before the delete began, or its version is less than the delete's and it did not
//! begin after the delete had ended. Values are written once, so nothing can bring it back but the store itself:
//!
//! ```text
//!   |- write v -|   |- delete -|   |- read: v -|
//! ```
//!
//! That is the bug of tombstones collected too early: a replica that missed the delete hands on what it still holds
//! (Cassandra's documentation on `gc_grace_seconds`; Dynamo, SOSP 2007, section 6.2, on deleted items that resurface).
//! Where quorums do not meet, a read can also miss the delete; so there are two checks, of which the second asks only
//! what the replicas hold in the end.

use super::{
    age::{Ages, Proof},
    looks, repeats,
};
use crate::{
    evidence::{Context, Finding, Tally, Words},
    history::{Action, History, KeyId, Op, Phase},
};

/// Finds ok reads, and final looks at replicas, that returned a value that had been deleted before they began.
///
/// Tested are those before which a delete of their key had been acknowledged. O(n log n).
pub fn deletes_stay_deleted(history: &History, context: &Context) -> Finding {
    check(history, context, |key| {
        let reads = history.ops_of(key).filter(|op| op.is_ok_read());
        reads.chain(final_looks(history, key)).collect()
    })
}

/// Finds final looks at replicas that saw a value that had been deleted before they began.
///
/// Tested are those before which a delete of their key had been acknowledged.
pub fn deleted_in_the_end(history: &History, context: &Context) -> Finding {
    check(history, context, |key| final_looks(history, key).collect())
}

fn final_looks(history: &History, key: KeyId) -> impl Iterator<Item = &Op> {
    looks::last(history, key, Phase::Final).into_iter().map(|look| &look.op)
}

fn check<'h>(history: &'h History, context: &Context, reads: impl Fn(KeyId) -> Vec<&'h Op>) -> Finding {
    let ages = Ages::new(history);
    let mut tally = Tally::new();
    for key in history.keys() {
        let deletes = newest_by_end(&ages, key);
        if deletes.is_empty() {
            continue;
        }
        if let Some(why) = repeats::doubt(history, key) {
            tally.doubt(history, key, &why);
            continue;
        }
        for read in reads(key) {
            let ended = deletes.partition_point(|deletes| deletes.ended.end < read.start);
            let Some(deletes) = ended.checked_sub(1).map(|last| &deletes[last]) else {
                continue;
            };
            tally.test(1);
            if let Some(proof) = prove_deleted(&ages, deletes, read) {
                tally.violate(proof.ops(), (read, proof));
            }
        }
    }
    tally.finish(history, context, |words, (read, proof), _| tell(words, read, proof))
}

/// An acknowledged delete, and of all that ended no later the one that began last and the one of greatest version.
struct Newest<'h> {
    ended: &'h Op,
    by_start: &'h Op,
    by_version: &'h Op,
}

/// Returns the acknowledged deletes of `key` in order of their ends.
fn newest_by_end<'h>(ages: &Ages<'h>, key: KeyId) -> Vec<Newest<'h>> {
    let is_acked = |op: &&Op| op.action == Action::Delete && op.is_acked_write();
    let mut deletes: Vec<&Op> = ages.history().ops_of(key).filter(is_acked).collect();
    deletes.sort_unstable_by_key(|delete| delete.end);
    let version = |op: &Op| ages.least_version(op.value);
    let (mut by_start, mut by_version): (Option<&Op>, Option<&Op>) = (None, None);
    let with_newest = deletes.into_iter().map(|ended| Newest {
        ended,
        by_start: by_start.insert(by_start.filter(|it| it.start > ended.start).unwrap_or(ended)),
        by_version: by_version.insert(by_version.filter(|it| version(it) > version(ended)).unwrap_or(ended)),
    });
    with_newest.collect()
}

fn prove_deleted<'h>(ages: &Ages<'h>, deletes: &Newest<'h>, read: &'h Op) -> Option<Proof<'h>> {
    let history = ages.history();
    if history.is_nothing(read.value) {
        return None;
    }
    let write = history.write_of(read.value)?;
    let by_time = ages.prove_older_by_time(read, deletes.by_start);
    let is_after = deletes.by_version.end < write.start;
    let by_version = || {
        ages.prove_older_by_version(read, deletes.by_version)
            .filter(|_| !is_after)
    };
    by_time.or_else(by_version)
}

fn tell(words: Words<'_>, read: &Op, proof: &Proof<'_>) -> String {
    let (returned, delete) = (words.return_of(read), words.op(proof.newer));
    let (acknowledged, why) = (words.acknowledged_before(proof.newer, read), proof.tell(words));
    format!("{returned}, although {delete} had been {acknowledged}, and it deleted that value: {why}.")
}
