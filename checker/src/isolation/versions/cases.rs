//! Why there is no order of versions: few transactions, and a circle whatever is chosen.
//!
//! Transactions are left out for as long as the rest still has no order. Of what is left each choice between two versions is followed:
//! where one of its two values closes a circle at once, the other has to hold; where none does, both are looked at. What neither
//! circle makes use of is no part of the proof.

use super::{
    problem::{Level, Problem},
    search::{Answer, decide},
};
use crate::{
    execute::InOrder,
    isolation::{
        anomaly::{Anomaly, Class, Closing},
        cycle::{Link, classify},
        explain::order_words,
        graph::Kind,
        registers::Registers,
        txns::{self, Txns},
    },
};

/// Steps for each try to leave something out.
const BUDGET: u64 = 1_000_000;

/// How many circles are told at most: where it takes more, the transactions alone are shown.
const CIRCLES_MAX: usize = 24;

/// How many transactions are told one by one.
const TXNS_MAX: usize = 40;

/// Evidence that there is no order.
#[derive(Debug)]
pub(in crate::isolation) struct Proof {
    pub(in crate::isolation) txns: Vec<u32>,
    /// What every order has, or something graver.
    pub(in crate::isolation) class: Class,
    pub(in crate::isolation) closing: Closing,
    pub(in crate::isolation) cycle: Vec<Link>,
    pub(in crate::isolation) text: String,
}

/// Returns what is implied by there being an order at this level, the weakest first, and that itself.
pub(in crate::isolation) fn weakest_first(level: Level, closing: Closing) -> Vec<(Level, Closing)> {
    let weaker = Closing::ALL.into_iter().filter(|it| *it <= closing);
    let mut asked: Vec<(Level, Closing)> = weaker.clone().map(|closing| (Level::Snapshot, closing)).collect();
    asked.extend(weaker.map(|closing| (Level::Serializable, closing)));
    asked.retain(|(of, _)| level == Level::Serializable || *of == level);
    asked
}

/// Shows that `txns`, which have no order at this level, have none.
pub(in crate::isolation) fn prove(registers: &Registers<'_>, level: Level, closing: Closing, txns: Vec<u32>) -> Proof {
    let mut txns = txns;
    txns.extend(txns.clone().into_iter().flat_map(|txn| registers.updated(txn)));
    txns.sort_unstable();
    txns.dedup();
    let gravest = weakest_first(level, closing).into_iter().find(|(level, closing)| {
        match core(registers, *level, *closing, &txns) {
            Some(core) => {
                txns = core;
                true
            }
            None => false,
        }
    });
    let (level, closing) = gravest.unwrap_or((level, closing));
    let txns = shrink(registers, level, closing, txns);
    let mut small = Small::new(registers, level, closing, &txns);
    let class = match level {
        Level::Serializable => Class::G2Item,
        Level::Snapshot | Level::Prefix | Level::Moments => Class::GNonadjacentItem,
        Level::Cursor | Level::View | Level::Steps | Level::Updates => Class::GSingleItem,
    };
    let told = registers.txns();
    let names: Vec<String> = txns
        .iter()
        .take(TXNS_MAX)
        .map(|txn| format!("{}.", told.txn_text(*txn)))
        .collect();
    // What is no matter of a cycle alone is shown, and not told.
    let tree = if level.is_of_views() { None } else { small.tree() };
    let Some(tree) = tree.map(Tree::pruned) else {
        let text = format!("{} No order of the versions explains what these read.", names.join(" "));
        let cycle = Vec::new();
        return Proof {
            txns,
            class,
            closing,
            cycle,
            text,
        };
    };
    let mut circles = Vec::new();
    tree.circles(&mut circles);
    let of_circle = |circle: &&Circle| match classify(&circle.links()) {
        Some(Anomaly::Cycle(class, closing)) => (class, closing),
        _ => (class, closing),
    };
    let class = circles.iter().map(|circle| of_circle(circle).0).max().unwrap_or(class);
    let closing = circles
        .iter()
        .map(|circle| of_circle(circle).1)
        .max()
        .unwrap_or(closing);
    let drawn = circles.iter().rev().find(|circle| of_circle(circle).0 == class);
    let cycle = drawn.map(|circle| circle.links()).unwrap_or_default();
    let mut lines = names;
    Teller { txns: told }.tell(&tree, &mut lines);
    Proof {
        txns,
        class,
        closing,
        cycle,
        text: lines.join(" "),
    }
}

/// Returns some of `txns` that have no order at this level, if they have none.
fn core(registers: &Registers<'_>, level: Level, closing: Closing, txns: &[u32]) -> Option<Vec<u32>> {
    let keeps = |txn: u32| txns.binary_search(&txn).is_ok();
    match decide(&Problem::new(registers, level, closing, &keeps), BUDGET, &InOrder) {
        Answer::Impossible(core) => Some(core),
        Answer::Ordered | Answer::Undecided => None,
    }
}

/// Leaves out what the others have no order without.
fn shrink(registers: &Registers<'_>, level: Level, closing: Closing, mut txns: Vec<u32>) -> Vec<u32> {
    let mut at = txns.len();
    while at > 0 {
        at = (at - 1).min(txns.len() - 1);
        let mut rest = txns.clone();
        rest.remove(at);
        if let Some(core) = core(registers, level, closing, &rest) {
            txns = core;
        }
        at = at.min(txns.len());
    }
    txns
}

/// Why a transaction comes before another.
#[derive(Clone, Copy, Debug)]
enum Why {
    /// The second read this element.
    Read(u32, u32),
    /// The second wrote the latter over the former.
    Over(u32, u32, u32),
    /// The first read the former, over which the second wrote the latter.
    Missed(u32, u32, u32),
    /// By a session or by real time.
    Order,
}

/// An edge between nodes of transactions.
#[derive(Clone, Copy, Debug)]
struct Edge {
    from: u32,
    to: u32,
    link: Link,
    why: Why,
    /// The choice from which it follows: its number, and whether the first version comes first.
    choice: Option<(usize, bool)>,
}

#[derive(Debug)]
struct Circle {
    edges: Vec<Edge>,
}

impl Circle {
    fn links(&self) -> Vec<Link> {
        self.edges.iter().map(|edge| edge.link).collect()
    }
}

#[derive(Debug)]
enum Tree {
    Circle(Circle),
    /// What follows if the first version of a choice comes first, and if the second does.
    Choice(Pair, usize, Box<[Tree; 2]>),
}

/// Two versions of a key, between which there is a choice.
#[derive(Clone, Copy, Debug)]
struct Pair {
    key: u32,
    /// Elements.
    values: [u32; 2],
    /// Versions of the problem.
    versions: [u32; 2],
}

impl Tree {
    fn uses(&self, choice: usize, value: bool) -> bool {
        match self {
            Self::Circle(circle) => circle.edges.iter().any(|edge| edge.choice == Some((choice, value))),
            Self::Choice(_, _, parts) => parts.iter().any(|part| part.uses(choice, value)),
        }
    }

    /// Leaves out choices of which one part makes no use.
    fn pruned(self) -> Self {
        let Self::Choice(pair, choice, parts) = self else {
            return self;
        };
        let [first, then] = (*parts).map(Self::pruned);
        match (first.uses(choice, true), then.uses(choice, false)) {
            (false, _) => first,
            (_, false) => then,
            _ => Self::Choice(pair, choice, Box::new([first, then])),
        }
    }

    fn circles<'t>(&'t self, all: &mut Vec<&'t Circle>) {
        match self {
            Self::Circle(circle) => all.push(circle),
            Self::Choice(_, _, parts) => parts.iter().for_each(|part| part.circles(all)),
        }
    }
}

/// A few transactions, with every edge by itself.
struct Small {
    problem: Problem,
    edges: Vec<Edge>,
    pairs: Vec<Pair>,
    circle_count: usize,
}

impl Small {
    fn new(registers: &Registers<'_>, level: Level, closing: Closing, txns: &[u32]) -> Self {
        let keeps = |txn: u32| txns.binary_search(&txn).is_ok();
        let problem = Problem::new(registers, level, closing, &keeps);
        let mut small = Self {
            problem,
            edges: Vec::new(),
            pairs: Vec::new(),
            circle_count: 0,
        };
        if level.is_of_views() {
            return small;
        }
        small.add_orders(registers.txns(), closing);
        for version in 0..small.problem.versions.len() as u32 {
            let it = small.problem.versions[version as usize].clone();
            for reader in small.problem.readers.of(version).to_vec() {
                small.link(it.writer, reader, Kind::Wr, Why::Read(it.key, it.element), None);
            }
        }
        for (key, versions) in (0..).zip(registers.keys()) {
            let numbers = small.problem.versions_of(key);
            let initial: Vec<u32> = match &small.problem.moments {
                Some(moments) => moments.of_initial(key).to_vec(),
                None => {
                    let kept = registers.initial_readers(key).iter().filter(|txn| keeps(**txn));
                    kept.map(|txn| small.number(*txn)).collect()
                }
            };
            for reader in initial {
                if level == Level::Cursor && !small.problem.writers_of(key).contains(&reader) {
                    continue;
                }
                for version in numbers.clone() {
                    let it = small.problem.versions[version as usize].clone();
                    let why = Why::Missed(key, txns::NONE, it.element);
                    small.link(reader, it.writer, Kind::Rw, why, None);
                }
            }
            for first in numbers.clone() {
                for then in first + 1..numbers.end {
                    small.add_pair(key, [first, then]);
                }
            }
            let place = |element: u32| {
                numbers
                    .clone()
                    .find(|version| small.problem.versions[*version as usize].element == element)
            };
            let ordered: Vec<(u32, u32)> = versions
                .order()
                .iter()
                .filter_map(|(first, then)| {
                    let [first, then] = [first, then].map(|at| place(versions.versions()[*at as usize].element));
                    Some((first?, then?))
                })
                .collect();
            for (first, then) in ordered {
                let edges = small.edges_of(first, then, None);
                small.edges.extend(edges);
            }
        }
        small
    }

    fn add_pair(&mut self, key: u32, versions: [u32; 2]) {
        let values = versions.map(|version| self.problem.versions[version as usize].element);
        self.pairs.push(Pair { key, values, versions });
    }

    fn number(&self, txn: u32) -> u32 {
        self.problem.txns.binary_search(&txn).expect("it is one of these") as u32
    }

    fn add_orders(&mut self, txns: &Txns, closing: Closing) {
        for from in 0..self.problem.txns.len() as u32 {
            for to in 0..self.problem.txns.len() as u32 {
                let [a, b] = [from, to].map(|number| self.problem.txns[number as usize]);
                let (first, then) = (txns.txn(a), txns.txn(b));
                let is_before = first.end < then.start && txns.whole(a) != txns.whole(b);
                let kind = match first.session == then.session {
                    true if closing >= Closing::Process => Kind::Process,
                    _ if closing == Closing::Realtime && txns.is_ok(a) => Kind::Realtime,
                    _ => continue,
                };
                if is_before {
                    self.link(from, to, kind, Why::Order, None);
                }
            }
        }
    }

    fn link(&mut self, from: u32, to: u32, kind: Kind, why: Why, choice: Option<(usize, bool)>) {
        if from != to {
            let edge = self.edge(from, to, kind, why, choice);
            self.edges.push(edge);
        }
    }

    fn edge(&self, from: u32, to: u32, kind: Kind, why: Why, choice: Option<(usize, bool)>) -> Edge {
        let (begin, end) = match kind {
            Kind::Rw => (self.problem.snapshot(from), self.problem.commit(to)),
            Kind::Ww => (self.problem.commit(from), self.problem.over(to)),
            _ => (self.problem.commit(from), self.problem.snapshot(to)),
        };
        let [txn, other] = [from, to].map(|number| self.problem.txns[number as usize]);
        let link = Link {
            from: txn,
            to: other,
            kind,
        };
        Edge {
            from: begin,
            to: end,
            link,
            why,
            choice,
        }
    }

    /// Returns the edges that follow from a version being before another.
    fn edges_of(&self, first: u32, then: u32, choice: Option<(usize, bool)>) -> Vec<Edge> {
        let [before, after] = [first, then].map(|version| &self.problem.versions[version as usize]);
        let over = Why::Over(before.key, before.element, after.element);
        let missed = Why::Missed(before.key, before.element, after.element);
        let mut edges = vec![self.edge(before.writer, after.writer, Kind::Ww, over, choice)];
        for reader in self
            .problem
            .guards_of(first)
            .iter()
            .filter(|reader| **reader != after.writer)
        {
            edges.push(self.edge(*reader, after.writer, Kind::Rw, missed, choice));
        }
        edges
    }

    /// Returns the proof; none if it takes too many circles.
    fn tree(&mut self) -> Option<Tree> {
        if let Some(circle) = self.circle(&self.edges) {
            return Some(Tree::Circle(circle));
        }
        let mut open: Vec<usize> = (0..self.pairs.len()).collect();
        self.follow(&mut open)
    }

    fn follow(&mut self, open: &mut Vec<usize>) -> Option<Tree> {
        self.circle_count += 1;
        if self.circle_count > 4 * CIRCLES_MAX {
            return None;
        }
        let mut at = 0;
        let mut either = None;
        while let Some(number) = open.get(at).copied() {
            let closed = [true, false].map(|value| self.circle_with(number, value));
            match closed {
                [None, None] => {
                    either = either.or(Some(at));
                    at += 1;
                }
                [Some(first), Some(then)] => {
                    let parts = [Tree::Circle(first), Tree::Circle(then)];
                    return Some(Tree::Choice(self.pairs[number], number, Box::new(parts)));
                }
                [first, then] => {
                    let is_second = then.is_some();
                    let mut rest = open.clone();
                    rest.remove(at);
                    let circle = Tree::Circle(first.or(then)?);
                    let other = self.assume(number, is_second, &mut rest)?;
                    let parts = if is_second { [other, circle] } else { [circle, other] };
                    return Some(Tree::Choice(self.pairs[number], number, Box::new(parts)));
                }
            }
        }
        let at = either?;
        let number = open.remove(at);
        let first = self.assume(number, true, &mut open.clone())?;
        let then = self.assume(number, false, open)?;
        Some(Tree::Choice(self.pairs[number], number, Box::new([first, then])))
    }

    /// Returns what follows from a choice.
    fn assume(&mut self, number: usize, value: bool, open: &mut Vec<usize>) -> Option<Tree> {
        let count = self.edges.len();
        let edges = self.edges_with(number, value);
        self.edges.extend(edges);
        let tree = self.follow(open);
        self.edges.truncate(count);
        tree
    }

    fn edges_with(&self, number: usize, value: bool) -> Vec<Edge> {
        let [first, then] = self.pairs[number].versions;
        let (first, then) = if value { (first, then) } else { (then, first) };
        self.edges_of(first, then, Some((number, value)))
    }

    fn circle_with(&self, number: usize, value: bool) -> Option<Circle> {
        let mut edges = self.edges.clone();
        edges.extend(self.edges_with(number, value));
        self.circle(&edges)
    }

    /// Returns a shortest circle of edges.
    fn circle(&self, edges: &[Edge]) -> Option<Circle> {
        let circles = edges.iter().filter_map(|edge| self.circle_by(*edge, edges));
        circles.min_by_key(|circle| circle.edges.len())
    }

    /// Returns a shortest circle that begins with `first`.
    fn circle_by(&self, first: Edge, edges: &[Edge]) -> Option<Circle> {
        let mut came: Vec<Option<Option<Edge>>> = vec![None; self.problem.node_count];
        let mut open = std::collections::VecDeque::from([first.to]);
        came[first.to as usize] = Some(None);
        while let Some(node) = open.pop_front() {
            if node == first.from {
                break;
            }
            // From one moment to the next of the same transaction nothing is said, and nothing counted.
            if let Some(next) = self
                .problem
                .own_next(node)
                .filter(|next| came[*next as usize].is_none())
            {
                came[next as usize] = came[node as usize];
                open.push_front(next);
            }
            for edge in edges.iter().filter(|edge| edge.from == node) {
                if came[edge.to as usize].is_none() {
                    came[edge.to as usize] = Some(Some(*edge));
                    open.push_back(edge.to);
                }
            }
        }
        let mut back = came[first.from as usize]?;
        let mut circle = Vec::new();
        while let Some(edge) = back {
            circle.push(edge);
            back = came[edge.from as usize]?;
        }
        circle.push(first);
        circle.reverse();
        Some(Circle { edges: circle })
    }
}

struct Teller<'t> {
    txns: &'t Txns,
}

impl Teller<'_> {
    fn tell(&self, tree: &Tree, lines: &mut Vec<String>) {
        match tree {
            Tree::Circle(circle) => self.circle(circle, lines),
            Tree::Choice(pair, _, parts) => {
                let [first, then] = parts.as_ref();
                let [a, b] = pair.values;
                // What is the shorter to tell is told first.
                let (a, b, first, then) = match (first, then) {
                    (Tree::Choice(..), Tree::Circle(_)) => (b, a, then, first),
                    _ => (a, b, first, then),
                };
                let (key, a, b) = (self.txns.key_name(pair.key), self.txns.value(a), self.txns.value(b));
                lines.push(format!("If {a} of {key} came before {b}:"));
                self.tell(first, lines);
                lines.push(format!("So {b} of {key} came before {a}:"));
                self.tell(then, lines);
            }
        }
    }

    fn circle(&self, circle: &Circle, lines: &mut Vec<String>) {
        let count = circle.edges.len();
        for (number, edge) in circle.edges.iter().enumerate() {
            let [from, to] = [edge.link.from, edge.link.to].map(|txn| self.txns.name(txn));
            let then = if number + 1 == count { "and yet" } else { "so" };
            lines.push(format!("{}, {then} {from} comes before {to}.", self.why(edge)));
        }
        let first = circle
            .edges
            .first()
            .map(|edge| self.txns.name(edge.link.from))
            .unwrap_or_default();
        lines.push(format!("{first} would come before itself: a contradiction."));
    }

    fn why(&self, edge: &Edge) -> String {
        let [from, to] = [edge.link.from, edge.link.to].map(|txn| self.txns.name(txn));
        let key = |key: u32| self.txns.key_name(key);
        let value = |element: u32| self.txns.value(element);
        match edge.why {
            Why::Read(of, it) => format!("{to} read {} as {}, which {from} wrote", key(of), value(it)),
            Why::Over(of, first, then) => {
                format!(
                    "{to} wrote {} to {}, over {}, which {from} wrote",
                    value(then),
                    key(of),
                    value(first)
                )
            }
            Why::Missed(of, first, then) => {
                format!(
                    "{from} read {} as {}, which {to} wrote over with {}",
                    key(of),
                    value(first),
                    value(then)
                )
            }
            Why::Order => order_words(self.txns, &edge.link),
        }
    }
}
