//! A first guess: transactions one after another, the one that has to be done first of those that can be.
//!
//! Those can be done that nothing has to come before which is not done yet, and that write over no version which somebody has yet to
//! read. Where none is left but of the latter kind, one of these is done all the same: the reads that it spoils are what the search
//! puts right.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{
    problem::{Problem, Touches},
    topology::NONE,
};
use crate::isolation::rows::Rows;

/// Returns, by node, its place in an order along all that is known; none if that has a circle.
pub(super) fn guess(problem: &Problem, out: &Rows, touches: &Touches) -> Option<Vec<u32>> {
    let mut run = Run::new(problem, out, touches);
    while let Some(node) = run.next() {
        run.execute(node);
    }
    (run.done as usize == problem.node_count).then_some(run.places)
}

/// A node by what it has to be done before.
type Due = Reverse<(u32, u32)>;

struct Run<'p> {
    problem: &'p Problem,
    out: &'p Rows,
    /// By node, how many edges lead to it from what is not done.
    degrees: Vec<u32>,
    places: Vec<u32>,
    done: u32,
    ready: BinaryHeap<Due>,
    /// Nodes of no transaction, which hold nobody up.
    free: Vec<u32>,
    /// Those that would write over what somebody has yet to read.
    held: BinaryHeap<Due>,
    /// By key, who is held because of it.
    held_by: Vec<Vec<u32>>,
    /// By key, the version that it holds, and by version, how many have yet to read it.
    current: Vec<u32>,
    unread: Vec<u32>,
    touches: &'p Touches,
}

impl<'p> Run<'p> {
    fn new(problem: &'p Problem, out: &'p Rows, touches: &'p Touches) -> Self {
        let mut degrees = vec![0; problem.node_count];
        problem.known.iter().for_each(|(_, to)| degrees[*to as usize] += 1);
        let unread = (0..problem.versions.len() as u32).map(|version| problem.readers.of(version).len() as u32);
        let mut run = Self {
            problem,
            out,
            places: vec![NONE; problem.node_count],
            done: 0,
            ready: BinaryHeap::new(),
            free: Vec::new(),
            held: BinaryHeap::new(),
            held_by: vec![Vec::new(); problem.key_count()],
            current: vec![NONE; problem.key_count()],
            unread: unread.collect(),
            touches,
            degrees,
        };
        for node in 0..problem.node_count as u32 {
            if run.degrees[node as usize] == 0 {
                run.make_ready(node);
            }
        }
        run
    }

    fn make_ready(&mut self, node: u32) {
        match self.problem.number_of(node) {
            Some(_) => self.ready.push(self.due(node)),
            None => self.free.push(node),
        }
    }

    fn due(&self, node: u32) -> Due {
        let number = self.problem.number_of(node);
        Reverse((number.map_or(0, |number| self.problem.deadlines[number as usize]), node))
    }

    /// Returns what to do next; nothing if all that is left waits for itself.
    ///
    /// What is held goes on before what began only after it had to be done: else all that is still to come would pass it by.
    fn next(&mut self) -> Option<u32> {
        if let Some(node) = self.free.pop() {
            return Some(node);
        }
        loop {
            let is_done = |due: Option<&Due>| due.is_some_and(|Reverse((_, node))| self.places[*node as usize] != NONE);
            if is_done(self.ready.peek()) {
                self.ready.pop();
                continue;
            }
            if is_done(self.held.peek()) {
                self.held.pop();
                continue;
            }
            let begins = self.ready.peek().map(|Reverse((_, node))| self.begins(*node));
            if let Some(Reverse((deadline, node))) = self.held.peek().copied()
                && begins.is_none_or(|begins| begins > deadline)
            {
                return Some(node);
            }
            let Reverse((_, node)) = self.ready.pop()?;
            match self.spoils(node) {
                None => return Some(node),
                Some(key) => {
                    self.held_by[key as usize].push(node);
                    self.held.push(self.due(node));
                }
            }
        }
    }

    fn begins(&self, node: u32) -> u32 {
        let number = self.problem.number_of(node);
        number.map_or(0, |number| self.problem.begins[number as usize])
    }

    /// Returns a key of which `node` writes over what others have yet to read.
    fn spoils(&self, node: u32) -> Option<u32> {
        let number = self
            .problem
            .number_of(node)
            .filter(|number| self.problem.commit(*number) == node)?;
        let is_one = self.problem.snapshot(number) == node;
        self.touches.written.of(number).iter().find_map(|version| {
            let key = self.problem.versions[*version as usize].key;
            let current = self.current[key as usize];
            if current == NONE {
                return None;
            }
            let is_own = is_one && self.touches.read.of(number).contains(&current);
            (self.unread[current as usize] > u32::from(is_own)).then_some(key)
        })
    }

    fn execute(&mut self, node: u32) {
        self.places[node as usize] = self.done;
        self.done += 1;
        if let Some(number) = self.problem.number_of(node) {
            if self.problem.snapshot(number) == node {
                self.see(number);
            }
            if self.problem.commit(number) == node {
                self.write(number);
            }
        }
        for to in self.out.of(node) {
            let degree = &mut self.degrees[*to as usize];
            *degree -= 1;
            if *degree == 0 {
                self.make_ready(*to);
            }
        }
    }

    fn see(&mut self, number: u32) {
        for version in self.touches.read.of(number) {
            self.unread[*version as usize] -= 1;
            let key = self.problem.versions[*version as usize].key;
            if self.unread[*version as usize] == 0 && self.current[key as usize] == *version {
                self.let_go(key);
            }
        }
    }

    fn write(&mut self, number: u32) {
        for version in self.touches.written.of(number) {
            let key = self.problem.versions[*version as usize].key;
            self.current[key as usize] = *version;
            self.let_go(key);
        }
    }

    /// Has those looked at again that were held because of `key`.
    fn let_go(&mut self, key: u32) {
        while let Some(held) = self.held_by[key as usize].pop() {
            self.ready.push(self.due(held));
        }
    }
}
