//! Convergence: in the end the replicas of a key hold the same.
//!
//! In the end means at the final look at each replica, after faults are healed and the store had its time. Eventual
//! consistency (Vogels, *Eventually Consistent*, CACM 2009) is promised only once updates have ceased, so the looks say
//! nothing of a key that clients were still writing. A write of unknown outcome is no such: it had its time too.

use super::looks;
use crate::{
    evidence::{Context, Finding, Tally, Words, ended_ns, seconds},
    history::{History, KeyId, Observation, Op, Phase},
};

/// Finds keys whose replicas differ at their final looks, in value, or in version where both report one.
///
/// Tested are the keys that were looked at on two replicas or more. A key that somebody wrote is unknown if no replica
/// or too few were looked at, or if clients were writing it meanwhile.
pub fn converged(history: &History, context: &Context) -> Finding {
    converged_as(history, context, |a, b| {
        let versions_differ = matches!((a.op.version, b.op.version), (Some(a), Some(b)) if a != b);
        let are_nothing = [a, b].iter().all(|look| history.is_nothing(look.op.value));
        a.op.value != b.op.value && !are_nothing || versions_differ
    })
}

/// Finds keys whose replicas `differ` at their final looks, whatever a difference is.
pub(crate) fn converged_as(
    history: &History,
    context: &Context,
    differ: impl Fn(&Observation, &Observation) -> bool,
) -> Finding {
    let mut tally = Tally::new();
    for key in history.keys() {
        let looks = looks::last(history, key, Phase::Final);
        if is_written_during(history, key, &looks) {
            tally.doubt(history, key, "it was written while its replicas were looked at");
            continue;
        }
        tally.test(u64::from(looks.len() >= 2));
        if let Some((a, b)) = first_difference(&looks, &differ) {
            tally.violate(vec![&a.op, &b.op], (a, b));
        } else if let Some(why) = missing_looks(history, context, key, looks.len()) {
            tally.doubt(history, key, &why);
        }
    }
    tally.finish(history, context, |words, &(a, b), _| {
        format!("In the end {}, but {}.", held(words, a), held(words, b))
    })
}

/// Returns whether a write that ended was under way between the first and the last of `looks`.
fn is_written_during(history: &History, key: KeyId, looks: &[&Observation]) -> bool {
    let start = looks.iter().map(|look| look.op.start).min();
    let end = looks.iter().map(|look| look.op.end).max();
    let (Some(start), Some(end)) = (start, end) else {
        return false;
    };
    history
        .ops_of(key)
        .any(|op| op.is_acked_write() && op.start < end && start < op.end)
}

/// Returns the first look that differs from one before it, and the first of those.
fn first_difference<'h>(
    looks: &[&'h Observation],
    differ: impl Fn(&Observation, &Observation) -> bool,
) -> Option<(&'h Observation, &'h Observation)> {
    (1..looks.len()).find_map(|b| looks[..b].iter().find(|a| differ(a, looks[b])).map(|a| (*a, looks[b])))
}

/// Returns why too few replicas of `key` were looked at, if they were.
fn missing_looks(history: &History, context: &Context, key: KeyId, count: usize) -> Option<String> {
    if !history.ops_of(key).any(Op::is_possible_write) {
        return None;
    }
    match context.replica_count {
        Some(replica_count) if count < replica_count => Some(format!(
            "only {count} of its {replica_count} replicas were looked at in the end"
        )),
        _ if count == 0 => Some("it was written, and no replica was looked at in the end".to_owned()),
        _ => None,
    }
}

fn held(words: Words<'_>, look: &Observation) -> String {
    let (node, value, time) = (
        words.node(look.node),
        words.value(look.op.value),
        seconds(ended_ns(&look.op)),
    );
    let version = look
        .op
        .version
        .map(|version| format!(" (version {})", words.version(version)))
        .unwrap_or_default();
    format!("{node} held {value}{version} of {} at {time}", words.key(&look.op))
}
