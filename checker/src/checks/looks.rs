//! The last look at each replica of a key in one phase: what the replicas held when they were left alone.

use std::collections::BTreeMap;

use crate::history::{History, KeyId, Observation, Phase};

/// Returns, by replica, the last observation of `key` in `phase`, in order of invocation.
pub(crate) fn last(history: &History, key: KeyId, phase: Phase) -> Vec<&Observation> {
    let looks = history.observations_of(key).filter(|look| look.phase == phase);
    let by_node: BTreeMap<_, _> = looks.map(|look| (look.node, look)).collect();
    let mut looks: Vec<&Observation> = by_node.into_values().collect();
    looks.sort_unstable_by_key(|look| look.op.start);
    looks
}
