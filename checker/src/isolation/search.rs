//! Which anomalies a component has, the gravest first, and the shortest cycle of each.
//!
//! That there is a cycle of a class is decided by components before any is looked for, so that a search which finds nothing is not
//! taken for an answer:
//! - G0 and G1c: by the components of ww, and of ww and wr.
//! - G-single: an anti-dependency whose end leads back to its beginning by dependencies. For many of them at once this is carried
//!   along the condensed graph, 64 a pass.
//! - G-nonadjacent: where there is no G-single, by the components of a graph of two layers, in which an anti-dependency leads to the
//!   layer that has none.
//! - G2: where there is none of these two, any anti-dependency within the component.
//!
//! An anomaly that one found before is an instance of is not looked for; nor is one that only the order of sessions or of real time
//! closes, where it breaks no model that is not broken yet. Shortest cycles are looked for from at most [`STARTS_MAX`] edges of a
//! component, and all of it within a budget of steps.

use rustc_hash::FxHashMap;

use super::{
    anomaly::{Anomaly, Class, Closing},
    component::Component,
    cycle::{Link, classify},
    graph::{Edge, Kind, Kinds},
    lattice::{Broken, Model, implied_by},
    paths::{Paths, Rule},
};

/// From how many edges of a component a shortest cycle is looked for: enough that it is rarely missed, and few enough for components
/// of a hundred thousand transactions.
const STARTS_MAX: usize = 64;

/// What is looked for, and what was learnt on the way.
pub(super) struct Search {
    /// Anomalies that the models asked for forbid.
    wanted: Vec<Anomaly>,
    txn_count: u32,
    /// Steps for each component.
    budget: u64,
    /// By what was found, what need not be looked for any more.
    settled: FxHashMap<Vec<Anomaly>, Vec<Anomaly>>,
}

/// What a component has.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) cycles: Vec<(Anomaly, Vec<Link>)>,
    /// Which anomaly the budget did not suffice to decide.
    pub(super) undecided: Option<Anomaly>,
}

impl Search {
    pub(super) fn new(wanted: Vec<Anomaly>, txn_count: u32, budget: u64) -> Self {
        Self {
            wanted,
            txn_count,
            budget,
            settled: FxHashMap::default(),
        }
    }

    /// Looks through `component`; `known` was found already, in whatever way.
    pub(super) fn component(&mut self, component: &Component, known: &[Anomaly]) -> Findings {
        let mut found: Vec<Anomaly> = known.to_vec();
        let mut findings = Findings::default();
        let mut paths = Paths::new(component, self.txn_count);
        let mut budget = self.budget;
        for closing in Closing::ALL {
            let order = match closing {
                Closing::Data => Kinds::of(&[Kind::On]),
                Closing::Process => Kinds::of(&[Kind::On, Kind::Process]),
                // A session's order is one of real time too, and its edges are the shorter ways.
                Closing::Realtime => Kinds::of(&[Kind::On, Kind::Process, Kind::Realtime]),
            };
            for class in Class::ALL {
                let anomaly = Anomaly::Cycle(class, closing);
                if !self.wanted.contains(&anomaly) || self.is_settled(&found, known.len(), anomaly) {
                    continue;
                }
                let look = Look {
                    component,
                    order,
                    budget: &mut budget,
                    paths: &mut paths,
                };
                match look.class(class) {
                    Ok(None) => {}
                    Ok(Some(cycle)) => {
                        // What closes a cycle is told by the cycle itself: it may need less than it was allowed.
                        let Some(anomaly) = classify(&cycle) else { continue };
                        if !found[known.len()..].contains(&anomaly) {
                            found.push(anomaly);
                            findings.cycles.push((anomaly, cycle));
                        }
                    }
                    Err(OverBudget) => {
                        findings.undecided.get_or_insert(anomaly);
                        return findings;
                    }
                }
            }
        }
        findings
    }

    /// Returns whether nothing is to be learnt from looking for `anomaly`, where the first `known_count` of `found` are not of this
    /// component.
    fn is_settled(&mut self, found: &[Anomaly], known_count: usize, anomaly: Anomaly) -> bool {
        let wanted = &self.wanted;
        let settle = || {
            let shown: Vec<&str> = found[known_count..]
                .iter()
                .flat_map(|it| implied_by(it.name()))
                .collect();
            let broken = Broken::by(found.iter().copied(), &[]);
            let adds_nothing = |anomaly: Anomaly| {
                let own = Broken::by([anomaly], &[]);
                own.not
                    .iter()
                    .chain(&own.also_not)
                    .all(|model: &Model| broken.contains(*model))
            };
            let is_settled = |it: &Anomaly| {
                let closes = matches!(it, Anomaly::Cycle(_, Closing::Process | Closing::Realtime));
                shown.contains(&it.name()) || closes && adds_nothing(*it)
            };
            wanted.iter().copied().filter(is_settled).collect()
        };
        if let Some(settled) = self.settled.get(found) {
            return settled.contains(&anomaly);
        }
        let settled: Vec<Anomaly> = settle();
        let answer = settled.contains(&anomaly);
        self.settled.insert(found.to_vec(), settled);
        answer
    }
}

/// The budget of a component is used up.
struct OverBudget;

/// A look for one class of cycles in one component.
struct Look<'c, 'p> {
    component: &'c Component,
    /// Edges of order, and on from nodes that stand for others.
    order: Kinds,
    budget: &'p mut u64,
    paths: &'p mut Paths<'c>,
}

impl Look<'_, '_> {
    fn class(self, class: Class) -> Result<Option<Vec<Link>>, OverBudget> {
        let ww = self.order.and(Kind::Ww.only());
        let dependencies = ww.and(Kind::Wr.only());
        match class {
            Class::G0 => self.within(ww),
            Class::G1c => self.within(dependencies),
            Class::GSingleItem => self.single(dependencies),
            Class::GNonadjacentItem => self.nonadjacent(dependencies),
            Class::G2Item => self.any(dependencies.and(Kind::Rw.only())),
        }
    }

    fn spend(&mut self, steps: usize) -> Result<(), OverBudget> {
        *self.budget = self.budget.checked_sub(steps as u64).ok_or(OverBudget)?;
        Ok(())
    }

    fn size(&self) -> usize {
        self.component.node_count() + self.component.forward.edge_count()
    }

    /// A shortest cycle by edges of these kinds.
    fn within(mut self, kinds: Kinds) -> Result<Option<Vec<Link>>, OverBudget> {
        self.spend(self.size())?;
        let components = self.component.components(kinds);
        let Some(smallest) = components.iter().min_by_key(|nodes| nodes.len()) else {
            return Ok(None);
        };
        let mut numbers = vec![false; self.component.node_count()];
        smallest.iter().for_each(|node| numbers[*node as usize] = true);
        let starts = smallest.iter().flat_map(|from| {
            let edges = self.component.forward.from(*from);
            edges.map(|(to, kind)| Edge { from: *from, to, kind })
        });
        let is_within = |edge: &Edge| kinds.has(edge.kind) && edge.kind != Kind::On && numbers[edge.to as usize];
        let starts: Vec<Edge> = starts.filter(is_within).collect();
        let rule = Rule {
            kinds,
            spaces_out: false,
        };
        Ok(self.shortest(&starts, rule))
    }

    /// A shortest cycle of one anti-dependency and edges of these kinds.
    fn single(mut self, kinds: Kinds) -> Result<Option<Vec<Link>>, OverBudget> {
        self.spend(self.size())?;
        let closing = self.closing(kinds)?;
        let rule = Rule {
            kinds,
            spaces_out: false,
        };
        Ok(self.shortest(&closing, rule))
    }

    /// Returns anti-dependencies whose end leads back to their beginning by edges of these kinds, up to [`STARTS_MAX`].
    fn closing(&mut self, kinds: Kinds) -> Result<Vec<Edge>, OverBudget> {
        let order = Condensed::new(self.component, kinds);
        let place = |node: u32| order.place_of[node as usize];
        let is_back = |edge: &Edge| edge.kind == Kind::Rw && place(edge.to) <= place(edge.from);
        let mut back: Vec<Edge> = self.component.forward.all().filter(is_back).collect();
        // Those that span least first: they tend to close the shortest cycles.
        back.sort_by_key(|edge| (place(edge.from) - place(edge.to), *edge));
        let mut closing = Vec::new();
        let mut reached = vec![0u64; order.order.len()];
        for chunk in back.chunks(64) {
            let first = chunk.iter().map(|edge| place(edge.to)).min().unwrap_or(0);
            let last = chunk.iter().map(|edge| place(edge.from)).max().unwrap_or(0);
            reached[first as usize..=last as usize].fill(0);
            for (bit, edge) in chunk.iter().enumerate() {
                reached[place(edge.to) as usize] |= 1 << bit;
            }
            for at in first..=last {
                let bits = reached[at as usize];
                if bits == 0 {
                    continue;
                }
                for node in order.nodes(at) {
                    let mut count = 1;
                    for (to, kind) in self.component.forward.from(*node) {
                        count += 1;
                        let to = place(to);
                        if kinds.has(kind) && to <= last {
                            reached[to as usize] |= bits;
                        }
                    }
                    self.spend(count)?;
                }
            }
            let closes = |(bit, edge): &(usize, &Edge)| reached[place(edge.from) as usize] >> bit & 1 == 1;
            closing.extend(chunk.iter().enumerate().filter(closes).map(|(_, edge)| *edge));
            if closing.len() >= STARTS_MAX {
                break;
            }
        }
        Ok(closing)
    }

    /// A shortest cycle of anti-dependencies, no two of which follow each other, and edges of these kinds.
    fn nonadjacent(mut self, kinds: Kinds) -> Result<Option<Vec<Link>>, OverBudget> {
        self.spend(2 * self.size())?;
        let components = self.component.layered_components(kinds);
        let mut part_of = vec![u32::MAX; 2 * self.component.node_count()];
        for (number, states) in (0..).zip(&components) {
            states.iter().for_each(|state| part_of[*state as usize] = number);
        }
        let is_within = |edge: &Edge| {
            let (from, to) = (part_of[2 * edge.from as usize], part_of[2 * edge.to as usize + 1]);
            edge.kind == Kind::Rw && from != u32::MAX && from == to
        };
        let mut starts: Vec<Edge> = self.component.forward.all().filter(is_within).collect();
        starts.sort_by_key(|edge| components[part_of[2 * edge.from as usize] as usize].len());
        let rule = Rule {
            kinds,
            spaces_out: true,
        };
        Ok(self.shortest(&starts, rule))
    }

    /// A shortest cycle by way of an anti-dependency.
    fn any(mut self, kinds: Kinds) -> Result<Option<Vec<Link>>, OverBudget> {
        self.spend(self.size())?;
        let components = self.component.components(kinds);
        let mut part_of = vec![u32::MAX; self.component.node_count()];
        for (number, nodes) in (0..).zip(&components) {
            nodes.iter().for_each(|node| part_of[*node as usize] = number);
        }
        let part = |node: u32| part_of[node as usize];
        let is_within =
            |edge: &Edge| edge.kind == Kind::Rw && part(edge.from) != u32::MAX && part(edge.from) == part(edge.to);
        let mut starts: Vec<Edge> = self.component.forward.all().filter(is_within).collect();
        starts.sort_by_key(|edge| components[part(edge.from) as usize].len());
        let rule = Rule {
            kinds,
            spaces_out: false,
        };
        Ok(self.shortest(&starts, rule))
    }

    /// A shortest cycle that begins with one of `starts`, each of which is on one: of those first, and of some of all others.
    fn shortest(self, starts: &[Edge], rule: Rule) -> Option<Vec<Link>> {
        let stride = starts.len().div_ceil(STARTS_MAX).max(1);
        let mut best: Option<Vec<Link>> = None;
        // A cycle that is known to be there is found whatever is left; shorter ones are looked for as long as there is budget.
        let mut budget =
            (*self.budget).max(4 * (self.component.node_count() + self.component.forward.edge_count()) as u64);
        for edge in starts.iter().step_by(stride) {
            let length_max = best.as_ref().map_or(u32::MAX, |best| best.len() as u32);
            if let Some(cycle) = self.paths.cycle(*edge, rule, length_max, &mut budget)
                && classify(&cycle).is_some()
            {
                best = Some(cycle);
            }
        }
        *self.budget = budget.min(*self.budget);
        best
    }
}

/// A component with what lies on a circle by edges of some kinds taken as one, in an order along these edges.
struct Condensed {
    /// By node, where in the order what it is in lies.
    place_of: Vec<u32>,
    /// By place, where its nodes begin in `nodes`; one past the last.
    order: Vec<u32>,
    nodes: Vec<u32>,
}

impl Condensed {
    fn new(component: &Component, kinds: Kinds) -> Self {
        let parts = component.all_components(kinds);
        let mut place_of = vec![0; component.node_count()];
        let (mut order, mut nodes) = (
            Vec::with_capacity(parts.len() + 1),
            Vec::with_capacity(component.node_count()),
        );
        // Kosaraju's components come in an order against that of the edges.
        for (place, part) in (0..).zip(parts.iter().rev()) {
            order.push(nodes.len() as u32);
            part.iter().for_each(|node| place_of[*node as usize] = place);
            nodes.extend_from_slice(part);
        }
        order.push(nodes.len() as u32);
        Self { place_of, order, nodes }
    }

    fn nodes(&self, place: u32) -> &[u32] {
        &self.nodes[self.order[place as usize] as usize..self.order[place as usize + 1] as usize]
    }
}
