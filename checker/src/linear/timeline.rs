//! A history as a search goes through it: layer by layer, each the end of a call that did happen.
//!
//! At any time the calls that are open have a slot each, so that sets of them are sets of bits as wide as the history is
//! concurrent, however long it is. Calls that need never have happened have no slot and no end: they are counted by classes
//! of equal ops, and given up once nothing still to come can depend on them.

use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use super::{
    model::{Marks, Model},
    states::OpId,
    usage::ClassId,
};
use crate::history::Position;

/// One op in its place in real time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) op: OpId,
    pub(super) start: Position,
    /// None if it need never have happened.
    pub(super) end: Option<Position>,
    /// The place of its call in the transcript.
    pub(super) call: usize,
}

/// A layer's number.
pub(super) type Layer = u32;

/// The end of a call that did happen.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) slot: u32,
    pub(super) op: OpId,
    pub(super) call: usize,
}

/// Who has a slot from a layer on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tenant {
    pub(super) from: Layer,
    pub(super) until: Layer,
    pub(super) op: OpId,
    pub(super) is_observer: bool,
}

/// Equal ops that need never have happened.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub(super) op: OpId,
    /// From which layer on each of them can, in order.
    pub(super) from: Vec<Layer>,
    /// The last layer at which something may depend on one.
    pub(super) until: Layer,
    /// Whether one after another does what one does, so that however many there are they lead to few states.
    pub(super) is_idempotent: bool,
}

/// A history, layer by layer.
#[derive(Debug)]
pub(super) struct Timeline {
    pub(super) ends: Vec<End>,
    /// For each slot its tenants, in order.
    pub(super) slots: Vec<Vec<Tenant>>,
    pub(super) classes: Vec<Class>,
    /// Layers after which a class is given up, in order.
    pub(super) retirements: Vec<Layer>,
}

impl Timeline {
    pub(super) fn new<M: Model>(model: &M, ops: &[M::Op], spans: &[Span]) -> Self {
        let mut timeline = Self {
            ends: Vec::new(),
            slots: Vec::new(),
            classes: Vec::new(),
            retirements: Vec::new(),
        };
        timeline.lay_out(spans);
        for slot in &mut timeline.slots {
            for tenant in slot {
                tenant.is_observer = model.observes(&ops[tenant.op as usize]);
            }
        }
        timeline
            .classes
            .retain(|class| !model.observes(&ops[class.op as usize]));
        timeline.give_up_the_useless(model, ops);
        for class in &mut timeline.classes {
            let op = &ops[class.op as usize];
            let unconditional = model.unconditional(op);
            let op = unconditional.as_ref().unwrap_or(op);
            class.is_idempotent = model.overwrites(op, op);
        }
        timeline
    }

    /// Returns how many layers there are.
    pub(super) fn depth(&self) -> Layer {
        self.ends.len() as Layer
    }

    /// Gives slots and layers to all spans, in the order of real time.
    fn lay_out(&mut self, spans: &[Span]) {
        // Starts and ends have places of their own, but for starts before the record, which come first anyway.
        let starts = (0..spans.len()).map(|span| (spans[span].start, span, true));
        let ends = (0..spans.len()).filter_map(|span| Some((spans[span].end?, span, false)));
        let mut turns: Vec<(Position, usize, bool)> = starts.chain(ends).collect();
        turns.sort_unstable_by_key(|turn| turn.0);
        let mut free: Vec<u32> = Vec::new();
        let mut slot_of = vec![0; spans.len()];
        let mut class_of = FxHashMap::<OpId, usize>::default();
        for (_, span, is_start) in turns {
            let layer = self.depth();
            let Span { op, end, call, .. } = spans[span];
            match (end, is_start) {
                (None, _) => {
                    let class = *class_of.entry(op).or_insert_with(|| {
                        self.classes.push(Class {
                            op,
                            from: Vec::new(),
                            until: 0,
                            is_idempotent: false,
                        });
                        self.classes.len() - 1
                    });
                    self.classes[class].from.push(layer);
                }
                (Some(_), true) => {
                    let slot = free.pop().unwrap_or_else(|| {
                        self.slots.push(Vec::new());
                        self.slots.len() as u32 - 1
                    });
                    slot_of[span] = slot;
                    self.slots[slot as usize].push(Tenant {
                        from: layer,
                        until: Layer::MAX,
                        op,
                        is_observer: false,
                    });
                }
                (Some(_), false) => {
                    let slot = slot_of[span];
                    let tenant = self.slots[slot as usize].last_mut();
                    tenant.expect("what ends has begun").until = layer;
                    free.push(slot);
                    self.ends.push(End { slot, op, call });
                }
            }
        }
    }

    /// Works out until when each class may matter: until the last end of what needs a mark that it leaves, be it directly or
    /// by way of another class; and until the last end of all where what needs it does so later too.
    fn give_up_the_useless<M: Model>(&mut self, model: &M, ops: &[M::Op]) {
        if self.classes.is_empty() {
            return;
        }
        let last_layer = self.ends.len().saturating_sub(1) as Layer;
        let until_needed = |op: &M::Op, last: Layer| if model.needs_later(op) { last_layer } else { last };
        let mut needs = Needs::default();
        let mut last_of = FxHashMap::<OpId, Layer>::default();
        for (layer, end) in (0..).zip(&self.ends) {
            last_of.insert(end.op, layer);
        }
        for (op, last) in last_of {
            let op = &ops[op as usize];
            needs.add(&model.needs(op), until_needed(op, last));
        }
        let leaves = self.classes.iter().map(|class| model.leaves(&ops[class.op as usize]));
        let leaves: Vec<Marks> = leaves.collect();
        let mut leaving = FxHashMap::<u64, Vec<usize>>::default();
        for (class, marks) in leaves.iter().enumerate() {
            if let Marks::Only(marks) = marks {
                for mark in marks {
                    leaving.entry(*mark).or_default().push(class);
                }
            }
        }
        let mut until: Vec<Option<Layer>> = vec![None; leaves.len()];
        let mut queue: BinaryHeap<(Layer, usize)> = BinaryHeap::new();
        for (class, marks) in leaves.iter().enumerate() {
            queue.extend(needs.last(marks).map(|last| (last, class)));
        }
        // The latest first, so that each is settled once.
        while let Some((last, class)) = queue.pop() {
            if until[class].is_some() {
                continue;
            }
            until[class] = Some(last);
            let op = &ops[self.classes[class].op as usize];
            let (needed, last) = (model.needs(op), until_needed(op, last));
            needs.add(&needed, last);
            let helpers: Vec<usize> = match &needed {
                Marks::All => (0..leaves.len()).collect(),
                Marks::Only(marks) => marks
                    .iter()
                    .flat_map(|mark| leaving.get(mark).into_iter().flatten().copied())
                    .chain((0..leaves.len()).filter(|class| leaves[*class] == Marks::All))
                    .collect(),
            };
            let unsettled = helpers.into_iter().filter(|helper| until[*helper].is_none());
            queue.extend(unsettled.filter_map(|helper| Some((needs.last(&leaves[helper])?.min(last), helper))));
        }
        let mut settled = until.iter();
        self.classes.retain_mut(|class| {
            let until = settled.next().expect("each class is settled or useless");
            class.until = until.unwrap_or_default();
            until.is_some()
        });
        self.classes.sort_by_key(|class| class.from[0]);
        self.retirements = self.classes.iter().map(|class| class.until).collect();
        self.retirements.sort_unstable();
        self.retirements.dedup();
    }
}

impl Class {
    /// Returns how many of them can have happened by `layer`.
    pub(super) fn count(&self, layer: Layer) -> u32 {
        self.from.partition_point(|from| *from <= layer) as u32
    }

    /// Returns whether something at `layer` or after it may depend on one.
    pub(super) fn is_live(&self, layer: Layer) -> bool {
        layer <= self.until
    }
}

/// Until which layer which marks are needed.
#[derive(Default)]
struct Needs {
    of_mark: FxHashMap<u64, Layer>,
    /// Until when all marks are.
    of_all: Option<Layer>,
    /// Until when any mark is.
    of_any: Option<Layer>,
}

impl Needs {
    fn add(&mut self, marks: &Marks, last: Layer) {
        match marks {
            Marks::All => self.of_all = self.of_all.max(Some(last)),
            Marks::Only(marks) if marks.is_empty() => return,
            Marks::Only(marks) => {
                for mark in marks {
                    let known = self.of_mark.entry(*mark).or_insert(last);
                    *known = last.max(*known);
                }
            }
        }
        self.of_any = self.of_any.max(Some(last));
    }

    fn last(&self, leaves: &Marks) -> Option<Layer> {
        match leaves {
            Marks::All => self.of_any,
            Marks::Only(marks) if marks.is_empty() => None,
            Marks::Only(marks) => {
                let each = marks.iter().map(|mark| self.of_mark.get(mark).copied());
                each.max().flatten().max(self.of_all)
            }
        }
    }
}

/// What a class's number counts.
pub(super) fn class_ids(timeline: &Timeline) -> std::ops::Range<ClassId> {
    0..timeline.classes.len() as ClassId
}
