//! Writes that come after everything else of their key, and the reads of all that comes before them.
//!
//! Of n readers and m writers of a key these are n times m anti-dependencies. Where that is more than a few, two chains of nodes stand
//! for the first so many writers and for the last so many: whoever reads and writes leads to those before it and to those after it,
//! and not to itself.

use super::{
    graph::{Edge, Kind},
    lists::link,
};

/// Up to so many edges a reader or writer there are no nodes for them.
const DIRECT_MAX: usize = 8;

/// Writers and readers, by key and transaction.
#[derive(Debug, Default)]
pub(super) struct Tails {
    appends: Vec<(u32, u32)>,
    reads: Vec<(u32, u32)>,
}

impl Tails {
    pub(super) fn append(&mut self, key: u32, txn: u32) {
        self.appends.push((key, txn));
    }

    pub(super) fn read(&mut self, key: u32, txn: u32) {
        self.reads.push((key, txn));
    }

    /// Takes those of others in.
    pub(super) fn extend(&mut self, other: Self) {
        self.appends.extend(other.appends);
        self.reads.extend(other.reads);
    }

    /// Appends the edges to the writers: from the last writer before them, which `last` knows by key, and from all readers. Nodes are
    /// numbered from `node_count` on; returns how many there are then.
    pub(super) fn edges(
        mut self,
        mut node_count: usize,
        last: impl Fn(u32) -> Option<u32>,
        edges: &mut Vec<Edge>,
    ) -> usize {
        for pairs in [&mut self.appends, &mut self.reads] {
            pairs.sort_unstable();
            pairs.dedup();
        }
        let mut reads = &self.reads[..];
        for appends in self.appends.chunk_by(|a, b| a.0 == b.0) {
            let key = appends[0].0;
            reads = &reads[reads.partition_point(|(of, _)| *of < key)..];
            let readers = &reads[..reads.partition_point(|(of, _)| *of == key)];
            let last = last(key);
            for (_, append) in appends {
                link(edges, last, Some(*append), Kind::Ww);
            }
            if readers.len() * appends.len() > DIRECT_MAX * (readers.len() + appends.len()) {
                node_count = chains(node_count, readers, appends, edges);
                continue;
            }
            for (_, reader) in readers {
                appends
                    .iter()
                    .for_each(|(_, append)| link(edges, Some(*reader), Some(*append), Kind::Rw));
            }
        }
        node_count
    }
}

/// Appends edges from each reader to all writers but itself, by way of nodes from `first` on; returns how many nodes there are then.
fn chains(first: usize, readers: &[(u32, u32)], appends: &[(u32, u32)], edges: &mut Vec<Edge>) -> usize {
    let node_count = first + 2 * appends.len();
    let (first, count) = (first as u32, appends.len() as u32);
    let mut edge = |from, to, kind| edges.push(Edge { from, to, kind });
    // Node `first + i` stands for the writers up to the one of number i, `first + count + i` for those from it on.
    for (i, (_, append)) in (0..count).zip(appends) {
        let (up_to, from) = (first + i, first + count + i);
        edge(up_to, *append, Kind::On);
        edge(from, *append, Kind::On);
        if i > 0 {
            edge(up_to, up_to - 1, Kind::On);
            edge(from - 1, from, Kind::On);
        }
    }
    for (_, reader) in readers {
        let Ok(own) = appends.binary_search_by_key(reader, |(_, append)| *append) else {
            edge(*reader, first + count - 1, Kind::Rw);
            continue;
        };
        let own = own as u32;
        if own > 0 {
            edge(*reader, first + own - 1, Kind::Rw);
        }
        if own + 1 < count {
            edge(*reader, first + count + own + 1, Kind::Rw);
        }
    }
    node_count
}
