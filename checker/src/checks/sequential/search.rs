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

use super::{
    program::{NONE, Program},
    saturation::Edge,
};
use crate::history::Position;

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
        let candidates = state.candidates();
        match candidates.first() {
            _ if state.take_safe(&candidates) => {}
            Some((_, write)) => state.take_write(*write),
            None => return false,
        }
    }
    true
}

/// Searches for an order of `program` that keeps `edges`, which end in writes, in `steps`, of which those taken are
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
        let candidates = state.candidates();
        if tried.is_none() && state.take_safe(&candidates) {
            continue;
        }
        if let Some(next) = candidates.iter().find(|it| tried.is_none_or(|tried| tried < **it)) {
            choices.push(Choice {
                length: state.taken.len(),
                chosen: *next,
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
    /// By op, where its edges begin among those sorted by their beginnings.
    by_first: Vec<u32>,
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
    step_count: usize,
}

impl<'p, 'h> State<'p, 'h> {
    fn new(program: &'p Program<'h>, edges: &'p [Edge]) -> Self {
        let mut edge_starts = vec![0u32; program.len() + 1];
        let mut waits_for = vec![0; program.len()];
        for edge in edges {
            edge_starts[edge.first as usize + 1] += 1;
            waits_for[edge.then as usize] += 1;
        }
        for at in 0..program.len() {
            edge_starts[at + 1] += edge_starts[at];
        }
        let mut by_first: Vec<u32> = (0..edges.len() as u32).collect();
        by_first.sort_unstable_by_key(|&edge| edges[edge as usize].first);
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
            by_first,
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
            priorities: all.map(|at| priority(program, at)).collect(),
            step_count: 0,
        };
        for session in 0..program.session_count() {
            state.settle(session);
        }
        state
    }

    /// Returns the writes that can be taken, the first to try first.
    fn candidates(&self) -> Vec<(Position, u32)> {
        let sessions = 0..self.program.session_count();
        let heads = sessions.filter_map(|session| self.head(session));
        let is_free = |write: &u32| {
            let key = self.program.key_of(*write);
            self.program.is_write(*write) && self.waits_for[*write as usize] == 0 && self.is_read(key)
        };
        let mut candidates: Vec<_> = heads
            .filter(is_free)
            .map(|it| (self.priorities[it as usize], it))
            .collect();
        candidates.sort_unstable();
        candidates
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

    /// Takes the first of `candidates` after which all reads that saw it can be taken at once, and those, if there is one.
    fn take_safe(&mut self, candidates: &[(Position, u32)]) -> bool {
        let length = self.taken.len();
        candidates.iter().any(|(_, write)| {
            self.take_write(*write);
            let is_safe = self.unread[*write as usize] == 0;
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
        for &edge in &self.by_first[self.edge_starts[at as usize] as usize..self.edge_starts[at as usize + 1] as usize]
        {
            self.waits_for[self.edges[edge as usize].then as usize] -= 1;
        }
    }

    /// Goes back to where `length` ops had been taken.
    fn undo(&mut self, length: usize) {
        for (at, current) in self.taken.split_off(length).into_iter().rev() {
            self.heads[self.program.session_of(at)] -= 1;
            if self.program.is_write(at) {
                self.current[self.program.key_of(at)] = current;
            } else {
                *self.unread_of(at) += 1;
            }
            let span = self.edge_starts[at as usize] as usize..self.edge_starts[at as usize + 1] as usize;
            for &edge in &self.by_first[span] {
                self.waits_for[self.edges[edge as usize].then as usize] += 1;
            }
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
