//! Hinted handoff: once faults are healed, every replica of a key has its newest write by handoff alone.
//!
//! Dynamo (SOSP 2007, section 4.6): who takes a write that its owner can't take keeps a hint and delivers it when the
//! owner is back. The promise is the coordinator's: having sent a write to any owner, it sees to it that each owner
//! gets it or a hint for it is kept. So it binds for a write that took effect, as long as the coordinator stays up
//! until its part is done, which is a window from the write's start. The looks of the handoff phase come after hints
//! are delivered and before anything else repairs replicas: before anti-entropy, and without read repair.
//!
//! Only a key's newest write is judged, as a hint may be dropped for a newer one. Where there are several, the newest
//! is that of the greatest version among:
//! - its acknowledged writes, which took effect;
//! - those writes of unknown outcome that one of its looks saw, as they were sent to some owner. (A client's timeout is
//!   no excuse: the coordinator goes on.) One that no look saw may never have been sent, or to one stand-in only.
//!
//! If that one's coordinator is unknown or crashed within the window, the key is excused, even if an older write's
//! coordinator kept up: it may have dropped its hint for the newer one.

use std::collections::BTreeSet;

use super::{
    age::{Ages, Proof},
    looks, repeats,
};
use crate::{
    evidence::{Context, Crash, Finding, Tally, Words, seconds},
    history::{History, KeyId, NodeId, Observation, Op, Outcome, Phase},
};

/// Finds replicas that handoff left without the newest write of a key.
///
/// Tested are the handoff looks at keys that are not excused. A look is a violation if it saw nothing, or a value of a
/// lesser version than the newest write's. A key is unknown if versions do not say which write is its newest.
pub fn handoff(history: &History, context: &Context) -> Finding {
    let ages = Ages::new(history);
    let crashes = Crashes::new(history, context);
    let mut tally = Tally::new();
    for key in history.keys() {
        let looks = looks::last(history, key, Phase::Handoff);
        if looks.is_empty() {
            continue;
        }
        match newest(history, &ages, key, &looks) {
            Err(why) => tally.doubt(history, key, &why),
            Ok(Some(newest)) if crashes.spare(newest) => check_key(&ages, newest, &looks, &mut tally),
            Ok(_) => {}
        }
    }
    tally.finish(history, context, |words, miss, _| tell(words, context, miss))
}

/// A look that missed the newest write of its key.
struct Miss<'h> {
    look: &'h Observation,
    newest: &'h Op,
    proof: Proof<'h>,
}

/// When each node of the history crashed, and how long a crash matters.
struct Crashes {
    times_ns: BTreeSet<(NodeId, u64)>,
    window_ns: u64,
}

impl Crashes {
    fn new(history: &History, context: &Context) -> Self {
        let crash = |crash: &Crash| Some((history.node_named(&crash.node)?, crash.time_ns));
        Self {
            times_ns: context.crashes.iter().filter_map(crash).collect(),
            window_ns: window_ns(context),
        }
    }

    /// Returns whether the coordinator of `write` is known and stayed up as long as it had to.
    fn spare(&self, write: &Op) -> bool {
        let until_ns = write.start_ns.saturating_add(self.window_ns);
        write.node.is_some_and(|node| {
            self.times_ns
                .range((node, write.start_ns)..=(node, until_ns))
                .next()
                .is_none()
        })
    }
}

/// Returns the newest write of `key` that took effect, if there is one; an error is why versions do not say which it
/// is.
fn newest<'h>(
    history: &'h History,
    ages: &Ages<'h>,
    key: KeyId,
    looks: &[&'h Observation],
) -> Result<Option<&'h Op>, String> {
    if let Some(why) = repeats::doubt(history, key) {
        return Err(why);
    }
    let seen: BTreeSet<_> = looks.iter().map(|look| look.op.value).collect();
    let took_effect = |op: &&Op| op.is_acked_write() || op.is_possible_write() && seen.contains(&op.value);
    let writes: Vec<&Op> = history.ops_of(key).filter(took_effect).collect();
    if let [only] = writes[..] {
        return Ok(Some(only));
    }
    if let Some(write) = writes.iter().find(|write| ages.least_version(write.value).is_none()) {
        return Err(format!("no version was reported of {}", history.value(write.value)));
    }
    let newest = writes
        .iter()
        .copied()
        .max_by_key(|write| (ages.least_version(write.value), write.start));
    let is_older =
        |write: &&Op, newest: &Op| write.start == newest.start || ages.is_older_by_version(write.value, newest.value);
    match newest {
        Some(newest) if !writes.iter().all(|write| is_older(write, newest)) => Err(format!(
            "versions do not say whether {} is the newest",
            history.value(newest.value)
        )),
        newest => Ok(newest),
    }
}

fn check_key<'h>(ages: &Ages<'h>, newest: &'h Op, looks: &[&'h Observation], tally: &mut Tally<'h, Miss<'h>>) {
    // Of a write that was not acknowledged, that it took effect is known by a look alone.
    let sighting = looks.iter().map(|look| &look.op).filter(|op| op.value == newest.value);
    let sighting = sighting.min_by_key(|op| (op.version.is_none(), op.start));
    let witness = sighting.filter(|_| newest.outcome != Outcome::Ok).unwrap_or(newest);
    for look in looks
        .iter()
        .filter(|look| newest.outcome != Outcome::Ok || newest.end < look.op.start)
    {
        tally.test(1);
        if let Some(proof) = ages.prove_older_by_version(&look.op, witness) {
            let ops = proof.ops().into_iter().chain([newest]).collect();
            tally.violate(ops, Miss { look, newest, proof });
        }
    }
}

fn tell(words: Words<'_>, context: &Context, miss: &Miss<'_>) -> String {
    let Miss { look, newest, proof } = miss;
    let end_ns = newest.start_ns.saturating_add(window_ns(context));
    let (start, end) = (seconds(newest.start_ns), seconds(end_ns));
    let (returned, write, why) = (words.return_of(&look.op), words.op(newest), proof.tell(words));
    let coordinator = newest.node.map(|node| words.node(node)).unwrap_or_default();
    let effect = if newest.outcome == Outcome::Ok {
        format!(
            "{write}, the key's newest, had been {}",
            words.acknowledged_before(newest, &look.op)
        )
    } else {
        let seen_at = words.node(
            proof
                .newer
                .node
                .expect("a write that was not acknowledged is known from a look"),
        );
        format!(
            "{write} {}, the key's newest, had reached {seen_at}",
            words.span(newest)
        )
    };
    format!("{returned}, although {effect}, and {coordinator} did not crash from {start} to {end}: {why}.")
}

fn window_ns(context: &Context) -> u64 {
    u64::try_from(context.handoff_window.as_nanos()).unwrap_or(u64::MAX)
}
