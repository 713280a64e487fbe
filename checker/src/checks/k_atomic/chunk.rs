//! Chunks: values that touch in time, each of which sets can be judged alone.
//!
//! Golab, Hurwitz and Li (ICDCS 2013, section IV.A), after the zones of Gibbons and Korach. A value's zone lies between
//! the first end and the last start of its ops; it is forward if the end comes first. As a value's write comes before
//! its reads in any order, it may as well have ended at the first end.
//!
//! A chunk is forward zones that overlap in one stretch of time, and the backward ones inside that stretch. Each op of a
//! chunk is under way at some time of its stretch, and each op of a backward zone that lies in none is so at any time
//! of its zone, some of which is outside of all stretches. So the chunks and those zones can be put one after another
//! as they are in time, without any op coming before one that ended before it began; no value of one then comes between
//! a value of another and its reads. What lies in no chunk is even 1-atomic. On the other hand a part of a k-atomic
//! history that has all ops of its values is k-atomic. So the whole is exactly if each chunk is, for every k.

use crate::history::{Op, Position};

/// A value's ops and what bounds them. Nil's write ended before all.
#[derive(Clone, Debug)]
pub(super) struct Cluster<'h> {
    /// The write, but for nil, and the reads in order of invocation.
    pub(super) ops: Vec<&'h Op>,
    pub(super) write_start: Position,
    pub(super) first_end: Position,
    pub(super) last_start: Position,
}

impl<'h> Cluster<'h> {
    fn new(ops: &[&'h Op]) -> Self {
        let first = ops.iter().map(|op| op.end).min().expect("a value has ops");
        let last_start = ops.iter().map(|op| op.start).max().expect("a value has ops");
        let has_write = ops[0].action.is_write();
        assert!(has_write || ops[0].value.is_nil(), "only nil was not written");
        Self {
            ops: ops.to_vec(),
            write_start: if has_write { ops[0].start } else { Position::BEFORE_ALL },
            first_end: if has_write { first } else { Position::BEFORE_ALL },
            last_start,
        }
    }

    pub(super) fn is_forward(&self) -> bool {
        self.first_end < self.last_start
    }

    /// Returns whether this is the cluster of nil.
    pub(super) fn is_initial(&self) -> bool {
        self.first_end == Position::BEFORE_ALL
    }
}

/// Clusters that are judged together: one forward at least.
#[derive(Clone, Debug)]
pub(super) struct Chunk<'h> {
    /// The forward ones in order of their first ends, then the backward ones.
    pub(super) clusters: Vec<Cluster<'h>>,
}

impl<'h> Chunk<'h> {
    pub(super) fn ops(&self) -> impl Iterator<Item = &'h Op> {
        self.clusters.iter().flat_map(|cluster| cluster.ops.iter().copied())
    }

    /// Returns the forward clusters, and the backward ones.
    pub(super) fn split(&self) -> (&[Cluster<'h>], &[Cluster<'h>]) {
        let forward_count = self.clusters.partition_point(Cluster::is_forward);
        self.clusters.split_at(forward_count)
    }
}

/// Returns the chunks of the ops on a key, which are given by value, each value's write first.
pub(super) fn chunks<'h>(by_value: &[&'h Op]) -> Vec<Chunk<'h>> {
    let clusters = by_value.chunk_by(|a, b| a.value == b.value).map(Cluster::new);
    let (mut forward, backward): (Vec<Cluster>, Vec<Cluster>) = clusters.partition(Cluster::is_forward);
    forward.sort_unstable_by_key(|cluster| cluster.first_end);
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut stretches: Vec<(Position, Position)> = Vec::new();
    for cluster in forward {
        let (low, high) = (cluster.first_end, cluster.last_start);
        match (chunks.last_mut(), stretches.last_mut()) {
            (Some(chunk), Some(stretch)) if low < stretch.1 => {
                stretch.1 = stretch.1.max(high);
                chunk.clusters.push(cluster);
            }
            _ => {
                stretches.push((low, high));
                chunks.push(Chunk {
                    clusters: vec![cluster],
                });
            }
        }
    }
    for cluster in backward {
        let begun = stretches.partition_point(|(low, _)| *low < cluster.last_start);
        let around = begun.checked_sub(1).filter(|&at| cluster.first_end < stretches[at].1);
        if let Some(at) = around {
            chunks[at].clusters.push(cluster);
        }
    }
    chunks
}
