//! Registers: a read says what it saw, and nothing says in which order versions came but what follows from something else.
//!
//! Every version comes after the initial state, which is nil. Beyond that an order is what the caller assumes of each key by itself
//! ([`Keys`]), as Elle has it: that a transaction which reads a key and writes it writes after what it read; that a session sees a key
//! go forward; that all do, in real time. The last makes of each version a zone (Gibbons and Korach, 1997), from the earliest end of
//! what touched it to the latest beginning, and orders two where the one ends before the other begins: only the nearest of those are
//! kept, from which the others follow.
//!
//! Versions that the store itself reports are such an order too, where clients could believe it: see [`reported`](super::reported).
//!
//! An assumption under which the versions of a key precede each other in a circle does not hold of that key: that is reported, and it
//! is not made there.

use std::{collections::BTreeSet, sync::OnceLock};

use super::{
    anomaly::Anomaly,
    cases::Cases,
    component::Component,
    graph::{Edge, Kind, Kinds},
    lists::{link, past},
    real_time::RealTime,
    reported,
    rows::Rows,
    tails::Tails,
    txns::{NONE, Step, Txns, What},
    writers::Writers,
};
use crate::execute::{Execute, both};

/// What is assumed of each key by itself, to know in which order its versions came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// Within a transaction, writes come after what it read of the key.
    pub writes_follow_reads: bool,
    /// Each key is sequentially consistent: no session sees it go back.
    pub sequential: bool,
    /// Each key is linearizable: nobody does, in real time.
    pub linearizable: bool,
    /// Values were written in the order of the versions that the store reports of them.
    pub reported: bool,
}

/// A key, and two of its versions by their places, the first of which precedes the second.
pub(super) type Precedence = (u32, u32, u32);

/// The versions of a key.
#[derive(Debug, Default)]
pub(super) struct Key {
    versions: Vec<Version>,
    /// Direct precedence between versions, by their places.
    order: Vec<(u32, u32)>,
}

/// A version of a key.
#[derive(Debug)]
pub(super) struct Version {
    /// [`NONE`] for the initial state.
    pub(super) element: u32,
    /// The transaction that left it behind, or [`NONE`].
    pub(super) writer: u32,
    /// Its number among those of all keys.
    number: u32,
}

impl Key {
    /// Returns its versions; the first is the initial state.
    pub(super) fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// Returns what is assumed of their order, by their places.
    pub(super) fn order(&self) -> &[(u32, u32)] {
        &self.order
    }
}

/// The first and the last version of a key that a transaction touched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touch {
    pub(super) txn: u32,
    pub(super) key: u32,
    /// Places among the key's versions.
    pub(super) first: u32,
    pub(super) last: u32,
}

/// What was met of all keys.
struct Met {
    version_count: u32,
    /// Who read which version, by its number.
    reads: Vec<(u32, u32)>,
    /// Room for what a transaction touched.
    touches: Vec<Touch>,
}

/// Registers, as far as their versions have an order.
pub(super) struct Registers<'t> {
    txns: &'t Txns,
    writers: &'t Writers,
    keys: Vec<Key>,
    /// By number of a version, who read it from outside.
    readers: Rows,
    /// By element, its place among the versions of its key, or [`NONE`] if nobody left it behind or read it from outside.
    places: Vec<u32>,
    /// Those of transactions that leave behind another version than they read or wrote first.
    updates: Vec<Touch>,
    /// All, once they are asked for.
    touches: OnceLock<Vec<Touch>>,
    real_time: RealTime,
}

impl<'t> Registers<'t> {
    pub(super) fn new(txns: &'t Txns, writers: &'t Writers, execute: &dyn Execute) -> Self {
        let real_time = || {
            let is_kept = |txn: &u32| writers.happened[*txn as usize];
            let kept: Vec<u32> = txns.numbers().filter(is_kept).collect();
            RealTime::new(txns, &kept, kept.len(), (|number| number, |number| number))
        };
        let (registers, real_time) = both(execute, || Self::touched(txns, writers), real_time);
        Self { real_time, ..registers }
    }

    /// Returns what was touched; the order of real time is left out.
    fn touched(txns: &'t Txns, writers: &'t Writers) -> Self {
        let initial = |number: u32| Key {
            versions: vec![Version {
                element: NONE,
                writer: NONE,
                number,
            }],
            order: Vec::new(),
        };
        let mut registers = Self {
            txns,
            writers,
            keys: (0..txns.keys.len() as u32).map(initial).collect(),
            readers: Rows::default(),
            places: vec![NONE; txns.elements.len()],
            updates: Vec::new(),
            touches: OnceLock::new(),
            real_time: RealTime::default(),
        };
        let mut met = Met {
            version_count: txns.keys.len() as u32,
            reads: Vec::new(),
            touches: Vec::new(),
        };
        for txn in txns.numbers().filter(|txn| writers.happened[*txn as usize]) {
            registers.take(txn, &mut met);
        }
        registers.readers = Rows::new(met.version_count as usize, met.reads.iter().copied());
        registers
    }

    /// Takes in what `txn` read from outside and what it left behind.
    fn take(&mut self, txn: u32, met: &mut Met) {
        for step in self.txns.steps(txn) {
            let Some((element, is_write)) = self.touched_by(txn, step) else {
                continue;
            };
            let place = self.place(step.key, element, met);
            let version = &mut self.keys[step.key as usize].versions[place as usize];
            if is_write {
                version.writer = txn;
            } else {
                met.reads.push((version.number, txn));
            }
        }
        if self.writers.repeats(txn) {
            met.touches.clear();
            self.touches_of(txn, &mut met.touches);
            let updates = met.touches.iter().filter(|touch| touch.first != touch.last);
            self.updates.extend(updates);
        }
    }

    /// Returns the element that a step reads from outside or leaves behind, and whether it is the latter, if it does either.
    #[inline]
    fn touched_by(&self, txn: u32, step: &Step) -> Option<(u32, bool)> {
        if self.writers.is_ambiguous(step.key) {
            return None;
        }
        match step.what() {
            What::Write(element) => (!self.writers.is_intermediate(element)).then_some((element, true)),
            What::ReadRegister(element) => {
                let is_from_outside = !self.writers.repeats(txn) || self.is_from_outside(txn, step);
                is_from_outside.then_some((element, false))
            }
            What::ReadList { .. } => None,
        }
    }

    /// Appends what `txn` touched.
    fn touches_of(&self, txn: u32, touches: &mut Vec<Touch>) {
        let begin = touches.len();
        for step in self.txns.steps(txn) {
            let Some((element, _)) = self.touched_by(txn, step) else {
                continue;
            };
            let place = match element {
                NONE => 0,
                element => self.places[element as usize],
            };
            match touches[begin..].iter_mut().find(|touch| touch.key == step.key) {
                Some(own) => own.last = place,
                None => touches.push(Touch {
                    txn,
                    key: step.key,
                    first: place,
                    last: place,
                }),
            }
        }
    }

    /// Returns what each transaction touched.
    fn touches(&self) -> &[Touch] {
        self.touches.get_or_init(|| {
            let mut touches = Vec::new();
            for txn in self.txns.numbers().filter(|txn| self.writers.happened[*txn as usize]) {
                self.touches_of(txn, &mut touches);
            }
            touches
        })
    }

    /// Returns whether nothing that `txn` did before this read touched its key.
    fn is_from_outside(&self, txn: u32, step: &Step) -> bool {
        let first = self.txns.steps(txn).iter().find(|other| other.key == step.key);
        first.is_some_and(|first| std::ptr::eq(first, step))
    }

    fn place(&mut self, key: u32, element: u32, met: &mut Met) -> u32 {
        if element == NONE {
            return 0;
        }
        let versions = &mut self.keys[key as usize].versions;
        let place = &mut self.places[element as usize];
        if *place == NONE {
            *place = versions.len() as u32;
            versions.push(Version {
                element,
                writer: NONE,
                number: met.version_count,
            });
            met.version_count += 1;
        }
        *place
    }

    /// Returns the order of real time of those transactions that happened, by their number among these; its moments come after them.
    pub(super) fn real_time(&self) -> &RealTime {
        &self.real_time
    }

    /// Returns who read a version from outside.
    pub(super) fn readers(&self, version: &Version) -> &[u32] {
        self.readers.of(version.number)
    }

    /// Returns how many versions there are, that of the initial state of each key too.
    pub(super) fn version_count(&self) -> usize {
        self.readers.row_count()
    }

    /// Returns who read the initial state of a key.
    pub(super) fn initial_readers(&self, key: u32) -> &[u32] {
        self.readers(&self.keys[key as usize].versions[0])
    }

    /// Orders the versions of all keys as `keys` has it; where that is a circle it is reported and left out. Returns why what was
    /// reported of some key is not relied on.
    pub(super) fn order(&mut self, keys: Keys, cases: &mut Cases) -> Vec<String> {
        let (reported, doubts) = match keys.reported {
            true => reported::order(self),
            false => (Vec::new(), Vec::new()),
        };
        for of_key in reported.chunk_by(|a, b| a.0 == b.0) {
            self.add(of_key, "they were written in the order of their versions", cases);
        }
        let assumptions = [
            (keys.writes_follow_reads, "a transaction writes after what it read"),
            (keys.sequential, "no session sees a key go back"),
            (keys.linearizable, "nobody sees a key go back in real time"),
        ];
        for (number, (is_made, what)) in assumptions.into_iter().enumerate() {
            let mut pairs = match (is_made, number) {
                (false, _) => continue,
                (true, 0) => self.by_reads(),
                (true, 1) => self.by_sessions(),
                (true, _) => self.by_real_time(),
            };
            pairs.sort_unstable();
            pairs.dedup();
            for of_key in pairs.chunk_by(|a, b| a.0 == b.0) {
                self.add(of_key, what, cases);
            }
        }
        doubts
    }

    /// Returns what each transaction touched, by key and session, and of these in order of time.
    pub(super) fn touches_by_session(&self) -> Vec<Touch> {
        let mut touches = self.touches().to_vec();
        touches.sort_by_key(|touch| (touch.key, self.txns.txn(touch.txn).session, touch.txn));
        touches
    }

    /// Adds an order of versions of one key, unless it makes a circle.
    fn add(&mut self, pairs: &[Precedence], what: &str, cases: &mut Cases) {
        let number = pairs[0].0;
        let key = &mut self.keys[number as usize];
        let before = key.order.len();
        key.order.extend(pairs.iter().map(|(_, first, then)| (*first, *then)));
        let version_count = key.versions.len() as u32;
        let after_initial = (1..version_count).map(|then| (0, then));
        let edge = |(from, to)| Edge {
            from,
            to,
            kind: Kind::Ww,
        };
        let edges: Vec<Edge> = key.order.iter().copied().chain(after_initial).map(edge).collect();
        let graph = Component::new((0..version_count).collect(), &edges);
        let circles = graph.components(Kinds::ALL);
        let Some(circle) = circles.iter().min_by_key(|circle| circle.len()) else {
            return;
        };
        self.keys[number as usize].order.truncate(before);
        cases.add(Anomaly::CyclicVersions, || self.tell_circle(number, circle, what));
    }

    fn tell_circle(&self, key: u32, circle: &[u32], what: &str) -> (Vec<u32>, String) {
        /// How many versions of a circle are named.
        const TOLD_MAX: usize = 6;
        let versions = &self.keys[key as usize].versions;
        let mut circle: Vec<&Version> = circle.iter().map(|place| &versions[*place as usize]).collect();
        circle.sort_by_key(|version| version.element);
        let names: Vec<String> = circle
            .iter()
            .take(TOLD_MAX)
            .map(|it| self.txns.value(it.element).to_string())
            .collect();
        let txns: BTreeSet<u32> = circle
            .iter()
            .flat_map(|version| self.readers(version).iter().copied().chain([version.writer]))
            .filter(|txn| *txn != NONE)
            .collect();
        let text = format!(
            "The versions {}{} of {} precede each other in a circle, if {what}.",
            names.join(", "),
            if circle.len() > TOLD_MAX { ", ..." } else { "" },
            self.txns.key_name(key)
        );
        (txns.into_iter().collect(), text)
    }

    fn by_reads(&self) -> Vec<Precedence> {
        self.updates
            .iter()
            .filter(|touch| touch.first != 0)
            .map(|touch| (touch.key, touch.first, touch.last))
            .collect()
    }

    fn by_sessions(&self) -> Vec<Precedence> {
        let touches = self.touches_by_session();
        let is_next = |pair: &&[Touch]| {
            let (a, b) = (self.txns.txn(pair[0].txn), self.txns.txn(pair[1].txn));
            pair[0].key == pair[1].key && a.session == b.session && a.end < b.start && pair[0].last != pair[1].first
        };
        touches
            .windows(2)
            .filter(is_next)
            .map(|pair| (pair[0].key, pair[0].last, pair[1].first))
            .collect()
    }

    fn by_real_time(&self) -> Vec<Precedence> {
        let mut touches = self.touches().to_vec();
        touches.sort_by_key(|touch| (touch.key, touch.txn));
        let mut pairs = Vec::new();
        for of_key in touches.chunk_by(|a, b| a.key == b.key) {
            self.zones(of_key, &mut pairs);
        }
        pairs
    }

    /// Orders the versions of one key by their zones, where what touched it is given in order of invocation.
    fn zones(&self, touches: &[Touch], pairs: &mut Vec<Precedence>) {
        let key = touches[0].key;
        let count = self.keys[key as usize].versions.len();
        // By version, the earliest end of what left it or read it last, and the latest beginning of what met it first.
        let (mut ends, mut starts) = (vec![NONE; count], vec![0; count]);
        for touch in touches {
            let txn = self.txns.txn(touch.txn);
            ends[touch.last as usize] = ends[touch.last as usize].min(txn.end);
            starts[touch.first as usize] = starts[touch.first as usize].max(txn.start);
        }
        let mut ended: Vec<u32> = (0..count as u32).filter(|it| ends[*it as usize] != NONE).collect();
        ended.sort_unstable_by_key(|it| ends[*it as usize]);
        let mut begun: Vec<u32> = (0..count as u32).filter(|it| starts[*it as usize] > 0).collect();
        begun.sort_unstable_by_key(|it| starts[*it as usize]);
        let mut ended = ended.into_iter().peekable();
        // Those that have ended and that no other lies behind, which has ended too; and for each what it lies behind.
        let mut frontier: Vec<u32> = Vec::new();
        let mut behind: Vec<Vec<u32>> = vec![Vec::new(); count];
        for then in begun {
            let start = starts[then as usize];
            while let Some(first) = ended.next_if(|it| ends[*it as usize] < start) {
                let is_left = |before: &u32| ends[*before as usize] >= starts[first as usize];
                behind[first as usize].extend(frontier.iter().filter(|before| !is_left(before)));
                frontier.retain(is_left);
                frontier.push(first);
            }
            // What only the version itself lies behind comes before it all the same.
            let before = frontier
                .iter()
                .filter(|first| **first != then)
                .chain(&behind[then as usize]);
            pairs.extend(before.map(|first| (key, *first, then)));
        }
    }

    pub(super) fn txns(&self) -> &Txns {
        self.txns
    }

    pub(super) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Returns, by transaction, whether it is known to have happened.
    pub(super) fn happened(&self) -> &[bool] {
        &self.writers.happened
    }

    /// Returns whether anybody read what another wrote.
    pub(super) fn has_reads(&self) -> bool {
        let mut versions = self.keys.iter().flat_map(|key| &key.versions);
        versions.any(|version| {
            version.writer != NONE && self.readers(version).iter().any(|reader| *reader != version.writer)
        })
    }

    /// Returns what `txn` read from outside, by key and element, and all of it: what it read twice too.
    pub(super) fn reads_from_outside(&self, txn: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        let steps = self.txns.steps(txn);
        steps.iter().enumerate().filter_map(move |(number, step)| {
            let wrote = |before: &Step| before.key == step.key && matches!(before.what(), What::Write(_));
            match step.what() {
                What::ReadRegister(element)
                    if !self.writers.is_ambiguous(step.key) && !steps[..number].iter().any(wrote) =>
                {
                    Some((step.key, element))
                }
                _ => None,
            }
        })
    }

    /// Returns whether a transaction read a key from outside twice, and not the same.
    pub(super) fn has_changing_reads(&self) -> bool {
        let changes = |txn: u32| {
            let mut reads: Vec<(u32, u32)> = self.reads_from_outside(txn).collect();
            reads.sort_unstable();
            reads
                .windows(2)
                .any(|pair| pair[0].0 == pair[1].0 && pair[0] != pair[1])
        };
        self.txns
            .numbers()
            .filter(|txn| self.happened()[*txn as usize])
            .any(changes)
    }

    /// Calls `add` with each version that somebody read before writing the key, and with that transaction: all others who read it
    /// come before that.
    pub(super) fn each_update(&self, mut add: impl FnMut(&Version, u32)) {
        for touch in self.updates.iter().filter(|touch| touch.first != 0) {
            add(&self.keys[touch.key as usize].versions[touch.first as usize], touch.txn);
        }
    }

    /// Returns who wrote what `txn` read and then wrote over.
    pub(super) fn updated(&self, txn: u32) -> impl Iterator<Item = u32> + '_ {
        let begin = self.updates.partition_point(|touch| touch.txn < txn);
        let own = self.updates[begin..].iter().take_while(move |touch| touch.txn == txn);
        let writers = own.map(|touch| self.keys[touch.key as usize].versions[touch.first as usize].writer);
        writers.filter(|writer| *writer != NONE)
    }

    /// Appends the dependencies between transactions, and returns how many nodes there are then.
    pub(super) fn edges(&self, edges: &mut Vec<Edge>) -> usize {
        let mut tails = Tails::default();
        for (number, key) in (0..).zip(&self.keys) {
            for version in &key.versions {
                let writer = Some(version.writer).filter(|writer| *writer != NONE);
                self.readers(version)
                    .iter()
                    .for_each(|reader| link(edges, writer, Some(*reader), Kind::Wr));
                if let Some(writer) = writer {
                    tails.append(number, writer);
                }
            }
            self.readers(&key.versions[0])
                .iter()
                .for_each(|reader| tails.read(number, *reader));
            for (first, then) in &key.order {
                let (first, then) = (&key.versions[*first as usize], &key.versions[*then as usize]);
                let [from, to] = [first.writer, then.writer].map(|writer| Some(writer).filter(|it| *it != NONE));
                link(edges, from, to, Kind::Ww);
                self.readers(first)
                    .iter()
                    .for_each(|reader| link(edges, Some(*reader), to, Kind::Rw));
            }
        }
        tails.edges(self.txns.count(), |_| None, edges)
    }

    /// Returns the key and the versions by which `from` comes before `to`, where an edge of this kind says so.
    pub(super) fn why(&self, from: u32, to: u32, kind: Kind) -> Option<(u32, u32, u32)> {
        let touches = |txn: u32| self.touches().iter().filter(move |touch| touch.txn == txn);
        touches(from)
            .flat_map(|a| touches(to).map(move |b| (a, b)))
            .find_map(|(a, b)| {
                let versions = &self.keys[a.key as usize].versions;
                if a.key != b.key {
                    return None;
                }
                let (first, then) = if kind == Kind::Rw {
                    (a.first, b.last)
                } else {
                    (a.last, b.last)
                };
                let (left, right) = (&versions[first as usize], &versions[then as usize]);
                let is_why = match kind {
                    Kind::Wr => {
                        let read = &versions[b.first as usize];
                        read.writer == from && self.readers(read).contains(&to)
                    }
                    _ if right.writer != to => false,
                    Kind::Rw => self.readers(left).contains(&from) && (first == 0 || self.precedes(a.key, first, then)),
                    _ => left.writer == from && self.precedes(a.key, first, then),
                };
                is_why.then_some((
                    a.key,
                    if kind == Kind::Wr {
                        versions[b.first as usize].element
                    } else {
                        left.element
                    },
                    right.element,
                ))
            })
    }

    fn precedes(&self, key: u32, first: u32, then: u32) -> bool {
        self.keys[key as usize].order.contains(&(first, then))
    }

    /// Looks for what can be wrong with registers beside cycles.
    pub(super) fn check(&self, cases: &mut Cases) {
        let (txns, writers) = (self.txns, self.writers);
        for txn in txns.numbers().filter(|txn| txns.is_ok(*txn)) {
            let steps = txns.steps(txn);
            for (number, step) in steps.iter().enumerate() {
                let What::ReadRegister(element) = step.what() else {
                    continue;
                };
                self.check_internal(txn, number, cases);
                if element == NONE {
                    continue;
                }
                let told = |more: String| format!("{} {}, {more}.", txns.full_name(txn), past(&txns.step_text(step)));
                let writer = writers.of(element);
                if writers.is_failed(element) {
                    cases.add(Anomaly::G1a, || {
                        (
                            vec![txn, writer],
                            told(format!("which {} had failed to write", txns.full_name(writer))),
                        )
                    });
                } else if writers.is_of_nobody(element) {
                    cases.add(Anomaly::GarbageRead, || {
                        (vec![txn], told("which nobody wrote".to_owned()))
                    });
                } else if writer != txn && writers.is_intermediate(element) {
                    let more = || format!("which {} wrote over before it ended", txns.full_name(writer));
                    cases.add(Anomaly::G1b, || (vec![txn, writer], told(more())));
                } else if writer == txn && steps[number + 1..].iter().any(|it| it.what() == What::Write(element)) {
                    cases.add(Anomaly::FutureRead, || {
                        (vec![txn], told("which it wrote only after that".to_owned()))
                    });
                }
            }
        }
    }

    /// A read that is not what the transaction itself had read or written last.
    fn check_internal(&self, txn: u32, number: usize, cases: &mut Cases) {
        let steps = self.txns.steps(txn);
        let What::ReadRegister(element) = steps[number].what() else {
            return;
        };
        let Some(before) = steps[..number].iter().rev().find(|step| step.key == steps[number].key) else {
            return;
        };
        let expected = match before.what() {
            What::Write(element) | What::ReadRegister(element) => element,
            What::ReadList { .. } => unreachable!("registers are not lists"),
        };
        if expected == element {
            return;
        }
        cases.add(Anomaly::Internal, || {
            let [before, then] = [before, &steps[number]].map(|step| past(&self.txns.step_text(step)));
            (
                vec![txn],
                format!("{} {before}, and then {then}.", self.txns.full_name(txn)),
            )
        });
    }
}
