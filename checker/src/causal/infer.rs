//! What each level says about the order of commits, given who read from whom.
//!
//! Biswas and Enea, *On the Complexity of Checking Transactional Consistency* (OOPSLA 2019), section 2: sessions satisfy a
//! level if there is a total order of commits that extends sessions and reads-from, and in which, whenever t3 reads x
//! from t1 and t2 is another writer of x that t3 knows of, t2 comes before t1. What t3 knows of is the level:
//!
//! - *read committed*: what it had read from before that read;
//! - *read atomic*: what it reads from, and what came before it in its session;
//! - *causal*: what leads to it by sessions and reads-from, in any number of steps.
//!
//! It suffices to infer, of each session and key, the last writer that t3 knows of, and under read committed the first
//! later read of a key (Møldrup and Pavlogiannis, *AWDIT: An Optimal Weak Database Isolation Tester*, PLDI 2025;
//! Liu et al., *Plume*, OOPSLA 2024): what else there is follows along sessions. There is such an order exactly
//! if sessions, reads-from and what is inferred have no cycle.

use super::{
    clocks::Clocks,
    resolved::{INITIAL, Resolved, Source},
};

/// That `first` has to commit before `then`, because `reader` reads `key` from `then` and knows of `first`, which wrote
/// it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inferred {
    pub(super) first: u32,
    pub(super) then: u32,
    pub(super) reader: u32,
    pub(super) key: u32,
}

/// Calls `sink` with what read committed says. O(n^1.5), and no way is known to be better (AWDIT).
pub(super) fn read_committed(resolved: &Resolved<'_>, mut sink: impl FnMut(Inferred)) {
    let mut room = Room::default();
    for reader in 0..resolved.txn_count() {
        let reads = resolved.reads_of(reader);
        room.sort(reads);
        for &(first, place) in &room.sources {
            let written = resolved.written_by(first);
            if written.len() < reads.len() - place {
                for &key in written {
                    let from = room.by_key.partition_point(|(it, at)| (*it, *at) <= (key, place));
                    let later = room.by_key[from..].iter().take_while(|(it, _)| *it == key);
                    let then = later.map(|(_, at)| reads[*at].txn).find(|then| *then != first);
                    sink_if(then, first, reader, key, &mut sink);
                }
            } else {
                for later in &reads[place + 1..] {
                    let is_writer = later.txn != first && written.binary_search(&later.key).is_ok();
                    let then = is_writer.then_some(later.txn);
                    sink_if(then, first, reader, later.key, &mut sink);
                }
            }
        }
    }
}

/// Calls `sink` with what read atomic says. O(n^1.5), and no way is known to be better (AWDIT).
pub(super) fn read_atomic(resolved: &Resolved<'_>, mut sink: impl FnMut(Inferred)) {
    let mut room = Room::default();
    // By key, the last transaction of those passed that wrote it.
    let mut last_writer = vec![INITIAL; resolved.input.key_count()];
    for session in 0..resolved.session_starts.len() as u32 - 1 {
        let txns = resolved.txns_of(session);
        for reader in txns.clone() {
            let reads = resolved.reads_of(reader);
            for read in reads {
                let first = last_writer[read.key as usize];
                let is_other = txns.contains(&first) && first != read.txn;
                sink_if(is_other.then_some(read.txn), first, reader, read.key, &mut sink);
            }
            for &key in resolved.written_by(reader) {
                last_writer[key as usize] = reader;
            }
            if reads.len() > 1 {
                room.sort(reads);
                read_atomic_of(resolved, &room, (reader, reads), &mut sink);
            }
        }
    }
}

fn read_atomic_of(
    resolved: &Resolved<'_>,
    room: &Room,
    (reader, reads): (u32, &[Source]),
    sink: &mut impl FnMut(Inferred),
) {
    // A key that is read from several is a cycle of these, so of each key one is enough.
    for pair in room.by_key.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        let [first, then] = [reads[pair[0].1].txn, reads[pair[1].1].txn];
        if first != then {
            sink_if(Some(then), first, reader, pair[0].0, sink);
            sink_if(Some(first), then, reader, pair[0].0, sink);
        }
    }
    let read_of = |key: u32| {
        let from = room.by_key.partition_point(|(it, _)| *it < key);
        let found = room.by_key.get(from).filter(|(it, _)| *it == key);
        found.map(|(_, at)| reads[*at].txn)
    };
    for &(first, _) in &room.sources {
        let written = resolved.written_by(first);
        if written.len() < reads.len() {
            for &key in written {
                sink_if(read_of(key).filter(|then| *then != first), first, reader, key, sink);
            }
        } else {
            for read in reads {
                let is_writer = read.txn != first && written.binary_search(&read.key).is_ok();
                sink_if(is_writer.then_some(read.txn), first, reader, read.key, sink);
            }
        }
    }
}

fn sink_if(then: Option<u32>, first: u32, reader: u32, key: u32, sink: &mut impl FnMut(Inferred)) {
    if let Some(then) = then {
        let inferred = Inferred {
            first,
            then,
            reader,
            key,
        };
        assert!(first != then && first != reader, "{inferred:?} is of three");
        sink(inferred);
    }
}

/// Room for one transaction's reads in the orders in which they are looked up.
#[derive(Default)]
struct Room {
    /// Each transaction read from but the initial, with the place of the first such read.
    sources: Vec<(u32, usize)>,
    /// Keys with the places of their reads, ascending.
    by_key: Vec<(u32, usize)>,
}

impl Room {
    fn sort(&mut self, reads: &[Source]) {
        self.sources.clear();
        let sources = (0..).zip(reads).filter(|(_, read)| read.txn != INITIAL);
        self.sources.extend(sources.map(|(place, read)| (read.txn, place)));
        self.sources.sort_unstable();
        self.sources.dedup_by_key(|(txn, _)| *txn);
        self.by_key.clear();
        self.by_key
            .extend((0..).zip(reads).map(|(place, read)| (read.key, place)));
        self.by_key.sort_unstable();
    }
}

/// The writers of each key, by session.
pub(super) struct Writers {
    /// By key, where its lanes begin, and one past the last.
    lane_starts: Vec<u32>,
    lanes: Vec<Lane>,
    /// The places in their session, from 1, of each lane's transactions, ascending.
    places: Vec<u32>,
}

/// The transactions of one session of a block that wrote one key.
#[derive(Clone, Copy)]
struct Lane {
    column: u32,
    start: u32,
}

impl Writers {
    /// Collects the writers among the sessions of a block.
    pub(super) fn new(resolved: &Resolved<'_>, sessions: &std::ops::Range<u32>) -> Self {
        let txns = resolved.session_starts[sessions.start as usize]..resolved.session_starts[sessions.end as usize];
        let key_count = resolved.input.key_count();
        let mut starts = vec![0u32; key_count + 1];
        for key in txns.clone().flat_map(|txn| resolved.written_by(txn)) {
            starts[*key as usize + 1] += 1;
        }
        for key in 0..key_count {
            starts[key + 1] += starts[key];
        }
        // A counting sort by key, which leaves each key's in order of session and place.
        let mut next = starts.clone();
        let mut txn_of = vec![0u32; starts[key_count] as usize];
        for txn in txns {
            for key in resolved.written_by(txn) {
                txn_of[next[*key as usize] as usize] = txn;
                next[*key as usize] += 1;
            }
        }
        let mut writers = Self {
            lane_starts: Vec::with_capacity(key_count + 1),
            lanes: Vec::new(),
            places: txn_of.iter().map(|txn| resolved.index(*txn) + 1).collect(),
        };
        for key in 0..key_count {
            writers.lane_starts.push(writers.lanes.len() as u32);
            for place in starts[key]..starts[key + 1] {
                let session = resolved.session_of[txn_of[place as usize] as usize];
                let is_new =
                    place == starts[key] || resolved.session_of[txn_of[place as usize - 1] as usize] != session;
                if is_new {
                    let column = session - sessions.start;
                    writers.lanes.push(Lane { column, start: place });
                }
            }
        }
        writers.lane_starts.push(writers.lanes.len() as u32);
        writers
    }
}

/// How far a session's reads have come in one lane: the last writer that it knows of, and the next.
#[derive(Clone, Copy)]
struct Reach {
    last: u32,
    next: u32,
    /// Where the next one is in [`Writers::places`].
    at: u32,
    end: u32,
}

/// Calls `sink` with what causal says of writers among the sessions of the block that `clocks` has.
///
/// What follows along the causal order anyway is left out. O(n k) for k sessions.
pub(super) fn causal(resolved: &Resolved<'_>, clocks: &Clocks, mut sink: impl FnMut(Inferred)) {
    let writers = Writers::new(resolved, &clocks.sessions);
    let place = |at: u32, end: u32| {
        if at < end {
            writers.places[at as usize]
        } else {
            u32::MAX
        }
    };
    let ends = writers
        .lanes
        .iter()
        .skip(1)
        .map(|lane| lane.start)
        .chain([writers.places.len() as u32]);
    let fresh: Vec<Reach> = writers
        .lanes
        .iter()
        .zip(ends)
        .map(|(lane, end)| Reach {
            last: 0,
            next: place(lane.start, end),
            at: lane.start,
            end,
        })
        .collect();
    let mut reaches = fresh.clone();
    for session in 0..resolved.session_starts.len() as u32 - 1 {
        reaches.copy_from_slice(&fresh);
        for reader in resolved.txns_of(session) {
            let knows = clocks.of(reader);
            for read in resolved.reads_of(reader) {
                let Source { key, txn: then } = *read;
                let (known, own) = match then {
                    INITIAL => (None, None),
                    _ => (
                        Some(clocks.of(then)),
                        Some((resolved.session_of[then as usize], resolved.index(then) + 1)),
                    ),
                };
                let lanes = writers.lane_starts[key as usize] as usize..writers.lane_starts[key as usize + 1] as usize;
                for (lane, reach) in writers.lanes[lanes.clone()].iter().zip(&mut reaches[lanes]) {
                    let (low, high) = (
                        known.map_or(0, |known| known[lane.column as usize]),
                        knows[lane.column as usize],
                    );
                    if high <= low {
                        continue;
                    }
                    while reach.next <= high {
                        reach.last = reach.next;
                        reach.at += 1;
                        reach.next = place(reach.at, reach.end);
                    }
                    let writer_session = clocks.sessions.start + lane.column;
                    let is_own = own.is_some_and(|(it, place)| it == writer_session && reach.last <= place);
                    if reach.last > low && !is_own {
                        let first = resolved.session_starts[writer_session as usize] + reach.last - 1;
                        sink(Inferred {
                            first,
                            then,
                            reader,
                            key,
                        });
                    }
                }
            }
        }
    }
}
