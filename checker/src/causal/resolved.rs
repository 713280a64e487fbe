//! Reads with their sources: which transaction wrote what each read returned, and what is wrong with a read whatever
//! the order of commits.
//!
//! Transactions are renumbered session by session, so that `t - 1` is the predecessor of `t` unless `t` is its session's
//! first. The initial state is a transaction before all others, [`INITIAL`], that wrote every key.
//!
//! The reads that no level allows (Biswas and Enea, *On the Complexity of Checking Transactional Consistency*, OOPSLA
//! 2019, section 2; Adya, *Weak Consistency*, MIT 1999, G1a and G1b) are found here and lead to no source: of a value
//! that no committed transaction wrote, of one that its writer overwrote before it committed, of another than what the
//! transaction itself wrote last, and of what it writes only later.

use super::{
    sessions::{Cell, Kind, Sessions, TxnId},
    verdict::Violation,
    writers::{Writer, Writers},
};

/// The transaction that wrote the initial state.
pub(super) const INITIAL: u32 = u32::MAX;

/// Sessions with their reads' sources, in arrays.
pub(super) struct Resolved<'s> {
    pub(super) input: &'s Sessions,
    /// By transaction, the number under which it was pushed.
    pushed: Vec<u32>,
    /// Where each session's transactions begin, and one past the last.
    pub(super) session_starts: Vec<u32>,
    /// By transaction.
    pub(super) session_of: Vec<u32>,
    reads: Rows<Source>,
    /// The keys that each transaction wrote, ascending.
    written: Rows<u32>,
    /// What is known of the order of commits besides: the later, then the earlier; ascending.
    pub(super) orders: Vec<(u32, u32)>,
    /// How many reads can be judged.
    pub(super) tested: u64,
    /// Reads that no level allows: how many, and the first of the smallest.
    pub(super) wrong_count: u64,
    pub(super) wrong: Option<Violation>,
    /// A value that more than one transaction wrote, and how many reads of such there are.
    pub(super) ambiguous: Option<(u32, u64, u64)>,
}

/// That a transaction read `key` from `txn`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    pub(super) key: u32,
    pub(super) txn: u32,
}

impl<'s> Resolved<'s> {
    pub(super) fn new(input: &'s Sessions) -> Self {
        let mut session_starts = vec![0u32];
        for size in input.sizes() {
            session_starts.push(session_starts[session_starts.len() - 1] + size);
        }
        let mut session_of = Vec::with_capacity(input.txn_count());
        for (session, size) in (0..).zip(input.sizes()) {
            session_of.extend(std::iter::repeat_n(session, *size as usize));
        }
        let number = |txn: TxnId| session_starts[txn.session as usize] + txn.index;
        let pairs = input.orders().iter().flat_map(|order| order.windows(2));
        let mut orders: Vec<(u32, u32)> = pairs.map(|pair| (number(pair[1]), number(pair[0]))).collect();
        orders.sort_unstable();
        let pushed = by_session(input, &session_starts);
        let count = |is_of: fn(Kind) -> bool| {
            let of = move |txn: &u32| {
                let cells = input.accesses_of(*txn as usize).iter();
                cells.filter(|cell| is_of(cell.kind)).count() as u32
            };
            pushed.iter().map(of)
        };
        let mut resolved = Self {
            input,
            session_of,
            reads: Rows::new(count(|kind| kind != Kind::Write)),
            written: Rows::new(count(|kind| kind == Kind::Write)),
            session_starts,
            pushed,
            orders,
            tested: 0,
            wrong_count: 0,
            wrong: None,
            ambiguous: None,
        };
        resolved.resolve();
        resolved
    }

    pub(super) fn txn_count(&self) -> u32 {
        self.session_of.len() as u32
    }

    /// Returns what `txn` read from others, in order.
    pub(super) fn reads_of(&self, txn: u32) -> &[Source] {
        self.reads.of(txn)
    }

    /// Returns the keys that `txn` wrote, ascending.
    pub(super) fn written_by(&self, txn: u32) -> &[u32] {
        self.written.of(txn)
    }

    /// Returns the transactions of `session`.
    pub(super) fn txns_of(&self, session: u32) -> std::ops::Range<u32> {
        self.session_starts[session as usize]..self.session_starts[session as usize + 1]
    }

    /// Returns the predecessor of `txn` in its session.
    pub(super) fn before(&self, txn: u32) -> Option<u32> {
        (txn > self.session_starts[self.session_of[txn as usize] as usize]).then(|| txn - 1)
    }

    /// Returns the place of `txn` in its session, from 0.
    pub(super) fn index(&self, txn: u32) -> u32 {
        txn - self.session_starts[self.session_of[txn as usize] as usize]
    }

    /// Returns what `txn` did, in order.
    pub(super) fn accesses_of(&self, txn: u32) -> &'s [Cell] {
        self.input.accesses_of(self.pushed[txn as usize] as usize)
    }

    /// Returns what others read of `key` that `txn` wrote.
    pub(super) fn value_written(&self, txn: u32, key: u32) -> Option<u64> {
        let mut writes = self.accesses_of(txn).iter().rev();
        let write = writes.find(|cell| cell.kind == Kind::Write && cell.key == key);
        write.map(|cell| cell.value)
    }

    /// Returns what `txn` read of `key` before it wrote it.
    pub(super) fn value_read(&self, txn: u32, key: u32) -> Option<u64> {
        let mut reads = self.accesses_of(txn).iter();
        let read = reads.find(|cell| cell.key == key);
        read.filter(|cell| cell.kind == Kind::Read).map(|cell| cell.value)
    }

    pub(super) fn id(&self, txn: u32) -> TxnId {
        TxnId {
            session: self.session_of[txn as usize],
            index: self.index(txn),
        }
    }

    /// Finds the source of every read. Goes through the transactions as they were pushed, which is how they lie in
    /// memory.
    fn resolve(&mut self) {
        let input = self.input;
        let writers = Writers::new(input, &self.session_starts);
        // By key, the transaction that wrote it last of those passed, and the value.
        let mut own: Vec<(u32, u64)> = vec![(INITIAL, 0); input.key_count()];
        let mut next = self.session_starts.clone();
        for (number, pushed) in input.txns().iter().enumerate() {
            let txn = next[pushed.session as usize];
            next[pushed.session as usize] += 1;
            for cell in input.accesses_of(number) {
                let (owner, wrote) = own[cell.key as usize];
                if cell.kind == Kind::Write {
                    if owner != txn {
                        self.written.push(txn, cell.key);
                    }
                    own[cell.key as usize] = (txn, cell.value);
                    continue;
                }
                let found = match cell.kind {
                    Kind::Read if owner == txn && wrote == cell.value => Found::Own,
                    _ if owner == txn => Found::NotOwn { wrote },
                    Kind::Read => Found::Of(writers.of(cell.key, cell.value)),
                    _ => Found::Of(Writer::Initial),
                };
                self.add(txn, cell, found);
            }
            self.written.of_mut(txn).sort_unstable();
        }
    }

    fn add(&mut self, reader: u32, cell: &Cell, found: Found) {
        let id = self.id(reader);
        let key = self.input.key_name(cell.key);
        let value = (cell.kind == Kind::Read).then_some(cell.value);
        let mut add_read = |txn| self.reads.push(reader, Source { key: cell.key, txn });
        self.tested += 1;
        let wrong = match found {
            Found::Own => return,
            Found::Of(Writer::Initial) => return add_read(INITIAL),
            Found::Of(Writer::Last(txn)) if txn != reader => return add_read(txn),
            Found::Of(Writer::Several) => {
                self.tested -= 1;
                self.ambiguous.get_or_insert((cell.key, cell.value, 0)).2 += 1;
                return;
            }
            Found::NotOwn { wrote } => Violation::OwnWriteMissed {
                reader: id,
                key,
                wrote,
                value,
            },
            Found::Of(Writer::Nobody) => Violation::ThinAirRead { reader: id, key, value },
            Found::Of(Writer::Overwritten(writer)) if writer != reader => Violation::IntermediateRead {
                reader: id,
                writer: self.id(writer),
                key,
                value,
            },
            Found::Of(Writer::Last(_) | Writer::Overwritten(_)) => Violation::OwnLaterWrite { reader: id, key, value },
        };
        self.wrong_count += 1;
        let is_smaller = |known: &Violation| wrong.txns().len() < known.txns().len();
        if self.wrong.as_ref().is_none_or(is_smaller) {
            self.wrong = Some(wrong);
        }
    }
}

/// What a read saw.
#[derive(Clone, Copy)]
enum Found {
    /// What its own transaction had written last.
    Own,
    /// Not that.
    NotOwn { wrote: u64 },
    /// What nobody had written in its own transaction.
    Of(Writer),
}

/// Returns the transactions session by session, by the numbers under which they were pushed.
fn by_session(input: &Sessions, session_starts: &[u32]) -> Vec<u32> {
    let mut next = session_starts.to_vec();
    let mut pushed = vec![0; input.txn_count()];
    for (number, txn) in (0..).zip(input.txns()) {
        let place = &mut next[txn.session as usize];
        pushed[*place as usize] = number;
        *place += 1;
    }
    pushed
}

/// For each transaction a row of things, of no more than it was made room for.
struct Rows<T> {
    starts: Vec<u32>,
    lengths: Vec<u32>,
    items: Vec<T>,
}

impl<T: Copy + Default> Rows<T> {
    fn new(sizes: impl Iterator<Item = u32>) -> Self {
        let mut end = 0;
        let start = |size| {
            let start = end;
            end += size;
            start
        };
        let starts: Vec<u32> = sizes.map(start).collect();
        Self {
            lengths: vec![0; starts.len()],
            starts,
            items: vec![T::default(); end as usize],
        }
    }

    fn push(&mut self, row: u32, item: T) {
        let length = &mut self.lengths[row as usize];
        self.items[(self.starts[row as usize] + *length) as usize] = item;
        *length += 1;
    }

    fn of(&self, row: u32) -> &[T] {
        &self.items[self.starts[row as usize] as usize..][..self.lengths[row as usize] as usize]
    }

    fn of_mut(&mut self, row: u32) -> &mut [T] {
        &mut self.items[self.starts[row as usize] as usize..][..self.lengths[row as usize] as usize]
    }
}
