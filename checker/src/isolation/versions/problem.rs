//! What is to be decided, as a graph: what is known of transactions, and the versions of each key, whose order is not.
//!
//! - *Serializable*: a node a transaction, and no cycle.
//! - *Snapshots* (Cerone and Gotsman, *Analysing Snapshot Isolation*, PODC 2016): a cycle is allowed in which two anti-dependencies
//!   follow each other. A transaction is two nodes, its snapshot and its commit: a dependency leads from the commit of one to the
//!   snapshot of the other, an anti-dependency from the snapshot to the commit, so that after one of these another can't follow.
//! - *Prefix*: the same, but that one wrote over another orders their commits alone.
//! - *Moments* (Adya 1999, PL-MSR): a transaction is a moment for each read from outside, in the order in which it read, and its commit.
//!   Each has a number of its own, first all commits and then all reads, so that who read is not who wrote.
//! - *Cursor* (Adya 1999, section 4.2.2: PL-CS): of those who read a version and wrote the key, and only of those, nobody else may write
//!   the next; then what is read and written over has no cycle.
//! - *View* (PL-2+) and *steps* (PL-2L): of what is read and written over there is no cycle, and nobody who missed a version has met what
//!   follows from it, by the end or by the time of that read. That is no matter of a cycle alone; see [`search`](super::search).
//! - *Updates* (PL-3U): those that write are serializable, and of those that only read each is asked the same as of a view, where what
//!   follows is what comes after in the order of the former.
//!
//! A transaction that reads a version and writes the key writes the next one: all other readers of what it read come before it, as
//! long as cycles of dependencies are ruled out. The initial state comes before all that was written; a node stands for that, so
//! that those who read it and those who wrote the key are not paired.

use std::ops::Range;

use super::{
    moments::{Moments, readers_of},
    topology::NONE,
};
use crate::{
    execute::Execute,
    isolation::{
        anomaly::Closing,
        graph::session_edges,
        real_time::RealTime,
        registers::Registers,
        rows::Rows,
        txns::{self, Step, Txns, What},
    },
};

/// Which cycles are ruled out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::isolation) enum Level {
    /// All.
    Serializable,
    /// All but those in which two anti-dependencies follow each other.
    Snapshot,
    /// Of these also those in which an anti-dependency follows that a transaction wrote over another.
    Prefix,
    /// Those of moments at which one read after another, and of commits.
    Moments,
    /// All but those with anti-dependencies of those who did not write the key.
    Cursor,
    /// Those with one anti-dependency at most.
    View,
    /// The same, where what leads to the one that missed something leads to a step of it that is not after the read.
    Steps,
    /// All but those with two transactions that only read.
    Updates,
}

impl Level {
    /// Returns whether it is asked of every read that missed something what its transaction had met.
    pub(super) fn is_of_views(self) -> bool {
        matches!(self, Self::View | Self::Steps | Self::Updates)
    }

    /// Returns whether of those who read a version only those have to come before the next who wrote the key.
    fn is_of_own_key(self) -> bool {
        matches!(self, Self::Cursor | Self::View)
    }
}

/// A version of a key, by numbers of this problem.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) key: u32,
    pub(super) element: u32,
    pub(super) writer: u32,
    /// At which of its steps, where that counts.
    pub(super) step: u32,
}

/// Transactions, what is known of their order, and versions.
#[derive(Debug)]
pub(in crate::isolation) struct Problem {
    pub(super) level: Level,
    /// By number in this problem, the transaction; where reads have numbers too, these are the last.
    pub(super) txns: Vec<u32>,
    pub(super) node_count: usize,
    /// What is known.
    pub(super) known: Vec<(u32, u32)>,
    /// Key by key.
    pub(super) versions: Vec<Version>,
    /// By key, where its versions begin; one past the last.
    pub(super) starts: Vec<u32>,
    /// By version, who read it.
    pub(super) readers: Rows,
    /// By version, who of these has to come before the next; all where there are none.
    guards: Option<Rows>,
    /// By version, at which of their steps these read it, where that counts.
    steps: Option<Rows>,
    /// Reads that are moments of their own, where that counts.
    pub(super) moments: Option<Moments>,
    /// By number, when it began, and when it ended at the latest as far as is known: for a guess.
    pub(super) begins: Vec<u32>,
    pub(super) deadlines: Vec<u32>,
    /// By number, by when it ended where it needs no edge to what began later, as that of real time will do; [`NONE`] elsewhere.
    ends: Vec<u32>,
}

/// Which dependencies are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listing {
    /// All.
    Whole,
    /// None that the order of real time has anyway; that [comes with the registers](Registers::real_time), of all transactions.
    Lean,
}

/// By transaction, the versions that it wrote and those of others that it read.
#[derive(Debug)]
pub(super) struct Touches {
    pub(super) written: Rows,
    pub(super) read: Rows,
}

impl Touches {
    pub(super) fn new(problem: &Problem) -> Self {
        let count = problem.txns.len();
        let is_of_txn = |(writer, _): &(u32, u32)| (*writer as usize) < count;
        let writes = (0..).zip(&problem.versions).map(|(version, it)| (it.writer, version));
        let writes = writes.filter(is_of_txn);
        let versions = 0..problem.versions.len() as u32;
        let reads = versions.flat_map(|version| problem.readers.of(version).iter().map(move |txn| (*txn, version)));
        Self {
            written: Rows::new(count, writes),
            read: Rows::new(count, reads),
        }
    }
}

impl Problem {
    /// Returns the problem of the transactions that `keeps` names, in which all others never were.
    pub(in crate::isolation) fn new(
        registers: &Registers<'_>,
        level: Level,
        closing: Closing,
        keeps: &dyn Fn(u32) -> bool,
    ) -> Self {
        Self::listed(registers, (level, closing), keeps, Listing::Whole)
    }

    fn listed(
        registers: &Registers<'_>,
        (level, closing): (Level, Closing),
        keeps: &dyn Fn(u32) -> bool,
        listing: Listing,
    ) -> Self {
        let txns = registers.txns();
        let happened = registers.happened();
        let kept: Vec<bool> = txns.numbers().map(|txn| happened[txn as usize] && keeps(txn)).collect();
        let mut problem = Self {
            level,
            txns: txns.numbers().filter(|txn| kept[*txn as usize]).collect(),
            node_count: 0,
            known: Vec::new(),
            versions: Vec::new(),
            starts: vec![0],
            readers: Rows::default(),
            guards: None,
            steps: None,
            moments: None,
            begins: Vec::new(),
            deadlines: Vec::new(),
            ends: Vec::new(),
        };
        let mut numbers = vec![NONE; txns.count()];
        for (number, txn) in (0..).zip(&problem.txns) {
            numbers[*txn as usize] = number;
        }
        if level == Level::Moments {
            problem.moments = Some(Moments::new(registers, &mut problem.txns, &mut problem.known));
        }
        problem.node_count = problem.txns.len() * problem.nodes_per_txn() as usize;
        if problem.nodes_per_txn() == 2 {
            problem
                .known
                .extend((0..problem.txns.len() as u32).map(|txn| (2 * txn, 2 * txn + 1)));
        }
        if listing == Listing::Lean {
            let order = registers.real_time();
            problem.node_count += order.moment_count;
            problem.known.reserve(2 * order.edges.len());
            problem.known.extend_from_slice(&order.edges);
        }
        for times in [&mut problem.begins, &mut problem.deadlines, &mut problem.ends] {
            times.reserve_exact(problem.txns.len());
        }
        let times = problem.txns.iter().map(|txn| (txns.txn(*txn), txns.is_ok(*txn)));
        for (txn, is_ok) in times {
            problem.begins.push(txn.start);
            problem.deadlines.push(txn.end);
            let is_told = listing == Listing::Lean && is_ok;
            problem.ends.push(if is_told { txn.end } else { NONE });
        }
        problem.add_versions(registers, &numbers);
        match closing {
            Closing::Data => {}
            Closing::Process => problem.add_sessions(txns, &kept, &numbers),
            Closing::Realtime => {
                problem.add_sessions(txns, &kept, &numbers);
                if listing == Listing::Whole {
                    problem.add_real_time(txns);
                }
            }
        }
        problem
    }

    /// Returns the problem of all transactions.
    ///
    /// That who wrote a key after reading it wrote the next version is told from the beginning, and not found out choice by choice.
    pub(in crate::isolation) fn of_all(registers: &Registers<'_>, level: Level, closing: Closing) -> Self {
        let mut problem = Self::new(registers, level, closing, &|_| true);
        problem.add_updates(registers);
        problem
    }

    /// Adds that who wrote a key after reading it wrote the next version.
    fn add_updates(&mut self, registers: &Registers<'_>) {
        if self.guards.is_some() {
            return;
        }
        let mut numbers = vec![NONE; registers.txns().count()];
        for (number, txn) in (0..).zip(&self.txns[..self.commit_count()]) {
            numbers[*txn as usize] = number;
        }
        let mut known = std::mem::take(&mut self.known);
        registers.each_update(|version, writer| {
            let number = numbers[writer as usize];
            let readers = readers_of(registers, version, self.moments.as_ref(), &numbers);
            let others = readers.filter(|reader| self.txns[*reader as usize] != writer);
            let others = others.filter(|reader| !self.is_told_by_time(*reader, number));
            known.extend(others.map(|reader| (self.snapshot(reader), self.commit(number))));
        });
        self.known = known;
    }

    /// Returns the problem whether an order of all transactions keeps that of real time, for one who does not ask why there is none: all
    /// that real time says of the versions of a key is told from the beginning too, and nothing names what it follows from.
    pub(in crate::isolation) fn of_real_time(registers: &Registers<'_>, level: Level, execute: &dyn Execute) -> Self {
        if level != Level::Serializable {
            return Self::of_all(registers, level, Closing::Realtime);
        }
        let mut problem = Self::listed(registers, (level, Closing::Realtime), &|_| true, Listing::Lean);
        problem.add_updates(registers);
        problem.add_zones(registers.txns(), execute);
        problem
    }

    /// Returns whether the order of real time, which is known, has one transaction before another, so that nothing else need say so.
    #[inline]
    pub(super) fn is_told_by_time(&self, first: u32, then: u32) -> bool {
        self.ends[first as usize] < self.begins[then as usize]
    }

    /// Returns twice the middle of the time in which a transaction may have been, as far as is known: of the initial state its beginning.
    pub(super) fn doubled_middle(&self, number: u32) -> u64 {
        let times = self
            .begins
            .get(number as usize)
            .zip(self.deadlines.get(number as usize));
        let (begin, deadline) = times.map_or((0, 0), |(begin, deadline)| (*begin, *deadline));
        let end = if deadline == NONE { begin } else { deadline };
        u64::from(begin) + u64::from(end)
    }

    fn nodes_per_txn(&self) -> u32 {
        match self.level {
            Level::Snapshot | Level::Prefix => 2,
            _ => 1,
        }
    }

    /// Returns how many numbers are of transactions, and not of reads.
    pub(super) fn commit_count(&self) -> usize {
        self.txns.len() - self.moments.as_ref().map_or(0, Moments::count)
    }

    /// Returns the first node of a transaction.
    fn begin(&self, number: u32) -> u32 {
        match &self.moments {
            Some(moments) => moments.first_of(number),
            None => self.snapshot(number),
        }
    }

    /// Returns the node that follows this one in the same transaction.
    pub(super) fn own_next(&self, node: u32) -> Option<u32> {
        match &self.moments {
            Some(moments) => moments.next((node as usize).checked_sub(self.commit_count())?),
            None => {
                let commit = self.commit(self.number_of(node)?);
                (commit != node).then_some(commit)
            }
        }
    }

    /// Returns the node of what a transaction saw.
    #[inline]
    pub(super) fn snapshot(&self, number: u32) -> u32 {
        number * self.nodes_per_txn()
    }

    /// Returns the node of what it left behind.
    #[inline]
    pub(super) fn commit(&self, number: u32) -> u32 {
        (number + 1) * self.nodes_per_txn() - 1
    }

    /// Returns the node of what comes after the commit of one whose version it writes over.
    #[inline]
    pub(super) fn over(&self, number: u32) -> u32 {
        match self.level {
            Level::Prefix => self.commit(number),
            _ => self.snapshot(number),
        }
    }

    /// Returns the number of the transaction that a node is of, if it is of one.
    #[inline]
    pub(super) fn number_of(&self, node: u32) -> Option<u32> {
        Some(node / self.nodes_per_txn()).filter(|number| (*number as usize) < self.txns.len())
    }

    pub(super) fn key_count(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn versions_of(&self, key: u32) -> Range<u32> {
        self.starts[key as usize]..self.starts[key as usize + 1]
    }

    /// Returns who has to come before those who wrote what comes after this version.
    #[inline]
    pub(super) fn guards_of(&self, version: u32) -> &[u32] {
        self.guards.as_ref().unwrap_or(&self.readers).of(version)
    }

    /// Returns whether a version is the initial state of its key, of which somebody stands for the writer.
    pub(super) fn is_initial(&self, version: u32) -> bool {
        self.versions[version as usize].element == txns::NONE
    }

    /// Calls `add` with the edges that follow from `first` being before `then`, of the same key.
    pub(super) fn each_edge(&self, first: u32, then: u32, mut add: impl FnMut(u32, u32)) {
        let [before, after] = [first, then].map(|version| self.versions[version as usize].writer);
        add(self.commit(before), self.over(after));
        for reader in self.guards_of(first).iter().filter(|reader| **reader != after) {
            add(self.snapshot(*reader), self.commit(after));
        }
    }

    fn add_versions(&mut self, registers: &Registers<'_>, numbers: &[u32]) {
        let number = |txn: u32| numbers[txn as usize];
        let is_kept = |txn: &u32| *txn != txns::NONE && number(*txn) != NONE;
        let moments = self.moments.take();
        let mut reads: Vec<(u32, u32)> = Vec::new();
        let mut guards: Vec<(u32, u32)> = Vec::new();
        let is_of_all = !self.level.is_of_own_key() && !self.level.is_of_views();
        let mut places = Vec::new();
        self.versions.reserve_exact(registers.version_count());
        for (key, versions) in (0..).zip(registers.keys()) {
            places.clear();
            for version in versions.versions() {
                places.push(NONE);
                if !is_kept(&version.writer) {
                    continue;
                }
                let place = self.versions.len() as u32;
                *places.last_mut().expect("it was pushed") = place;
                let writer = number(version.writer);
                self.versions.push(Version {
                    key,
                    element: version.element,
                    writer,
                    step: self.step(registers.txns(), writer, key, true),
                });
                for reader in readers_of(registers, version, moments.as_ref(), numbers) {
                    let txn = self.txns[reader as usize];
                    if txn == version.writer {
                        continue;
                    }
                    reads.push((place, reader));
                    if !self.is_told_by_time(writer, reader) {
                        self.known.push((self.commit(writer), self.snapshot(reader)));
                    }
                    let end = registers.txns().txn(txn).end;
                    let deadline = &mut self.deadlines[writer as usize];
                    *deadline = end.min(*deadline);
                }
            }
            let mut initial: Vec<u32> = match &moments {
                Some(moments) => moments.of_initial(key).to_vec(),
                None => {
                    let readers = registers.initial_readers(key).iter().copied();
                    readers.filter(is_kept).map(number).collect()
                }
            };
            if self.level.is_of_views() {
                self.add_initial_version(&initial, key, &mut reads);
            }
            self.starts.push(self.versions.len() as u32);
            if self.level.is_of_own_key() {
                let writers = self.writers_of(key);
                let begin = self.starts[key as usize];
                let of_key = reads[reads.partition_point(|(version, _)| *version < begin)..].iter();
                guards.extend(of_key.filter(|(_, reader)| writers.binary_search(reader).is_ok()));
                initial.retain(|reader| writers.binary_search(reader).is_ok());
            }
            if !self.level.is_of_views() {
                self.add_initial(&initial, key);
            }
            for (first, then) in versions.order() {
                let (before, after) = (places[*first as usize], places[*then as usize]);
                if before == NONE || after == NONE {
                    continue;
                }
                let [before, after] = [before, after].map(|version| self.versions[version as usize].writer);
                self.known.push((self.commit(before), self.over(after)));
                let first = &versions.versions()[*first as usize];
                let readers = readers_of(registers, first, moments.as_ref(), numbers);
                for reader in readers.filter(|reader| is_of_all && *reader != after) {
                    self.known.push((self.snapshot(reader), self.commit(after)));
                }
            }
        }
        self.moments = moments;
        self.readers = Rows::new(self.versions.len(), reads.iter().copied());
        if self.level == Level::Steps {
            let step = |(version, reader): &(u32, u32)| {
                let key = self.versions[*version as usize].key;
                (*version, self.step(registers.txns(), *reader, key, false))
            };
            self.steps = Some(Rows::new(self.versions.len(), reads.iter().map(step)));
        }
        if self.level == Level::Updates {
            let mut is_update = vec![false; self.txns.len()];
            let writers = self.versions.iter().map(|version| version.writer as usize);
            writers
                .filter(|writer| *writer < self.txns.len())
                .for_each(|writer| is_update[writer] = true);
            guards = reads
                .iter()
                .filter(|(_, reader)| is_update[*reader as usize])
                .copied()
                .collect();
        }
        self.guards = (!is_of_all).then(|| Rows::new(self.versions.len(), guards.iter().copied()));
    }

    /// Returns at which step a transaction first reads or writes a key, where that counts.
    fn step(&self, txns: &Txns, number: u32, key: u32, is_write: bool) -> u32 {
        if self.level != Level::Steps {
            return 0;
        }
        let steps = txns.steps(self.txns[number as usize]).iter();
        let is_it = |step: &Step| step.key == key && matches!(step.what(), What::Write(_)) == is_write;
        steps.take_while(|step| !is_it(step)).count() as u32
    }

    /// Returns at which of its steps the one of this place among the readers of a version read it; 0 where that does not count.
    pub(super) fn read_step(&self, version: u32, place: usize) -> u32 {
        self.steps.as_ref().map_or(0, |steps| steps.of(version)[place])
    }

    /// Returns who wrote `key`, in rising order.
    pub(super) fn writers_of(&self, key: u32) -> Vec<u32> {
        let versions = self.versions_of(key);
        let mut writers: Vec<u32> = versions.map(|version| self.versions[version as usize].writer).collect();
        writers.sort_unstable();
        writers
    }

    /// Adds the initial state of `key` as a version which a node wrote that is of no transaction, before all others.
    fn add_initial_version(&mut self, readers: &[u32], key: u32, reads: &mut Vec<(u32, u32)>) {
        if readers.is_empty() {
            return;
        }
        let node = self.node_count as u32;
        self.node_count += 1;
        let begin = self.starts[key as usize] as usize;
        let writers = self.versions[begin..].iter().map(|version| (node, version.writer));
        self.known.extend(writers);
        let version = self.versions.len() as u32;
        self.versions.push(Version {
            key,
            element: txns::NONE,
            writer: node,
            step: 0,
        });
        reads.extend(readers.iter().map(|reader| (version, *reader)));
        self.known.extend(readers.iter().map(|reader| (node, *reader)));
    }

    /// Adds that who read the initial state of `key` came before those who wrote it.
    fn add_initial(&mut self, readers: &[u32], key: u32) {
        let versions = self.versions_of(key);
        if readers.is_empty() || versions.is_empty() {
            return;
        }
        let writers: Vec<u32> = versions.map(|version| self.versions[version as usize].writer).collect();
        let mut sorted = readers.to_vec();
        sorted.sort_unstable();
        let is_both = |writer: &&u32| sorted.binary_search(writer).is_ok();
        let updates: Vec<u32> = writers.iter().filter(is_both).copied().collect();
        for update in &updates {
            for reader in readers.iter().filter(|reader| *reader != update) {
                self.known.push((self.snapshot(*reader), self.commit(*update)));
            }
        }
        let gate = self.node_count as u32;
        self.node_count += 1;
        for reader in readers {
            self.known.push((self.snapshot(*reader), gate));
        }
        let last_end = readers.iter().map(|reader| self.ends[*reader as usize]).max();
        let is_told = |writer: u32| last_end.is_some_and(|end| end < self.begins[writer as usize]);
        let others = writers
            .iter()
            .filter(|writer| !updates.contains(writer) && !is_told(**writer));
        let others: Vec<(u32, u32)> = others.map(|writer| (gate, self.commit(*writer))).collect();
        self.known.extend(others);
    }

    fn add_sessions(&mut self, txns: &Txns, kept: &[bool], numbers: &[u32]) {
        let mut edges = Vec::new();
        session_edges(txns, kept, &mut edges);
        for edge in edges {
            let [from, to] = [edge.from, edge.to].map(|txn| numbers[txn as usize]);
            if !self.is_told_by_time(from, to) {
                self.known.push((self.commit(from), self.begin(to)));
            }
        }
    }

    /// Adds the order of real time.
    fn add_real_time(&mut self, txns: &Txns) {
        let kept = &self.txns[..self.commit_count()];
        let nodes = (|number| self.begin(number), |number| self.commit(number));
        let order = RealTime::new(txns, kept, self.node_count, nodes);
        self.node_count += order.moment_count;
        self.known.extend(order.edges);
    }
}
