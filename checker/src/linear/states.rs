//! States as small numbers: each is kept once, and what each op makes of it is worked out once.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::model::Model;

/// A state's number.
pub(super) type StateId = u32;

/// An op's number: equal ops have the same.
pub(super) type OpId = u32;

/// What an op makes of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It can't have happened there.
    Nothing,
    /// One state.
    One(StateId),
    /// One of several: those at these places.
    Several(u32, u32),
}

/// All states that a search has met.
pub(super) struct States<'m, M: Model> {
    model: &'m M,
    ops: &'m [M::Op],
    states: Vec<Rc<M::State>>,
    ids: FxHashMap<Rc<M::State>, StateId>,
    steps: FxHashMap<(StateId, OpId), Next>,
    several: Vec<StateId>,
    room: Vec<M::State>,
    own_bytes: usize,
}

impl<'m, M: Model> States<'m, M> {
    /// The initial state's number.
    pub(super) const INITIAL: StateId = 0;

    pub(super) fn new(model: &'m M, ops: &'m [M::Op]) -> Self {
        let mut states = Self {
            model,
            ops,
            states: Vec::new(),
            ids: FxHashMap::default(),
            steps: FxHashMap::default(),
            several: Vec::new(),
            room: Vec::new(),
            own_bytes: 0,
        };
        let initial = states.intern(model.initial());
        assert_eq!(initial, Self::INITIAL, "the initial state is the first");
        states
    }

    pub(super) fn state(&self, id: StateId) -> &M::State {
        &self.states[id as usize]
    }

    pub(super) fn op(&self, op: OpId) -> &'m M::Op {
        &self.ops[op as usize]
    }

    /// Returns what `op` makes of `state`.
    pub(super) fn step(&mut self, state: StateId, op: OpId) -> Next {
        if let Some(next) = self.steps.get(&(state, op)) {
            return *next;
        }
        let mut room = std::mem::take(&mut self.room);
        self.model
            .step(&self.states[state as usize], &self.ops[op as usize], &mut room);
        let first = self.several.len() as u32;
        let next = if room.len() <= 1 {
            room.pop().map_or(Next::Nothing, |state| Next::One(self.intern(state)))
        } else {
            for state in room.drain(..) {
                let id = self.intern(state);
                self.several.push(id);
            }
            Next::Several(first, self.several.len() as u32)
        };
        self.room = room;
        self.steps.insert((state, op), next);
        next
    }

    /// Returns the `branch`-th of `next`.
    pub(super) fn branch(&self, next: Next, branch: u32) -> Option<StateId> {
        match next {
            Next::Nothing => None,
            Next::One(state) => Some(state).filter(|_| branch == 0),
            Next::Several(first, end) => Some(first + branch)
                .filter(|place| *place < end)
                .map(|place| self.several[place as usize]),
        }
    }

    /// Returns how many bytes all this takes.
    pub(super) fn bytes(&self) -> usize {
        // A table holds a byte of its own for each place, and is up to an eighth empty.
        let states = self.ids.capacity() * (size_of::<(Rc<M::State>, StateId)>() + 2) + self.states.capacity() * 8;
        let steps = self.steps.capacity() * (size_of::<((StateId, OpId), Next)>() + 2);
        self.own_bytes + states + steps + self.several.capacity() * 4
    }

    fn intern(&mut self, state: M::State) -> StateId {
        if let Some(id) = self.ids.get(&state) {
            return *id;
        }
        let id = self.states.len() as StateId;
        self.own_bytes += self.model.state_bytes(&state) + 2 * size_of::<usize>();
        let state = Rc::new(state);
        self.ids.insert(Rc::clone(&state), id);
        self.states.push(state);
        id
    }
}
