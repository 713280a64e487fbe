//! The input: sessions of transactions, each a list of reads and writes.
//!
//! Keys, values and sessions are numbers that mean something to the caller alone; [`Names`] puts them into words. No two
//! writes of a key have the same value, or a read does not say which it saw. A register's op is a transaction of one
//! read or one write.

use rustc_hash::FxHashMap;
use serde::Serialize;

/// Sessions of committed transactions, in memory linear in what they read and wrote.
///
/// ```
/// use quorate_checker::causal::{self, Access, Level, Sessions};
///
/// let mut sessions = Sessions::new();
/// sessions.push(1, &[Access::write(7, 1)]);
/// sessions.push(1, &[Access::write(7, 2)]);
/// sessions.push(2, &[Access::read(7, 2), Access::write(8, 1)]);
/// sessions.push(3, &[Access::read(8, 1)]);
/// sessions.push(3, &[Access::read(7, 1)]);
///
/// assert_eq!(causal::check(&sessions, Level::ReadAtomic).count, 0);
/// let verdict = causal::check(&sessions, Level::Causal);
/// let violation = verdict.violation.expect("session 3 knows of 2 and reads 1");
/// assert_eq!(violation.name(), "WriteCORead");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    keys: Numbering,
    sessions: Numbering,
    /// How many transactions each session has.
    sizes: Vec<u32>,
    /// In the order in which they were pushed.
    txns: Vec<Txn>,
    accesses: Vec<Cell>,
    /// What keys hold at first, beside nothing.
    initial: Vec<Cell>,
    orders: Vec<Vec<TxnId>>,
}

/// One read or write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A read, and the value that it returned; none if the key held nothing.
    Read {
        /// Of which key.
        key: u64,
        /// Returned.
        value: Option<u64>,
    },
    /// A write.
    Write {
        /// To which key.
        key: u64,
        /// Written; by no other write of the key.
        value: u64,
    },
}

impl Access {
    /// Returns a read that returned `value`.
    pub fn read(key: u64, value: u64) -> Self {
        Self::Read {
            key,
            value: Some(value),
        }
    }

    /// Returns a read that found nothing.
    pub fn read_nothing(key: u64) -> Self {
        Self::Read { key, value: None }
    }

    /// Returns a write of `value`.
    pub fn write(key: u64, value: u64) -> Self {
        Self::Write { key, value }
    }
}

/// A transaction: which session's, and which of its transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct TxnId {
    /// The session, by order of first appearance from 0.
    pub session: u32,
    /// The transaction's place in it, from 0.
    pub index: u32,
}

/// Words for what [`Sessions`] have as numbers.
pub trait Names {
    /// As in `session 3's transaction 2`, or `p1's write of 57 (1.200 s to 1.210 s)`.
    fn txn(&self, txn: TxnId) -> String;
    /// As in `p1's write of 57`: the same once it has been named in full.
    fn txn_briefly(&self, txn: TxnId) -> String {
        self.txn(txn)
    }
    /// As in `key 7`.
    fn key(&self, key: u64) -> String;
    /// As in `57`, or `nothing` for none.
    fn value(&self, key: u64, value: Option<u64>) -> String;
    /// As in `as is known`: how it comes that `first` was given to precede `then`.
    fn known(&self, _first: TxnId, _then: TxnId) -> String {
        "as is known".to_owned()
    }
}

/// Numbers as they are.
impl Names for Sessions {
    fn txn(&self, txn: TxnId) -> String {
        format!("session {}'s transaction {}", self.session(txn.session), txn.index)
    }

    fn key(&self, key: u64) -> String {
        format!("key {key}")
    }

    fn value(&self, _: u64, value: Option<u64>) -> String {
        value.map_or("nothing".to_owned(), |value| value.to_string())
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Txn {
    pub(super) session: u32,
    start: u32,
}

/// An access whose key is a number of [`Sessions`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) key: u32,
    pub(super) kind: Kind,
    pub(super) value: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    ReadNothing,
    Write,
}

impl Sessions {
    /// Returns no sessions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a committed transaction to `session` and returns it. What it did is in order.
    ///
    /// # Panics
    /// There are 2^32 accesses, which take more memory than machines have.
    pub fn push(&mut self, session: u64, accesses: &[Access]) -> TxnId {
        let session = self.sessions.number(session);
        if session as usize == self.sizes.len() {
            self.sizes.push(0);
        }
        let start = u32::try_from(self.accesses.len()).expect("there are fewer than 2^32 accesses");
        self.txns.push(Txn { session, start });
        let index = self.sizes[session as usize];
        self.sizes[session as usize] += 1;
        for access in accesses {
            let cell = match *access {
                Access::Read {
                    key,
                    value: Some(value),
                } => (key, Kind::Read, value),
                Access::Read { key, value: None } => (key, Kind::ReadNothing, 0),
                Access::Write { key, value } => (key, Kind::Write, value),
            };
            let (key, kind, value) = cell;
            let key = self.keys.number(key);
            self.accesses.push(Cell { key, kind, value });
        }
        TxnId { session, index }
    }

    /// Lets `key` hold `value` before all transactions, so that a read of it is one of the initial state.
    pub fn initially(&mut self, key: u64, value: u64) {
        let key = self.keys.number(key);
        self.initial.push(Cell {
            key,
            kind: Kind::Write,
            value,
        });
    }

    /// Takes it for known that `txns` committed in this order, as when the store's versions say so.
    ///
    /// # Panics
    /// One of them is not of these sessions.
    pub fn order(&mut self, txns: Vec<TxnId>) {
        for txn in &txns {
            let size = self.sizes.get(txn.session as usize).copied().unwrap_or(0);
            assert!(txn.index < size, "{txn:?} was pushed before it is ordered");
        }
        self.orders.push(txns);
    }

    /// Returns how many transactions there are.
    pub fn txn_count(&self) -> usize {
        self.txns.len()
    }

    /// Returns how many sessions there are.
    pub fn session_count(&self) -> usize {
        self.sizes.len()
    }

    /// Returns the number that the caller gave to the session of order `session`.
    pub fn session(&self, session: u32) -> u64 {
        self.sessions.names[session as usize]
    }

    pub(super) fn key_count(&self) -> usize {
        self.keys.names.len()
    }

    pub(super) fn key_name(&self, key: u32) -> u64 {
        self.keys.names[key as usize]
    }

    pub(super) fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    pub(super) fn txns(&self) -> &[Txn] {
        &self.txns
    }

    /// Returns the accesses of the transaction that was pushed as number `txn`.
    pub(super) fn accesses_of(&self, txn: usize) -> &[Cell] {
        let end = self
            .txns
            .get(txn + 1)
            .map_or(self.accesses.len(), |next| next.start as usize);
        &self.accesses[self.txns[txn].start as usize..end]
    }

    /// Returns every write, as they were pushed.
    pub(super) fn writes(&self) -> impl Iterator<Item = &Cell> {
        self.accesses.iter().filter(|cell| cell.kind == Kind::Write)
    }

    pub(super) fn initial(&self) -> &[Cell] {
        &self.initial
    }

    pub(super) fn orders(&self) -> &[Vec<TxnId>] {
        &self.orders
    }
}

/// Numbers names from 0 in the order in which they are first met.
#[derive(Clone, Debug, Default)]
struct Numbering {
    names: Vec<u64>,
    numbers: FxHashMap<u64, u32>,
}

impl Numbering {
    fn number(&mut self, name: u64) -> u32 {
        *self.numbers.entry(name).or_insert_with(|| {
            self.names.push(name);
            u32::try_from(self.names.len() - 1).expect("there are fewer names than accesses")
        })
    }
}
