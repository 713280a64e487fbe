//! Evidence: of all that has to come before itself, the fewest transactions that show it.
//!
//! A shortest cycle is searched for from several transactions of each set that is caught in one; what was inferred of its
//! steps is derived once more, for its reasons. How far a session is followed costs nothing, as only the two ends of that
//! way are evidence. What is found is then made smaller by leaving out one transaction after another.

use std::{cmp::Reverse, collections::BinaryHeap};

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    infer::Inferred,
    resolved::{INITIAL, Resolved},
    schedule::{Edges, unpack},
    verdict::{Step, Violation, Why},
};

/// From how many transactions of one set a shortest cycle is searched for. More make a smaller one likelier.
const START_COUNT_MAX: usize = 64;

/// How many steps all these searches together may take, but the first: a second or so.
const SEARCH_STEP_COUNT_MAX: u64 = 1 << 23;

/// How many of the cycles found are explained, to choose the one with the smallest explanation.
const EXPLAINED_COUNT_MAX: usize = 8;

/// How many reasons for one inferred step are weighed.
const REASON_COUNT_MAX: usize = 8;

/// What an inferred step costs, where another costs 1: it has a reader, and a way to it.
const INFERRED_COST: u32 = 3;

/// A step of a cycle before its reasons are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hop {
    pub(super) first: u32,
    pub(super) then: u32,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    Session,
    Read,
    Edge,
}

/// Sets of transactions each of which has to come before every other, and short cycles in them.
pub(super) struct Cycles {
    /// How many sets there are.
    pub(super) count: u64,
    /// By cost, the least first.
    pub(super) best: Vec<Vec<Hop>>,
}

/// Finds the cycles among the transactions that a schedule could not reach: of each session those from `stuck` on.
pub(super) fn cycles(resolved: &Resolved<'_>, edges: &Edges, stuck: &[u32]) -> Cycles {
    let sets = components(resolved, edges, stuck);
    let mut found: Vec<(u32, Vec<Hop>)> = Vec::new();
    let mut budget = SEARCH_STEP_COUNT_MAX;
    let set_of: FxHashMap<u32, u32> = (0..)
        .zip(&sets)
        .flat_map(|(number, set)| set.iter().map(move |txn| (*txn, number)))
        .collect();
    for (number, set) in (0..).zip(&sets) {
        let stride = set.len().div_ceil(START_COUNT_MAX);
        for start in set.iter().step_by(stride) {
            let is_in = |txn: u32| set_of.get(&txn) == Some(&number);
            let mut unlimited = u64::MAX;
            let budget = if found.is_empty() { &mut unlimited } else { &mut budget };
            if let Some(cycle) = way(resolved, Some(edges), (*start, *start), is_in, budget) {
                found.push(cycle);
            }
        }
    }
    found.sort();
    found.dedup();
    found.truncate(EXPLAINED_COUNT_MAX);
    Cycles {
        count: sets.len() as u64,
        best: found.into_iter().map(|(_, hops)| hops).collect(),
    }
}

/// Returns the sets of two or more stuck transactions each of which reaches every other.
///
/// Tarjan, *Depth-first search and linear graph algorithms* (SIAM J. Computing 1972), with a stack of its own.
fn components(resolved: &Resolved<'_>, edges: &Edges, stuck: &[u32]) -> Vec<Vec<u32>> {
    let is_stuck = |txn: u32| txn != INITIAL && txn >= stuck[resolved.session_of[txn as usize] as usize];
    let nth_before = |txn: u32, nth: usize| -> Option<u32> {
        let reads = resolved.reads_of(txn);
        match nth {
            0 => Some(resolved.before(txn).unwrap_or(INITIAL)),
            nth if nth <= reads.len() => Some(reads[nth - 1].txn),
            nth => edges.before(txn).get(nth - 1 - reads.len()).map(|edge| unpack(*edge).1),
        }
    };
    let mut low: FxHashMap<u32, u32> = FxHashMap::default();
    let mut sets = Vec::new();
    let (mut open, mut path) = (Vec::new(), Vec::new());
    let mut met = 0;
    let done = u32::MAX;
    let all = (0..stuck.len()).flat_map(|session| stuck[session]..resolved.session_starts[session + 1]);
    for root in all {
        if low.contains_key(&root) {
            continue;
        }
        path.push((root, 0, met));
        low.insert(root, met);
        open.push(root);
        met += 1;
        while let Some((txn, nth, number)) = path.pop() {
            if let Some(other) = nth_before(txn, nth) {
                path.push((txn, nth + 1, number));
                match low.get(&other).copied() {
                    _ if !is_stuck(other) => {}
                    None => {
                        path.push((other, 0, met));
                        low.insert(other, met);
                        open.push(other);
                        met += 1;
                    }
                    Some(at) if at != done => {
                        let own = low.get_mut(&txn).expect("what is on the path was met");
                        *own = (*own).min(at);
                    }
                    Some(_) => {}
                }
                continue;
            }
            let own = low[&txn];
            if own == number {
                let from = open.iter().rposition(|it| *it == txn).expect("what is met is open");
                let set = open.split_off(from);
                for txn in &set {
                    low.insert(*txn, done);
                }
                if set.len() > 1 {
                    sets.push(set);
                }
            } else if let Some((caller, ..)) = path.last() {
                let of_caller = low.get_mut(caller).expect("what is on the path was met");
                *of_caller = (*of_caller).min(own);
            }
        }
    }
    sets
}

/// A transaction, and whether it was left by its session, so that to go on in it costs nothing.
type State = (u32, bool);

/// How each state was come to from the end: at what cost, by which hop, and from which state.
type Came = FxHashMap<State, (u32, Hop, State)>;

/// Returns a cheapest way `from` one transaction `to` another through allowed ones, with its cost: by sessions,
/// reads, and `edges` if there are any. From one to itself it is a cycle. None if there is none, or none within `budget`
/// steps.
fn way(
    resolved: &Resolved<'_>,
    edges: Option<&Edges>,
    (from, to): (u32, u32),
    is_allowed: impl Fn(u32) -> bool,
    budget: &mut u64,
) -> Option<(u32, Vec<Hop>)> {
    let mut came = Came::default();
    let mut settled = FxHashSet::default();
    let mut heap = BinaryHeap::from([Reverse((0, to, false))]);
    while let Some(Reverse((cost, txn, is_run))) = heap.pop() {
        if txn == from && cost > 0 {
            return Some((cost, collect(&came, (txn, is_run))));
        }
        if !settled.insert((txn, is_run)) {
            continue;
        }
        let session = resolved.before(txn).map(|first| (first, How::Session));
        let reads = resolved.reads_of(txn).iter().map(|source| (source.txn, How::Read));
        let edges = edges.into_iter().flat_map(|edges| edges.before(txn));
        let edges = edges.map(|edge| (unpack(*edge).1, How::Edge));
        for (first, how) in session.into_iter().chain(reads).chain(edges) {
            if first == INITIAL || !is_allowed(first) {
                continue;
            }
            *budget = budget.checked_sub(1)?;
            let cost = cost
                + match how {
                    How::Session => u32::from(!is_run),
                    How::Read => 1,
                    How::Edge => INFERRED_COST,
                };
            let state = (first, how == How::Session);
            let hop = Hop { first, then: txn, how };
            if came.get(&state).is_none_or(|(known, ..)| cost < *known) {
                came.insert(state, (cost, hop, (txn, is_run)));
                heap.push(Reverse((cost, first, state.1)));
            }
        }
    }
    None
}

/// Returns the hops from `state` to where the search began, those along one session as one.
fn collect(came: &Came, state: State) -> Vec<Hop> {
    let mut hops: Vec<Hop> = Vec::new();
    let mut next = came.get(&state).map(|(_, hop, after)| (*hop, *after));
    let end = state.0;
    while let Some((hop, after)) = next {
        match hops.last_mut() {
            Some(last) if last.how == How::Session && hop.how == How::Session => last.then = hop.then,
            _ => hops.push(hop),
        }
        let is_over = after.0 == end;
        next = came
            .get(&after)
            .map(|(_, hop, after)| (*hop, *after))
            .filter(|_| !is_over);
    }
    hops
}

/// Reasons for the inferred hops of a few cycles.
pub(super) struct Reasons<'r, 's> {
    resolved: &'r Resolved<'s>,
    /// By the later and the earlier.
    of_edge: FxHashMap<(u32, u32), Vec<Inferred>>,
}

impl<'r, 's> Reasons<'r, 's> {
    /// Returns room for the reasons of `cycles`.
    pub(super) fn wanted<'c>(resolved: &'r Resolved<'s>, cycles: impl IntoIterator<Item = &'c Vec<Hop>>) -> Self {
        let hops = cycles.into_iter().flatten().filter(|hop| hop.how == How::Edge);
        Self {
            resolved,
            of_edge: hops.map(|hop| ((hop.then, hop.first), Vec::new())).collect(),
        }
    }

    /// Takes what was inferred, if it is a reason.
    pub(super) fn note(&mut self, inferred: Inferred) {
        if let Some(reasons) = self.of_edge.get_mut(&(inferred.then, inferred.first))
            && reasons.len() < REASON_COUNT_MAX
        {
            reasons.push(inferred);
        }
    }

    /// Returns the cycle with its reasons.
    pub(super) fn explain(&self, hops: &[Hop]) -> Violation {
        let mut budget = SEARCH_STEP_COUNT_MAX;
        let steps = hops.iter().map(|hop| match hop.how {
            How::Edge => self.step(*hop, &mut budget),
            _ => step(self.resolved, *hop),
        });
        Violation::Cycle { steps: steps.collect() }
    }

    /// Once the budget is used up, a reason goes without the way by which its reader knew.
    fn step(&self, hop: Hop, budget: &mut u64) -> Step {
        let resolved = self.resolved;
        let reasons = self.of_edge.get(&(hop.then, hop.first)).into_iter().flatten();
        let with_way = reasons.map(|reason| {
            let way = way_to(resolved, hop.first, reason.reader, budget);
            (way.unwrap_or_default(), reason)
        });
        let best = with_way.min_by_key(|(path, _)| (path.is_empty(), path.len()));
        let why = best.map_or(Why::Known, |(path, reason)| Why::Passed {
            key: resolved.input.key_name(reason.key),
            value: resolved.value_written(reason.then, reason.key),
            reader: resolved.id(reason.reader),
            path,
        });
        Step {
            first: resolved.id(hop.first),
            then: resolved.id(hop.then),
            why,
        }
    }
}

/// Returns that `reader` read the initial state of `key` though it knew of `writer`.
pub(super) fn initial_read(resolved: &Resolved<'_>, inferred: Inferred) -> Violation {
    let Inferred { first, reader, key, .. } = inferred;
    Violation::InitialRead {
        reader: resolved.id(reader),
        writer: resolved.id(first),
        key: resolved.input.key_name(key),
        value: resolved.value_read(reader, key),
        path: way_to(resolved, first, reader, &mut { u64::MAX }).expect("what is inferred follows along a way"),
    }
}

/// Returns the hops of a cycle from `then` to `first`, along sessions and reads, and by what is inferred back.
pub(super) fn round(resolved: &Resolved<'_>, inferred: (u32, u32)) -> Option<Vec<Hop>> {
    let (then, first) = inferred;
    let (_, mut hops) = way(resolved, None, (then, first), |_| true, &mut { u64::MAX })?;
    hops.push(Hop {
        first,
        then,
        how: How::Edge,
    });
    Some(hops)
}

/// Returns a shortest way from `first` to `then` along sessions and reads, if it is found within `budget` steps.
fn way_to(resolved: &Resolved<'_>, first: u32, then: u32, budget: &mut u64) -> Option<Vec<Step>> {
    let (_, hops) = way(resolved, None, (first, then), |_| true, budget)?;
    Some(hops.into_iter().map(|hop| step(resolved, hop)).collect())
}

fn step(resolved: &Resolved<'_>, hop: Hop) -> Step {
    let read = resolved.reads_of(hop.then).iter().find(|read| read.txn == hop.first);
    let why = match (hop.how, read) {
        (How::Read, Some(read)) => Why::Read {
            key: resolved.input.key_name(read.key),
            value: resolved.value_written(hop.first, read.key),
        },
        _ => Why::Session,
    };
    Step {
        first: resolved.id(hop.first),
        then: resolved.id(hop.then),
        why,
    }
}
