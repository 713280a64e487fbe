//! A serial order of transactions on lists, found without writing down what depends on what.
//!
//! Where every read of a key is a beginning of its longest, and every element has one writer, what a transaction depends on is told by
//! a look at each of its steps: on who wrote what comes before what it read or appended, and on those who read the version that it
//! appended to. A depth-first search puts each transaction after these. It begins with transactions in order of their ends, and so
//! keeps real time for nothing: if one that is needed before an end had begun after it, there is a cycle; and whatever had ended before
//! that one began has its place already.
//!
//! Of a history that is as it should be this takes a quarter of the memory of the graph of dependencies, and half of its time. Of any
//! other it says no more than that: the graph is made then, to find which cycles there are.

use super::{
    graph::{Orders, each_next_in_session},
    lists::Lists,
    txns::{NONE, Txns, What},
};

/// What a search for an order works on.
pub(super) struct Serial<'t> {
    txns: &'t Txns,
    orders: Orders,
    /// By key, the number of its empty version: those of its longer ones follow.
    empty: Vec<u32>,
    readers: Readers,
}

/// Who read which version, as a list of each in one array.
#[derive(Debug)]
struct Readers {
    /// By version, where its list begins, or [`NONE`].
    first: Vec<u32>,
    /// A reader, and where the next is, or [`NONE`].
    links: Vec<(u32, u32)>,
}

/// That there is a serial order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ordered {
    /// Whether any would do.
    pub(super) is_any: bool,
}

/// A search under way.
struct Search<'s> {
    serial: &'s Serial<'s>,
    lists: &'s Lists<'s>,
    /// By transaction, the one before it in its session; empty where sessions say no more than real time.
    previous: Vec<u32>,
    states: Vec<State>,
    /// What waits for others to be placed.
    waiting: Vec<Progress>,
    has_dependency: bool,
}

/// How far a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unmet,
    /// Others are being placed that it depends on.
    Open,
    Placed,
}

/// Which of its dependencies are next for a transaction.
#[derive(Clone, Copy, Debug)]
struct Progress {
    txn: u32,
    /// One past the last is for the session.
    step: u32,
    /// Where the readers are that a step comes after, if it has been looked at.
    readers: Option<u32>,
}

impl<'t> Serial<'t> {
    pub(super) fn new(txns: &'t Txns, orders: Orders) -> Self {
        let mut counts = vec![1; txns.keys.len()];
        for list in &txns.lists {
            let count = &mut counts[list.key as usize];
            *count = list.elements.len().max(*count - 1) + 1;
        }
        let mut version_count = 0;
        let empty = counts.iter().map(|count| {
            version_count += count;
            u32::try_from(version_count - count).expect("there are fewer than 2^32 versions")
        });
        let empty: Vec<u32> = empty.collect();
        Self {
            txns,
            orders,
            readers: Readers::new(txns, &empty, version_count),
            empty,
        }
    }

    /// Looks for an order of all transactions that `happened`; nothing if there is none, or the lists are not as they should be.
    pub(super) fn find(&self, lists: &Lists<'_>, happened: &[bool]) -> Option<Ordered> {
        if !lists.are_plain() {
            return None;
        }
        let txns = self.txns;
        let mut search = Search {
            serial: self,
            lists,
            previous: self.previous(happened),
            states: vec![State::Unmet; txns.count()],
            waiting: Vec::new(),
            has_dependency: false,
        };
        let mut first_end = NONE;
        if self.orders.has_real_time {
            for txn in &*txns.by_end() {
                first_end = first_end.min(txns.txn(*txn).end);
                search.place(*txn)?;
            }
        }
        for txn in txns.numbers().filter(|txn| happened[*txn as usize]) {
            search.place(txn)?;
        }
        let is_later = || txns.txns.iter().any(|txn| txn.start > first_end);
        Some(Ordered {
            is_any: !search.has_dependency && !is_later(),
        })
    }

    /// Returns, by transaction, the one before it in its session, if that has to be looked at.
    fn previous(&self, happened: &[bool]) -> Vec<u32> {
        let txns = self.txns;
        let Orders {
            has_sessions,
            has_real_time,
        } = self.orders;
        // Real time has nothing to say of what the record has no beginning of.
        let is_known = || txns.txns.iter().all(|txn| txn.start > 0);
        if !has_sessions || has_real_time && is_known() {
            return Vec::new();
        }
        let mut previous = vec![NONE; txns.count()];
        each_next_in_session(txns, happened, |first, then| previous[then as usize] = first);
        previous
    }
}

impl Readers {
    fn new(txns: &Txns, empty: &[u32], version_count: usize) -> Self {
        let mut first = vec![NONE; version_count];
        let mut links = Vec::new();
        for txn in txns.numbers() {
            for step in txns.steps(txn) {
                if let What::ReadList { length, .. } = step.what() {
                    let first = &mut first[(empty[step.key as usize] + length) as usize];
                    links.push((txn, *first));
                    *first = links.len() as u32 - 1;
                }
            }
        }
        Self { first, links }
    }
}

impl Search<'_> {
    /// Places a transaction after all that it depends on; nothing if it can't be.
    fn place(&mut self, txn: u32) -> Option<()> {
        if self.states[txn as usize] == State::Placed {
            return Some(());
        }
        let end = match self.serial.orders.has_real_time {
            true => self.serial.txns.txn(txn).end,
            false => NONE,
        };
        let mut progress = self.open(txn, end)?;
        loop {
            if let Some(first) = self.unplaced(&mut progress)? {
                self.waiting.push(progress);
                progress = self.open(first, end)?;
                continue;
            }
            self.states[progress.txn as usize] = State::Placed;
            match self.waiting.pop() {
                Some(waiting) => progress = waiting,
                None => return Some(()),
            }
        }
    }

    /// Begins with a transaction that is needed before `end`.
    #[inline]
    fn open(&mut self, txn: u32, end: u32) -> Option<Progress> {
        let is_cycle = self.states[txn as usize] == State::Open || self.serial.txns.txn(txn).start > end;
        self.states[txn as usize] = State::Open;
        (!is_cycle).then_some(Progress {
            txn,
            step: 0,
            readers: None,
        })
    }

    /// Goes on to what a transaction depends on and has no place yet, if there is any.
    #[inline]
    fn unplaced(&mut self, progress: &mut Progress) -> Option<Option<u32>> {
        let steps = self.serial.txns.steps(progress.txn);
        while let Some(step) = steps.get(progress.step as usize) {
            let mut link = match progress.readers {
                Some(link) => link,
                None => {
                    let (length, readers) = self.before(step.key, step.what());
                    progress.readers = Some(readers);
                    if length > 0 {
                        let writer = self.lists.writer(step.key, length - 1)?;
                        if self.is_unplaced(writer, progress.txn) {
                            return Some(Some(writer));
                        }
                    }
                    readers
                }
            };
            while link != NONE {
                let (reader, next) = self.serial.readers.links[link as usize];
                link = next;
                if self.is_unplaced(reader, progress.txn) {
                    progress.readers = Some(link);
                    return Some(Some(reader));
                }
            }
            progress.step += 1;
            progress.readers = None;
        }
        if progress.step as usize == steps.len() && !self.previous.is_empty() {
            progress.step += 1;
            let previous = self.previous[progress.txn as usize];
            if previous != NONE && self.is_unplaced(previous, progress.txn) {
                return Some(Some(previous));
            }
        }
        Some(None)
    }

    /// Returns how many elements come before a step, and where the readers are that do.
    #[inline]
    fn before(&self, key: u32, what: What) -> (u32, u32) {
        match what {
            What::ReadList { length, .. } => (length, NONE),
            What::Write(element) => {
                let length = self.lists.count_before(key, element);
                let version = self.serial.empty[key as usize] + length;
                (length, self.serial.readers.first[version as usize])
            }
            What::ReadRegister(_) => unreachable!("registers are not lists"),
        }
    }

    #[inline]
    fn is_unplaced(&mut self, first: u32, then: u32) -> bool {
        self.has_dependency |= first != then;
        first != then && self.states[first as usize] != State::Placed
    }
}
