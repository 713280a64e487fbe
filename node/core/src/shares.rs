//! How much of the ring each node should own: in proportion to its weight, as far as it can be.
//!
//! It can't always be. No node owns a partition twice, so that one with more than 1/N of all weight owns every partition
//! and the others share the rest; and where every partition is on min(replicas, racks) racks, the same holds of racks.
//! What is over the bounds of one goes to the others, again by weight ("water-filling").

use std::collections::BTreeMap;

use crate::{Member, Name};

/// Shares are counted in so many parts of a partition: integers, so that every machine comes to the same.
pub(crate) const PARTS: u128 = 1 << 32;

/// Someone to whom shares are dealt.
struct Holder {
    weight: u64,
    least: u128,
    most: u128,
}

/// Deals `total` to the holders by weight, within the bounds of each. What is dealt may be below the total by less than
/// the sum of all weights: nothing, in parts of a partition.
fn deal(total: u128, holders: &[Holder]) -> Vec<u128> {
    let at = |level: u128| {
        let share = move |holder: &Holder| (level * u128::from(holder.weight)).clamp(holder.least, holder.most);
        holders.iter().map(share)
    };
    // At the higher level everyone has the most that it can; the highest that deals no more than the total is sought.
    let mut low = 0;
    let mut high = holders.iter().map(|holder| holder.most).max().unwrap_or(0);
    assert!(
        at(low).sum::<u128>() <= total && total <= at(high).sum(),
        "the bounds leave a choice"
    );
    while low < high {
        let level = high - (high - low) / 2;
        if at(level).sum::<u128>() <= total {
            low = level;
        } else {
            high = level - 1;
        }
    }
    at(low).collect()
}

/// Of each of `members`, which are all that may own these partitions, its share in [`PARTS`] of a partition.
/// `replicas` of them own each partition; where `racks_count`, on as many racks as can be.
pub(crate) fn fair_shares(partitions: u16, replicas: usize, members: &[&Member], racks_count: bool) -> Vec<u128> {
    assert!(replicas <= members.len(), "a node owns a partition once");
    let whole = u128::from(partitions) * PARTS;
    let mut racks: BTreeMap<Option<&Name>, Vec<usize>> = BTreeMap::new();
    for (index, member) in members.iter().enumerate() {
        racks
            .entry(racks_count.then_some(&member.rack))
            .or_default()
            .push(index);
    }
    let repeats = replicas.saturating_sub(racks.len());
    let weight = |index: &usize| u64::from(members[*index].weight);
    let rack = |nodes: &Vec<usize>| Holder {
        weight: nodes.iter().map(weight).sum(),
        least: if racks.len() <= replicas { whole } else { 0 },
        most: whole * (1 + repeats).min(nodes.len()) as u128,
    };
    let of_racks = deal(whole * replicas as u128, &racks.values().map(rack).collect::<Vec<_>>());
    let mut shares = vec![0; members.len()];
    for (nodes, of_rack) in racks.values().zip(of_racks) {
        let node = |index: &usize| Holder {
            weight: weight(index),
            least: 0,
            most: whole,
        };
        let dealt = deal(of_rack, &nodes.iter().map(node).collect::<Vec<_>>());
        nodes
            .iter()
            .zip(dealt)
            .for_each(|(index, share)| shares[*index] = share);
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NodeId;

    /// Nodes as `rack:weight`, and what each gets of 100 partitions, to the nearest whole.
    fn shares(replicas: usize, nodes: &str, racks_count: bool) -> Vec<u64> {
        let member = |(text, id): (&str, u64)| {
            let (rack, weight) = text.split_once(':').expect("rack:weight");
            Member {
                weight: weight.parse().unwrap(),
                rack: rack.parse().unwrap(),
                ..Member::new(NodeId(id))
            }
        };
        let members: Vec<_> = nodes.split_whitespace().zip(1..).map(member).collect();
        let shares = fair_shares(100, replicas, &members.iter().collect::<Vec<_>>(), racks_count);
        let whole = |share: u128| ((share + PARTS / 2) / PARTS) as u64;
        shares.into_iter().map(whole).collect()
    }

    #[test]
    fn shares_go_by_weight_within_what_nodes_and_racks_can_own() {
        for (replicas, nodes, racks_count, expected) in [
            (1, "a:1 a:1 a:2", false, vec![25, 25, 50]),
            (3, "a:1 a:1 a:1 a:1 a:1", false, vec![60; 5]),
            // Too heavy: it owns every partition, and the rest is shared.
            (2, "a:8 a:1 a:1 a:2", false, vec![100, 25, 25, 50]),
            // All own all, whatever their weights.
            (3, "a:8 a:1 a:1", false, vec![100; 3]),
            // As many racks as replicas: each rack has one owner of each partition.
            (3, "a:1 b:1 c:1 c:3", true, vec![100, 100, 25, 75]),
            // More racks: by weight, but a rack owns a partition once.
            (2, "a:1 a:1 b:1 b:1 c:1 c:1", true, vec![33; 6]),
            (2, "a:1 b:1 c:2 c:2 c:2", true, vec![50, 50, 33, 33, 33]),
            // Fewer racks: each has at least one, and one has the second.
            (3, "a:1 b:1 b:1 b:1", true, vec![100, 67, 67, 67]),
            (3, "a:1 a:1 b:1 b:1", true, vec![75; 4]),
            // However light a rack is.
            (4, "a:1 a:1 b:9 b:9 c:9 c:9", true, vec![50, 50, 75, 75, 75, 75]),
        ] {
            assert_eq!(shares(replicas, nodes, racks_count), expected, "{replicas} of {nodes}");
        }
    }
}
