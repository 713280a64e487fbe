//! A Merkle tree over the records of one partition: where two replicas differ, found without naming what is alike
//! (Merkle, *A Digital Signature Based on a Conventional Encryption Function*, CRYPTO 1987; *Dynamo*, section 4.7).
//!
//! The tree is changed with each record and is always the one that would be built from the set of records as it is:
//! a tree that depends on how it came about drifts, as Riak's did where deletions were missed (riak_core #828, #830).
//! It holds no key and no record, only what they add up to.
//!
//! A leaf is the exclusive or of its records' fingerprints, so that a record comes and goes by the same act and order
//! can't matter. That is enough against accident: fingerprints are uniform 64-bit hashes, and two leaves over
//! different sets are equal by chance once in 2^64. It is not enough against malice: the exclusive or is linear, and
//! whoever can try keys at will finds among any 65 fingerprints some that cancel out, by elimination. Nodes
//! authenticate each other and are trusted; a client that hides its own records from anti-entropy harms those alone,
//! and leaves reads and hints to repair them.

use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Inner nodes below the root.
pub const INNER: usize = 16;

/// Leaves below each inner node. With [`INNER`] it gives 256 leaves: a partition of a hundred thousand records has 400
/// to a leaf, which is one message of versions, and either level of the tree is 128 bytes to send.
pub const LEAVES_EACH: usize = 16;

const _: () = assert!(
    INNER * LEAVES_EACH == 1 << u8::BITS,
    "every leaf has an id and every id a leaf"
);

/// One of the equal parts into which a partition is cut, counted from 0 in order of hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LeafId(pub u8);

impl LeafId {
    /// The leaf in place `index` below the inner node `inner`.
    ///
    /// # Panics
    /// If there is no such node, or no such leaf below it.
    pub fn at(inner: usize, index: usize) -> LeafId {
        assert!(inner < INNER && index < LEAVES_EACH, "leaf {index} of node {inner}");
        LeafId(u8::try_from(inner * LEAVES_EACH + index).expect("every leaf has an id"))
    }

    /// The inner node above it.
    pub fn inner(self) -> usize {
        usize::from(self.0) / LEAVES_EACH
    }
}

/// The tree of one partition. Two are equal when, and barring accident only when, their sets of records are.
///
/// Only leaves are kept: they change with every record, and what is above them is asked for once in a while.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MerkleTree {
    /// None where no record is: a node has a tree for each partition, and most may be empty.
    leaves: Option<Box<Leaves>>,
}

/// By inner node.
type Leaves = [[u64; LEAVES_EACH]; INNER];

const NO_LEAVES: Leaves = [[0; LEAVES_EACH]; INNER];

impl MerkleTree {
    /// The tree of a partition without records.
    pub fn new() -> MerkleTree {
        MerkleTree::default()
    }

    /// Puts a record in, or takes it out if it is in. An overwrite is two calls: the old record out, the new one in.
    ///
    /// Whether the record is in is the caller's to know; one put in twice is out.
    pub fn toggle(&mut self, leaf: LeafId, fingerprint: u64) {
        let leaves = self.leaves.get_or_insert_with(|| Box::new(NO_LEAVES));
        let sum = &mut leaves[leaf.inner()][usize::from(leaf.0) % LEAVES_EACH];
        *sum ^= fingerprint;
        if *sum == 0 {
            self.leaves.take_if(|leaves| **leaves == NO_LEAVES);
        }
    }

    /// Whether no record is in it.
    pub fn is_empty(&self) -> bool {
        self.leaves.is_none()
    }

    /// The hash over everything; 0 where no record is.
    pub fn root(&self) -> u64 {
        // Most partitions of a small store are empty.
        if self.is_empty() { 0 } else { hash(&self.inner()) }
    }

    /// The hashes below the root; 0 where a node has no record.
    pub fn inner(&self) -> [u64; INNER] {
        match &self.leaves {
            Some(leaves) => leaves.each_ref().map(hash),
            None => [0; INNER],
        }
    }

    /// The leaves below one inner node, in order of [`LeafId`]; 0 where a leaf has no record.
    ///
    /// # Panics
    /// If there is no such node.
    pub fn leaves_of(&self, inner: usize) -> [u64; LEAVES_EACH] {
        self.leaves()[inner]
    }

    fn leaves(&self) -> &Leaves {
        self.leaves.as_deref().unwrap_or(&NO_LEAVES)
    }
}

/// Builds the tree of a whole set: at a start, and to check one that was kept.
impl FromIterator<(LeafId, u64)> for MerkleTree {
    fn from_iter<I: IntoIterator<Item = (LeafId, u64)>>(records: I) -> MerkleTree {
        let mut tree = MerkleTree::new();
        for (leaf, fingerprint) in records {
            tree.toggle(leaf, fingerprint);
        }
        tree
    }
}

impl fmt::Debug for MerkleTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MerkleTree({:016x})", self.root())
    }
}

/// The hash of a node over those below it. 0 means that they are all 0, and nothing else does: a hash that came out as
/// 0 would make a partition pass for one that nobody wrote.
// Never inlined: sixteen of it in a row, with all their comparisons, take the optimiser many minutes.
#[inline(never)]
fn hash(below: &[u64; 16]) -> u64 {
    if below.iter().all(|hash| *hash == 0) {
        return 0;
    }
    let mut bytes = [0; 16 * 8];
    for (to, from) in bytes.chunks_exact_mut(8).zip(below) {
        to.copy_from_slice(&from.to_le_bytes());
    }
    xxh3_64(&bytes).max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use rand::{RngExt, SeedableRng, seq::SliceRandom};
    use rand_pcg::Pcg64Mcg;
    use xxhash_rust::xxh3::xxh3_64_with_seed;

    use super::*;

    /// Versions by key, as a partition holds them.
    type Records = BTreeMap<u16, u64>;

    fn entry(key: u16, version: u64) -> (LeafId, u64) {
        let [leaf, ..] = xxh3_64(&key.to_le_bytes()).to_le_bytes();
        (LeafId(leaf), xxh3_64_with_seed(&key.to_le_bytes(), version))
    }

    fn rebuilt(records: &Records) -> MerkleTree {
        records.iter().map(|(key, version)| entry(*key, *version)).collect()
    }

    fn toggle(tree: &mut MerkleTree, (leaf, fingerprint): (LeafId, u64)) {
        tree.toggle(leaf, fingerprint);
    }

    fn random_records(rng: &mut Pcg64Mcg) -> Records {
        let count = rng.random_range(0..200);
        (0..count)
            .map(|_| (rng.random_range(0..300), rng.random_range(0..3)))
            .collect()
    }

    #[test]
    fn an_empty_tree_is_a_pointer_wide_and_its_root_is_zero() {
        assert_eq!(size_of::<MerkleTree>(), size_of::<usize>());
        let tree = MerkleTree::new();
        assert_eq!((tree.root(), tree.inner()), (0, [0; INNER]));
        assert!((0..INNER).all(|inner| tree.leaves_of(inner) == [0; LEAVES_EACH]));
        assert_eq!(tree, MerkleTree::from_iter([]));
    }

    #[test]
    fn every_leaf_has_one_place() {
        let places: Vec<_> = (0..INNER)
            .flat_map(|inner| (0..LEAVES_EACH).map(move |index| LeafId::at(inner, index)))
            .collect();
        assert!(places.iter().copied().eq((0..=u8::MAX).map(LeafId)));
        for leaf in places {
            let mut tree = MerkleTree::new();
            tree.toggle(leaf, 7);
            let index = usize::from(leaf.0) % LEAVES_EACH;
            assert_eq!(tree.leaves_of(leaf.inner())[index], 7);
            assert_eq!(tree.inner().iter().filter(|hash| **hash != 0).count(), 1);
        }
    }

    #[test]
    fn the_kept_tree_is_the_one_rebuilt_from_the_set() {
        for seed in 0..20 {
            let mut rng = Pcg64Mcg::seed_from_u64(seed);
            let (mut tree, mut records) = (MerkleTree::new(), Records::new());
            for step in 0..500 {
                let key = rng.random_range(0..60);
                let before = if rng.random_bool(0.4) {
                    records.remove(&key)
                } else {
                    let version = rng.random();
                    toggle(&mut tree, entry(key, version));
                    records.insert(key, version)
                };
                if let Some(version) = before {
                    toggle(&mut tree, entry(key, version));
                }
                assert_eq!(tree, rebuilt(&records), "seed {seed}, step {step}");
            }
            for (key, version) in records {
                toggle(&mut tree, entry(key, version));
            }
            assert_eq!(tree, MerkleTree::new());
            assert!(tree.leaves.is_none(), "an emptied tree gives its memory back");
        }
    }

    #[test]
    fn trees_differ_in_the_leaves_whose_sets_differ_and_in_no_other() {
        for seed in 0..200 {
            let mut rng = Pcg64Mcg::seed_from_u64(seed);
            let ours = random_records(&mut rng);
            let mut theirs = ours.clone();
            for _ in 0..rng.random_range(0..4) {
                let key = rng.random_range(0..300);
                match rng.random_range(0..3) {
                    0 => theirs.remove(&key),
                    version => theirs.insert(key, version),
                };
            }
            let entries = |records: &Records| records.iter().map(|(k, v)| entry(*k, *v)).collect::<BTreeSet<_>>();
            let (our_entries, their_entries) = (entries(&ours), entries(&theirs));
            let expected: BTreeSet<_> = our_entries
                .symmetric_difference(&their_entries)
                .map(|(leaf, _)| *leaf)
                .collect();
            let (a, b) = (rebuilt(&ours), rebuilt(&theirs));
            assert_eq!(differing_leaves(&a, &b), expected, "seed {seed}");
            assert_eq!(a.root() == b.root(), ours == theirs, "seed {seed}");
        }
    }

    /// As a comparison goes: down from the root, and only where there is a difference.
    fn differing_leaves(a: &MerkleTree, b: &MerkleTree) -> BTreeSet<LeafId> {
        let inner = (0..INNER).filter(|inner| a.root() != b.root() && a.inner()[*inner] != b.inner()[*inner]);
        let leaves = inner.flat_map(|inner| {
            let (a, b) = (a.leaves_of(inner), b.leaves_of(inner));
            (0..LEAVES_EACH)
                .filter(move |index| a[*index] != b[*index])
                .map(move |index| LeafId::at(inner, index))
        });
        leaves.collect()
    }

    #[test]
    fn the_order_in_which_records_come_does_not_matter() {
        let mut rng = Pcg64Mcg::seed_from_u64(3);
        let records = random_records(&mut rng);
        let mut entries: Vec<_> = records.iter().map(|(k, v)| entry(*k, *v)).collect();
        for _ in 0..20 {
            entries.shuffle(&mut rng);
            let mut tree = MerkleTree::new();
            entries.iter().for_each(|entry| toggle(&mut tree, *entry));
            assert_eq!(tree, rebuilt(&records));
        }
    }

    /// Nodes of different versions compare these: a change of any is a change of the protocol.
    #[test]
    fn golden_hashes() {
        let tree = MerkleTree::from_iter([(LeafId(0), 1), (LeafId(255), u64::MAX)]);
        assert_eq!(
            (tree.root(), tree.inner()[0], tree.inner()[15]),
            (
                1_783_675_147_669_604_144,
                18_116_776_220_207_376_030,
                3_360_060_432_749_840_961
            )
        );
    }
}
