//! The search for an order of all ops.
//!
//! The order is built from its beginning. What is there so far, each key's current value included, is all that matters
//! for the rest, so:
//!
//! - a read whose value is current, and before which everything has its place, is taken at once: it changes nothing;
//! - a write is only taken where nobody has yet to read the current value;
//! - a write after which all reads that saw it can be taken at once is taken for good: whatever order the rest has, these
//!   could be moved to where they are.
//!
//! Only among other writes there is a choice. The one is tried first whose value could be in force the earliest, as
//! zones tell; so where the history is linearizable, or nearly, it is the right one mostly. Where nothing can be taken
//! the last choice is made anew. All takes linear memory, and time only as the steps allow: a step is an op taken.

use std::{collections::BTreeSet, ops::Bound};

use super::{
    program::{NONE, Program},
    saturation::Edge,
};
use crate::history::Position;

/// So many writes are tried for one that is safe to take; the first mostly is.
const SAFE_TRY_COUNT_MAX: usize = 16;

/// What a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Order,
    NoOrder,
    OutOfSteps,
}

/// Returns whether an order of `program` is found without taking a choice back.
pub(super) fn guess(program: &Program<'_>) -> bool {
    let mut state = State::new(program, &[]);
    while state.taken.len() < program.len() {
        if !state.take_safe() {
            match state.next_after(None) {
                Some((_, write)) => state.take_write(write),
                None => return false,
            }
        }
    }
    true
}

/// Searches for an order of `program` that keeps `edges`, which are sorted by their beginnings and end in writes, in `steps`, of which those taken are
/// subtracted.
pub(super) fn search(program: &Program<'_>, edges: &[Edge], steps: &mut u64) -> Found {
    let mut state = State::new(program, edges);
    let mut choices: Vec<Choice> = Vec::new();
    // What was tried last in the state that there is.
    let mut tried: Option<(Position, u32)> = None;
    loop {
        if state.taken.len() == program.len() {
            return Found::Order;
        }
        if (state.step_count as u64) > *steps {
            *steps = 0;
            return Found::OutOfSteps;
        }
        if tried.is_none() && state.take_safe() {
            continue;
        }
        if let Some(next) = state.next_after(tried) {
            choices.push(Choice {
                length: state.taken.len(),
                chosen: next,
            });
            state.take_write(next.1);
            tried = None;
        } else if let Some(choice) = choices.pop() {
            state.undo(choice.length);
            tried = Some(choice.chosen);
        } else {
            *steps -= state.step_count as u64;
            return Found::NoOrder;
        }
    }
}

/// A write that was taken where another might have been.
struct Choice {
    /// How many ops had been taken before.
    length: usize,
    chosen: (Position, u32),
}

/// An order so far.
struct State<'p, 'h> {
    program: &'p Program<'h>,
    edges: &'p [Edge],
    /// By op, where its edges begin, and one past the last.
    edge_starts: Vec<u32>,
    /// How many edges to a write begin at ops not yet taken.
    waits_for: Vec<u32>,
    /// Of each session the next op.
    heads: Vec<u32>,
    /// Of each key the write of the current value.
    current: Vec<u32>,
    /// How many reads of a write's value are yet to come; and by key, of nil.
    unread: Vec<u32>,
    unread_nil: Vec<u32>,
    /// The ops taken, each with what was current of its key before.
    taken: Vec<(u32, u32)>,
    priorities: Vec<Position>,
    /// By key, the writes that are next in their sessions and wait for none, the first to try first.
    ready: Vec<BTreeSet<(Position, u32)>>,
    /// Of each key whose current value nobody has yet to read the first of those; and again by key.
    first_ready: BTreeSet<((Position, u32), usize)>,
    listed: Vec<Option<(Position, u32)>>,
    step_count: usize,
}

impl<'p, 'h> State<'p, 'h> {
    fn new(program: &'p Program<'h>, edges: &'p [Edge]) -> Self {
        assert!(
            edges.is_sorted_by_key(|edge| edge.first),
            "edges are sorted by their beginnings"
        );
        let mut edge_starts = vec![0u32; program.len() + 1];
        let mut waits_for = vec![0; program.len()];
        for edge in edges {
            edge_starts[edge.first as usize + 1] += 1;
            waits_for[edge.then as usize] += 1;
        }
        for at in 0..program.len() {
            edge_starts[at + 1] += edge_starts[at];
        }
        let reads_of = |at: u32| {
            if program.is_write(at) {
                program.reads_of_write(at)
            } else {
                &[]
            }
        };
        let all = 0..program.len() as u32;
        let mut state = Self {
            program,
            edges,
            edge_starts,
            waits_for,
            heads: (0..program.session_count())
                .map(|session| program.session(session).start)
                .collect(),
            current: vec![NONE; program.key_count()],
            unread: all.clone().map(|at| reads_of(at).len() as u32).collect(),
            unread_nil: (0..program.key_count())
                .map(|key| program.reads_of_nil(key).len() as u32)
                .collect(),
            taken: Vec::with_capacity(program.len()),
            priorities: all.clone().map(|at| priority(program, at)).collect(),
            ready: vec![BTreeSet::new(); program.key_count()],
            first_ready: BTreeSet::new(),
            listed: vec![None; program.key_count()],
            step_count: 0,
        };
        all.for_each(|at| state.settle_ready_one(at));
        for session in 0..program.session_count() {
            state.settle(session);
        }
        state
    }

    /// Returns the write to try after `tried`, or first, of those that can be taken.
    fn next_after(&self, tried: Option<(Position, u32)>) -> Option<(Position, u32)> {
        let Some(tried) = tried else {
            return self.first_ready.first().map(|(next, _)| *next);
        };
        let after = (Bound::Excluded(tried), Bound::Unbounded);
        let of_keys = self.first_ready.iter();
        of_keys
            .filter_map(|(_, key)| self.ready[*key].range(after).next().copied())
            .min()
    }

    fn head(&self, session: usize) -> Option<u32> {
        let head = self.heads[session];
        (head < self.program.session(session).end).then_some(head)
    }

    /// Returns whether nobody has yet to read what is current of `key`.
    fn is_read(&self, key: usize) -> bool {
        match self.current[key] {
            NONE => self.unread_nil[key] == 0,
            write => self.unread[write as usize] == 0,
        }
    }

    /// Takes a write after which all reads that saw it can be taken at once, and those, if there is one among the first.
    fn take_safe(&mut self) -> bool {
        let length = self.taken.len();
        let first = self.first_ready.iter().take(SAFE_TRY_COUNT_MAX);
        let first: Vec<u32> = first.map(|((_, write), _)| *write).collect();
        first.into_iter().any(|write| {
            self.take_write(write);
            let is_safe = self.unread[write as usize] == 0;
            if !is_safe {
                self.undo(length);
            }
            is_safe
        })
    }

    /// Takes `write`, and all reads that can then be.
    fn take_write(&mut self, write: u32) {
        self.take(write);
        self.settle(self.program.session_of(write));
        let program = self.program;
        for &read in program.reads_of_write(write) {
            let session = program.session_of(read);
            if self.head(session) == Some(read) {
                self.settle(session);
            }
        }
    }

    /// Takes the reads of `session` that can be.
    fn settle(&mut self, session: usize) {
        while let Some(head) = self.head(session) {
            let is_current = self.program.source_of(head) == self.current[self.program.key_of(head)];
            if self.program.is_write(head) || !is_current {
                break;
            }
            self.take(head);
        }
    }

    fn take(&mut self, at: u32) {
        self.step_count += 1;
        let key = self.program.key_of(at);
        self.taken.push((at, self.current[key]));
        self.heads[self.program.session_of(at)] += 1;
        if self.program.is_write(at) {
            self.current[key] = at;
        } else {
            *self.unread_of(at) -= 1;
        }
        self.settle_ready(at);
        self.settle_first(key);
        for edge in self.edges_from(at) {
            let then = edge.then;
            self.waits_for[then as usize] -= 1;
            self.settle_ready_one(then);
        }
    }

    /// Goes back to where `length` ops had been taken.
    fn undo(&mut self, length: usize) {
        for (at, current) in self.taken.split_off(length).into_iter().rev() {
            let key = self.program.key_of(at);
            self.heads[self.program.session_of(at)] -= 1;
            if self.program.is_write(at) {
                self.current[key] = current;
            } else {
                *self.unread_of(at) += 1;
            }
            for edge in self.edges_from(at) {
                let then = edge.then;
                self.waits_for[then as usize] += 1;
                self.settle_ready_one(then);
            }
            self.settle_ready(at);
            self.settle_first(key);
        }
    }

    fn edges_from(&self, at: u32) -> &'p [Edge] {
        &self.edges[self.edge_starts[at as usize] as usize..self.edge_starts[at as usize + 1] as usize]
    }

    /// Puts `at`, and what comes after it in its session, among the ready writes or takes it out.
    fn settle_ready(&mut self, at: u32) {
        self.settle_ready_one(at);
        if at + 1 < self.program.session(self.program.session_of(at)).end {
            self.settle_ready_one(at + 1);
        }
    }

    fn settle_ready_one(&mut self, at: u32) {
        if !self.program.is_write(at) {
            return;
        }
        let key = self.program.key_of(at);
        let is_head = self.heads[self.program.session_of(at)] == at;
        let place = (self.priorities[at as usize], at);
        let is_changed = if is_head && self.waits_for[at as usize] == 0 {
            self.ready[key].insert(place)
        } else {
            self.ready[key].remove(&place)
        };
        if is_changed {
            self.settle_first(key);
        }
    }

    /// Names the first ready write of `key` if it can be taken.
    fn settle_first(&mut self, key: usize) {
        let first = self.ready[key].first().copied().filter(|_| self.is_read(key));
        if self.listed[key] != first {
            if let Some(listed) = self.listed[key] {
                self.first_ready.remove(&(listed, key));
            }
            self.first_ready.extend(first.map(|first| (first, key)));
            self.listed[key] = first;
        }
    }

    fn unread_of(&mut self, read: u32) -> &mut u32 {
        match self.program.source_of(read) {
            NONE => &mut self.unread_nil[self.program.key_of(read)],
            write => &mut self.unread[write as usize],
        }
    }
}

/// Returns when the value of a write could be in force first, as far as real time tells: the lower end of its zone.
fn priority(program: &Program<'_>, at: u32) -> Position {
    let op = program.op(at);
    if !program.is_write(at) {
        return op.start;
    }
    let reads = program.reads_of_write(at).iter().map(|&read| program.op(read));
    let ops = || reads.clone().chain([op]);
    let first_end = ops().map(|op| op.end).min();
    let last_start = ops().map(|op| op.start).max();
    first_end.min(last_start).expect("a write is among its ops")
}
