//! The search for an order of versions: choices that are made where they are needed, doubted where they contradict each other, and
//! learnt from.
//!
//! A topological order of what is known is an order of the versions of each key, by who wrote them. It explains what was read unless
//! somebody who read a version comes after who wrote the next. Only then the two versions become a choice: a variable with two
//! values, each of which adds the dependencies that follow from it, and moves transactions in the order. Where these close a circle,
//! its choices can't all be right: from that a clause is learnt, in the way of solvers (Marques-Silva and Sakallah, *GRASP*, 1999; one
//! unique implication point). When no read contradicts the order, it is a witness: there is nothing left to be chosen, as an order has
//! one answer for every two versions. When a clause is learnt that nothing can satisfy, no order explains what was read.

use rustc_hash::FxHashMap;

use super::{
    guess::guess,
    problem::Problem,
    topology::{Circle, NONE, Rows, Topology},
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
pub(in crate::isolation) fn decide(problem: &Problem, budget: u64) -> Answer {
    let out = Rows::new(problem.node_count, problem.known.iter().copied());
    let Some(places) = guess(problem, &out) else {
        return Answer::Impossible(known_circle(problem, &out));
    };
    let turned = problem.known.iter().map(|(from, to)| (*to, *from));
    let back = Rows::new(problem.node_count, turned);
    Search::new(problem, Topology::new(places, out, back), budget).run()
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
}

struct Search<'p> {
    problem: &'p Problem,
    topology: Topology,
    budget: u64,
    choices: Vec<Choice>,
    /// By pair of versions, the smaller first, its choice.
    numbers: FxHashMap<(u32, u32), u32>,
    clauses: Vec<Clause>,
    /// By literal, the clauses that are looked at when it ceases to hold.
    watched: Vec<Vec<u32>>,
    /// Literals in the order in which they came to hold, and how many were there at each level.
    trail: Vec<Literal>,
    levels: Vec<usize>,
    /// How much of the trail has been followed up.
    followed: usize,
    /// By choice, the transactions from which it follows, if it does from no other choice.
    grounds: FxHashMap<u32, Vec<u32>>,
    /// Keys whose order may have changed.
    open: Vec<u32>,
    is_open: Vec<bool>,
    /// By transaction, keys that it read or wrote.
    touched: Option<Rows>,
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
    fn new(problem: &'p Problem, topology: Topology, budget: u64) -> Self {
        let key_count = problem.key_count();
        Self {
            problem,
            topology,
            budget,
            choices: Vec::new(),
            numbers: FxHashMap::default(),
            clauses: Vec::new(),
            watched: Vec::new(),
            trail: Vec::new(),
            levels: Vec::new(),
            followed: 0,
            grounds: FxHashMap::default(),
            open: (0..key_count as u32).rev().collect(),
            is_open: vec![true; key_count],
            touched: None,
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
        while let Some(key) = self.open.last().copied() {
            if self.topology.steps > self.budget {
                return Err(Stop::OverBudget);
            }
            let pairs = self.contradictions(key);
            if pairs.is_empty() {
                self.open.pop();
                self.is_open[key as usize] = false;
            }
            for (first, then) in pairs {
                self.settle(first, then)?;
            }
            self.reopen();
        }
        Ok(())
    }

    /// Returns each two versions of `key`, one after the other in the order, of which not all that follows is in it.
    fn contradictions(&mut self, key: u32) -> Vec<(u32, u32)> {
        let mut versions: Vec<u32> = self.problem.versions_of(key).collect();
        self.topology.steps += versions.len() as u64;
        versions.sort_unstable_by_key(|version| self.place_of(*version));
        let pairs = versions.windows(2).map(|pair| (pair[0], pair[1]));
        pairs.filter(|(first, then)| !self.is_kept(*first, *then)).collect()
    }

    fn place_of(&self, version: u32) -> u32 {
        let writer = self.problem.versions[version as usize].writer;
        self.topology.place(self.problem.commit(writer))
    }

    /// Returns whether the order has all that follows from one version being before another.
    fn is_kept(&self, first: u32, then: u32) -> bool {
        let mut is_kept = true;
        let place = |node: u32| self.topology.place(node);
        self.problem
            .each_edge(first, then, |from, to| is_kept &= place(from) < place(to));
        is_kept
    }

    /// Chooses an order of two versions, if the one that there is by now still contradicts what was read.
    fn settle(&mut self, first: u32, then: u32) -> Result<(), Stop> {
        let (first, then) = match self.place_of(first) < self.place_of(then) {
            true => (first, then),
            false => (then, first),
        };
        if self.is_kept(first, then) {
            return Ok(());
        }
        self.choose(first, then)
    }

    /// Takes note of the keys whose versions and readers have moved.
    fn reopen(&mut self) {
        if self.topology.moved.is_empty() {
            return;
        }
        let problem = self.problem;
        let touched = self.touched.get_or_insert_with(|| {
            let writes = problem.versions.iter().map(|version| (version.writer, version.key));
            let reads = (0..)
                .zip(&problem.versions)
                .flat_map(|(number, version)| problem.readers.of(number).iter().map(|reader| (*reader, version.key)));
            Rows::new(problem.txns.len(), writes.chain(reads))
        });
        for node in self.topology.moved.drain(..) {
            for key in problem
                .number_of(node)
                .into_iter()
                .flat_map(|number| touched.of(number))
            {
                if !std::mem::replace(&mut self.is_open[*key as usize], true) {
                    self.open.push(*key);
                }
            }
        }
    }

    /// Chooses an order of two versions, and what follows from it.
    fn choose(&mut self, first: u32, then: u32) -> Result<(), Stop> {
        let number = self.choice(first, then);
        let choice = &self.choices[number as usize];
        assert!(choice.value == NONE, "what was chosen is kept by the order");
        let literal = match choice.phase {
            NONE => 2 * number + u32::from(choice.versions.0 != first),
            phase => phase,
        };
        self.levels.push(self.trail.len());
        self.hold(literal, NONE);
        while let Err(conflict) = self.follow() {
            self.learn(conflict)?;
            if self.topology.steps > self.budget {
                return Err(Stop::OverBudget);
            }
        }
        Ok(())
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
        self.topology.steps += self.choices.len() as u64;
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
    fn analyse(&self, conflict: &Clause, deepest: u32) -> (Vec<Literal>, Vec<u32>) {
        let mut seen = vec![false; self.choices.len()];
        let (mut literals, mut txns) = (vec![NONE], Vec::new());
        let mut left = 0;
        let mut at = self.trail.len();
        let mut clause = conflict;
        let mut resolved = NONE;
        loop {
            txns.extend(&clause.txns);
            for literal in clause.literals.iter().filter(|literal| **literal != resolved) {
                let number = literal / 2;
                if std::mem::replace(&mut seen[number as usize], true) {
                    continue;
                }
                match self.level(*literal) {
                    0 => txns.extend(self.grounds.get(&number).into_iter().flatten()),
                    level if level == deepest => left += 1,
                    _ => literals.push(*literal),
                }
            }
            let literal = loop {
                at -= 1;
                let literal = self.trail[at];
                if seen[literal as usize / 2] && self.level(literal) == deepest {
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
        sorted(numbers)
            .into_iter()
            .map(|number| self.txns[number as usize])
            .collect()
    }
}
