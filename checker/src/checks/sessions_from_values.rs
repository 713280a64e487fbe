//! The session guarantees from values alone: no version, no clock.
//!
//! Viotti and Vukolić, *Consistency in Non-Transactional Distributed Storage Systems* (ACM CSUR 2016), section 3, with
//! visibility and one order of the writes of a key (arbitration), of which a read returns the last that is visible to it:
//!
//! - *read your writes*: what a session wrote is visible to its later reads;
//! - *monotonic reads*: what is visible to a read is visible to its session's later reads;
//! - *monotonic writes*: a session's writes are in the order of writes as in the session;
//! - *writes follow reads*: a write comes in the order of writes after all that is visible to its session's earlier reads.
//!
//! Each makes some values older than others. A read of w after a write of v, or after a read of v, makes v older than w;
//! so does a write of w after either. Nothing at first is older than all. A guarantee is broken if what it makes older is
//! so in a circle, whoever's sessions it is that contradict each other:
//!
//! ```text
//!   p1  reads 1, then 2      1 is older than 2
//!   p2  reads 2, then 1      2 is older than 1: no order of writes explains both
//! ```
//!
//! Conversely, where there is no circle any order of writes that goes along with what is older explains the reads. The
//! first two are judged alone. Writes' order shows only to readers, so the last two are judged together with
//! monotonic reads: either they or some session's reads are at fault. [`super::sessions`] sees more where there are
//! versions or real time; here nothing is presumed of either.
//!
//! A read of what nobody wrote, or of nothing that may be of one delete or another, is passed over; so is a key with a
//! value written twice.

use rustc_hash::FxHashMap;

use super::repeats;
use crate::{
    cycles::{Edge, Graph},
    evidence::{Context, Finding, Tally, Words},
    history::{Action, History, KeyId, Op, ValueId},
};

/// From how many places of one circle a short one is searched for.
const START_COUNT_MAX: usize = 64;

/// How many steps all these searches in one key together may take, but the first: some tenths of a second.
const SEARCH_STEP_COUNT_MAX: u64 = 1 << 21;

/// Evidence of more ops than this is not made smaller.
const SHRUNK_COUNT_MAX: usize = 48;

/// Finds sets of values that no order of writes puts in order, if all sessions read their own writes.
///
/// Tested are the ok reads of sessions that had written their key.
pub fn read_your_writes_from_values(history: &History, context: &Context) -> Finding {
    check(history, context, Claim::ReadYourWrites)
}

/// Finds sets of values that no order of writes puts in order, if all sessions' reads are monotonic.
///
/// Tested are the ok reads of sessions that had read their key.
pub fn monotonic_reads_from_values(history: &History, context: &Context) -> Finding {
    check(history, context, Claim::MonotonicReads)
}

/// Finds sets of values that no order of writes puts in order, if all sessions' writes and reads are monotonic, writes
/// having a part in it.
///
/// Tested are the writes of sessions that had written their key.
pub fn monotonic_writes_from_values(history: &History, context: &Context) -> Finding {
    check(history, context, Claim::MonotonicWrites)
}

/// Finds sets of values that no order of writes puts in order, if all sessions' writes follow their reads and their
/// reads are monotonic, writes having a part in it.
///
/// Tested are the writes of sessions that had read their key.
pub fn writes_follow_reads_from_values(history: &History, context: &Context) -> Finding {
    check(history, context, Claim::WritesFollowReads)
}

/// Finds sets of values that no order of writes puts in order, if all four guarantees hold.
///
/// Tested is what each of the four tests.
pub fn session_guarantees_from_values(history: &History, context: &Context) -> Finding {
    check(history, context, Claim::All)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    ReadYourWrites,
    MonotonicReads,
    MonotonicWrites,
    WritesFollowReads,
    All,
}

impl Claim {
    /// Returns whether what a session does, first `earlier` and then `later`, orders values under this claim.
    fn takes(self, earlier: Action, later: Action) -> bool {
        let is_reads = !earlier.is_write() && !later.is_write();
        match self {
            Self::ReadYourWrites | Self::MonotonicReads => self.judges(earlier, later),
            Self::MonotonicWrites | Self::WritesFollowReads => self.judges(earlier, later) || is_reads,
            Self::All => true,
        }
    }

    /// Returns whether a circle without such a pair is none of this claim's.
    fn judges(self, earlier: Action, later: Action) -> bool {
        let pair = (earlier.is_write(), later.is_write());
        match self {
            Self::ReadYourWrites => pair == (true, false),
            Self::MonotonicReads => pair == (false, false),
            Self::MonotonicWrites => pair == (true, true),
            Self::WritesFollowReads => pair == (false, true),
            Self::All => true,
        }
    }
}

/// That what `earlier` wrote or returned is older than what `later` did, as a session did the one and then the other.
#[derive(Clone, Copy, Debug)]
struct Step<'h> {
    earlier: &'h Op,
    later: &'h Op,
}

/// Returns the ops on `key` that did or may have done something, by session and in each in order.
fn by_session(history: &History, key: KeyId) -> Vec<&Op> {
    let ops = history.ops_of(key);
    let mut by_session = Vec::with_capacity(ops.len());
    // Few sessions, so sorting takes few steps an op; and none looks at the op itself. Each session stays in its order.
    let did = ops.filter(|op| op.is_ok_read() || op.is_possible_write());
    by_session.extend(did.map(|op| (op.process, op)));
    by_session.sort_by_key(|(process, _)| *process);
    by_session.into_iter().map(|(_, op)| op).collect()
}

fn check(history: &History, context: &Context, claim: Claim) -> Finding {
    let mut tally = Tally::new();
    let mut room = vec![NEW; history.value_count()];
    for key in history.keys() {
        if let Some(why) = repeats::doubt(history, key) {
            tally.doubt(history, key, &why);
            continue;
        }
        let mut ops = by_session(history, key);
        ops.retain(|op| op.action.is_write() || op.value.is_nil() || history.write_of(op.value).is_some());
        let found = circles(history, claim, &ops, &mut room);
        tally.test(found.tested);
        if let Some(steps) = found.smallest {
            let steps = shrink(history, claim, steps, &mut room);
            tally.violate(evidence(history, &steps), steps);
            for _ in 1..found.count {
                tally.violate_again();
            }
        }
    }
    tally.finish(history, context, |words, steps, _| tell(words, claim, steps))
}

/// Returns the ops of a circle, and the writes of what they returned, by session and in each in order.
fn evidence<'h>(history: &'h History, steps: &[Step<'h>]) -> Vec<&'h Op> {
    let ops = steps.iter().flat_map(|step| [step.earlier, step.later]);
    let mut ops: Vec<&Op> = ops
        .flat_map(|op| [Some(op), history.write_of(op.value)])
        .flatten()
        .collect();
    ops.sort_unstable_by_key(|op| (op.process, op.start));
    ops.dedup_by_key(|op| op.start);
    ops
}

/// The circles of one key.
struct Circles<'h> {
    tested: u64,
    /// How many sets of values there are each of which is older than every other.
    count: u64,
    smallest: Option<Vec<Step<'h>>>,
}

/// Finds the circles among `ops`, of one key, by session and in each in order. `room` is new for all values, and so
/// left.
fn circles<'h>(history: &'h History, claim: Claim, ops: &[&'h Op], room: &mut [u32]) -> Circles<'h> {
    let mut order = Order::new(claim, room);
    for session in ops.chunk_by(|a, b| a.process == b.process) {
        order.add_session(session);
    }
    for op in ops {
        order.nodes[op.value.index()] = NEW;
    }
    let Order {
        tested,
        edges,
        labels,
        judged,
        node_count,
        ..
    } = order;
    let graph = Graph::new(node_count as usize, edges);
    let components = graph.components();
    let is_inside = |edge: &u32| {
        let Edge { from, to, .. } = graph.edges()[*edge as usize];
        components[from as usize] == components[to as usize]
    };
    let inside: Vec<u32> = judged.into_iter().filter(is_inside).collect();
    let component = |edge: &u32| components[graph.edges()[*edge as usize].from as usize];
    let mut of_component: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    let mut met = Vec::new();
    for edge in &inside {
        of_component
            .entry(component(edge))
            .or_insert_with(|| {
                met.push(component(edge));
                Vec::new()
            })
            .push(*edge);
    }
    let mut budget = SEARCH_STEP_COUNT_MAX;
    let mut smallest: Option<(usize, Vec<Step>)> = None;
    for component in &met {
        let starts = &of_component[component];
        for start in starts.iter().step_by(starts.len().div_ceil(START_COUNT_MAX)) {
            let mut unlimited = u64::MAX;
            let budget = if smallest.is_none() {
                &mut unlimited
            } else {
                &mut budget
            };
            if let Some((_, cycle)) = graph.cycle(&components, *start, budget) {
                let steps = steps(&cycle, &labels);
                let size = evidence(history, &steps).len();
                if smallest.as_ref().is_none_or(|(known, _)| size < *known) {
                    smallest = Some((size, steps));
                }
            }
        }
    }
    Circles {
        tested,
        count: met.len() as u64,
        smallest: smallest.map(|(_, steps)| steps),
    }
}

/// Leaves out one op after another as long as there is a circle without it.
fn shrink<'h>(history: &'h History, claim: Claim, steps: Vec<Step<'h>>, room: &mut [u32]) -> Vec<Step<'h>> {
    let mut least = steps;
    loop {
        let ops = evidence(history, &least);
        if ops.len() > SHRUNK_COUNT_MAX {
            return least;
        }
        let without = |spare: &&Op| {
            let mut rest: Vec<&Op> = ops.iter().copied().filter(|op| op.start != spare.start).collect();
            rest.retain(|op| op.value != spare.value || !spare.action.is_write());
            circles(history, claim, &rest, room).smallest
        };
        match ops.iter().find_map(without) {
            Some(smaller) => least = smaller,
            None => return least,
        }
    }
}

/// A value without a node yet.
const NEW: u32 = u32::MAX;

/// Which values are older than which, under a claim.
///
/// Nodes are values, and chains: after each op of a session that makes values older than all that its session comes to
/// later, a node that all so far lead to. So there are no more edges than ops, but for a few.
struct Order<'h, 'r> {
    claim: Claim,
    tested: u64,
    nodes: &'r mut [u32],
    node_count: u32,
    edges: Vec<Edge>,
    /// By edge.
    labels: Vec<Label<'h>>,
    /// The edges without one of which a circle is none of the claim's.
    judged: Vec<u32>,
}

/// What an edge stands for.
#[derive(Clone, Copy)]
enum Label<'h> {
    /// A whole step.
    Step(Step<'h>),
    /// The beginning of a step, into a chain.
    Into(&'h Op),
    /// The end of a step, out of a chain.
    OutTo(&'h Op),
    /// Along a chain, or from nothing to what was written.
    Nothing,
}

/// What a session has come to, for one kind of chain.
#[derive(Default)]
struct Chain {
    /// The node after each op that leads into it.
    nodes: Vec<u32>,
}

impl<'h, 'r> Order<'h, 'r> {
    fn new(claim: Claim, nodes: &'r mut [u32]) -> Self {
        Self {
            claim,
            tested: 0,
            nodes,
            node_count: 0,
            edges: Vec::new(),
            labels: Vec::new(),
            judged: Vec::new(),
        }
    }

    fn add_session(&mut self, session: &[&'h Op]) {
        let mut own = OwnWrites::default();
        let mut read = Chain::default();
        let (mut last_write, mut last_read): (Option<&Op>, Option<&Op>) = (None, None);
        for op in session.iter().copied() {
            let (after_write, after_read) = match op.action.is_write() {
                true => (Action::Write, Action::Write),
                false => (Action::Read, Action::Read),
            };
            let has = |earlier: Option<&Op>, this: Action, claim: Claim| {
                let kind = earlier.map(|earlier| earlier.action);
                kind.is_some_and(|kind| claim.judges(kind, this))
            };
            self.tested += u64::from(has(last_write, after_write, self.claim));
            self.tested += u64::from(has(last_read, after_read, self.claim));
            if op.action.is_write() {
                if let Some(earlier) = last_write {
                    self.step(earlier, op);
                }
                if self.claim.takes(Action::Read, Action::Write)
                    && let Some(node) = read.nodes.last()
                {
                    self.out(*node, op, Action::Read);
                }
                if self.claim.takes(Action::Write, Action::Read) {
                    self.into(&mut own.chain, op);
                    own.writes.push(op);
                    own.places.insert(op.value, own.writes.len());
                }
                last_write = Some(op);
            } else {
                if let Some(earlier) = last_read.filter(|earlier| earlier.value != op.value) {
                    self.step(earlier, op);
                }
                self.read_own(&mut own, op);
                if self.claim.takes(Action::Read, Action::Write) && !op.value.is_nil() {
                    self.into(&mut read, op);
                }
                last_read = Some(op);
            }
        }
    }

    /// Adds that every write of the session so far is older than what `read` returned.
    fn read_own(&mut self, own: &mut OwnWrites<'h>, read: &'h Op) {
        if own.writes.is_empty() || own.is_over {
            return;
        }
        if read.value.is_nil() {
            let last = own.writes[own.writes.len() - 1];
            self.step(last, read);
            return;
        }
        let Some(&place) = own.places.get(&read.value) else {
            self.out(own.chain.nodes[own.writes.len() - 1], read, Action::Write);
            return;
        };
        if place > 1 {
            self.out(own.chain.nodes[place - 2], read, Action::Write);
        }
        // What was covered before led to this value too, or this session contradicts itself, and that is enough of it.
        let covered = own
            .read
            .filter(|(value, _)| *value == place)
            .map_or(place, |(_, until)| until);
        for later in &own.writes[covered.max(place)..] {
            self.step(later, read);
        }
        own.is_over = own.read.is_some_and(|(value, until)| place != value && place <= until);
        own.read = Some((place, own.writes.len()));
    }

    /// Adds that the value of `earlier` is older than that of `later`, if the claim takes it so.
    fn step(&mut self, earlier: &'h Op, later: &'h Op) {
        let (first, then) = (kind(earlier), kind(later));
        if !self.claim.takes(first, then) {
            return;
        }
        if earlier.value.is_nil() {
            return; // It is older anyway.
        }
        let from = self.node(earlier.value);
        // Nothing is older than all, so this value with it makes a circle: one of its own, as it takes no other value.
        let to = match later.value.is_nil() {
            true => self.fresh(),
            false => self.node(later.value),
        };
        if self.claim.judges(first, then) {
            self.judged.push(self.edges.len() as u32);
        }
        self.add(from, to, 2, Label::Step(Step { earlier, later }));
        if later.value.is_nil() {
            self.add(to, from, 0, Label::Nothing);
        }
    }

    fn into(&mut self, chain: &mut Chain, op: &'h Op) {
        let node = self.fresh();
        let value = self.node(op.value);
        self.add(value, node, 1, Label::Into(op));
        if let Some(before) = chain.nodes.last() {
            self.add(*before, node, 0, Label::Nothing);
        }
        chain.nodes.push(node);
    }

    fn out(&mut self, from: u32, op: &'h Op, earlier: Action) {
        let to = self.node(op.value);
        if self.claim.judges(earlier, kind(op)) {
            self.judged.push(self.edges.len() as u32);
        }
        self.add(from, to, 1, Label::OutTo(op));
    }

    fn add(&mut self, from: u32, to: u32, cost: u32, label: Label<'h>) {
        self.edges.push(Edge { from, to, cost });
        self.labels.push(label);
    }

    fn node(&mut self, value: ValueId) -> u32 {
        if self.nodes[value.index()] == NEW {
            self.nodes[value.index()] = self.fresh();
        }
        self.nodes[value.index()]
    }

    fn fresh(&mut self) -> u32 {
        self.node_count += 1;
        self.node_count - 1
    }
}

/// A delete is a write.
fn kind(op: &Op) -> Action {
    if op.action.is_write() {
        Action::Write
    } else {
        Action::Read
    }
}

/// What a session wrote so far.
#[derive(Default)]
struct OwnWrites<'h> {
    writes: Vec<&'h Op>,
    chain: Chain,
    /// By value, its place in `writes`, from 1.
    places: FxHashMap<ValueId, usize>,
    /// Of the last read of an own value, its place, and how many writes there were.
    read: Option<(usize, usize)>,
    /// The session contradicts itself already.
    is_over: bool,
}

/// Returns the steps that the edges of a circle stand for.
fn steps<'h>(cycle: &[u32], labels: &[Label<'h>]) -> Vec<Step<'h>> {
    // It may begin within a chain: then what leads into that is at its end.
    let mut into = cycle.iter().rev().find_map(|edge| match labels[*edge as usize] {
        Label::Into(op) => Some(op),
        _ => None,
    });
    let mut steps = Vec::new();
    for edge in cycle {
        match labels[*edge as usize] {
            Label::Step(step) => steps.push(step),
            Label::Into(op) => into = Some(op),
            Label::OutTo(later) => {
                let earlier = into.expect("what is led out of a chain was led into it");
                steps.push(Step { earlier, later });
            }
            Label::Nothing => {}
        }
    }
    steps
}

fn tell(words: Words<'_>, claim: Claim, steps: &[Step<'_>]) -> String {
    let key = steps.first().map(|step| words.key(step.earlier)).unwrap_or_default();
    let told: Vec<String> = steps.iter().map(|step| tell_step(words, *step)).collect();
    let told = told.join("; but ");
    let at_fault = match claim {
        Claim::ReadYourWrites => "a session did not read what it had written",
        Claim::MonotonicReads => "the reads of a session went back",
        Claim::MonotonicWrites => "the writes of a session were taken in another order, or the reads of one went back",
        Claim::WritesFollowReads => "a write was taken to be older than what its session had read, or reads went back",
        Claim::All => "one of the session guarantees is broken",
    };
    format!("No order of the writes of {key} explains its sessions, so {at_fault}: {told}.")
}

/// As in `1 is older than 2, as p1 wrote 1 (0.000 s to 0.010 s) and then 2 (0.020 s to 0.030 s)`.
fn tell_step(words: Words<'_>, step: Step<'_>) -> String {
    let Step { earlier, later } = step;
    let name = |op: &Op| match words.history.is_nothing(op.value) && !op.value.is_nil() {
        true => format!("the nothing of {}", words.write_of(op.value)),
        false => words.value(op.value),
    };
    let verb = |op: &Op| if op.action.is_write() { "wrote" } else { "read" };
    let place = |op: &Op| format!("{}{} {}", name(op), words.through(op), words.span(op));
    let then = match verb(earlier) == verb(later) {
        true => String::new(),
        false => format!("{} ", verb(later)),
    };
    let mut text = format!(
        "{} is older than {}, as {} {} {} and then {then}{}",
        name(earlier),
        name(later),
        words.process(earlier),
        verb(earlier),
        place(earlier),
        place(later)
    );
    if later.value.is_nil() {
        text.push_str(", which is what the key held before all");
    }
    text
}
