//! Durable acks: an acknowledged write, or one that overwrote it, is there in the end.
//!
//! In the end means at the final look at each replica of the key, after faults are healed and the store had its time.
//! An acknowledged write of w is lost exactly if every replica holds something surely older than w: nothing, a value of
//! a lesser version, or a value whose write had ended before w's began. A survivor that was concurrent with w may have
//! overwritten it, and so may one whose own outcome was never known. One replica that still holds something not older
//! is enough, as anti-entropy then spreads it; that the replicas differ is `converged`'s matter.
//!
//! Dynamo answers a write with success once W nodes have it (SOSP 2007, section 4.5); that it then stays is what
//! clients take from the answer.

use std::collections::BTreeSet;

use super::{
    age::{Ages, Proof},
    looks, repeats,
};
use crate::{
    evidence::{Context, Finding, Tally, Words, ended_ns, seconds},
    history::{Action, History, KeyId, Observation, Op, Phase},
};

/// Finds acknowledged writes of which the replicas' final looks show no trace.
///
/// Tested are the acknowledged writes that ended before the first of their key's final looks began. A key with such a
/// write and no look is unknown, as is one that would be a violation but for replicas that were not looked at.
pub fn acked_writes_survive(history: &History, context: &Context) -> Finding {
    let ages = Ages::new(history);
    let mut tally = Tally::new();
    for key in history.keys() {
        if let Err(why) = check_key(history, context, &ages, key, &mut tally) {
            tally.doubt(history, key, &why);
        }
    }
    tally.finish(history, context, |words, loss, _| tell(words, loss))
}

/// A lost write, the last look at each replica, and why every value that they saw is older.
struct Loss<'h> {
    write: &'h Op,
    looks: Vec<&'h Observation>,
    proofs: Vec<Proof<'h>>,
}

/// Judges one key; an error is why it, or part of it, can't be judged.
fn check_key<'h>(
    history: &'h History,
    context: &Context,
    ages: &Ages<'h>,
    key: KeyId,
    tally: &mut Tally<'h, Loss<'h>>,
) -> Result<(), String> {
    let looks = looks::last(history, key, Phase::Final);
    let Some(first_look) = looks.first() else {
        let is_acked = history.ops_of(key).any(Op::is_acked_write);
        let why = "a write was acknowledged, and no replica was looked at in the end";
        return if is_acked { Err(why.to_owned()) } else { Ok(()) };
    };
    if let Some(why) = repeats::doubt(history, key) {
        return Err(why);
    }
    let survivors = survivors(&looks);
    let is_complete = context.replica_count.is_none_or(|count| looks.len() >= count);
    let mut result = Ok(());
    for write in history
        .ops_of(key)
        .filter(|op| op.is_acked_write() && op.end < first_look.op.start)
    {
        let proofs = prove_lost(ages, &survivors, write);
        if proofs.is_some() && !is_complete {
            let count = looks.len();
            result = Err(format!(
                "an acknowledged write is at none of the {count} replicas looked at, which are not all"
            ));
            continue;
        }
        tally.test(1);
        if let Some(proofs) = proofs {
            let seen = looks.iter().map(|look| &look.op);
            let ops = seen.chain(proofs.iter().flat_map(Proof::ops)).collect();
            tally.violate(
                ops,
                Loss {
                    write,
                    looks: looks.clone(),
                    proofs,
                },
            );
        }
    }
    result
}

/// Returns a look for each value seen, one that reports its version if there is one.
fn survivors<'h>(looks: &[&'h Observation]) -> Vec<&'h Op> {
    let mut survivors: Vec<&Op> = looks.iter().map(|look| &look.op).collect();
    survivors.sort_by_key(|op| (op.value, op.version.is_none()));
    survivors.dedup_by_key(|op| op.value);
    survivors
}

/// Returns why each of `survivors` is older than what `write` wrote, in the fewest ops; nothing unless all are.
fn prove_lost<'h>(ages: &Ages<'h>, survivors: &[&'h Op], write: &'h Op) -> Option<Vec<Proof<'h>>> {
    let by_time = |op: &&'h Op| ages.prove_older_by_time(op, write);
    let by_version = |op: &&'h Op| ages.prove_older_by_version(op, write);
    let versions_first: Option<Vec<_>> = survivors
        .iter()
        .map(|op| by_version(op).or_else(|| by_time(op)))
        .collect();
    let versions_first = versions_first?;
    let time_first = survivors
        .iter()
        .filter_map(|op| by_time(op).or_else(|| by_version(op)))
        .collect();
    assert_eq!(
        versions_first.len(),
        survivors.len(),
        "every survivor is proved to be older, in either order"
    );
    let op_count = |proofs: &Vec<Proof>| {
        proofs
            .iter()
            .flat_map(Proof::ops)
            .map(|op| op.start)
            .collect::<BTreeSet<_>>()
            .len()
    };
    Some(if op_count(&time_first) < op_count(&versions_first) {
        time_first
    } else {
        versions_first
    })
}

fn tell(words: Words<'_>, loss: &Loss<'_>) -> String {
    let (write, key, acked) = (
        words.op(loss.write),
        words.key(loss.write),
        seconds(ended_ns(loss.write)),
    );
    let of = if loss.write.action == Action::Delete {
        "of"
    } else {
        "to"
    };
    let held = |look: &&Observation| {
        let (node, value, time) = (
            words.node(look.node),
            words.value(look.op.value),
            seconds(ended_ns(&look.op)),
        );
        format!("{node} held {value} at {time}")
    };
    let held: Vec<String> = loss.looks.iter().map(held).collect();
    let reasons: Vec<String> = loss.proofs.iter().map(|proof| proof.tell(words)).collect();
    let (held, reasons) = (held.join(", "), reasons.join("; "));
    format!(
        "{write} {of} {key} had been acknowledged at {acked}, yet in the end no replica has it or a newer value: \
         {held}. {reasons}."
    )
}
