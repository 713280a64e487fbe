//! Anti-entropy: two nodes compare what they hold of the partitions that both own, and each sends the other what it
//! lacks (*Dynamo*, section 4.7).
//!
//! A Merkle tree for each partition is kept as records come and go, and is a function of the records alone: whichever
//! way two replicas came to hold the same, their trees are equal. Where roots differ the nodes below are compared, then
//! the leaves, and then, of the leaves that differ, keys and summaries; only records that one side lacks, has older, or
//! has otherwise, travel. It finds what hints and read repair missed: a coordinator that died before it kept a hint, and
//! keys that nobody reads.
//!
//! ```text
//! asker ── roots of all shared partitions ──▶ peer      peer ── which differ ──▶ asker
//!       ── the 16 nodes below one root ─────▶                ── the leaves under those that differ ──▶
//!       ── summaries under leaves that differ ▶              ── what is newer, and which are wanted ──▶
//! ```

mod peer;
mod tour;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::{
    AntiEntropyReport, Cell, ClientToken, Epoch, Key, LeafId, MerkleTree, NodeId, PartitionId, RequestId, RingShape,
    Store, Stretch, Summaries, Summary, Time,
    journal::DigestChange,
    merkle::{INNER, LEAVES_EACH},
};

/// Keys compared in one message.
pub(crate) const STRETCH_KEYS_MAX: usize = 512;

/// Bytes of records sent at a time, about: with one more value of the largest size it stays below what a frame holds.
const STRETCH_BYTES_MAX: usize = 512 * 1024;

/// Records sent at a time: none counts for less than a key's byte and a register's 22.
pub(crate) const STRETCH_RECORDS_MAX: usize = STRETCH_BYTES_MAX / 16;

fn size_bytes(key: &Key, cell: &Cell) -> usize {
    key.name.len() + cell.size_bytes()
}

/// A partition, and the root of its Merkle tree at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PartitionDigest {
    /// Which partition.
    pub partition: PartitionId,
    /// Of the record that the node goes by: two that go by others don't compare.
    pub epoch: Epoch,
    /// The root; 0 where there are no records.
    pub root: u64,
}

/// The leaves under one of the nodes right below the root of a Merkle tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Branch {
    /// Which node.
    pub inner: u8,
    /// Its leaves.
    pub leaves: [u64; LEAVES_EACH],
}

/// The trees of all partitions, and the comparison that is going on.
#[derive(Debug)]
pub(crate) struct AntiEntropy {
    shape: RingShape,
    trees: Vec<MerkleTree>,
    /// Partitions whose trees may not be what their records give.
    distrusted: BTreeSet<PartitionId>,
    /// One for each purpose at a time.
    tours: BTreeMap<Purpose, Tour>,
    last_peer: Option<NodeId>,
}

/// What a comparison is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Purpose {
    /// To bring both up to date.
    Repair,
    /// To copy partitions that are gained, and give away those that are held no more.
    Move,
}

/// A comparison with one peer after another.
#[derive(Debug)]
struct Tour {
    client: Option<ClientToken>,
    stops: VecDeque<Stop>,
    report: AntiEntropyReport,
    /// With the first of `stops`.
    step: Option<Step>,
}

/// With whom to compare, and what: for `None`, all that both hold.
#[derive(Debug)]
struct Stop {
    peer: NodeId,
    partitions: Option<Vec<PartitionId>>,
}

/// One request of a comparison, and what has to be durable before the next.
#[derive(Debug)]
struct Step {
    id: RequestId,
    deadline: Time,
    stage: Stage,
    /// The partitions that are compared, and the records that both went by at the beginning.
    compared: BTreeMap<PartitionId, Epoch>,
    /// Partitions that differ and have not been compared to their end.
    partitions: VecDeque<PartitionId>,
    /// Leaves of the first of them that differ.
    leaves: BTreeSet<LeafId>,
    /// Where in it the next stretch begins.
    after: Option<Key>,
    /// Whether records were left as they are, because one side refused them or can't read them.
    skipped: bool,
    /// Whether some of the first partition were.
    partition_skipped: bool,
}

#[derive(Debug)]
enum Stage {
    Roots,
    Branches,
    Summaries {
        through: Option<Key>,
        mine: Vec<(Key, Summary)>,
    },
    Records {
        outstanding: usize,
        through: Option<Key>,
        truncated: bool,
    },
}

impl AntiEntropy {
    pub(crate) fn new(shape: &RingShape, trees: Vec<MerkleTree>) -> AntiEntropy {
        assert_eq!(trees.len(), usize::from(shape.partitions), "a tree for each partition");
        AntiEntropy {
            shape: shape.clone(),
            trees,
            distrusted: BTreeSet::new(),
            tours: BTreeMap::new(),
            last_peer: None,
        }
    }

    /// Takes in what a batch that became durable did.
    pub(crate) fn apply(&mut self, changes: &[DigestChange]) {
        for change in changes {
            self.trees[usize::from(change.partition.0)].toggle(change.leaf, change.change);
        }
    }

    /// What was done to these partitions is not known: their trees have to be computed anew.
    pub(crate) fn distrust(&mut self, partitions: impl Iterator<Item = PartitionId>) {
        self.distrusted.extend(partitions);
    }

    /// Computes the trees that are not to be trusted, but for those of partitions that `change`: the store may show what
    /// the node has not been told of yet, and would count twice then. What can't be read is tried again.
    pub(crate) fn reload(&mut self, store: &dyn Store, change: impl Fn(PartitionId) -> bool) {
        let AntiEntropy {
            shape,
            trees,
            distrusted,
            ..
        } = self;
        distrusted.retain(|partition| {
            if change(*partition) {
                return true;
            }
            let summaries = store.summaries(*partition);
            if let Ok(summaries) = &summaries {
                trees[usize::from(partition.0)] = tree_of(shape, summaries);
            }
            summaries.is_err()
        });
    }

    /// The partitions among `theirs` of which this node holds something else.
    pub(crate) fn differing(&self, theirs: &[PartitionDigest]) -> Vec<PartitionId> {
        let root = |partition: PartitionId| self.trees.get(usize::from(partition.0)).map(MerkleTree::root);
        let differs = |d: &&PartitionDigest| root(d.partition).is_some_and(|root| root != d.root);
        theirs.iter().filter(differs).map(|d| d.partition).collect()
    }

    /// The leaves of a partition under those nodes that differ from `theirs`.
    pub(crate) fn branches(&self, partition: PartitionId, theirs: &[u64; INNER]) -> Vec<Branch> {
        let Some(tree) = self.trees.get(usize::from(partition.0)) else {
            return Vec::new();
        };
        let inner = tree.inner();
        let differing = (0..INNER).filter(|at| inner[*at] != theirs[*at]);
        differing
            .map(|at| Branch {
                inner: u8::try_from(at).expect("there are 16"),
                leaves: tree.leaves_of(at),
            })
            .collect()
    }

    /// The leaves of a partition that differ from theirs.
    fn differing_leaves(&self, partition: PartitionId, branches: &[Branch]) -> BTreeSet<LeafId> {
        let tree = self.tree(partition);
        let mut differing = BTreeSet::new();
        for branch in branches.iter().filter(|branch| usize::from(branch.inner) < INNER) {
            let inner = usize::from(branch.inner);
            let mine = tree.leaves_of(inner);
            let leaves = (0..LEAVES_EACH).filter(|at| mine[*at] != branch.leaves[*at]);
            differing.extend(leaves.map(|at| LeafId::at(inner, at)));
        }
        differing
    }

    pub(crate) fn tree(&self, partition: PartitionId) -> &MerkleTree {
        &self.trees[usize::from(partition.0)]
    }

    /// Whether a comparison of this node may yet bring something older of a partition to somebody.
    pub(crate) fn is_comparing(&self, partition: PartitionId) -> bool {
        let steps = self.tours.values().filter_map(|tour| tour.step.as_ref());
        steps
            .filter_map(|step| step.partitions.front())
            .any(|first| *first == partition)
    }

    /// Whether partitions are being copied, or given away.
    pub(crate) fn is_moving(&self) -> bool {
        self.tours.contains_key(&Purpose::Move)
    }

    /// The purpose for which the request was sent, if it is the last of a comparison.
    fn purpose_of(&self, id: RequestId) -> Option<Purpose> {
        let is_of = |tour: &Tour| tour.step.as_ref().is_some_and(|step| step.id == id);
        let mut tours = self.tours.iter();
        tours.find(|(_, tour)| is_of(tour)).map(|(purpose, _)| *purpose)
    }

    fn tour_mut(&mut self, purpose: Purpose) -> &mut Tour {
        self.tours.get_mut(&purpose).expect("a comparison is going on")
    }

    fn step_mut(&mut self, purpose: Purpose) -> &mut Step {
        let step = self.tour_mut(purpose).step.as_mut();
        step.expect("a comparison is going on")
    }

    /// The partition that is compared below its root.
    fn first_partition(&mut self, purpose: Purpose) -> PartitionId {
        let partitions = &self.step_mut(purpose).partitions;
        *partitions.front().expect("it is compared below its root")
    }
}

/// The tree of what a partition holds, from nothing.
pub(crate) fn tree_of(shape: &RingShape, summaries: &Summaries) -> MerkleTree {
    let mut tree = MerkleTree::new();
    for (key, summary) in &summaries.entries {
        tree.toggle(shape.leaf(key), summary.fingerprint);
    }
    tree
}

impl Stretch {
    fn contains(&self, key: &Key, leaf: LeafId) -> bool {
        self.after.as_ref().is_none_or(|after| key > after)
            && self.through.as_ref().is_none_or(|through| key <= through)
            && self.leaves.contains(&leaf)
    }
}

/// The keys of `theirs` that `mine` lacks, has older, or has otherwise and not surely newer. Both are in key order.
fn lacking(mine: &[(Key, Summary)], theirs: &[(Key, Summary)]) -> Vec<Key> {
    let held = |key: &Key| mine.binary_search_by(|(k, _)| k.cmp(key)).ok().map(|at| &mine[at].1);
    let lacking = theirs
        .iter()
        .filter(|(key, summary)| held(key).is_none_or(|held| !summary.is_covered_by(held)));
    lacking.map(|(key, _)| key.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Generation, Version};

    fn entry(key: &str, time: Option<u64>, fingerprint: u64) -> (Key, Summary) {
        let version = time.map(|time| Version {
            time,
            node: NodeId(1),
            generation: Generation(1),
        });
        let deleted_at = None;
        let summary = Summary {
            fingerprint,
            version,
            deleted_at,
        };
        (Key::copy_from(key.as_bytes()), summary)
    }

    fn names(keys: &[Key]) -> Vec<String> {
        keys.iter().map(Key::to_string).collect()
    }

    #[test]
    fn one_lacks_what_it_has_not_or_has_older() {
        let register = |key, time| entry(key, Some(time), time);
        let mine = [register("a", 1), register("b", 2), register("d", 5)];
        let theirs = [register("a", 1), register("b", 3), register("c", 1), register("d", 4)];
        assert_eq!(names(&lacking(&mine, &theirs)), ["b", "c"]);
        assert_eq!(names(&lacking(&theirs, &mine)), ["d"]);
    }

    #[test]
    fn of_what_has_no_order_both_lack_what_differs() {
        let mine = [entry("a", None, 1), entry("b", None, 2)];
        let theirs = [entry("a", None, 1), entry("b", None, 3)];
        assert_eq!(names(&lacking(&mine, &theirs)), ["b"]);
        assert_eq!(names(&lacking(&theirs, &mine)), ["b"]);
    }
}
