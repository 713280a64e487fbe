//! What models below `consistent-view` forbid beyond cycles, where one of them is asked for: of lists, whose versions have an order.
//!
//! - `read-atomic`, `causal-cerone` (Cerone, Bernardi and Gotsman, CONCUR 2015) and `causal`, by the inference of [`crate::causal`],
//!   to which the version orders are given as known; the first two are of whole transactions and know no sessions, the last is of
//!   single steps and does. What a read of a list makes
//!   visible is the transaction whose append it ends with.
//! - The four session guarantees (Terry et al., *Session guarantees for weakly consistent replicated data*, PDIS 1994), key by key.
//! - G-cursor (Adya 1999, section 4.2.2: PL-CS): between a transaction's read of a key and its write of it another wrote it.
//! - G-monotonic (Adya 1999: PL-2L): a read misses a write on which something depends that the transaction had met by then.
//! - `linearizable` and `sequential` are of single operations: each step of a transaction is taken as one of its own, within the
//!   time of the whole, with no order among those of one transaction.
//! - `PRAM` is of single steps too, session by session ([`pram`](super::pram)).
//! - `view-serializable`, `1SR` and `session-serializable` are of whole transactions, whatever is known of the order of versions but
//!   from reads.

use rustc_hash::FxHashMap;

use super::{
    anomaly::Anomaly,
    cases::{Case, Cases},
    check::{Question, judge},
    graph::{Edge, Edges, Kind},
    lists::{Lists, Versions, past},
    pram,
    txns::{NONE, Step, Txns, What},
    writers::Writers,
};
use crate::{
    causal::{self, Access, Level, Names, Sessions, TxnId},
    execute::InOrder,
};

/// Lists, as weak models see them.
pub(super) struct Weak<'t> {
    pub(super) txns: &'t Txns,
    pub(super) writers: &'t Writers,
    /// None of registers, of which only what takes no order of versions is looked for.
    pub(super) lists: Option<&'t Lists<'t>>,
    /// How many steps a search may take.
    pub(super) budget: u64,
}

impl Weak<'_> {
    /// Looks for what is wanted of it; returns what could not be decided.
    pub(super) fn check(&self, wants: impl Fn(Anomaly) -> bool, edges: &[Edge], cases: &mut Cases) -> Vec<String> {
        let mut unknown = Vec::new();
        let by_causes = [
            (Anomaly::FracturedRead, Level::ReadAtomic),
            (Anomaly::MissedCause, Level::Causal),
        ];
        for (anomaly, level) in by_causes {
            if wants(anomaly) {
                unknown.extend(self.causes(anomaly, level, cases));
            }
        }
        if wants(Anomaly::SessionMissedCause) {
            let txns = &self.txns.split();
            let writers = &Writers::new(txns, &InOrder);
            let lists = self.lists.map(|_| Lists::new(txns, writers, Versions::new(txns)));
            let steps = Weak {
                txns,
                writers,
                lists: lists.as_ref(),
                budget: self.budget,
            };
            unknown.extend(steps.causes(Anomaly::SessionMissedCause, Level::Causal, cases));
        }
        if let (Some(lists), true) = (self.lists, Anomaly::OF_SESSIONS.into_iter().any(&wants)) {
            self.sessions(lists, &wants, cases);
        }
        if let (Some(lists), true) = (self.lists, wants(Anomaly::GCursor)) {
            self.cursors(lists, cases);
        }
        if let (Some(lists), true) = (self.lists, wants(Anomaly::GMonotonic)) {
            self.views(lists, edges, cases);
        }
        let by_steps = [
            (Anomaly::NotLinearizable, "strict-serializable"),
            (Anomaly::NotSequential, "strong-session-serializable"),
        ];
        for (anomaly, model) in by_steps {
            if wants(anomaly) {
                unknown.extend(self.steps(anomaly, model, cases));
            }
        }
        if wants(Anomaly::NotPram) && !wants(Anomaly::SessionMissedCause) {
            unknown.extend(pram::check(self.txns, self.writers, self.budget, cases));
        }
        let is_of_sessions = wants(Anomaly::NotSessionSerializable);
        let by_whole = [
            (Anomaly::NotSessionSerializable, "strong-session-serializable", true),
            (Anomaly::NotOneCopy, "serializable", !is_of_sessions),
            (Anomaly::NotViewSerializable, "serializable", true),
        ];
        for (anomaly, model, _) in by_whole.into_iter().filter(|(it, _, is_asked)| *is_asked && wants(*it)) {
            unknown.extend(self.whole(anomaly, model, cases));
        }
        unknown
    }

    /// What no order of whole transactions explains.
    fn whole(&self, anomaly: Anomaly, model: &str, cases: &mut Cases) -> Vec<String> {
        let question = self.question(model);
        let outcome = judge(self.txns, &question, &InOrder);
        let mut found = outcome.cases.found().filter(|(found, _)| question.forbids(*found));
        if let Some((_, found)) = found.next() {
            cases.add_best(anomaly, found.best.clone());
        }
        outcome.unknown
    }

    /// Asks for a model, whatever is assumed of keys.
    fn question(&self, model: &str) -> Question {
        Question {
            budget: self.budget,
            ..Question::of(model.parse().expect("the table has it"))
        }
    }

    /// Cycles of single steps.
    fn steps(&self, anomaly: Anomaly, model: &str, cases: &mut Cases) -> Vec<String> {
        let split = self.txns.split();
        let outcome = judge(&split, &self.question(model), &InOrder);
        let is_cycle = |(found, _): &(Anomaly, &super::cases::Found)| matches!(found, Anomaly::Cycle(..));
        for (_, found) in outcome.cases.found().filter(is_cycle) {
            let txns = found.best.txns.iter().map(|txn| split.whole(*txn)).collect();
            let text = found.best.text.clone();
            cases.add_best(
                anomaly,
                Case {
                    txns,
                    text,
                    cycle: Vec::new(),
                },
            );
        }
        outcome.unknown
    }

    fn causes(&self, anomaly: Anomaly, level: Level, cases: &mut Cases) -> Option<String> {
        let causes = Causes::new(self);
        let verdict = causal::check(&causes.sessions, level);
        if let Some(violation) = &verdict.violation {
            let txns = violation
                .txns()
                .into_iter()
                .map(|txn| self.txns.whole(causes.txn(txn)))
                .collect();
            let text = violation.tell(&causes);
            cases.add_best(
                anomaly,
                Case {
                    txns,
                    text,
                    cycle: Vec::new(),
                },
            );
        }
        verdict.unknown
    }

    /// The session guarantees of each key.
    fn sessions(&self, lists: &Lists<'_>, wants: &impl Fn(Anomaly) -> bool, cases: &mut Cases) {
        let mut known: FxHashMap<(u32, u32), Known> = FxHashMap::default();
        for txn in self.txns.numbers().filter(|txn| self.txns.is_ok(*txn)) {
            let session = self.txns.txn(txn).session;
            for step in self
                .txns
                .steps(txn)
                .iter()
                .filter(|step| !self.writers.is_ambiguous(step.key))
            {
                let known = known.entry((session, step.key)).or_default();
                let met = match step.what() {
                    What::ReadList { list, length } if lists.is_version(list, length) => Met {
                        txn,
                        step: *step,
                        place: length,
                    },
                    What::Write(element) => Met {
                        txn,
                        step: *step,
                        // What nobody saw comes after all that somebody did.
                        place: lists.place(element).unwrap_or(NONE - 1) + 1,
                    },
                    _ => continue,
                };
                let is_read = !matches!(step.what(), What::Write(_));
                let found = match (is_read, known.read, known.written) {
                    (true, _, Some(written)) if met.place < written.place && wants(Anomaly::OwnWriteMissed) => {
                        Some((Anomaly::OwnWriteMissed, written))
                    }
                    (true, Some(read), _) if met.place < read.place && wants(Anomaly::NonMonotonicRead) => {
                        Some((Anomaly::NonMonotonicRead, read))
                    }
                    (false, _, Some(written)) if met.place < written.place && wants(Anomaly::NonMonotonicWrite) => {
                        Some((Anomaly::NonMonotonicWrite, written))
                    }
                    (false, Some(read), _) if met.place <= read.place && wants(Anomaly::WriteBeforeRead) => {
                        Some((Anomaly::WriteBeforeRead, read))
                    }
                    _ => None,
                };
                if let Some((anomaly, before)) = found {
                    cases.add(anomaly, || self.tell_session(&before, &met));
                }
                let last = if is_read { &mut known.read } else { &mut known.written };
                if last.is_none_or(|last| last.place < met.place) {
                    *last = Some(met);
                }
            }
        }
    }

    fn tell_session(&self, before: &Met, then: &Met) -> (Vec<u32>, String) {
        let (txns, session) = (self.txns, self.txns.txn(then.txn).session);
        let [first, second] =
            [before, then].map(|met| format!("{} {}", txns.full_name(met.txn), past(&txns.step_text(&met.step))));
        let process = &txns.processes[session as usize];
        let order = match (before.step.what(), then.step.what()) {
            (_, What::Write(_)) => ", although its append came first in the list",
            (What::Write(_), _) => ", without what it had appended",
            _ => ", less than it had seen",
        };
        (
            vec![before.txn, then.txn],
            format!("In session {process}, {first}, and then {second}{order}."),
        )
    }

    fn cursors(&self, lists: &Lists<'_>, cases: &mut Cases) {
        for txn in self.txns.numbers().filter(|txn| self.txns.is_ok(*txn)) {
            let steps = self.txns.steps(txn);
            for (number, step) in steps.iter().enumerate() {
                let What::ReadList { list, length } = step.what() else {
                    continue;
                };
                if !lists.is_version(list, length) || self.writers.is_ambiguous(step.key) {
                    continue;
                }
                let own = steps[number..]
                    .iter()
                    .filter(|own| own.key == step.key)
                    .find_map(|own| match own.what() {
                        What::Write(element) => Some(element),
                        _ => None,
                    });
                let Some(own) = own else { continue };
                let place = lists.count_before(step.key, own);
                let between = lists.writer_from(step.key, length).filter(|writer| *writer != txn);
                if let (Some(between), true) = (between, length < place) {
                    cases.add(Anomaly::GCursor, || {
                        let (txns, value) = (self.txns, self.txns.value(own));
                        let text = format!(
                            "{} {} and appended {value}, but {} had appended to it in between.",
                            txns.full_name(txn),
                            past(&txns.step_text(step)),
                            txns.full_name(between)
                        );
                        (vec![txn, between], text)
                    });
                }
            }
        }
    }

    /// Reads that miss a write on which something depends that their transaction had met by then.
    fn views(&self, lists: &Lists<'_>, edges: &[Edge], cases: &mut Cases) {
        let node_count = edges
            .iter()
            .map(|edge| edge.from.max(edge.to) + 1)
            .max()
            .unwrap_or(0)
            .max(self.txns.count() as u32);
        let graph = Edges::new(node_count as usize, edges);
        let mut met = vec![NONE; node_count as usize];
        let unseen = lists.unseen();
        for txn in self.txns.numbers().filter(|txn| self.txns.is_ok(*txn)) {
            let mut sources: Vec<u32> = Vec::new();
            for step in self
                .txns
                .steps(txn)
                .iter()
                .filter(|step| !self.writers.is_ambiguous(step.key))
            {
                let (before, missed) = match step.what() {
                    What::ReadList { list, length } if lists.is_version(list, length) => {
                        let next = lists.writer_from(step.key, length);
                        let is_all = length == lists.length(step.key);
                        let unseen = unseen.get(&step.key).filter(|_| is_all).into_iter().flatten().copied();
                        let missed: Vec<u32> = next.into_iter().chain(unseen).filter(|missed| *missed != txn).collect();
                        (lists.writer_before(step.key, length), missed)
                    }
                    What::Write(element) => {
                        let place = lists.count_before(step.key, element);
                        (lists.writer_before(step.key, place), Vec::new())
                    }
                    _ => (None, Vec::new()),
                };
                sources.extend(before.filter(|before| *before != txn));
                for missed in missed {
                    let Some(source) = reaches(&graph, &mut met, txn, missed, &sources) else {
                        continue;
                    };
                    cases.add(Anomaly::GMonotonic, || {
                        let txns = self.txns;
                        let text = format!(
                            "{} had met {}, which depends on {}, when it {}, without what that appended.",
                            txns.full_name(txn),
                            txns.full_name(source),
                            txns.full_name(missed),
                            past(&txns.step_text(step))
                        );
                        (vec![txn, source, missed], text)
                    });
                }
            }
        }
    }
}

/// Returns one of `goals` that `from` leads to by dependencies, not by way of `but`. What was met for `but` already is not met again:
/// nothing that it leads to was a goal then, and all goals of then are goals still.
fn reaches(graph: &Edges, met: &mut [u32], but: u32, from: u32, goals: &[u32]) -> Option<u32> {
    let mut open = vec![from];
    let mut seen = vec![from];
    let mut found = None;
    while let Some(node) = open.pop() {
        if met[node as usize] == but {
            continue;
        }
        met[node as usize] = but;
        seen.push(node);
        if goals.contains(&node) {
            found = Some(node);
            break;
        }
        let dependencies = graph
            .from(node)
            .filter(|(to, kind)| matches!(kind, Kind::Ww | Kind::Wr) && *to != but);
        open.extend(dependencies.map(|(to, _)| to));
    }
    // Goals grow from step to step, so that each search is on its own.
    seen.iter().for_each(|node| met[*node as usize] = NONE);
    found
}

/// What a session has read and written of a key: the furthest in its order.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    read: Option<Met>,
    written: Option<Met>,
}

#[derive(Clone, Copy, Debug)]
struct Met {
    txn: u32,
    step: Step,
    /// How much of the key was there then.
    place: u32,
}

/// Transactions on lists as those on registers: a read is of the append that it ends with.
struct Causes<'w> {
    txns: &'w Txns,
    sessions: Sessions,
    /// By session of `sessions`, its transactions.
    by_session: Vec<Vec<u32>>,
}

impl<'w> Causes<'w> {
    fn new(weak: &Weak<'w>) -> Self {
        let mut causes = Self {
            txns: weak.txns,
            sessions: Sessions::new(),
            by_session: Vec::new(),
        };
        let mut ids = vec![None; weak.txns.count()];
        for txn in weak.txns.numbers().filter(|txn| weak.writers.happened[*txn as usize]) {
            let accesses: Vec<Access> = weak
                .txns
                .steps(txn)
                .iter()
                .map(|step| access(weak.txns, step))
                .collect();
            // Of whole transactions no model here knows sessions.
            let session = if weak.txns.is_split() {
                weak.txns.txn(txn).session
            } else {
                txn
            };
            let id = causes.sessions.push(u64::from(session), &accesses);
            if id.session as usize == causes.by_session.len() {
                causes.by_session.push(Vec::new());
            }
            causes.by_session[id.session as usize].push(txn);
            ids[txn as usize] = Some(id);
        }
        let Some(lists) = weak.lists else { return causes };
        for key in 0..weak.txns.keys.len() as u32 {
            let mut order: Vec<TxnId> = lists.writers_of(key).filter_map(|txn| ids[txn as usize]).collect();
            order.dedup();
            if order.len() > 1 {
                causes.sessions.order(order);
            }
        }
        for (key, unseen) in lists.unseen() {
            let last = lists.writer_before(key, lists.length(key));
            for txn in unseen.into_iter().filter(|txn| Some(*txn) != last) {
                if let (Some(last), Some(then)) = (last.and_then(|last| ids[last as usize]), ids[txn as usize]) {
                    causes.sessions.order(vec![last, then]);
                }
            }
        }
        causes
    }

    fn txn(&self, id: TxnId) -> u32 {
        self.by_session[id.session as usize][id.index as usize]
    }
}

fn access(txns: &Txns, step: &Step) -> Access {
    let key = u64::from(step.key);
    match step.what() {
        What::Write(element) => Access::write(key, u64::from(element)),
        What::ReadList { list, length } => match txns.read(list, length).last() {
            None => Access::read_nothing(key),
            Some(element) => Access::read(key, u64::from(*element)),
        },
        What::ReadRegister(NONE) => Access::read_nothing(key),
        What::ReadRegister(element) => Access::read(key, u64::from(element)),
    }
}

impl Names for Causes<'_> {
    fn txn(&self, txn: TxnId) -> String {
        self.txns.full_name(Causes::txn(self, txn))
    }

    fn txn_briefly(&self, txn: TxnId) -> String {
        self.txns.name(Causes::txn(self, txn))
    }

    fn key(&self, key: u64) -> String {
        self.txns.key_name(key as u32)
    }

    fn value(&self, _: u64, value: Option<u64>) -> String {
        value.map_or("nothing".to_owned(), |value| self.txns.value(value as u32).to_string())
    }

    fn known(&self, _: TxnId, _: TxnId) -> String {
        "as the lists that were read have it".to_owned()
    }
}
