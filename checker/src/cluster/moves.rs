//! Whether those who gain a partition and those who give it up compared it with enough of its owners.
//!
//! A newcomer is read from once it has what was acknowledged before: some of more than half of the owners have that, and
//! any one of them may lack it. Who is left out may drop what it has once more than half of the owners have it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    ClusterRecord,
    quorums::{list, shown, words},
};
use crate::evidence::Finding;

/// Why a node compared a partition with its owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MoveKind {
    /// It is to own it, and wants to be read from.
    Copied,
    /// It holds it no more, and has dropped it.
    Dropped,
}

/// A partition that was copied or dropped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// Which.
    pub partition: u32,
    /// By which record of it.
    pub epoch: u32,
    /// Which of the two.
    pub kind: MoveKind,
    /// By whom.
    pub node: String,
    /// With whom it had compared what it has, to the end.
    pub with: BTreeSet<String>,
}

/// Judges whether every copy and every drop came after a comparison with more than half of the owners. `tested` counts
/// those whose owners are known.
pub fn moves_are_proved(record: &ClusterRecord) -> Finding {
    let mut finding = Finding {
        tested: 0,
        count: 0,
        witness: None,
        unknown: None,
    };
    let records: BTreeMap<_, _> = record.records.iter().map(|r| ((r.partition, r.epoch), r)).collect();
    for moved in &record.moves {
        let Some(owners) = records.get(&(moved.partition, moved.epoch)) else {
            continue;
        };
        // Once the new owners are read, they are the ones who have to have it.
        let settled = if owners.phase == "read-new" {
            &owners.next
        } else {
            &owners.owners
        };
        finding.tested += 1;
        if settled.intersection(&moved.with).count() * 2 <= settled.len() {
            let (did, with) = match moved.kind {
                MoveKind::Copied => ("was to be read from", with_whom(&moved.with)),
                MoveKind::Dropped => ("dropped all that it had", with_whom(&moved.with)),
            };
            let text = format!(
                "Partition {}: {} {did} at epoch {}, and had compared it with {with}. The owners were {}: more than half of \
                 them have to have it.",
                moved.partition,
                moved.node,
                moved.epoch,
                words(owners)
            );
            finding.add(shown(moved.partition), text);
        }
    }
    finding
}

fn with_whom(nodes: &BTreeSet<String>) -> String {
    if nodes.is_empty() {
        "nobody".to_owned()
    } else {
        format!("{} alone", list(nodes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::OwnersRecord;

    fn nodes(names: &str) -> BTreeSet<String> {
        names.chars().map(String::from).collect()
    }

    fn judged(kind: MoveKind, phase: &str, with: &str) -> Finding {
        let owners = OwnersRecord {
            partition: 7,
            epoch: 2,
            phase: phase.to_owned(),
            owners: nodes("abc"),
            next: nodes("bcd"),
        };
        let moved = Move {
            partition: 7,
            epoch: 2,
            kind,
            node: "d".to_owned(),
            with: nodes(with),
        };
        moves_are_proved(&ClusterRecord {
            records: BTreeSet::from([owners]),
            moves: BTreeSet::from([moved]),
            ..ClusterRecord::default()
        })
    }

    #[test]
    fn one_is_not_enough_and_others_do_not_count() {
        for (kind, phase, with, broken) in [
            (MoveKind::Copied, "read-old", "ab", 0),
            (MoveKind::Copied, "read-old", "a", 1),
            (MoveKind::Copied, "read-old", "", 1),
            (MoveKind::Copied, "read-old", "ax", 1),
            (MoveKind::Dropped, "stable", "bc", 0),
            (MoveKind::Dropped, "stable", "c", 1),
            (MoveKind::Dropped, "read-new", "cd", 0),
            (MoveKind::Dropped, "read-new", "ab", 1),
        ] {
            let finding = judged(kind, phase, with);
            assert_eq!((finding.tested, finding.count), (1, broken), "{kind:?} {phase} {with}");
        }
        let witness = judged(MoveKind::Dropped, "stable", "c").witness.expect("it is broken");
        assert!(
            witness.text.contains("had compared it with c alone"),
            "{}",
            witness.text
        );
    }
}
