//! Three owners take updates and exchange their copies at random, and lose them now and then. After every step each
//! copy is held against a model that knows every update and what its client had seen, one by one, without contexts.

use std::collections::BTreeSet;

use super::*;
use crate::Version;

const RUNS: u64 = 300;
const STEPS: u64 = 40;
const OWNERS: usize = 3;

/// The kinds that are updated by one owner at a time.
const KINDS: [Kind; 4] = [Kind::Register, Kind::Siblings, Kind::Set, Kind::Counter];

/// An update's place in the history.
type UpdateId = usize;

#[derive(Clone, Debug)]
enum Action {
    Write(Register),
    Put(Value),
    Delete(WallTime),
    Add(Value),
    Remove(Value, WallTime),
    Change(i64),
}

#[derive(Debug)]
struct Update {
    action: Action,
    /// What its client had seen.
    past: BTreeSet<UpdateId>,
}

#[derive(Debug)]
struct Owner {
    actor: Actor,
    cell: Option<Cell>,
    /// The updates that its copy descends from.
    applied: BTreeSet<UpdateId>,
    /// Those, and what their clients had seen.
    seen: BTreeSet<UpdateId>,
}

#[derive(Debug)]
struct Network {
    kind: Kind,
    rng: Pcg64Mcg,
    owners: Vec<Owner>,
    history: Vec<Update>,
}

fn empty(kind: Kind) -> Option<Cell> {
    match kind {
        Kind::Register | Kind::Cas => None,
        Kind::Siblings => Some(Cell::Siblings(Siblings::new())),
        Kind::Set => Some(Cell::Set(Box::default())),
        Kind::Counter => Some(Cell::Counter(Counter::new())),
    }
}

impl Network {
    fn new(kind: Kind, seed: u64) -> Network {
        let owner = |node| Owner {
            actor: actor(node),
            cell: empty(kind),
            applied: BTreeSet::new(),
            seen: BTreeSet::new(),
        };
        Network {
            kind,
            rng: rng(seed),
            owners: (1..).take(OWNERS).map(owner).collect(),
            history: Vec::new(),
        }
    }

    fn step(&mut self) {
        let [from, to] = [(); 2].map(|()| self.rng.random_range(0..OWNERS));
        match self.rng.random_range(0..20) {
            0 => self.lose(to),
            1..10 => self.update(to),
            _ => self.send(from, to),
        }
    }

    /// A copy is lost; its owner starts afresh, under a new birth.
    fn lose(&mut self, at: usize) {
        let owner = &mut self.owners[at];
        owner.actor.birth += 1;
        owner.cell = empty(self.kind);
        owner.applied.clear();
        owner.seen.clear();
    }

    fn send(&mut self, from: usize, to: usize) {
        let Owner {
            cell, applied, seen, ..
        } = &self.owners[from];
        let (cell, applied, seen) = (cell.clone(), applied.clone(), seen.clone());
        let owner = &mut self.owners[to];
        match (&mut owner.cell, cell) {
            (Some(ours), Some(theirs)) => drop(ours.merge(&theirs)),
            (ours @ None, theirs) => *ours = theirs,
            (Some(_), None) => {}
        }
        owner.applied.extend(applied);
        owner.seen.extend(seen);
    }

    /// A client reads from some owners or none, and then updates at one that may know less, or more.
    fn update(&mut self, at: usize) {
        let (mut context, mut past) = (Context::new(), BTreeSet::new());
        for from in 0..OWNERS {
            if self.rng.random_bool(0.4) {
                context.merge(&context_of(self.owners[from].cell.as_ref()));
                past.extend(&self.owners[from].seen);
            }
        }
        let action = self.any_action();
        let id = self.history.len();
        let owner = &mut self.owners[at];
        apply(&action, owner, &context);
        owner.applied.insert(id);
        owner.seen.insert(id);
        if self.kind == Kind::Siblings {
            owner.seen.extend(&past);
        }
        self.history.push(Update { action, past });
    }

    fn any_action(&mut self) -> Action {
        let wall = WallTime::from_nanos(self.rng.random_range(1..1000));
        let element = value(self.rng.random_range(0..3));
        match self.kind {
            Kind::Register => Action::Write(self.any_register()),
            Kind::Siblings if self.rng.random_bool(0.3) => Action::Delete(wall),
            Kind::Siblings => Action::Put(Value(self.history.len().to_string().into())),
            Kind::Set if self.rng.random_bool(0.4) => Action::Remove(element, wall),
            Kind::Set => Action::Add(element),
            Kind::Counter => Action::Change(self.rng.random_range(-5..10)),
            Kind::Cas => unreachable!("it takes agreement, and is no network of copies"),
        }
    }

    /// The versions of honest nodes differ, but do not rise with the history.
    fn any_register(&mut self) -> Register {
        let version = Version {
            time: self.rng.random_range(1..100),
            node: NodeId(u64::try_from(self.history.len()).unwrap()),
            generation: Generation(1),
        };
        Register {
            version,
            ..Register::any(&mut self.rng)
        }
    }

    /// What is visible of a copy is what the model makes of the updates that it descends from.
    fn check(&self) {
        for owner in &self.owners {
            let Some(cell) = &owner.cell else { continue };
            assert!(cell.is_valid(), "{cell:?}");
            match cell {
                Cell::Register(register) => assert_eq!(Some(register), self.last_write(owner)),
                Cell::Siblings(siblings) => {
                    assert_eq!(
                        siblings.values().map(|(_, value)| value).collect::<BTreeSet<_>>(),
                        self.unreplaced(owner)
                    );
                }
                Cell::Set(set) => assert_eq!(set.elements().collect::<BTreeSet<_>>(), self.unremoved(owner)),
                Cell::Counter(counter) => assert_eq!(counter.value(), self.sum(owner)),
                Cell::Cas(_) => unreachable!("none of these kinds"),
            }
            if self.kind != Kind::Register {
                assert_eq!(cell.deleted_at(), self.deleted_at(owner).filter(|_| is_empty(cell)));
            }
        }
    }

    fn applied(&self, owner: &Owner) -> Vec<(UpdateId, &Update)> {
        owner.applied.iter().map(|id| (*id, &self.history[*id])).collect()
    }

    fn last_write(&self, owner: &Owner) -> Option<&Register> {
        let written = |(_, update): (UpdateId, &'_ Update)| match &update.action {
            Action::Write(register) => Some(register.version),
            _ => None,
        };
        let writes = self.applied(owner).into_iter();
        let (last, _) = writes.max_by_key(|(id, update)| written((*id, update)))?;
        match &self.history[last].action {
            Action::Write(register) => Some(register),
            _ => None,
        }
    }

    /// The values of puts that are in no other update's past.
    fn unreplaced(&self, owner: &Owner) -> BTreeSet<&Value> {
        let mut unreplaced = BTreeSet::new();
        for (put, update) in self.applied(owner) {
            let is_replaced = || self.applied(owner).iter().any(|(_, other)| other.past.contains(&put));
            if let Action::Put(value) = &update.action
                && !is_replaced()
            {
                unreplaced.insert(value);
            }
        }
        unreplaced
    }

    /// The elements of which an addition is in no removal's past.
    fn unremoved(&self, owner: &Owner) -> BTreeSet<&Value> {
        let removes = |update: &Update, add: UpdateId, element: &Value| {
            matches!(&update.action, Action::Remove(removed, _) if removed == element) && update.past.contains(&add)
        };
        let mut unremoved = BTreeSet::new();
        for (add, update) in self.applied(owner) {
            if let Action::Add(element) = &update.action
                && !self
                    .applied(owner)
                    .iter()
                    .any(|(_, other)| removes(other, add, element))
            {
                unremoved.insert(element);
            }
        }
        unremoved
    }

    fn sum(&self, owner: &Owner) -> i128 {
        let delta = |(_, update): (UpdateId, &Update)| match update.action {
            Action::Change(delta) => i128::from(delta),
            _ => 0,
        };
        self.applied(owner).into_iter().map(delta).sum()
    }

    fn deleted_at(&self, owner: &Owner) -> Option<WallTime> {
        let deleted_at = |(_, update): (UpdateId, &Update)| match update.action {
            Action::Delete(wall) | Action::Remove(_, wall) => Some(wall),
            _ => None,
        };
        self.applied(owner).into_iter().filter_map(deleted_at).max()
    }
}

fn apply(action: &Action, owner: &mut Owner, context: &Context) {
    match (action.clone(), &mut owner.cell) {
        (Action::Write(register), Some(cell)) => drop(cell.merge(&Cell::Register(register))),
        (Action::Write(register), cell @ None) => *cell = Some(Cell::Register(register)),
        (Action::Put(value), Some(Cell::Siblings(cell))) => drop(cell.put(owner.actor, context, value)),
        (Action::Delete(wall), Some(Cell::Siblings(cell))) => cell.delete(context, wall),
        (Action::Add(element), Some(Cell::Set(cell))) => drop(cell.add(owner.actor, element)),
        (Action::Remove(element, wall), Some(Cell::Set(cell))) => cell.remove(&element, context, wall),
        (Action::Change(delta), Some(Cell::Counter(cell))) => drop(cell.add(owner.actor, delta).expect("small")),
        (action, cell) => panic!("{action:?} is not for {cell:?}"),
    }
}

fn context_of(cell: Option<&Cell>) -> Context {
    match cell {
        Some(Cell::Siblings(siblings)) => siblings.context().clone(),
        Some(Cell::Set(set)) => set.context().clone(),
        _ => Context::new(),
    }
}

fn is_empty(cell: &Cell) -> bool {
    match cell {
        Cell::Siblings(siblings) => siblings.values().len() == 0,
        Cell::Set(set) => set.elements().len() == 0,
        Cell::Register(_) | Cell::Counter(_) | Cell::Cas(_) => false,
    }
}

fn run(kind: Kind, seed: u64) -> Network {
    let mut network = Network::new(kind, seed);
    for _ in 0..STEPS {
        network.step();
        network.check();
    }
    network
}

#[test]
fn copies_show_what_the_history_says_and_converge() {
    for kind in KINDS {
        for seed in 0..RUNS {
            let mut network = run(kind, seed);
            for (from, to) in [(0, 1), (1, 2), (2, 0), (0, 1)] {
                network.send(from, to);
            }
            network.check();
            let cells: Vec<_> = network.owners.iter().map(|owner| &owner.cell).collect();
            assert!(cells.iter().all(|cell| *cell == cells[0]), "{kind:?} {seed}");
        }
    }
}

#[test]
fn copies_that_met_alike_are_equal_in_whatever_order() {
    for kind in KINDS {
        for seed in 0..RUNS {
            let network = run(kind, seed);
            let copies: Vec<&Cell> = network.owners.iter().filter_map(|owner| owner.cell.as_ref()).collect();
            let Some((first, rest)) = copies.split_first() else {
                continue;
            };
            let forward = rest.iter().fold((*first).clone(), |all, cell| merged(&all, cell));
            let backward = copies
                .iter()
                .rev()
                .fold((*first).clone(), |all, cell| merged(&all, cell));
            assert_eq!(forward, backward);
            assert!(copies.iter().all(|cell| forward.covers(cell)));
        }
    }
}

/// So that the networks are known to try what they are for.
#[test]
fn networks_meet_siblings_lost_copies_empty_cells_and_removals_that_come_early() {
    let all = |kind| (0..RUNS).map(move |seed| run(kind, seed));
    let has =
        |network: &Network, is: &dyn Fn(&Cell) -> bool| network.owners.iter().filter_map(|o| o.cell.as_ref()).any(is);
    let many = |cell: &Cell| matches!(cell, Cell::Siblings(siblings) if siblings.values().len() > 1);
    let early = |cell: &Cell| matches!(cell, Cell::Set(set) if set.awaits_anything());
    assert!(all(Kind::Siblings).filter(|network| has(network, &many)).count() > 50);
    assert!(all(Kind::Siblings).filter(|network| has(network, &is_empty)).count() > 5);
    assert!(all(Kind::Set).filter(|network| has(network, &is_empty)).count() > 5);
    assert!(all(Kind::Set).filter(|network| has(network, &early)).count() > 50);
    assert!(
        all(Kind::Counter)
            .filter(|network| network.owners.iter().any(|o| o.actor.birth > 1))
            .count()
            > 50
    );
}
