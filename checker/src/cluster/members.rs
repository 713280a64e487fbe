//! Whether members take the same nodes for members in the end, and those who are there.
//!
//! Who is in the cluster spreads by gossip, and each member computes from it who should own what. For a while they may
//! differ; once nothing changes any more they must not: who misses one, or takes one who is gone for a member, moves
//! partitions to where others don't look for them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{ClusterRecord, quorums::list};
use crate::evidence::Finding;

/// Whom a member takes for members.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MembersSeen {
    /// By whom it was told.
    pub node: String,
    /// Each of those whom it takes for one, and what it knows of its share, in words.
    pub members: BTreeMap<String, String>,
}

/// Judges whether every member that was asked takes just those who were asked for members, and knows the same of each.
/// `tested` counts those who were asked.
pub fn members_agree(record: &ClusterRecord) -> Finding {
    let mut finding = Finding {
        tested: record.members.len() as u64,
        count: 0,
        witness: None,
        unknown: None,
    };
    let present: BTreeSet<String> = record.members.iter().map(|seen| seen.node.clone()).collect();
    for seen in &record.members {
        let known: BTreeSet<String> = seen.members.keys().cloned().collect();
        let unknown: BTreeSet<_> = present.difference(&known).cloned().collect();
        let gone: BTreeSet<_> = known.difference(&present).cloned().collect();
        let told = |what: &str, nodes: &BTreeSet<String>| {
            let some = (!nodes.is_empty()).then(|| list(nodes));
            some.map(|nodes| format!("{} {what} {nodes}.", seen.node))
        };
        let differs = || of_another_share(&record.members, seen);
        let wrong = told("does not know of", &unknown)
            .or_else(|| told("takes for a member, though gone,", &gone))
            .or_else(differs);
        if let Some(text) = wrong {
            finding.add(seen.node.clone(), text);
        }
    }
    finding
}

/// How what a member knows of another differs from what this one says of itself.
fn of_another_share(all: &BTreeSet<MembersSeen>, seen: &MembersSeen) -> Option<String> {
    let itself = |node: &str| all.iter().find(|seen| seen.node == node)?.members.get(node);
    let (node, share) = seen
        .members
        .iter()
        .find(|(node, share)| itself(node).is_some_and(|own| own != *share))?;
    let own = itself(node)?;
    Some(format!(
        "{} takes {node} for a member with {share}; {node} itself says {own}.",
        seen.node
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of each line, who tells, and whom it takes for members: `a: a1 b1` is of `a`, who knows `a` and `b` with 1 each.
    fn judged(lines: &[&str]) -> Finding {
        let seen = |line: &&str| {
            let (node, members) = line.split_once(": ").expect("who, and whom");
            let member = |text: &str| (text[..1].to_owned(), text[1..].to_owned());
            MembersSeen {
                node: node.to_owned(),
                members: members.split(' ').map(member).collect(),
            }
        };
        members_agree(&ClusterRecord {
            members: lines.iter().map(seen).collect(),
            ..ClusterRecord::default()
        })
    }

    #[test]
    fn members_know_one_another_and_nobody_else() {
        let said = |finding: Finding| (finding.count, finding.witness.map(|witness| witness.text));
        let text = |count, text: &str| (count, Some(text.to_owned()));
        let whole = judged(&["a: a1 b2", "b: a1 b2"]);
        assert_eq!((whole.tested, said(whole)), (2, (0, None)));
        assert_eq!(said(judged(&["a: a1", "b: a1 b2"])), text(1, "a does not know of b."));
        assert_eq!(
            said(judged(&["a: a1 b2 c1", "b: a1 b2 c1"])),
            text(2, "a takes for a member, though gone, c.")
        );
        assert_eq!(
            said(judged(&["a: a1 b2", "b: a3 b2"])),
            text(1, "b takes a for a member with 3; a itself says 1.")
        );
        assert_eq!(judged(&[]).tested, 0);
    }
}
