//! Whether anti-entropy comes to rest: that once it has made replicas equal, it finds nothing that differs.
//!
//! What is compared are trees, and they have to be a function of what is held (NODE.md, AE-5): one that was not kept up to
//! date differs for ever, and the same keys are looked through again and again.

use serde::{Deserialize, Serialize};

use super::ClusterRecord;
use crate::evidence::Finding;

/// How the last comparison of a node with the others came out, after each had been brought up to date.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// Who compared what it has.
    pub node: String,
    /// With how many others.
    pub peers: u64,
    /// How many partitions differed, of all that it shares with any of them.
    pub differing: u64,
    /// How often it had been asked by then: what differed while something was collected may not the next time.
    pub tries: u64,
}

/// Judges whether nothing differed the last time. `tested` counts the pairs that were compared.
pub fn comparisons_rest(record: &ClusterRecord) -> Finding {
    let mut finding = Finding {
        tested: record.comparisons.iter().map(|compared| compared.peers).sum(),
        count: 0,
        witness: None,
        unknown: None,
    };
    for compared in record.comparisons.iter().filter(|compared| compared.differing > 0) {
        let Compared {
            node,
            peers,
            differing,
            tries,
        } = compared;
        let text = format!(
            "{node} had exchanged all that it has with the {peers} others, as they had among themselves; of what it compared \
             after that {differing} partitions differed, the {tries}th time as well."
        );
        finding.add(node.clone(), text);
    }
    finding
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_differs_after_all_was_exchanged_is_found() {
        let compared = |node: &str, differing| Compared {
            node: node.to_owned(),
            peers: 2,
            differing,
            tries: 5,
        };
        let judged = |comparisons| {
            comparisons_rest(&ClusterRecord {
                comparisons: BTreeSet::from(comparisons),
                ..ClusterRecord::default()
            })
        };
        let at_rest = judged([compared("a", 0), compared("b", 0)]);
        assert_eq!((at_rest.tested, at_rest.count), (4, 0));
        let restless = judged([compared("a", 0), compared("b", 3)]);
        assert_eq!(restless.count, 1);
        let text = restless.witness.expect("one is found").text;
        assert!(
            text.contains("b had") && text.contains("3 partitions differed"),
            "{text}"
        );
    }
}
