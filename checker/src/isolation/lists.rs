//! Lists that are appended to: their version orders are what was read of them.
//!
//! The longest list that was read of a key is the order of its appends, and every other read is a beginning of it, or the history is
//! broken (Kingsbury and Alvaro, VLDB 2020, section 4). An append that happened and that nobody saw came after all those that somebody
//! did: it would be among them otherwise. One of unknown outcome that nobody saw may never have happened, and says nothing; one that
//! somebody saw happened, and so did all else that its transaction did.

use std::collections::BTreeMap;

use super::{
    anomaly::Anomaly,
    cases::Cases,
    graph::{Edge, Kind},
    tails::Tails,
    txns::{NONE, Step, Txns, What},
    writers::Writers,
};
use crate::execute::{Execute, both, map_ranges};

/// The versions of all keys in their order.
pub(super) struct Versions {
    /// By key, where its elements begin in `order`; one past the last.
    starts: Vec<u32>,
    /// Elements of the longest list of each key, each once.
    order: Vec<u32>,
    /// By element, its place in the order of its key, or [`NONE`] if it was not seen in it.
    places: Vec<u32>,
    /// By list, how much of it is a beginning of its key's order.
    common: Vec<u32>,
}

/// The versions of all keys, and who wrote them.
pub(super) struct Lists<'t> {
    txns: &'t Txns,
    writers: &'t Writers,
    versions: Versions,
}

/// What is wrong with elements of lists, by list.
struct Flaws {
    /// How much of it has nothing wrong with it.
    sound: Vec<u32>,
    /// Where the first element is that failed to be written, or [`NONE`].
    failed: Vec<u32>,
    /// Where the first is that nobody wrote.
    garbage: Vec<u32>,
    /// Where the first is that comes for the second time.
    repeated: Vec<u32>,
}

impl Flaws {
    fn new(lists: &Lists<'_>, execute: &dyn Execute) -> Self {
        let ((failed, garbage), repeated) = both(execute, || lists.without_writers(), || lists.repeated());
        let sound = (0..lists.txns.lists.len()).map(|list| {
            let places = [failed[list], garbage[list], repeated[list]];
            places.into_iter().fold(lists.versions.common[list], u32::min)
        });
        Self {
            sound: sound.collect(),
            failed,
            garbage,
            repeated,
        }
    }
}

impl Versions {
    pub(super) fn new(txns: &Txns) -> Self {
        let mut longest = vec![NONE; txns.keys.len()];
        // Of two that are equally long, which is taken does not depend on which was read first.
        let rank = |list: u32| {
            let elements = &txns.lists[list as usize].elements;
            (elements.len(), elements.iter().map(|element| txns.value(*element)))
        };
        let is_better = |list: u32, best: u32| {
            let ((length, values), (best_length, best_values)) = (rank(list), rank(best));
            length > best_length || length == best_length && values.lt(best_values)
        };
        for (number, list) in (0..).zip(&txns.lists) {
            let best = &mut longest[list.key as usize];
            if *best == NONE || is_better(number, *best) {
                *best = number;
            }
        }
        let mut places = vec![NONE; txns.elements.len()];
        let (mut starts, mut order) = (vec![0], Vec::new());
        for list in longest {
            let start = order.len();
            let elements = if list == NONE {
                &[][..]
            } else {
                &txns.lists[list as usize].elements
            };
            for element in elements {
                let place = &mut places[*element as usize];
                if *place == NONE {
                    *place = (order.len() - start) as u32;
                    order.push(*element);
                }
            }
            starts.push(u32::try_from(order.len()).expect("there are fewer than 2^32 elements"));
        }
        let is_in_place = |(place, element): &(u32, &u32)| places[**element as usize] == *place;
        let common = txns
            .lists
            .iter()
            .map(|list| (0..).zip(&list.elements).take_while(is_in_place).count() as u32);
        Self {
            starts,
            order,
            common: common.collect(),
            places,
        }
    }
}

impl<'t> Lists<'t> {
    pub(super) fn new(txns: &'t Txns, writers: &'t Writers, versions: Versions) -> Self {
        Self {
            txns,
            writers,
            versions,
        }
    }

    fn order(&self, key: u32) -> &[u32] {
        let Versions { starts, order, .. } = &self.versions;
        &order[starts[key as usize] as usize..starts[key as usize + 1] as usize]
    }

    /// Returns how many elements of `key` were seen.
    pub(super) fn length(&self, key: u32) -> u32 {
        self.order(key).len() as u32
    }

    /// Returns the place of `element` in the order of its key, if it was seen there.
    pub(super) fn place(&self, element: u32) -> Option<u32> {
        Some(self.versions.places[element as usize]).filter(|place| *place != NONE)
    }

    /// Returns how many elements of `key` came before `element`: if nobody saw it, all that somebody did.
    pub(super) fn count_before(&self, key: u32, element: u32) -> u32 {
        self.place(element).unwrap_or_else(|| self.length(key))
    }

    /// Returns whether a read is one of the versions of its key: a beginning of its order.
    pub(super) fn is_version(&self, list: u32, length: u32) -> bool {
        length == 0 || length <= self.versions.common[list as usize]
    }

    /// Returns who wrote the element of `key` at this place, if it is known.
    #[inline]
    pub(super) fn writer(&self, key: u32, place: u32) -> Option<u32> {
        Some(self.writers.possible(self.order(key)[place as usize])).filter(|txn| *txn != NONE)
    }

    /// Returns whether every list that was read is a version of its key, and no element was written twice.
    pub(super) fn are_plain(&self) -> bool {
        let mut lists = self.txns.lists.iter().zip(&self.versions.common);
        self.writers.twice.is_none() && lists.all(|(list, common)| list.elements.len() == *common as usize)
    }

    /// Returns the last transaction that wrote an element of `key` before this place.
    pub(super) fn writer_before(&self, key: u32, place: u32) -> Option<u32> {
        let before = self.order(key)[..place as usize].iter().rev();
        before
            .map(|element| self.writers.possible(*element))
            .find(|txn| *txn != NONE)
    }

    /// Returns the first transaction that wrote an element of `key` from this place on.
    pub(super) fn writer_from(&self, key: u32, place: u32) -> Option<u32> {
        let from = self.order(key)[place as usize..].iter();
        from.map(|element| self.writers.possible(*element))
            .find(|txn| *txn != NONE)
    }

    /// Returns who wrote the versions of `key`, in their order.
    pub(super) fn writers_of(&self, key: u32) -> impl Iterator<Item = u32> + '_ {
        let is_known = !self.writers.is_ambiguous(key);
        let writers = self.order(key).iter().map(|element| self.writers.possible(*element));
        writers.filter(move |txn| is_known && *txn != NONE)
    }

    /// Returns, by key, who made appends that happened and that nobody saw.
    pub(super) fn unseen(&self) -> BTreeMap<u32, Vec<u32>> {
        let mut unseen: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for txn in self.txns.numbers().filter(|txn| self.writers.happened[*txn as usize]) {
            for step in self
                .txns
                .steps(txn)
                .iter()
                .filter(|step| !self.writers.is_ambiguous(step.key))
            {
                if let What::Write(element) = step.what()
                    && self.place(element).is_none()
                {
                    unseen.entry(step.key).or_default().push(txn);
                }
            }
        }
        unseen
    }

    /// Returns the dependencies between transactions, in parts, and how many nodes there are: the transactions, and what stands for
    /// appends that nobody saw.
    pub(super) fn edges(&self, execute: &dyn Execute) -> (Vec<Vec<Edge>>, usize) {
        let mut has_unseen = vec![false; self.txns.keys.len()];
        for (key, place) in self.txns.elements.keys().iter().zip(&self.versions.places) {
            has_unseen[*key as usize] |= *place == NONE;
        }
        let count = self.txns.count();
        let parts = map_ranges(execute, count, |part| self.edges_of(part, &has_unseen));
        let (mut edges, mut tails) = (Vec::new(), Tails::default());
        for (of_part, tails_of_part) in parts {
            edges.push(of_part);
            tails.extend(tails_of_part);
        }
        let last = |key: u32| self.writer_before(key, self.order(key).len() as u32);
        let mut of_tails = Vec::new();
        let node_count = tails.edges(count, last, &mut of_tails);
        edges.push(of_tails);
        (edges, node_count)
    }

    /// Returns what follows from what these transactions did, and who comes last.
    fn edges_of(&self, txns: std::ops::Range<u32>, has_unseen: &[bool]) -> (Vec<Edge>, Tails) {
        let (mut edges, mut tails) = (Vec::new(), Tails::default());
        for txn in txns.filter(|txn| self.writers.happened[*txn as usize]) {
            for step in self.txns.steps(txn) {
                if self.writers.is_ambiguous(step.key) {
                    continue;
                }
                match step.what() {
                    What::Write(element) => match self.place(element) {
                        Some(place) => link(&mut edges, self.writer_before(step.key, place), Some(txn), Kind::Ww),
                        None => tails.append(step.key, txn),
                    },
                    What::ReadList { list, length } => {
                        let is_of_all = self.read_edges(txn, step.key, (list, length), &mut edges);
                        if is_of_all && has_unseen[step.key as usize] {
                            tails.read(step.key, txn);
                        }
                    }
                    What::ReadRegister(_) => unreachable!("registers are not lists"),
                }
            }
        }
        (edges, tails)
    }

    /// Appends what follows from a read, and returns whether it saw all that anybody did.
    fn read_edges(&self, txn: u32, key: u32, (list, length): (u32, u32), edges: &mut Vec<Edge>) -> bool {
        if !self.is_version(list, length) {
            // What does not fit the order tells at least whose append it saw last.
            let last = self
                .txns
                .read(list, length)
                .last()
                .map(|element| self.writers.possible(*element));
            link(edges, last.filter(|writer| *writer != NONE), Some(txn), Kind::Wr);
            return false;
        }
        link(edges, self.writer_before(key, length), Some(txn), Kind::Wr);
        link(edges, Some(txn), self.writer_from(key, length), Kind::Rw);
        length as usize == self.order(key).len()
    }

    /// Looks for what can be wrong with lists beside cycles.
    pub(super) fn check(&self, execute: &dyn Execute) -> Cases {
        let flaws = Flaws::new(self, execute);
        let parts = map_ranges(execute, self.txns.count(), |part| {
            let mut cases = Cases::default();
            for txn in part.filter(|txn| self.txns.is_ok(*txn)) {
                for step in self.txns.steps(txn) {
                    self.check_read(txn, step, &flaws, &mut cases);
                }
                if self.writers.repeats(txn) {
                    self.check_own(txn, &mut cases);
                }
            }
            cases
        });
        let mut cases = Cases::default();
        parts.into_iter().for_each(|part| cases.append(part));
        self.check_dirty(&mut cases);
        cases
    }

    /// Looks for what can be wrong with a read by itself.
    #[inline]
    fn check_read(&self, txn: u32, step: &Step, flaws: &Flaws, cases: &mut Cases) {
        let What::ReadList {
            list,
            length: length @ 1..,
        } = step.what()
        else {
            return;
        };
        if length > flaws.sound[list as usize] {
            self.check_elements(txn, step, (list, length), flaws, cases);
        }
        self.check_intermediate(txn, step, (list, length), cases);
    }

    fn check_elements(&self, txn: u32, step: &Step, (list, length): (u32, u32), flaws: &Flaws, cases: &mut Cases) {
        let is_in = |places: &[u32]| places[list as usize] < length;
        let at = |places: &[u32]| self.txns.lists[list as usize].elements[places[list as usize] as usize];
        if is_in(&flaws.failed) {
            cases.add(Anomaly::G1a, || self.tell_failed(txn, step, at(&flaws.failed)));
        }
        if is_in(&flaws.garbage) {
            cases.add(Anomaly::GarbageRead, || {
                self.tell_garbage(txn, step, at(&flaws.garbage))
            });
        }
        if is_in(&flaws.repeated) {
            cases.add(Anomaly::DuplicateElements, || {
                self.tell_repeated(txn, step, at(&flaws.repeated))
            });
        }
        if !self.is_version(list, length) && !self.has_repeats(list, length) {
            cases.add(Anomaly::IncompatibleOrder, || self.tell_orders(step.key, list, txn));
        }
    }

    /// Looks for what can be wrong with a transaction that touches a key more than once.
    fn check_own(&self, txn: u32, cases: &mut Cases) {
        for (number, step) in self.txns.steps(txn).iter().enumerate() {
            match step.what() {
                What::Write(_) => self.check_future(txn, number, cases),
                _ => self.check_internal(txn, number, cases),
            }
        }
    }

    /// Returns, by list, where the first element is that failed to be written, and the first that nobody wrote.
    fn without_writers(&self) -> (Vec<u32>, Vec<u32>) {
        let places = |list: &super::txns::List| {
            let (mut failed, mut garbage) = (NONE, NONE);
            let is_without = |(_, element): &(u32, &u32)| self.writers.possible(**element) == NONE;
            for (place, element) in (0..).zip(&list.elements).filter(is_without) {
                let first = if self.writers.is_failed(*element) {
                    &mut failed
                } else {
                    &mut garbage
                };
                *first = place.min(*first);
            }
            (failed, garbage)
        };
        self.txns.lists.iter().map(places).unzip()
    }

    /// Returns, by list, where an element comes for the second time.
    fn repeated(&self) -> Vec<u32> {
        let is_version = |list: u32| self.is_version(list, self.txns.lists[list as usize].elements.len() as u32);
        let mut seen_in = Vec::new();
        let place = |(number, list): (u32, &super::txns::List)| {
            // The order of a key has each once.
            if is_version(number) {
                return NONE;
            }
            seen_in.resize(self.txns.elements.len(), NONE);
            let mut is_repeated = |element: &u32| std::mem::replace(&mut seen_in[*element as usize], number) == number;
            list.elements
                .iter()
                .position(&mut is_repeated)
                .map_or(NONE, |place| place as u32)
        };
        (0..).zip(&self.txns.lists).map(place).collect()
    }

    fn tell_failed(&self, txn: u32, step: &Step, element: u32) -> (Vec<u32>, String) {
        let writer = self.writers.failed(element);
        let (txns, value) = (self.txns, self.txns.value(element));
        let text = format!(
            "{} {}, with {value} in it, which {} had failed to append.",
            txns.full_name(txn),
            past(&txns.step_text(step)),
            txns.full_name(writer)
        );
        (vec![txn, writer], text)
    }

    fn tell_garbage(&self, txn: u32, step: &Step, element: u32) -> (Vec<u32>, String) {
        let (txns, value) = (self.txns, self.txns.value(element));
        let text = format!(
            "{} {}, with {value} in it, which nobody appended.",
            txns.full_name(txn),
            past(&txns.step_text(step))
        );
        (vec![txn], text)
    }

    fn tell_repeated(&self, txn: u32, step: &Step, element: u32) -> (Vec<u32>, String) {
        let (txns, value) = (self.txns, self.txns.value(element));
        let text = format!(
            "{} {}, with {value} in it twice, which was appended once.",
            txns.full_name(txn),
            past(&txns.step_text(step))
        );
        (vec![txn], text)
    }

    /// A read that ends with an append which its writer followed up.
    #[inline]
    fn check_intermediate(&self, txn: u32, step: &Step, (list, length): (u32, u32), cases: &mut Cases) {
        let last = self.txns.read(list, length).last();
        let Some(element) = last.filter(|element| self.writers.is_intermediate(**element)) else {
            return;
        };
        let writer = self.writers.of(*element);
        if writer == NONE || writer == txn {
            return;
        }
        cases.add(Anomaly::G1b, || {
            let (txns, value) = (self.txns, self.txns.value(*element));
            let text = format!(
                "{} {}, which ends with {value}, but {} appended more to it after {value}.",
                txns.full_name(txn),
                past(&txns.step_text(step)),
                txns.full_name(writer)
            );
            (vec![txn, writer], text)
        });
    }

    /// A read of what the transaction appends later.
    fn check_future(&self, txn: u32, number: usize, cases: &mut Cases) {
        let steps = self.txns.steps(txn);
        let What::Write(element) = steps[number].what() else {
            return;
        };
        let saw = |step: &&Step| match step.what() {
            What::ReadList { list, length } if step.key == steps[number].key => {
                match (self.is_version(list, length), self.place(element)) {
                    (true, place) => place.is_some_and(|place| place < length),
                    (false, _) => self.txns.read(list, length).contains(&element),
                }
            }
            _ => false,
        };
        if let Some(read) = steps[..number].iter().find(saw) {
            cases.add(Anomaly::FutureRead, || {
                let (txns, value) = (self.txns, self.txns.value(element));
                let text = format!(
                    "{} {}, with {value} in it, which it appended only after that.",
                    txns.full_name(txn),
                    past(&txns.step_text(read))
                );
                (vec![txn], text)
            });
        }
    }

    /// A read that is not what the transaction had read before, followed by what it had appended since.
    fn check_internal(&self, txn: u32, number: usize, cases: &mut Cases) {
        let steps = self.txns.steps(txn);
        let What::ReadList { list, length } = steps[number].what() else {
            return;
        };
        let mut rest = length;
        let mut is_right = true;
        let mut before = None;
        for step in steps[..number]
            .iter()
            .rev()
            .filter(|step| step.key == steps[number].key)
        {
            match step.what() {
                What::Write(element) => {
                    is_right &= rest > 0 && self.txns.read(list, rest).last() == Some(&element);
                    rest = rest.saturating_sub(1);
                    before = Some(step);
                }
                What::ReadList { list: known, length } => {
                    is_right &= rest == length
                        && (rest == 0 || known == list || self.txns.read(known, rest) == self.txns.read(list, rest));
                    before = before.or(Some(step));
                    break;
                }
                What::ReadRegister(_) => unreachable!("registers are not lists"),
            }
            if !is_right {
                break;
            }
        }
        if let (false, Some(before)) = (is_right, before) {
            cases.add(Anomaly::Internal, || {
                let (txns, read) = (self.txns, past(&self.txns.step_text(&steps[number])));
                let name = txns.full_name(txn);
                (
                    vec![txn],
                    format!("{name} {}, and then {read}.", past(&txns.step_text(before))),
                )
            });
        }
    }

    fn has_repeats(&self, list: u32, length: u32) -> bool {
        let mut elements = self.txns.read(list, length).to_vec();
        elements.sort_unstable();
        elements.windows(2).any(|pair| pair[0] == pair[1])
    }

    fn tell_orders(&self, key: u32, list: u32, txn: u32) -> (Vec<u32>, String) {
        let reads = |txn: &u32| {
            self.txns.steps(*txn).iter().any(|step| match step.what() {
                What::ReadList { list, length } => {
                    step.key == key && length as usize >= self.order(key).len() && self.is_version(list, length)
                }
                _ => false,
            })
        };
        let other = self.txns.numbers().find(reads).unwrap_or(txn);
        let of_list = |step: &&Step| matches!(step.what(), What::ReadList { list: it, .. } if it == list);
        let of_key = |step: &&Step| step.key == key && matches!(step.what(), What::ReadList { .. });
        let told = |txn: u32, is: &dyn Fn(&&Step) -> bool| {
            let step = self.txns.steps(txn).iter().find(is).expect("it reads the key");
            format!("{} {}", self.txns.full_name(txn), past(&self.txns.step_text(step)))
        };
        let text = format!(
            "{}, but {}: neither is the beginning of the other, so that no order of appends explains both.",
            told(txn, &of_list),
            told(other, &of_key)
        );
        (vec![txn, other], text)
    }

    /// Failed appends that a committed one follows.
    fn check_dirty(&self, cases: &mut Cases) {
        for key in 0..self.txns.keys.len() as u32 {
            let mut failed = None;
            for element in self.order(key) {
                if self.writers.is_failed(*element) {
                    failed = Some(*element);
                } else if let (Some(dirty), writer) = (failed, self.writers.possible(*element))
                    && writer != NONE
                    && self.txns.is_ok(writer)
                {
                    cases.add(Anomaly::DirtyUpdate, || {
                        let (txns, first) = (self.txns, self.writers.failed(dirty));
                        let (value, then) = (txns.value(dirty), txns.value(*element));
                        let text = format!(
                            "{} failed to append {value} to {}, and yet {}'s append of {then} follows it.",
                            txns.full_name(first),
                            txns.key_name(key),
                            txns.full_name(writer)
                        );
                        (vec![first, writer], text)
                    });
                    failed = None;
                }
            }
        }
    }
}

/// As in `read x as [1]`, of what was done.
pub(super) fn past(step: &str) -> String {
    match step.split_once(' ') {
        Some(("append", rest)) => format!("appended {rest}"),
        Some(("write", rest)) => format!("wrote {rest}"),
        _ => step.to_owned(),
    }
}

/// Appends an edge between two transactions, if there are two.
pub(super) fn link(edges: &mut Vec<Edge>, from: Option<u32>, to: Option<u32>, kind: Kind) {
    if let (Some(from), Some(to)) = (from, to)
        && from != to
    {
        edges.push(Edge { from, to, kind });
    }
}
