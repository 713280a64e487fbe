//! The configurations of a history and the ways between them: what a search goes through.
//!
//! A configuration says what has taken effect when the calls up to some end have returned: which state that left, and which
//! of the open calls are already in it. Its successors let one more call take effect. They are made just in time (Lowe,
//! *Testing for linearizability*, 2017): a call takes effect only before the end of a call that has not yet, which is the
//! target, and the target is the last to do so. From there on the following ways need not be gone, because one that is gone
//! leads as far:
//!
//! - A call that only observes, and can in this state, does so at once: it changes nothing for the others.
//! - **Covering.** Where `later` takes effect, each open call that it overwrites may have done so immediately before, unseen.
//!   Such a call is *covered*: it may still take effect, but need not any more. So nobody has to choose beforehand which of
//!   the calls whose effect nobody sees come when.
//! - Of the calls that need never happen, equal ones are interchangeable, and one that nothing to come depends on does not.

use super::{
    model::Model,
    states::{Next, OpId, StateId, States},
    timeline::{Layer, Timeline, class_ids},
    usage::{ClassId, UsageId, Usages},
};

/// A set of slots, as many as `64 * W`.
pub(super) type Slots<const W: usize> = [u64; W];

/// What has taken effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Config<const W: usize> {
    /// How many ends have been passed. The next is the target's, and its call is not in effect.
    pub(super) layer: Layer,
    pub(super) state: StateId,
    /// What was made use of among the calls that need never happen.
    pub(super) usage: UsageId,
    /// The open calls in effect.
    pub(super) effective: Slots<W>,
    /// Those that are not, but need not be either.
    pub(super) covered: Slots<W>,
}

/// Which successor of a node comes next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor {
    at: u32,
    branch: u32,
}

/// A call that may take effect.
#[derive(Clone, Copy)]
enum Candidate {
    /// The target, which is covered, does so there.
    Discharged,
    Slot(u32),
    Class(ClassId),
}

/// The configurations of one history.
pub(super) struct Space<'m, M: Model, const W: usize> {
    model: &'m M,
    timeline: &'m Timeline,
    pub(super) states: States<'m, M>,
    pub(super) usages: Usages,
    /// For each layer the open calls that may change the state.
    mutators: Vec<Slots<W>>,
    /// For each layer the open calls that only observe.
    observers: Vec<Slots<W>>,
    /// For each slot which of its tenants was asked for last: the next is near.
    tenants: Vec<usize>,
    /// Whether idempotent calls that need never happen can do so as often as wanted, once one has begun. That explains more
    /// than there is, but leaves far fewer configurations: what even so is not linearizable is not.
    pub(super) is_lavish: bool,
}

impl<'m, M: Model, const W: usize> Space<'m, M, W> {
    pub(super) fn new(model: &'m M, ops: &'m [M::Op], timeline: &'m Timeline) -> Self {
        assert!(timeline.slots.len() <= 64 * W, "every slot has its bit");
        let mut mutators = vec![[0; W]; timeline.ends.len()];
        let mut observers = vec![[0; W]; timeline.ends.len()];
        for (slot, tenants) in (0..).zip(&timeline.slots) {
            for tenant in tenants {
                let masks = if tenant.is_observer {
                    &mut observers
                } else {
                    &mut mutators
                };
                for mask in &mut masks[tenant.from as usize..=tenant.until as usize] {
                    set(mask, slot);
                }
            }
        }
        Self {
            model,
            timeline,
            states: States::new(model, ops),
            usages: Usages::new(),
            mutators,
            observers,
            tenants: vec![0; timeline.slots.len()],
            is_lavish: false,
        }
    }

    /// Returns where the search begins.
    pub(super) fn root(&mut self) -> Config<W> {
        let mut config = Config {
            layer: 0,
            state: States::<M>::INITIAL,
            usage: Usages::NONE,
            effective: [0; W],
            covered: [0; W],
        };
        self.settle(&mut config);
        config
    }

    /// Returns whether `config` has passed the last end.
    pub(super) fn is_goal(&self, config: &Config<W>) -> bool {
        config.layer == self.timeline.depth()
    }

    /// Returns the next successor of `config`, if there is one.
    pub(super) fn successor(&mut self, config: &Config<W>, cursor: &mut Cursor) -> Option<Config<W>> {
        loop {
            let candidate = self.candidate(config, cursor)?;
            let successor = self.effect(config, candidate, cursor);
            if successor.is_some() {
                return successor;
            }
        }
    }

    /// Returns how many bytes all this takes.
    pub(super) fn bytes(&self) -> usize {
        let masks = 2 * self.mutators.capacity() * size_of::<Slots<W>>();
        masks + self.states.bytes() + self.usages.bytes()
    }

    /// Returns what comes next at `cursor`: the target first, as nothing else need happen before it; then the other open
    /// calls, which did happen; then those that need not have.
    fn candidate(&mut self, config: &Config<W>, cursor: &mut Cursor) -> Option<Candidate> {
        let slot_count = self.timeline.slots.len() as u32;
        let layer = config.layer as usize;
        let target = self.timeline.ends[layer].slot;
        loop {
            let at = cursor.at;
            match at {
                0 => {
                    cursor.at += 1;
                    if has(&config.covered, target) {
                        return Some(Candidate::Discharged);
                    }
                }
                1 if has(&self.mutators[layer], target) => return Some(Candidate::Slot(target)),
                1 => cursor.at += 1,
                _ if at - 2 < slot_count => {
                    let slot = at - 2;
                    let is_open = has(&self.mutators[layer], slot) && !has(&config.effective, slot);
                    if is_open && slot != target {
                        return Some(Candidate::Slot(slot));
                    }
                    cursor.at += 1;
                }
                _ => {
                    let class = at - 2 - slot_count;
                    if !class_ids(self.timeline).contains(&class) {
                        return None;
                    }
                    let it = &self.timeline.classes[class as usize];
                    if it.from[0] > config.layer {
                        // They are in the order of their first ones.
                        return None;
                    }
                    if it.is_live(config.layer)
                        && (self.is_lavish && it.is_idempotent
                            || self.usages.count(config.usage, class) < it.count(config.layer))
                    {
                        return Some(Candidate::Class(class));
                    }
                    cursor.at += 1;
                }
            }
        }
    }

    /// Lets `candidate` take effect, if it can; if it can in several ways, in that of the cursor.
    fn effect(&mut self, config: &Config<W>, candidate: Candidate, cursor: &mut Cursor) -> Option<Config<W>> {
        let mut config = *config;
        let op = match candidate {
            Candidate::Discharged => {
                self.pass(&mut config);
                self.settle(&mut config);
                return Some(config);
            }
            Candidate::Slot(slot) => self.op(slot, config.layer),
            Candidate::Class(class) => self.timeline.classes[class as usize].op,
        };
        let next = self.states.step(config.state, op);
        let Some(state) = self.states.branch(next, cursor.branch) else {
            *cursor = Cursor {
                at: cursor.at + 1,
                branch: 0,
            };
            return None;
        };
        cursor.branch += 1;
        config.state = state;
        match candidate {
            Candidate::Slot(slot) => {
                set(&mut config.effective, slot);
                clear(&mut config.covered, slot);
            }
            Candidate::Class(class) => {
                if !(self.is_lavish && self.timeline.classes[class as usize].is_idempotent) {
                    config.usage = self.usages.with(config.usage, class);
                }
            }
            Candidate::Discharged => {}
        }
        self.cover(&mut config, op);
        self.settle(&mut config);
        Some(config)
    }

    /// Marks the open calls that `op`, which takes effect, overwrites.
    fn cover(&mut self, config: &mut Config<W>, op: OpId) {
        let layer = config.layer;
        for word in 0..W {
            let open = self.mutators[layer as usize][word];
            let mut others = open & !config.effective[word] & !config.covered[word];
            while others != 0 {
                let slot = word as u32 * 64 + others.trailing_zeros();
                others &= others - 1;
                let other = self.op(slot, layer);
                if self.overwrites(op, other) {
                    set(&mut config.covered, slot);
                }
            }
        }
    }

    fn overwrites(&self, later: OpId, earlier: OpId) -> bool {
        self.model.overwrites(self.states.op(later), self.states.op(earlier))
    }

    /// Lets all observe that can, and passes the ends of calls in effect, until neither is left to do.
    fn settle(&mut self, config: &mut Config<W>) {
        while !self.is_goal(config) {
            let layer = config.layer as usize;
            for word in 0..W {
                let mut waiting = self.observers[layer][word] & !config.effective[word];
                while waiting != 0 {
                    let slot = word as u32 * 64 + waiting.trailing_zeros();
                    waiting &= waiting - 1;
                    let op = self.op(slot, config.layer);
                    if self.states.step(config.state, op) != Next::Nothing {
                        set(&mut config.effective, slot);
                    }
                }
            }
            if !has(&config.effective, self.timeline.ends[layer].slot) {
                break;
            }
            self.pass(config);
        }
    }

    /// Passes the end of the target.
    fn pass(&mut self, config: &mut Config<W>) {
        let target = self.timeline.ends[config.layer as usize].slot;
        clear(&mut config.effective, target);
        clear(&mut config.covered, target);
        let is_retirement = config.usage != Usages::NONE && {
            let retirements = &self.timeline.retirements;
            retirements.binary_search(&config.layer).is_ok()
        };
        config.layer += 1;
        if is_retirement {
            let (classes, layer) = (&self.timeline.classes, config.layer);
            config.usage = self
                .usages
                .only(config.usage, |class| classes[class as usize].is_live(layer));
        }
    }

    /// Returns the op of the call that has `slot` at `layer`.
    fn op(&mut self, slot: u32, layer: Layer) -> OpId {
        let tenants = &self.timeline.slots[slot as usize];
        let place = &mut self.tenants[slot as usize];
        while tenants[*place].from > layer {
            *place -= 1;
        }
        while tenants.get(*place + 1).is_some_and(|next| next.from <= layer) {
            *place += 1;
        }
        tenants[*place].op
    }
}

fn has<const W: usize>(slots: &Slots<W>, slot: u32) -> bool {
    slots[slot as usize / 64] & 1 << (slot % 64) != 0
}

fn set<const W: usize>(slots: &mut Slots<W>, slot: u32) {
    slots[slot as usize / 64] |= 1 << (slot % 64);
}

fn clear<const W: usize>(slots: &mut Slots<W>, slot: u32) {
    slots[slot as usize / 64] &= !(1 << (slot % 64));
}
