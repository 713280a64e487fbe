//! The search for an order of versions: choices that are made where they are needed, doubted where they contradict each other, and
//! learnt from.
//!
//! A topological order of what is known is an order of the versions of each key, by who wrote them. It explains what was read unless
//! somebody who read a version comes after who wrote the next. Only then the two versions become a choice: a variable with two
//! values, each of which adds the dependencies that follow from it, and moves transactions in the order. Where these close a circle,
//! its choices can't all be right: from that a clause is learnt, in the way of solvers (Marques-Silva and Sakallah, *GRASP*, 1999; one
//! unique implication point). When no read contradicts the order, it is a witness: there is nothing left to be chosen, as an order has
//! one answer for every two versions.
//!
//! Of views ([`Level::View`]) somebody may come after who wrote the next version: only nobody may have met what
//! follows from it. Whether that is so is looked for along what the order has by now, and if so a clause is learnt of all the choices that
//! this takes, made or not. Whoever is late is looked at again until nothing changes any more.
//!
//! Only where something has moved is looked again: a conflict costs what it moves, however long a
//! history or the line of versions of a key is. When a clause is learnt that nothing can satisfy, no order explains what was read.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::{
    guess::guess,
    lines::Lines,
    problem::{Level, Problem, Touches},
    topology::{Circle, NONE, Topology},
};
use crate::{
    execute::{Execute, both},
    isolation::rows::Rows,
};

/// What a search ended with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::isolation) enum Answer {
    /// There is an order that explains what was read.
    Ordered,
    /// There is none, not even for these transactions alone.
    Impossible(Vec<u32>),
    /// The budget did not suffice.
    Undecided,
}

/// Looks for an order within so many steps.
pub(in crate::isolation) fn decide(problem: &Problem, budget: u64, execute: &dyn Execute) -> Answer {
    let out = || Rows::new(problem.node_count, problem.known.iter().copied());
    let (out, touches) = both(execute, out, || Touches::new(problem));
    let turned = problem.known.iter().map(|(from, to)| (*to, *from));
    let back = || Rows::new(problem.node_count, turned.clone());
    let (places, back) = both(execute, || guess(problem, &out, &touches), back);
    let Some(places) = places else {
        return Answer::Impossible(known_circle(problem, &out));
    };
    let topology = Topology::new(places, out, back);
    let is_open = |first, then| problem.level.is_of_views() || !is_kept(problem, &topology, first, then);
    let lines = Lines::new(problem, &topology, execute, is_open);
    Search::new(problem, topology, lines, touches, budget).run()
}

/// Returns whether the order has all that follows from one version being before another.
fn is_kept(problem: &Problem, topology: &Topology, first: u32, then: u32) -> bool {
    let [before, after] = [first, then].map(|version| problem.versions[version as usize].writer);
    let is_before = |reader: &u32| is_before(problem, topology, *reader, after);
    topology.place(problem.commit(before)) < topology.place(problem.over(after))
        && problem.guards_of(first).iter().all(is_before)
}

/// Returns whether the order has a reader before the one who wrote the next version, or that is the same.
#[inline]
fn is_before(problem: &Problem, topology: &Topology, reader: u32, after: u32) -> bool {
    reader == after || topology.place(problem.snapshot(reader)) < topology.place(problem.commit(after))
}

/// Returns the transactions of a circle of what is known.
fn known_circle(problem: &Problem, out: &Rows) -> Vec<u32> {
    const OPEN: u32 = 1;
    const DONE: u32 = 2;
    let mut states = vec![0; problem.node_count];
    for root in 0..problem.node_count as u32 {
        let mut path = vec![(root, 0)];
        while let Some((node, next)) = path.last_mut() {
            if *next == 0 {
                if states[*node as usize] == DONE {
                    path.pop();
                    continue;
                }
                states[*node as usize] = OPEN;
            }
            match out.of(*node).get(*next) {
                None => {
                    states[*node as usize] = DONE;
                    path.pop();
                }
                Some(to) if states[*to as usize] == OPEN => {
                    let begin = path.iter().position(|(on, _)| on == to).unwrap_or(0);
                    return problem.txns_of(path[begin..].iter().map(|(node, _)| *node));
                }
                Some(to) => {
                    *next += 1;
                    path.push((*to, 0));
                }
            }
        }
    }
    Vec::new()
}

/// A value of a choice: twice its number, and one more if the second of its two versions comes first.
type Literal = u32;

/// Of which one at least holds, and the transactions from which that follows.
#[derive(Debug)]
struct Clause {
    literals: Vec<Literal>,
    txns: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Choice {
    versions: (u32, u32),
    /// The literal that holds, or [`NONE`].
    value: u32,
    level: u32,
    /// The clause from which it follows, or [`NONE`].
    reason: u32,
    /// How many edges there were before those of this.
    edges: usize,
    /// Which literal held last.
    phase: u32,
    /// In which conflict it was met last.
    seen_in: u32,
}

struct Search<'p> {
    problem: &'p Problem,
    topology: Topology,
    budget: u64,
    choices: Vec<Choice>,
    /// By pair of versions, the smaller first, its choice.
    numbers: FxHashMap<(u32, u32), u32>,
    clauses: Vec<Clause>,
    /// How many conflicts there were.
    conflict_count: u32,
    /// By literal, the clauses that are looked at when it ceases to hold.
    watched: Vec<Vec<u32>>,
    /// Literals in the order in which they came to hold, and how many were there at each level.
    trail: Vec<Literal>,
    levels: Vec<usize>,
    /// How much of the trail has been followed up.
    followed: usize,
    /// By choice, the transactions from which it follows, if it does from no other choice.
    grounds: FxHashMap<u32, Vec<u32>>,
    lines: Lines,
    touches: Touches,
    /// Versions some reader of which comes after the next, without having met it.
    late: Vec<u32>,
    /// Whether anything was chosen since these were looked at.
    has_changed: bool,
}

/// How one transaction leads to another.
struct Way {
    nodes: Vec<u32>,
    /// Versions, and the next of the key, by which some of it goes.
    over: Vec<(u32, u32)>,
}

/// No order is left.
struct NoOrder(Vec<u32>);

enum Stop {
    NoOrder(Vec<u32>),
    OverBudget,
}

impl From<NoOrder> for Stop {
    fn from(NoOrder(txns): NoOrder) -> Self {
        Self::NoOrder(txns)
    }
}

impl<'p> Search<'p> {
    fn new(problem: &'p Problem, topology: Topology, lines: Lines, touches: Touches, budget: u64) -> Self {
        Self {
            problem,
            topology,
            budget,
            choices: Vec::new(),
            numbers: FxHashMap::default(),
            clauses: Vec::new(),
            conflict_count: 0,
            watched: Vec::new(),
            trail: Vec::new(),
            levels: Vec::new(),
            followed: 0,
            grounds: FxHashMap::default(),
            lines,
            touches,
            late: Vec::new(),
            has_changed: false,
        }
    }

    fn run(mut self) -> Answer {
        match self.search() {
            Ok(()) => Answer::Ordered,
            Err(Stop::NoOrder(txns)) => Answer::Impossible(self.problem.txns_of_numbers(txns)),
            Err(Stop::OverBudget) => Answer::Undecided,
        }
    }

    fn search(&mut self) -> Result<(), Stop> {
        loop {
            while let Some(first) = self.lines.next_open() {
                if self.topology.steps > self.budget {
                    return Err(Stop::OverBudget);
                }
                self.topology.steps += 1;
                if let Some(then) = self.lines.after(first) {
                    self.look(first, then)?;
                }
            }
            if !std::mem::take(&mut self.has_changed) || self.late.is_empty() {
                return Ok(());
            }
            self.late.drain(..).for_each(|version| self.lines.open(version));
        }
    }

    /// Looks at two versions, one after the other in the order: if they contradict what was read, something is chosen.
    fn look(&mut self, first: u32, then: u32) -> Result<(), Stop> {
        if !is_kept(self.problem, &self.topology, first, then) {
            self.choose(first, then)?;
        } else if self.problem.level.is_of_views()
            && let Some(clause) = self.missed(first, then)
        {
            self.heed(clause)?;
        } else {
            return Ok(());
        }
        // What was learnt may have taken the choice back.
        self.has_changed = true;
        self.lines.open(first);
        self.settle();
        Ok(())
    }

    /// Puts versions in line again whose writers have moved, and has those looked at again that it may make a difference to.
    fn settle(&mut self) {
        let (problem, topology) = (self.problem, &mut self.topology);
        let moved = std::mem::take(&mut topology.moved);
        let place = |version: u32| {
            let writer = problem.versions[version as usize].writer;
            topology.place(problem.commit(writer))
        };
        let mut steps = 0;
        for number in moved.iter().filter_map(|node| problem.number_of(*node)) {
            for version in self.touches.read.of(number) {
                self.lines.open(*version);
            }
            for version in self.touches.written.of(number) {
                self.lines.open_around(*version);
                steps += self.lines.settle(*version, place);
            }
        }
        topology.steps += steps;
    }

    /// Chooses an order of two versions, and what follows from it.
    fn choose(&mut self, first: u32, then: u32) -> Result<(), Stop> {
        let number = self.choice(first, then);
        let choice = &self.choices[number as usize];
        assert!(choice.value == NONE, "what was chosen is kept by the order");
        let literal = match choice.phase {
            NONE => self.literal(first, then) ^ u32::from(self.is_turned(first, then)),
            phase => phase,
        };
        self.levels.push(self.trail.len());
        self.hold(literal, NONE);
        self.follow_all()
    }

    /// Guesses whether two versions were the other way round, of which a reader of the first comes after who wrote the next. Else that
    /// reader came before: by the middles of the times in which they may have been, the less is moved the better.
    fn is_turned(&self, first: u32, then: u32) -> bool {
        let (problem, topology) = (self.problem, &self.topology);
        let [before, after] = [first, then].map(|version| problem.versions[version as usize].writer);
        let is_late = |reader: &&u32| !is_before(problem, topology, **reader, after);
        let late = problem.guards_of(first).iter().filter(is_late);
        let late = late.map(|reader| problem.doubled_middle(*reader)).max();
        let [before, after] = [before, after].map(|writer| problem.doubled_middle(writer));
        late.is_some_and(|late| 2 * after < late + before)
    }

    /// Follows up what has come to hold, and learns from what contradicts it.
    fn follow_all(&mut self) -> Result<(), Stop> {
        while let Err(conflict) = self.follow() {
            self.learn(conflict)?;
            if self.topology.steps > self.budget {
                return Err(Stop::OverBudget);
            }
        }
        Ok(())
    }

    /// Has one literal of a clause hold of which none does as the order is now.
    fn heed(&mut self, mut clause: Clause) -> Result<(), Stop> {
        let choices = &self.choices;
        let value = |literal: Literal| choices[literal as usize / 2].value;
        assert!(
            clause.literals.iter().all(|literal| value(*literal) != *literal),
            "what is chosen is in the order"
        );
        let is_open = |literal: &Literal| value(*literal) == NONE;
        let open_count = clause.literals.iter().filter(|literal| is_open(literal)).count();
        if open_count == 0 {
            self.learn(clause)?;
            return self.follow_all();
        }
        // Those that are open come first, in their order, and then what is the deepest.
        let level = |literal: &Literal| choices[*literal as usize / 2].level;
        clause
            .literals
            .sort_by_key(|literal| if is_open(literal) { 0 } else { u32::MAX - level(literal) });
        let deepest = clause.literals.get(1).filter(|_| open_count == 1).map_or(0, level);
        let first = clause.literals[0];
        let number = self.clauses.len() as u32;
        for literal in clause.literals.iter().take(2).filter(|_| clause.literals.len() > 1) {
            self.watched[*literal as usize].push(number);
        }
        self.clauses.push(clause);
        if open_count == 1 {
            self.back_to(deepest);
            self.hold(first, number);
        } else {
            self.levels.push(self.trail.len());
            self.hold(first, NONE);
        }
        self.follow_all()
    }

    /// Returns why some reader of `first` can't have missed `then`, as the order is now.
    fn missed(&mut self, first: u32, then: u32) -> Option<Clause> {
        let problem = self.problem;
        let after = problem.versions[then as usize].writer;
        let mut is_late = false;
        for (place, reader) in problem.readers.of(first).iter().enumerate() {
            if *reader == after || self.topology.place(*reader) < self.topology.place(after) {
                continue;
            }
            is_late = true;
            let Some(way) = self.way(after, *reader, problem.read_step(first, place)) else {
                continue;
            };
            let pairs = [(first, then)].into_iter().chain(way.over);
            let pairs: Vec<(u32, u32)> = pairs.filter(|(first, _)| !problem.is_initial(*first)).collect();
            let writers = pairs.iter().flat_map(|(first, then)| [*first, *then]);
            let writers = writers.map(|version| problem.versions[version as usize].writer);
            let txns = sorted(way.nodes.into_iter().chain(writers).collect());
            // What was missed comes first: that it was before what was read is tried first.
            let literals = pairs
                .into_iter()
                .map(|(first, then)| self.literal(first, then) ^ 1)
                .collect();
            return Some(Clause { literals, txns });
        }
        if is_late {
            self.late.push(first);
        }
        None
    }

    /// Returns a shortest way by what was read and written over as the order is now, from `from` to a step of `to` no later than this.
    fn way(&mut self, from: u32, to: u32, step: u32) -> Option<Way> {
        let end = self.topology.place(to);
        let mut came: FxHashMap<u32, (u32, u32)> = FxHashMap::default();
        came.insert(from, (NONE, NONE));
        let mut open = VecDeque::from([from]);
        let (mut steps, mut last) = (0, None);
        while let (Some(node), None) = (open.pop_front(), last) {
            self.each_after(node, |next, by, at| {
                steps += 1;
                if next == to && at <= step {
                    last = last.or(Some((node, by)));
                }
                if next != to && self.topology.place(next) < end && !came.contains_key(&next) {
                    came.insert(next, (node, by));
                    open.push_back(next);
                }
            });
        }
        self.topology.steps += steps;
        last.map(|last| self.way_back(&came, last, to))
    }

    /// Calls `visit` with each transaction that depends on this one as the order is now: by the next version after which one, if it is
    /// by that, and at which of its steps.
    fn each_after(&self, node: u32, mut visit: impl FnMut(u32, u32, u32)) {
        let problem = self.problem;
        let next = |version: u32| self.lines.after(version).map(|then| &problem.versions[then as usize]);
        let written = self.touches.written.of(node);
        for version in written {
            for (place, reader) in problem.readers.of(*version).iter().enumerate() {
                visit(*reader, NONE, problem.read_step(*version, place));
            }
            if let Some(then) = next(*version) {
                visit(then.writer, *version, then.step);
            }
        }
        // Of those that only read what they missed is asked one by one.
        if problem.level == Level::Updates && !written.is_empty() {
            for version in self.touches.read.of(node) {
                if let Some(then) = next(*version).filter(|then| then.writer != node) {
                    visit(then.writer, *version, 0);
                }
            }
        }
    }

    fn way_back(&self, came: &FxHashMap<u32, (u32, u32)>, last: (u32, u32), to: u32) -> Way {
        let mut way = Way {
            nodes: vec![to],
            over: Vec::new(),
        };
        let (mut node, mut by) = last;
        while node != NONE {
            way.nodes.push(node);
            let over = Some(by).filter(|by| *by != NONE);
            way.over.extend(over.and_then(|by| Some((by, self.lines.after(by)?))));
            (node, by) = came[&node];
        }
        way
    }

    /// Returns the literal that one version comes before another.
    fn literal(&mut self, first: u32, then: u32) -> Literal {
        let number = self.choice(first, then);
        2 * number + u32::from(self.choices[number as usize].versions.0 != first)
    }

    fn choice(&mut self, first: u32, then: u32) -> u32 {
        let versions = (first.min(then), first.max(then));
        let next = self.choices.len() as u32;
        let number = *self.numbers.entry(versions).or_insert(next);
        if number == next {
            self.choices.push(Choice {
                versions,
                value: NONE,
                level: 0,
                reason: NONE,
                edges: 0,
                phase: NONE,
                seen_in: 0,
            });
            self.watched.push(Vec::new());
            self.watched.push(Vec::new());
        }
        number
    }

    fn hold(&mut self, literal: Literal, reason: u32) {
        let level = self.levels.len() as u32;
        let choice = &mut self.choices[literal as usize / 2];
        (choice.value, choice.level, choice.reason) = (literal, level, reason);
        self.trail.push(literal);
        if level == 0 && reason != NONE {
            let grounds = self.all_grounds(self.clauses[reason as usize].txns.clone(), reason, literal);
            self.grounds.insert(literal / 2, grounds);
        }
    }

    /// Returns `txns`, and those from which follows that the other literals of a clause don't hold.
    fn all_grounds(&self, mut txns: Vec<u32>, clause: u32, but: Literal) -> Vec<u32> {
        for literal in &self.clauses[clause as usize].literals {
            if *literal != but {
                txns.extend(self.grounds.get(&(literal / 2)).into_iter().flatten());
            }
        }
        sorted(txns)
    }

    /// Follows up what has come to hold.
    ///
    /// # Errors
    /// A clause of which nothing holds.
    fn follow(&mut self) -> Result<(), Clause> {
        while let Some(literal) = self.trail.get(self.followed).copied() {
            self.followed += 1;
            self.add_edges(literal)?;
            self.follow_clauses(literal ^ 1)?;
        }
        Ok(())
    }

    /// Adds the edges of a choice.
    fn add_edges(&mut self, literal: Literal) -> Result<(), Clause> {
        let choice = &mut self.choices[literal as usize / 2];
        choice.edges = self.topology.chosen_count();
        let (first, then) = choice.versions;
        let (first, then) = if literal.is_multiple_of(2) {
            (first, then)
        } else {
            (then, first)
        };
        let (problem, topology) = (self.problem, &mut self.topology);
        let mut circle: Option<Circle> = None;
        problem.each_edge(first, then, |from, to| {
            if circle.is_none() {
                circle = topology.add(from, to, literal).err();
            }
        });
        let Some(circle) = circle else { return Ok(()) };
        let mut choices = circle.choices;
        choices.push(literal);
        let choices = sorted(choices);
        let numbers = circle.nodes.iter().filter_map(|node| problem.number_of(*node));
        // Who wrote the versions that were chosen between is part of why.
        let versions = choices.iter().flat_map(|literal| {
            let (first, then) = self.choices[*literal as usize / 2].versions;
            [first, then]
        });
        let writers = versions.map(|version| problem.versions[version as usize].writer);
        Err(Clause {
            txns: sorted(numbers.chain(writers).collect()),
            literals: choices.into_iter().map(|literal| literal ^ 1).collect(),
        })
    }

    /// Follows up that `literal` does not hold.
    fn follow_clauses(&mut self, literal: Literal) -> Result<(), Clause> {
        let mut watching = std::mem::take(&mut self.watched[literal as usize]);
        let mut at = 0;
        while let Some(number) = watching.get(at).copied() {
            self.topology.steps += 1;
            let clause = &mut self.clauses[number as usize].literals;
            if clause[0] == literal {
                clause.swap(0, 1);
            }
            let first = clause[0];
            let value = |literal: Literal| self.choices[literal as usize / 2].value;
            if value(first) == first {
                at += 1;
                continue;
            }
            if let Some(other) = (2..clause.len()).find(|place| value(clause[*place]) != clause[*place] ^ 1) {
                clause.swap(1, other);
                self.watched[clause[1] as usize].push(number);
                watching.swap_remove(at);
                continue;
            }
            at += 1;
            if value(first) == NONE {
                self.hold(first, number);
                continue;
            }
            let clause = Clause {
                literals: clause.clone(),
                txns: self.clauses[number as usize].txns.clone(),
            };
            self.watched[literal as usize] = watching;
            return Err(clause);
        }
        self.watched[literal as usize] = watching;
        Ok(())
    }

    /// Learns from a clause of which nothing holds, and goes back to where what was learnt says something.
    fn learn(&mut self, conflict: Clause) -> Result<(), NoOrder> {
        let deepest = conflict
            .literals
            .iter()
            .map(|literal| self.level(*literal))
            .max()
            .unwrap_or(0);
        self.back_to(deepest);
        if deepest == 0 {
            let mut txns = conflict.txns;
            for literal in &conflict.literals {
                txns.extend(self.grounds.get(&(literal / 2)).into_iter().flatten());
            }
            return Err(NoOrder(sorted(txns)));
        }
        let (literals, txns) = self.analyse(&conflict, deepest);
        // The first literal is the one that is deepest: it holds now; the second is the next.
        let back = literals[1..]
            .iter()
            .map(|literal| self.level(*literal))
            .max()
            .unwrap_or(0);
        self.back_to(back);
        let number = self.clauses.len() as u32;
        let first = literals[0];
        let mut literals = literals;
        if let Some(second) = (1..literals.len()).max_by_key(|place| self.level(literals[*place])) {
            literals.swap(1, second);
            self.watched[literals[0] as usize].push(number);
            self.watched[literals[1] as usize].push(number);
        }
        self.clauses.push(Clause { literals, txns });
        self.hold(first, number);
        Ok(())
    }

    /// Resolves a clause with the reasons of its literals until one of the deepest level is left, which is the first then.
    fn analyse(&mut self, conflict: &Clause, deepest: u32) -> (Vec<Literal>, Vec<u32>) {
        self.conflict_count += 1;
        let seen_in = self.conflict_count;
        let (mut literals, mut txns) = (vec![NONE], Vec::new());
        let mut left = 0;
        let mut at = self.trail.len();
        let mut clause = conflict;
        let mut resolved = NONE;
        loop {
            txns.extend(&clause.txns);
            self.topology.steps += (clause.literals.len() + clause.txns.len()) as u64;
            for literal in clause.literals.iter().filter(|literal| **literal != resolved) {
                let number = literal / 2;
                let choice = &mut self.choices[number as usize];
                if std::mem::replace(&mut choice.seen_in, seen_in) == seen_in {
                    continue;
                }
                match choice.level {
                    0 => txns.extend(self.grounds.get(&number).into_iter().flatten()),
                    level if level == deepest => left += 1,
                    _ => literals.push(*literal),
                }
            }
            let literal = loop {
                at -= 1;
                let literal = self.trail[at];
                let choice = &self.choices[literal as usize / 2];
                if choice.seen_in == seen_in && choice.level == deepest {
                    break literal;
                }
            };
            left -= 1;
            if left == 0 {
                literals[0] = literal ^ 1;
                return (literals, sorted(txns));
            }
            resolved = literal;
            clause = &self.clauses[self.choices[literal as usize / 2].reason as usize];
        }
    }

    fn level(&self, literal: Literal) -> u32 {
        self.choices[literal as usize / 2].level
    }

    /// Takes back all that was chosen beyond a level.
    fn back_to(&mut self, level: u32) {
        let level = level as usize;
        let Some(count) = self.levels.get(level).copied() else {
            return;
        };
        for place in (count..self.trail.len()).rev() {
            let literal = self.trail[place];
            let choice = &mut self.choices[literal as usize / 2];
            if place < self.followed {
                self.topology.take_back(choice.edges);
            }
            (choice.phase, choice.value) = (literal, NONE);
        }
        self.trail.truncate(count);
        self.levels.truncate(level);
        self.followed = self.followed.min(count);
    }
}

fn sorted(mut numbers: Vec<u32>) -> Vec<u32> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

impl Problem {
    fn txns_of(&self, nodes: impl Iterator<Item = u32>) -> Vec<u32> {
        let numbers = nodes.filter_map(|node| self.number_of(node)).collect();
        self.txns_of_numbers(numbers)
    }

    fn txns_of_numbers(&self, numbers: Vec<u32>) -> Vec<u32> {
        let is_of_txn = |number: &u32| (*number as usize) < self.txns.len();
        let numbers = numbers.into_iter().filter(is_of_txn);
        sorted(numbers.map(|number| self.txns[number as usize]).collect())
    }
}
