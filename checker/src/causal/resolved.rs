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

use rustc_hash::FxHashMap;

use super::{
    sessions::{Cell, Kind, Sessions, TxnId},
    verdict::Violation,
};

/// The transaction that wrote the initial state.
pub(super) const INITIAL: u32 = u32::MAX;

/// More than one transaction wrote the value.
const AMBIGUOUS: u32 = u32::MAX - 1;

/// Sessions with their reads' sources, in arrays.
pub(super) struct Resolved<'s> {
    pub(super) input: &'s Sessions,
    /// By transaction, the number under which it was pushed.
    pushed: Vec<u32>,
    /// Where each session's transactions begin, and one past the last.
    pub(super) session_starts: Vec<u32>,
    /// By transaction.
    pub(super) session_of: Vec<u32>,
    read_starts: Vec<u32>,
    reads: Vec<Source>,
    written_starts: Vec<u32>,
    /// The keys that each transaction wrote, ascending.
    written: Vec<u32>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
        let mut orders: Vec<(u32, u32)> = input
            .orders()
            .iter()
            .map(|(first, then)| (number(*then), number(*first)))
            .collect();
        orders.sort_unstable();
        let pushed = by_session(input, &session_starts);
        let mut resolver = Resolver::new(input);
        resolver.note_writes(&pushed);
        let mut resolved = Self {
            input,
            pushed: Vec::new(),
            session_of,
            session_starts,
            read_starts: Vec::with_capacity(pushed.len() + 1),
            reads: Vec::new(),
            written_starts: Vec::with_capacity(pushed.len() + 1),
            written: Vec::new(),
            orders,
            tested: 0,
            wrong_count: 0,
            wrong: None,
            ambiguous: None,
        };
        resolver.own.fill((u32::MAX, 0));
        for (txn, pushed) in (0..).zip(&pushed) {
            resolved.add(&mut resolver, txn, *pushed as usize);
        }
        resolved.read_starts.push(resolved.reads.len() as u32);
        resolved.written_starts.push(resolved.written.len() as u32);
        resolved.pushed = pushed;
        resolved
    }

    pub(super) fn txn_count(&self) -> u32 {
        self.session_of.len() as u32
    }

    /// Returns what `txn` read from others, in order.
    pub(super) fn reads_of(&self, txn: u32) -> &[Source] {
        &self.reads[self.read_starts[txn as usize] as usize..self.read_starts[txn as usize + 1] as usize]
    }

    /// Returns the keys that `txn` wrote, ascending.
    pub(super) fn written_by(&self, txn: u32) -> &[u32] {
        &self.written[self.written_starts[txn as usize] as usize..self.written_starts[txn as usize + 1] as usize]
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

    fn add(&mut self, resolver: &mut Resolver<'_>, txn: u32, pushed: usize) {
        self.read_starts.push(self.reads.len() as u32);
        self.written_starts.push(self.written.len() as u32);
        let written_start = self.written.len();
        for cell in self.input.accesses_of(pushed) {
            let own = &mut resolver.own[cell.key as usize];
            let is_own = own.0 == txn;
            if cell.kind == Kind::Write {
                if !is_own {
                    self.written.push(cell.key);
                }
                *own = (txn, cell.value);
                continue;
            }
            match resolver.source(txn, cell) {
                Err(()) => {
                    let (_, _, count) = self.ambiguous.get_or_insert((cell.key, cell.value, 0));
                    *count += 1;
                }
                Ok(source) => {
                    self.tested += 1;
                    match self.judge(txn, cell, source) {
                        Ok(Some(source)) => self.reads.push(Source {
                            key: cell.key,
                            txn: source,
                        }),
                        Ok(None) => {}
                        Err(violation) => self.add_wrong(violation),
                    }
                }
            }
        }
        self.written[written_start..].sort_unstable();
    }

    /// Returns the transaction that a read sees, none if it sees its own, or why no level allows it.
    fn judge(&self, reader: u32, cell: &Cell, source: Found) -> Result<Option<u32>, Violation> {
        let id = self.id(reader);
        let key = self.input.key_name(cell.key);
        let value = (cell.kind == Kind::Read).then_some(cell.value);
        match source {
            Found::Own => Ok(None),
            Found::NotOwn { wrote } => Err(Violation::OwnWriteMissed {
                reader: id,
                key,
                wrote,
                value,
            }),
            Found::Nowhere => Err(Violation::ThinAirRead { reader: id, key, value }),
            Found::At { txn, .. } if txn == reader => Err(Violation::OwnLaterWrite { reader: id, key, value }),
            Found::At { txn, is_last: false } => {
                let writer = self.id(txn);
                Err(Violation::IntermediateRead {
                    reader: id,
                    writer,
                    key,
                    value,
                })
            }
            Found::At { txn, .. } => Ok(Some(txn)),
        }
    }

    fn add_wrong(&mut self, violation: Violation) {
        self.wrong_count += 1;
        if self
            .wrong
            .as_ref()
            .is_none_or(|known| violation.txns().len() < known.txns().len())
        {
            self.wrong = Some(violation);
        }
    }
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

/// What a read saw.
#[derive(Clone, Copy)]
enum Found {
    /// What its own transaction had written last.
    Own,
    /// Not that.
    NotOwn { wrote: u64 },
    /// What nobody wrote.
    Nowhere,
    /// What `txn` wrote, as its last to the key or not.
    At { txn: u32, is_last: bool },
}

struct Resolver<'s> {
    input: &'s Sessions,
    /// By key and value, who wrote it, and whether as the last to the key.
    writers: FxHashMap<(u32, u64), (u32, bool)>,
    /// By key, the transaction that wrote it last of those passed, and the value.
    own: Vec<(u32, u64)>,
}

impl<'s> Resolver<'s> {
    fn new(input: &'s Sessions) -> Self {
        let mut writers = FxHashMap::default();
        writers.reserve(input.access_count() / 2);
        for cell in input.initial() {
            writers.insert((cell.key, cell.value), (INITIAL, true));
        }
        Self {
            input,
            writers,
            own: vec![(u32::MAX, 0); input.key_count()],
        }
    }

    fn note_writes(&mut self, pushed: &[u32]) {
        for (txn, pushed) in (0..).zip(pushed) {
            let input = self.input;
            let cells = input.accesses_of(*pushed as usize);
            for cell in cells.iter().filter(|cell| cell.kind == Kind::Write) {
                let (owner, value) = self.own[cell.key as usize];
                if owner == txn
                    && let Some(overwritten) = self.writers.get_mut(&(cell.key, value))
                {
                    overwritten.1 = false;
                }
                self.own[cell.key as usize] = (txn, cell.value);
                let known = self.writers.entry((cell.key, cell.value)).or_insert((txn, true));
                if *known != (txn, true) {
                    *known = (AMBIGUOUS, true);
                }
            }
        }
    }

    /// Returns what `cell`, a read of `reader`, saw; an error if several wrote it.
    fn source(&self, reader: u32, cell: &Cell) -> Result<Found, ()> {
        let (owner, wrote) = self.own[cell.key as usize];
        if owner == reader {
            let is_own = cell.kind == Kind::Read && cell.value == wrote;
            return Ok(if is_own { Found::Own } else { Found::NotOwn { wrote } });
        }
        if cell.kind == Kind::ReadNothing {
            return Ok(Found::At {
                txn: INITIAL,
                is_last: true,
            });
        }
        match self.writers.get(&(cell.key, cell.value)) {
            None => Ok(Found::Nowhere),
            Some((AMBIGUOUS, _)) => Err(()),
            Some(&(txn, is_last)) => Ok(Found::At { txn, is_last }),
        }
    }
}
