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
//!   Such a call is *covered*: it may still take effect, but need not any more. So `earlier` before `later` is not tried.
//! - **Putting off.** Where a call and then the target leave the state that the target and then the call leave, the call can
//!   wait for the next target.
//!
//! Proof that the last two lose nothing: of the orders that explain a history take one with the fewest calls that take effect
//! uncovered, and of those one where they do so the latest, counted in targets. Each rule refuses only orders that are not
//! such, as covering has fewer calls and putting off has later ones.

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

/// A configuration and how it was come by, as far as that tells what need not be tried from there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<const W: usize> {
    pub(super) config: Config<W>,
    last: Option<Last>,
}

/// The call that took effect last, if nothing has observed it.
#[derive(Clone, Copy, Debug)]
struct Last {
    op: OpId,
    from: StateId,
    layer: Layer,
    /// It was covered, and has covered none: without it all would be as it is, but for the state.
    is_idle: bool,
}

/// Which successors of a node are not tried, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spared(u64);

impl Spared {
    /// All are tried.
    pub(super) const NONE: Self = Self(u64::MAX);
}

impl<const W: usize> Node<W> {
    /// Returns what is not tried from here.
    pub(super) fn spared(&self) -> Spared {
        self.last.map_or(Spared::NONE, |last| {
            let is_here = u64::from(last.layer == self.config.layer);
            Spared(u64::from(last.op) << 32 ^ u64::from(last.from) << 1 ^ is_here)
        })
    }

    /// Has all successors tried from here.
    pub(super) fn spare_none(&mut self) {
        self.last = None;
    }
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
        }
    }

    /// Returns where the search begins.
    pub(super) fn root(&mut self) -> Node<W> {
        let mut config = Config {
            layer: 0,
            state: States::<M>::INITIAL,
            usage: Usages::NONE,
            effective: [0; W],
            covered: [0; W],
        };
        self.settle(&mut config);
        Node { config, last: None }
    }

    /// Returns whether `config` has passed the last end.
    pub(super) fn is_goal(&self, config: &Config<W>) -> bool {
        config.layer == self.timeline.depth()
    }

    /// Returns the next successor of `node`, if there is one.
    pub(super) fn successor(&mut self, node: &Node<W>, cursor: &mut Cursor) -> Option<Node<W>> {
        loop {
            let candidate = self.candidate(&node.config, cursor)?;
            let child = match candidate {
                Candidate::Discharged => Some(self.discharge(node)),
                Candidate::Slot(_) | Candidate::Class(_) => self.effect(node, candidate, cursor),
            };
            if child.is_some() {
                return child;
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
                    if it.is_live(config.layer) && self.usages.count(config.usage, class) < it.count(config.layer) {
                        return Some(Candidate::Class(class));
                    }
                    cursor.at += 1;
                }
            }
        }
    }

    fn discharge(&mut self, node: &Node<W>) -> Node<W> {
        let mut config = node.config;
        self.pass(&mut config);
        let has_observed = self.settle(&mut config);
        let last = node.last.filter(|last| last.is_idle && !has_observed);
        Node { config, last }
    }

    /// Lets `candidate` take effect, if it can and there is a point to it.
    fn effect(&mut self, node: &Node<W>, candidate: Candidate, cursor: &mut Cursor) -> Option<Node<W>> {
        let Node { mut config, last } = *node;
        let layer = config.layer;
        let (op, slot) = match candidate {
            Candidate::Slot(slot) => (self.op(slot, layer), Some(slot)),
            Candidate::Class(class) => (self.timeline.classes[class as usize].op, None),
            Candidate::Discharged => unreachable!("it has no effect"),
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
        let is_target = slot == Some(self.timeline.ends[layer as usize].slot);
        if let Some(last) = last
            && (self.overwrites(op, last.op) || is_target && self.can_wait(&last, layer, op, state))
        {
            return None;
        }

        let from = config.state;
        config.state = state;
        let mut was_covered = false;
        match candidate {
            Candidate::Slot(slot) => {
                was_covered = has(&config.covered, slot);
                set(&mut config.effective, slot);
                clear(&mut config.covered, slot);
            }
            Candidate::Class(class) => config.usage = self.usages.with(config.usage, class),
            Candidate::Discharged => {}
        }
        let has_covered = self.cover(&mut config, op);
        let has_observed = self.settle(&mut config);
        let is_past = config.layer != layer;
        let last = Last {
            op,
            from,
            layer,
            is_idle: was_covered && !has_covered,
        };
        let last = Some(last).filter(|last| !has_observed && (!is_past || last.is_idle));
        Some(Node { config, last })
    }

    /// Returns whether `last`, which took effect just before the target did and left `state`, could as well after it.
    fn can_wait(&mut self, last: &Last, layer: Layer, target: OpId, state: StateId) -> bool {
        if last.layer != layer {
            return false;
        }
        let Next::One(without) = self.states.step(last.from, target) else {
            return false;
        };
        self.states.step(without, last.op) == Next::One(state)
    }

    /// Marks the open calls that `op`, which takes effect, overwrites, and returns whether there are any.
    fn cover(&mut self, config: &mut Config<W>, op: OpId) -> bool {
        let layer = config.layer;
        let mut has_covered = false;
        for word in 0..W {
            let open = self.mutators[layer as usize][word];
            let mut others = open & !config.effective[word] & !config.covered[word];
            while others != 0 {
                let slot = word as u32 * 64 + others.trailing_zeros();
                others &= others - 1;
                let other = self.op(slot, layer);
                if self.overwrites(op, other) {
                    set(&mut config.covered, slot);
                    has_covered = true;
                }
            }
        }
        has_covered
    }

    fn overwrites(&self, later: OpId, earlier: OpId) -> bool {
        self.model.overwrites(self.states.op(later), self.states.op(earlier))
    }

    /// Lets all observe that can, and passes the ends of calls in effect, until neither is left to do. Returns whether any
    /// observed.
    fn settle(&mut self, config: &mut Config<W>) -> bool {
        let mut has_observed = false;
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
                        has_observed = true;
                    }
                }
            }
            if !has(&config.effective, self.timeline.ends[layer].slot) {
                break;
            }
            self.pass(config);
        }
        has_observed
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
