//! Linearizable registers with unique values, by zones.
//!
//! Gibbons and Korach, *Testing shared memories* (SIAM J. Computing 26, 1997). A value's cluster is its write
//! and the reads that returned it. All of a cluster happens while its value is in force, so once any op of cluster A
//! has ended and any op of cluster B begins later, A as a whole comes before B. A cluster spans from its first end to
//! its last start, its zone. The history is linearizable exactly if no read returns what was not written by then, and
//! no two clusters come each before the other:
//!
//! ```text
//!   |- write 1 -|                        |- read: 1 -|      1's zone runs from the end of its write to the read's
//!   start
//!                  |- write 2 -|                            2's lies inside it: 1 before 2, 2 before 1
//! ```
//!
//! With A's first end before B's last start and B's first end before A's last start, either both zones are forward
//! (first end before last start) and overlap, or one is and contains the other: so one sweep over the zones in order of
//! their lower ends, remembering the forward zone that reaches furthest, meets every conflict there is. It takes
//! O(n log n) time and linear memory, whatever the concurrency.
//!
//! The initial state is a write of nil that ended before all else. A write of unknown outcome that nobody read is
//! dropped, as it may never have happened; one that was read never ends. Failed writes and unanswered reads are
//! dropped.
//!
//! A delete writes a nothing of its own, and reads of it are in its cluster. A read of nothing that may be of one delete
//! or another is dropped too: a history without one of its reads is linearizable if it was so with it, so what is found
//! is broken. That nothing is found then says less, and the key is unknown.

use super::{phantoms, repeats};
use crate::{
    evidence::{Context, Finding, Tally, Words, ended_ns, seconds},
    history::{History, KeyId, Op, Position, ValueId},
};

/// Finds keys that are not linearizable registers.
///
/// Tested are the ok reads, and the acknowledged writes of keys that were read. A violation is a read of what was not
/// written by then, or a value whose cluster conflicts with that of a value before it in the sweep; so a key has none
/// exactly if it is linearizable, and all keys together are if each is (Herlihy and Wing, *Linearizability*, TOPLAS
/// 1990, theorem 1).
pub fn linearizable(history: &History, context: &Context) -> Finding {
    let mut tally = Tally::new();
    let mut room = Room::default();
    for key in history.keys() {
        if let Some(why) = repeats::doubt(history, key) {
            tally.doubt(history, key, &why);
            continue;
        }
        let mut clusters = Clusters::of_writes(history, key, &mut room);
        if clusters.has_unclear_reads {
            tally.doubt(
                history,
                key,
                "of a read of nothing it is not clear which delete it saw, if any",
            );
        }
        if clusters.read_count > 0 {
            tally.test(clusters.read_count + clusters.acked_count);
            clusters.add_reads(&mut tally);
            clusters.sweep(&mut tally);
        }
    }
    tally.finish(history, context, |words, conflict, ops| match *conflict {
        Conflict::Phantom(read) => phantoms::tell(words, read),
        Conflict::Clusters(a, b) => tell(words, a, b, ops),
    })
}

enum Conflict<'h> {
    /// A read of what was not written when it ended.
    Phantom(&'h Op),
    /// Two values each of which comes before the other.
    Clusters(ValueId, ValueId),
}

/// The ops that bound a value's cluster in time. Of nil they are reads, and the initial write goes without saying.
#[derive(Clone, Copy)]
struct Cluster<'h> {
    first_end: Position,
    last_start: Position,
    first_to_end: &'h Op,
    last_to_start: &'h Op,
}

impl<'h> Cluster<'h> {
    fn of(op: &'h Op) -> Self {
        Self {
            first_end: if op.value.is_nil() {
                Position::BEFORE_ALL
            } else {
                op.end
            },
            last_start: op.start,
            first_to_end: op,
            last_to_start: op,
        }
    }

    fn with(mut self, op: &'h Op) -> Self {
        assert_eq!(self.value(), op.value, "a cluster is of one value");
        if op.end < self.first_end || op.value.is_nil() && op.end < self.first_to_end.end {
            (self.first_end, self.first_to_end) = (op.end.min(self.first_end), op);
        }
        if op.start > self.last_start {
            (self.last_start, self.last_to_start) = (op.start, op);
        }
        self
    }

    fn value(&self) -> ValueId {
        self.first_to_end.value
    }

    /// Returns whether each of the two comes before the other.
    fn conflicts_with(&self, other: &Self) -> bool {
        self.first_end < other.last_start && other.first_end < self.last_start
    }

    fn is_forward(&self) -> bool {
        self.first_end < self.last_start
    }

    fn low(&self) -> Position {
        self.first_end.min(self.last_start)
    }

    fn high(&self) -> Position {
        self.first_end.max(self.last_start)
    }
}

/// Room for the clusters of one key after another.
#[derive(Default)]
struct Room<'h> {
    /// By value of the key, nil before all.
    clusters: Vec<Option<Cluster<'h>>>,
    /// Which of them there are, by the lower ends of their zones.
    by_low: Vec<(Position, u32)>,
}

/// The clusters of one key.
struct Clusters<'r, 'h> {
    history: &'h History,
    key: KeyId,
    first_value: usize,
    room: &'r mut Room<'h>,
    acked_count: u64,
    /// Of reads that are clear.
    read_count: u64,
    has_unclear_reads: bool,
}

impl<'r, 'h> Clusters<'r, 'h> {
    /// Returns the clusters with their writes alone.
    fn of_writes(history: &'h History, key: KeyId, room: &'r mut Room<'h>) -> Self {
        let values = history.values_of(key);
        room.clusters.clear();
        room.clusters.resize(values.len() + 1, None);
        let mut clusters = Self {
            history,
            key,
            first_value: values.start,
            room,
            acked_count: 0,
            read_count: 0,
            has_unclear_reads: false,
        };
        for op in history.ops_of(key) {
            if op.is_possible_write() {
                clusters.acked_count += u64::from(op.is_acked_write());
                clusters.add(op);
            } else if op.is_ok_read() {
                clusters.read_count += u64::from(!op.value.is_unclear());
                clusters.has_unclear_reads |= op.value.is_unclear();
            }
        }
        clusters
    }

    /// Adds the reads of what had been written by then, and tallies the others.
    fn add_reads(&mut self, tally: &mut Tally<'h, Conflict<'h>>) {
        let reads = self.history.ops_of(self.key).filter(|op| op.is_ok_read());
        for read in reads.filter(|read| !read.value.is_unclear()) {
            // All of a cluster but its write ended after the write began, so whatever ended or began before the read's end
            // says that the write had begun. That spares most reads the way to it.
            let is_after = |cluster: Cluster| cluster.last_start < read.end || cluster.first_end < read.end;
            let is_evident = read.value.is_nil() || self.cluster(read.value).is_some_and(is_after);
            if is_evident || phantoms::is_known(self.history, read) {
                self.add(read);
            } else {
                tally.violate(phantoms::evidence(self.history, read), Conflict::Phantom(read));
            }
        }
    }

    fn place(&self, value: ValueId) -> usize {
        // Nil comes first; what is unclear is in no cluster.
        if value.is_nil() {
            0
        } else {
            value.index() - self.first_value + 1
        }
    }

    fn cluster(&self, value: ValueId) -> Option<Cluster<'h>> {
        self.room.clusters[self.place(value)]
    }

    fn add(&mut self, op: &'h Op) {
        let place = self.place(op.value);
        let cluster = &mut self.room.clusters[place];
        *cluster = Some(cluster.map_or_else(|| Cluster::of(op), |known| known.with(op)));
    }

    /// Meets the zones in order of their lower ends, each with the forward zone so far that reaches furthest.
    fn sweep(self, tally: &mut Tally<'h, Conflict<'h>>) {
        let Room { clusters, by_low } = self.room;
        // That of a write of unknown outcome that nobody read never ends: it comes before nothing, so conflicts with none.
        let zones = (0..)
            .zip(&*clusters)
            .filter_map(|(place, cluster)| Some((cluster.as_ref()?.low(), place)));
        by_low.clear();
        by_low.extend(zones);
        by_low.sort_unstable();
        let mut furthest: Option<Cluster> = None;
        for (_, place) in by_low {
            let zone = clusters[*place as usize].expect("what is met has a cluster");
            if let Some(before) = furthest.filter(|before| before.conflicts_with(&zone)) {
                let ops = smallest(self.history, &before, &zone);
                tally.violate(ops, Conflict::Clusters(before.value(), zone.value()));
            }
            if zone.is_forward() && furthest.is_none_or(|before| before.high() < zone.high()) {
                furthest = Some(zone);
            }
        }
    }
}

/// Returns the fewest of the ops that bound two conflicting clusters, and of their writes, that still conflict; of
/// several such sets the one whose last op began first.
///
/// A read is in the set only with its write: without it, it would be a read from nowhere, which is another matter.
fn smallest<'h>(history: &'h History, a: &Cluster<'h>, b: &Cluster<'h>) -> Vec<&'h Op> {
    let bounds = [a.first_to_end, a.last_to_start, b.first_to_end, b.last_to_start];
    let writes = [a, b]
        .into_iter()
        .filter_map(|cluster| history.write_of(cluster.value()));
    let mut ops: Vec<&Op> = bounds
        .into_iter()
        .chain(writes)
        .filter(|op| [a.value(), b.value()].contains(&op.value))
        .collect();
    ops.sort_unstable_by_key(|op| op.start);
    ops.dedup_by_key(|op| op.start);
    assert!(ops.len() <= 6, "two bounds and a write for each of two clusters");

    let members = |mask: u32| (0..ops.len()).filter(move |op| mask & (1 << op) != 0);
    let is_without = |value| history.write_of(value).is_none();
    let has_write = |mask, value: ValueId| is_without(value) || members(mask).any(|op| ops[op].is_writing(value));
    let cluster_in = |mask, value| {
        let mut ops = members(mask).map(|op| ops[op]).filter(|op| op.value == value);
        let first = ops.next().filter(|_| has_write(mask, value))?;
        Some(ops.fold(Cluster::of(first), |cluster, op| cluster.with(op)))
    };
    let breaks = |mask: &u32| match (cluster_in(*mask, a.value()), cluster_in(*mask, b.value())) {
        (Some(a), Some(b)) => a.conflicts_with(&b),
        _ => false,
    };
    // Bit i is the i-th op to begin, so the lesser of two masks lacks the last op in which they differ.
    let masks = (1u32..1 << ops.len()).filter(breaks);
    let mask = masks
        .min_by_key(|mask| (mask.count_ones(), *mask))
        .expect("all of the ops together conflict");
    members(mask).map(|op| ops[op]).collect()
}

fn tell<'h>(words: Words<'h>, a: ValueId, b: ValueId, ops: &[&'h Op]) -> String {
    let cluster = |value| {
        let mut ops = ops.iter().copied().filter(|op| op.value == value);
        let first = Cluster::of(ops.next().expect("the evidence has ops of both values"));
        ops.fold(first, |cluster, op| cluster.with(op))
    };
    let before = |a: &Cluster, b: &Cluster| {
        if a.value().is_nil() {
            return format!("it held nothing only at first, before {}", words.value(b.value()));
        }
        let (ended, began) = (seconds(ended_ns(a.first_to_end)), seconds(b.last_to_start.start_ns));
        let (first, then) = (words.op(a.first_to_end), words.op(b.last_to_start));
        let (a, b) = (words.value(a.value()), words.value(b.value()));
        format!("{a} comes before {b}, because {first} ended at {ended}, before {then} began at {began}")
    };
    let (a, b) = (cluster(a), cluster(b));
    let key = words.key(ops[0]);
    format!(
        "No order of the operations on {key} explains them: {}; but {}.",
        before(&a, &b),
        before(&b, &a)
    )
}
