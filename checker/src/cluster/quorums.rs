//! Whether any two quorums that were counted for one partition meet, while its owners change.
//!
//! A partition has one record after another, each an epoch, and requests are served by the record of their epoch. Two
//! epochs in a row may be served side by side; older ones are fenced off, and what was written by them has been copied
//! (Reconfiguration in steps: Lamport, Malkhi and Zhou, *Reconfiguring a State Machine*, SIGACT News 2010; joint quorums:
//! Ongaro and Ousterhout, *Raft*, USENIX ATC 2014, section 6). So what read and what wrote at one epoch, or at two in a
//! row, have to have a node in common. Besides, an epoch has one record, and only those in it are counted.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Compared, MembersSeen, Move};
use crate::evidence::{Finding, Witness};

/// What a quorum was counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuorumOperation {
    /// The nodes answered a read.
    Read,
    /// The nodes hold a write.
    Write,
}

/// The nodes that were counted for an answer to a client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountedQuorum {
    /// Of which partition.
    pub partition: u32,
    /// By which record of it.
    pub epoch: u32,
    /// For what.
    pub operation: QuorumOperation,
    /// Those who were counted.
    pub nodes: BTreeSet<String>,
    /// Who counted.
    pub coordinator: String,
}

/// A record of a partition, as a node served by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnersRecord {
    /// Of which partition.
    pub partition: u32,
    /// Which record of it, from 1.
    pub epoch: u32,
    /// How far a change has come, in the store's own word.
    pub phase: String,
    /// The owners.
    pub owners: BTreeSet<String>,
    /// Those who take their place; nobody while it is stable.
    pub next: BTreeSet<String>,
}

/// What nodes told, in any order, and however often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterRecord {
    /// Whom answers were counted by.
    pub quorums: BTreeSet<CountedQuorum>,
    /// Records that nodes took over. The first of a partition is told by nobody.
    pub records: BTreeSet<OwnersRecord>,
    /// What was copied, and what was dropped.
    pub moves: BTreeSet<Move>,
    /// Whom members take for members in the end.
    pub members: BTreeSet<MembersSeen>,
    /// What they find when they compare, once all is exchanged.
    pub comparisons: BTreeSet<Compared>,
}

impl ClusterRecord {
    /// Whether any partition had other owners than its first.
    pub fn has_moves(&self) -> bool {
        !self.records.is_empty()
    }
}

/// Judges whether any two quorums met that could be served side by side. `tested` counts the pairs.
///
/// It holds where those that answer reads and those that hold writes have to meet, R + W > N, and none but owners are
/// counted.
pub fn quorums_meet(record: &ClusterRecord) -> Finding {
    let mut finding = Finding {
        tested: 0,
        count: 0,
        witness: None,
        unknown: None,
    };
    for (partition, text) in conflicting_records(record).into_iter().chain(strangers(record)) {
        finding.add(shown(partition), text);
    }
    let mut by_epoch: BTreeMap<(u32, u32), Vec<&CountedQuorum>> = BTreeMap::new();
    for quorum in &record.quorums {
        by_epoch
            .entry((quorum.partition, quorum.epoch))
            .or_default()
            .push(quorum);
    }
    for ((partition, epoch), quorums) in &by_epoch {
        let earlier = epoch
            .checked_sub(1)
            .and_then(|epoch| by_epoch.get(&(*partition, epoch)));
        for (at, quorum) in quorums.iter().enumerate() {
            for other in quorums[..at].iter().chain(earlier.into_iter().flatten()) {
                if quorum.operation == other.operation {
                    continue;
                }
                finding.tested += 1;
                if quorum.nodes.is_disjoint(&other.nodes) {
                    let (partition, text) = disjoint(record, other, quorum);
                    finding.add(shown(partition), text);
                }
            }
        }
    }
    finding
}

/// A partition, as witnesses name it.
pub(super) fn shown(partition: u32) -> String {
    format!("partition {partition}")
}

impl Finding {
    /// Adds a violation of somebody's, or of a partition, and keeps the first.
    pub(super) fn add(&mut self, of: String, text: String) {
        self.count += 1;
        self.witness.get_or_insert_with(|| Witness {
            key: of,
            ops: Vec::new(),
            text,
            starts: Vec::new(),
            picture: None,
        });
    }
}

/// Epochs of which nodes served by two records.
fn conflicting_records(record: &ClusterRecord) -> Vec<(u32, String)> {
    let mut first: BTreeMap<(u32, u32), &OwnersRecord> = BTreeMap::new();
    let mut conflicts = Vec::new();
    for owners in &record.records {
        let known = first.entry((owners.partition, owners.epoch)).or_insert(owners);
        if *known != owners {
            let text = format!(
                "Partition {} has two records of epoch {}: {}, and {}. Its owners agreed upon both, so that two of their \
                 quorums did not meet.",
                owners.partition,
                owners.epoch,
                words(known),
                words(owners)
            );
            conflicts.push((owners.partition, text));
        }
    }
    conflicts
}

/// Quorums with a node that does not hold the partition.
fn strangers(record: &ClusterRecord) -> Vec<(u32, String)> {
    let records: BTreeMap<_, _> = record.records.iter().map(|r| ((r.partition, r.epoch), r)).collect();
    let mut found = Vec::new();
    for quorum in &record.quorums {
        let Some(owners) = records.get(&(quorum.partition, quorum.epoch)) else {
            continue;
        };
        let is_stranger = |node: &&String| !owners.owners.contains(*node) && !owners.next.contains(*node);
        if let Some(stranger) = quorum.nodes.iter().find(is_stranger) {
            let text = format!(
                "{} counted {stranger} for a {} of partition {} at epoch {}, whose owners were {}.",
                quorum.coordinator,
                quorum.operation.name(),
                quorum.partition,
                quorum.epoch,
                words(owners)
            );
            found.push((quorum.partition, text));
        }
    }
    found
}

fn disjoint(record: &ClusterRecord, one: &CountedQuorum, other: &CountedQuorum) -> (u32, String) {
    let (read, write) = match one.operation {
        QuorumOperation::Read => (one, other),
        QuorumOperation::Write => (other, one),
    };
    let mut text = format!(
        "Partition {}: {} counted {} for a write at epoch {}, and {} counted {} for a read at epoch {}. They have no node in \
         common: such a read misses such a write.",
        read.partition,
        write.coordinator,
        list(&write.nodes),
        write.epoch,
        read.coordinator,
        list(&read.nodes),
        read.epoch
    );
    for epoch in BTreeSet::from([one.epoch, other.epoch]) {
        let of_epoch = |r: &&OwnersRecord| r.partition == read.partition && r.epoch == epoch;
        if let Some(owners) = record.records.iter().find(of_epoch) {
            text.push_str(&format!(" At epoch {epoch} the owners were {}.", words(owners)));
        }
    }
    (read.partition, text)
}

impl QuorumOperation {
    fn name(self) -> &'static str {
        match self {
            QuorumOperation::Read => "read",
            QuorumOperation::Write => "write",
        }
    }
}

/// The owners, and where they go.
pub(super) fn words(record: &OwnersRecord) -> String {
    if record.next.is_empty() {
        list(&record.owners)
    } else {
        format!(
            "{} on the way to {} ({})",
            list(&record.owners),
            list(&record.next),
            record.phase
        )
    }
}

pub(super) fn list(nodes: &BTreeSet<String>) -> String {
    let nodes: Vec<_> = nodes.iter().map(String::as_str).collect();
    nodes.join("+")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(names: &str) -> BTreeSet<String> {
        names.chars().map(String::from).collect()
    }

    /// Such as `w1 ab` for a write counted by a and b at epoch 1, and `2 abc>abd` for a record.
    fn record(text: &str) -> ClusterRecord {
        let mut record = ClusterRecord::default();
        for line in text.split(", ") {
            let (what, who) = line.split_once(' ').expect("two words");
            let counted = |operation, epoch: &str| CountedQuorum {
                partition: 7,
                epoch: epoch.parse().expect("a number"),
                operation,
                nodes: nodes(who),
                coordinator: "n9".to_owned(),
            };
            if let Some(epoch) = what.strip_prefix('w') {
                record.quorums.insert(counted(QuorumOperation::Write, epoch));
            } else if let Some(epoch) = what.strip_prefix('r') {
                record.quorums.insert(counted(QuorumOperation::Read, epoch));
            } else {
                let (owners, next) = who.split_once('>').unwrap_or((who, ""));
                record.records.insert(OwnersRecord {
                    partition: 7,
                    epoch: what.parse().expect("a number"),
                    phase: "read-old".to_owned(),
                    owners: nodes(owners),
                    next: nodes(next),
                });
            }
        }
        record
    }

    fn judged(text: &str) -> (u64, u64) {
        let finding = quorums_meet(&record(text));
        assert_eq!(finding.witness.is_some(), finding.count > 0);
        (finding.tested, finding.count)
    }

    #[test]
    fn reads_and_writes_of_one_epoch_or_of_two_in_a_row_meet() {
        assert_eq!(judged("w1 ab, r1 bc, r1 ac"), (2, 0));
        assert_eq!(judged("w1 ab, r2 bc, 2 abc>bcd"), (1, 0));
        assert_eq!(judged("w1 ab, r1 cd"), (1, 1));
        assert_eq!(judged("w1 ab, r2 cd, 2 abc>bcd"), (1, 1));
        assert_eq!(judged("r1 ab, w2 cd, 2 abc>bcd"), (1, 1));
    }

    #[test]
    fn what_is_never_served_side_by_side_need_not_meet() {
        assert_eq!(
            judged("w1 ab, r3 cd"),
            (0, 0),
            "what was written by then has been copied"
        );
        assert_eq!(
            judged("w1 ab, w1 cd, r1 ad, r1 bc"),
            (4, 0),
            "writes meet writes by their versions"
        );
    }

    #[test]
    fn an_epoch_has_one_record_and_counts_those_in_it() {
        assert_eq!(judged("2 abc>abd, 2 abc>abe"), (0, 1));
        assert_eq!(judged("2 abc>abd, w2 abe"), (0, 1));
        assert_eq!(judged("2 abc>abd, w2 abd"), (0, 0));
    }

    #[test]
    fn a_violation_says_who_counted_whom() {
        let finding = quorums_meet(&record("w4 ac, r5 bd, 4 abc>abd, 5 abd"));
        let witness = finding.witness.expect("they do not meet");
        assert_eq!(witness.key, "partition 7");
        assert_eq!(
            witness.text,
            "Partition 7: n9 counted a+c for a write at epoch 4, and n9 counted b+d for a read at epoch 5. They have no \
             node in common: such a read misses such a write. At epoch 4 the owners were a+b+c on the way to a+b+d \
             (read-old). At epoch 5 the owners were a+b+d."
        );
    }
}
