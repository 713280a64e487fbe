//! A topological order that is kept up as edges come and go.
//!
//! Pearce and Kelly, *A dynamic topological sort algorithm for directed acyclic graphs* (JEA 2006): an edge that contradicts the order
//! moves only what lies between its ends. Fixed edges are in arrays; those of choices are linked, and taken back in the order in which
//! they came: an order that fits some edges fits fewer.

use crate::isolation::rows::Rows;

/// No node, edge or choice.
pub(super) const NONE: u32 = u32::MAX;

/// An edge that a choice makes.
#[derive(Clone, Copy, Debug)]
struct Chosen {
    from: u32,
    to: u32,
    choice: u32,
    /// The next from the same node, and the next to the same.
    next_out: u32,
    next_in: u32,
}

/// Why an edge does not fit: nodes that lead from its end to its beginning, and the choices that their edges are of.
#[derive(Clone, Debug)]
pub(super) struct Circle {
    pub(super) nodes: Vec<u32>,
    pub(super) choices: Vec<u32>,
}

/// A graph without cycles, and an order along all of its edges.
#[derive(Debug)]
pub(super) struct Topology {
    /// By node, its place.
    places: Vec<u32>,
    out: Rows,
    back: Rows,
    chosen: Vec<Chosen>,
    first_out: Vec<u32>,
    first_in: Vec<u32>,
    /// By node, in which search it was met last.
    met: Vec<u32>,
    search: u32,
    /// By node that the last search for a circle met, from which and by which choice.
    came: Vec<(u32, u32)>,
    scratch: Scratch,
    /// Nodes that have moved since they were last taken.
    pub(super) moved: Vec<u32>,
    /// How many edges were looked at.
    pub(super) steps: u64,
}

/// What moves for an edge, in memory that the next uses again: what leads to its beginning, what its end leads to, and their places.
#[derive(Debug, Default)]
struct Scratch {
    before: Vec<u32>,
    after: Vec<u32>,
    places: Vec<u32>,
}

impl Topology {
    /// `places` is an order along all of the edges.
    pub(super) fn new(places: Vec<u32>, out: Rows, back: Rows) -> Self {
        let count = places.len();
        Self {
            places,
            out,
            back,
            chosen: Vec::new(),
            first_out: vec![NONE; count],
            first_in: vec![NONE; count],
            met: vec![0; count],
            search: 0,
            came: vec![(NONE, NONE); count],
            scratch: Scratch::default(),
            moved: Vec::new(),
            steps: 0,
        }
    }

    #[inline]
    pub(super) fn place(&self, node: u32) -> u32 {
        self.places[node as usize]
    }

    /// How many edges of choices there are.
    pub(super) fn chosen_count(&self) -> usize {
        self.chosen.len()
    }

    /// Takes edges of choices back until there are so many.
    pub(super) fn take_back(&mut self, count: usize) {
        while self.chosen.len() > count {
            let edge = self.chosen.pop().expect("there are more");
            self.first_out[edge.from as usize] = edge.next_out;
            self.first_in[edge.to as usize] = edge.next_in;
        }
    }

    /// Adds an edge of `choice`.
    ///
    /// # Errors
    /// It would close a circle; it is not there then.
    pub(super) fn add(&mut self, from: u32, to: u32, choice: u32) -> Result<(), Circle> {
        self.steps += 1;
        if self.place(from) >= self.place(to) {
            self.make_room(from, to)?;
        }
        let number = self.chosen.len() as u32;
        self.chosen.push(Chosen {
            from,
            to,
            choice,
            next_out: self.first_out[from as usize],
            next_in: self.first_in[to as usize],
        });
        self.first_out[from as usize] = number;
        self.first_in[to as usize] = number;
        Ok(())
    }

    /// Moves what `to` leads to behind what leads to `from`.
    fn make_room(&mut self, from: u32, to: u32) -> Result<(), Circle> {
        let (first, last) = (self.place(to), self.place(from));
        let mut scratch = std::mem::take(&mut self.scratch);
        let Scratch { before, after, places } = &mut scratch;
        self.reach(to, after, |topology, node, visit| {
            topology.each_out(node, |next, _| {
                if topology.place(next) <= last {
                    visit(next);
                }
            });
        });
        if self.met[from as usize] == self.search {
            self.scratch = scratch;
            return Err(self.circle(from, to));
        }
        self.reach(from, before, |topology, node, visit| {
            topology.each_in(node, |next| {
                if topology.place(next) >= first {
                    visit(next);
                }
            });
        });
        before.sort_unstable_by_key(|node| self.places[*node as usize]);
        after.sort_unstable_by_key(|node| self.places[*node as usize]);
        before.append(after);
        places.clear();
        places.extend(before.iter().map(|node| self.places[*node as usize]));
        places.sort_unstable();
        for (node, place) in before.iter().zip(places) {
            self.places[*node as usize] = *place;
        }
        self.moved.append(before);
        self.scratch = scratch;
        Ok(())
    }

    /// Fills `all` with what a walk from `start` meets.
    #[inline]
    fn reach(&mut self, start: u32, all: &mut Vec<u32>, next: impl Fn(&Self, u32, &mut dyn FnMut(u32))) {
        self.search += 1;
        let mut met = std::mem::take(&mut self.met);
        all.clear();
        all.push(start);
        met[start as usize] = self.search;
        let (mut at, mut steps) = (0, 0);
        while let Some(node) = all.get(at).copied() {
            at += 1;
            next(self, node, &mut |to| {
                steps += 1;
                if met[to as usize] != self.search {
                    met[to as usize] = self.search;
                    all.push(to);
                }
            });
        }
        self.met = met;
        self.steps += steps;
    }

    /// Returns a shortest way from `to` to `from`, which there is.
    fn circle(&mut self, from: u32, to: u32) -> Circle {
        let last = self.place(from);
        self.search += 1;
        let (mut met, mut came) = (std::mem::take(&mut self.met), std::mem::take(&mut self.came));
        let mut open = vec![to];
        (met[to as usize], came[to as usize]) = (self.search, (NONE, NONE));
        let mut at = 0;
        while met[from as usize] != self.search {
            let node = open[at];
            at += 1;
            self.each_out(node, |next, choice| {
                if self.place(next) <= last && met[next as usize] != self.search {
                    (met[next as usize], came[next as usize]) = (self.search, (node, choice));
                    open.push(next);
                }
            });
        }
        self.steps += open.len() as u64;
        let (mut nodes, mut choices) = (Vec::new(), Vec::new());
        let mut node = from;
        while node != NONE {
            let (before, choice) = came[node as usize];
            nodes.push(node);
            choices.extend(Some(choice).filter(|choice| *choice != NONE));
            node = before;
        }
        (self.met, self.came) = (met, came);
        choices.sort_unstable();
        choices.dedup();
        Circle { nodes, choices }
    }

    #[inline]
    fn each_out(&self, node: u32, mut visit: impl FnMut(u32, u32)) {
        for to in self.out.of(node) {
            visit(*to, NONE);
        }
        let mut edge = self.first_out[node as usize];
        while edge != NONE {
            let chosen = &self.chosen[edge as usize];
            visit(chosen.to, chosen.choice);
            edge = chosen.next_out;
        }
    }

    #[inline]
    fn each_in(&self, node: u32, mut visit: impl FnMut(u32)) {
        for from in self.back.of(node) {
            visit(*from);
        }
        let mut edge = self.first_in[node as usize];
        while edge != NONE {
            let chosen = &self.chosen[edge as usize];
            visit(chosen.from);
            edge = chosen.next_in;
        }
    }
}
