//! Looks for a way through the configurations of a history.
//!
//! Two searches share one meter. **Diving** goes deep first, with a memo (Wing and Gong, *Testing and verifying concurrent
//! objects*, JPDC 1993; Lowe 2017): of a history that is linearizable it usually sees little more than the one way. But it
//! remembers all that it meets. **Sweeping** goes layer by layer and remembers but the present ones, so that it can refute a
//! long history in little room. So a dive goes first, as long as it makes headway; then a sweep that takes calls which need
//! never have happened for inexhaustible, as there are few configurations then; then a sweep; and where its layers do not
//! fit, a dive with all that is left.

use std::collections::VecDeque;

use super::{
    budget::{Exhausted, Meter, Strategy},
    model::Model,
    seen::Seen,
    space::{Config, Cursor, Space},
    states::StateId,
    timeline::{Layer, Timeline},
};

/// How many steps the first dive may take without coming any deeper. Where a history is linearizable it mostly comes a layer
/// deeper with every few; where it has not for so long, either there is no way, or a sweep is as good.
const STALLED_STEPS: u64 = 100_000;

/// How often memory is counted: once in so many steps, in which it can't grow by more than a few kilobytes, but for tables
/// that double, which are counted as doubled before they are.
const COUNT_STEPS: u64 = 64;

/// Whether a history is linearizable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Some order explains it.
    Linearizable,
    /// None does: the call at this place in the transcript can't be in any that explains those that had returned before it.
    Not {
        /// The place.
        call: usize,
    },
    /// It could not be decided.
    Unknown(String),
}

/// How a search of one history ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// There is a way through.
    Through,
    /// There is none past this layer.
    Barred(Layer),
    /// The budget ended it.
    Lost(Exhausted, Layer),
}

/// Looks for a way through `timeline`.
pub(super) fn explore<M: Model>(model: &M, ops: &[M::Op], timeline: &Timeline, meter: &mut Meter<'_>) -> Way {
    match timeline.slots.len() {
        0..=64 => Search::<M, 1>::new(model, ops, timeline, meter).run(),
        65..=256 => Search::<M, 4>::new(model, ops, timeline, meter).run(),
        257..=1024 => Search::<M, 16>::new(model, ops, timeline, meter).run(),
        1025..=SLOT_COUNT_MAX => Search::<M, 64>::new(model, ops, timeline, meter).run(),
        _ => Way::Lost(Exhausted::Memory, 0),
    }
}

/// How many calls that did happen may be open at once. A configuration has two bits for each; with more it would take over a
/// kilobyte, and no search would get far.
pub(super) const SLOT_COUNT_MAX: usize = 4096;

/// Returns the states that `timeline` can be in when all ends but that of `layer` have been passed: in none of them can the
/// call that ends there have taken effect, if there is no way past it.
pub(super) fn states_at<M: Model>(
    model: &M,
    ops: &[M::Op],
    timeline: &Timeline,
    layer: Layer,
    meter: &mut Meter<'_>,
) -> Result<Vec<M::State>, Exhausted> {
    if timeline.slots.len() > 64 {
        return Err(Exhausted::Memory);
    }
    let mut search = Search::<M, 1>::new(model, ops, timeline, meter);
    let mut ids = search.sweep_to(layer)?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids
        .into_iter()
        .map(|id| search.space.states.state(id).clone())
        .collect())
}

struct Search<'m, 's, 'b, M: Model, const W: usize> {
    space: Space<'m, M, W>,
    meter: &'s mut Meter<'b>,
    /// The furthest layer that any stage came to.
    deepest: Layer,
}

/// A stage of a search, with how many steps it may take.
type Stage<Search> = fn(&mut Search, u64) -> Result<Way, Exhausted>;

/// A configuration on the way of a dive.
struct Frame<const W: usize> {
    config: Config<W>,
    cursor: Cursor,
}

/// The configurations of one layer that a sweep has met, and those of them that it has yet to go on from.
struct Front<const W: usize> {
    seen: Seen<W>,
    open: Vec<Config<W>>,
}

/// How far a sweep is.
struct Sweep<const W: usize> {
    layer: Layer,
    /// The fronts of this layer and of those after it; some of a layer's ways pass several ends at once.
    fronts: VecDeque<Front<W>>,
    /// Empty ones, to be used again.
    spare: Vec<Front<W>>,
    /// The states of all configurations of the layer before.
    states: Vec<StateId>,
}

impl<'m, 's, 'b, M: Model, const W: usize> Search<'m, 's, 'b, M, W> {
    fn new(model: &'m M, ops: &'m [M::Op], timeline: &'m Timeline, meter: &'s mut Meter<'b>) -> Self {
        Self {
            space: Space::new(model, ops, timeline),
            meter,
            deepest: 0,
        }
    }

    fn run(&mut self) -> Way {
        let stages: &[Stage<Self>] = match self.meter.strategy() {
            Strategy::Both => &[Self::dive_with_headway, Self::sweep_lavishly, Self::sweep, Self::dive],
            Strategy::Dive => &[Self::dive],
            Strategy::Sweep => &[Self::sweep_lavishly, Self::sweep],
        };
        let mut end = Exhausted::Steps;
        for (number, stage) in stages.iter().enumerate() {
            let is_last = number + 1 == stages.len();
            // Two stages that may come to nothing leave enough to those after them.
            let share = self.meter.left() / if is_last { 1 } else { 4 };
            match stage(self, share) {
                Ok(way) => return way,
                Err(Exhausted::Stopped) => return Way::Lost(Exhausted::Stopped, self.deepest),
                Err(exhausted) => end = exhausted,
            }
            if self.meter.is_spent() {
                break;
            }
        }
        Way::Lost(end, self.deepest)
    }

    /// Depth first, as long as that leads on.
    fn dive_with_headway(&mut self, steps: u64) -> Result<Way, Exhausted> {
        self.dive_until(steps, STALLED_STEPS)
    }

    /// Depth first.
    fn dive(&mut self, steps: u64) -> Result<Way, Exhausted> {
        self.dive_until(steps, u64::MAX)
    }

    fn dive_until(&mut self, steps: u64, stalled_steps: u64) -> Result<Way, Exhausted> {
        self.meter.allow(steps);
        let mut seen = Seen::<W>::new();
        let mut stack: Vec<Frame<W>> = Vec::new();
        let root = self.space.root();
        if self.space.is_goal(&root) {
            return Ok(Way::Through);
        }
        let (mut deepest, mut since) = (root.layer, self.meter.steps());
        stack.push(Frame::new(root));
        while let Some(frame) = stack.last_mut() {
            self.meter.step()?;
            if self.meter.steps() - since > stalled_steps {
                return Err(Exhausted::Steps);
            }
            let Some(child) = self.space.successor(&frame.config, &mut frame.cursor) else {
                stack.pop();
                continue;
            };
            if self.space.is_goal(&child) {
                return Ok(Way::Through);
            }
            if child.layer > deepest {
                (deepest, since) = (child.layer, self.meter.steps());
                self.deepest = self.deepest.max(deepest);
            }
            if seen.insert(&child, &self.space.usages) {
                stack.push(Frame::new(child));
            }
            if seen.is_full() || self.meter.steps().is_multiple_of(COUNT_STEPS) {
                let frames = stack.capacity() * size_of::<Frame<W>>();
                self.meter.hold(self.space.bytes() + seen.bytes() + frames)?;
            }
        }
        Ok(Way::Barred(deepest))
    }

    /// Layer by layer, as if those calls that need never happen could do so any number of times: a way through that is none.
    fn sweep_lavishly(&mut self, steps: u64) -> Result<Way, Exhausted> {
        self.space.is_lavish = true;
        let deepest = self.deepest;
        let way = self.sweep(steps);
        self.space.is_lavish = false;
        self.deepest = deepest;
        match way {
            Ok(Way::Through) => Err(Exhausted::Steps),
            way => way,
        }
    }

    /// Layer by layer.
    fn sweep(&mut self, steps: u64) -> Result<Way, Exhausted> {
        self.meter.allow(steps);
        let root = self.space.root();
        if self.space.is_goal(&root) {
            return Ok(Way::Through);
        }
        let mut sweep = Sweep::new(root);
        loop {
            if let Some(way) = self.advance(&mut sweep)? {
                return Ok(way);
            }
            self.deepest = self.deepest.max(sweep.layer);
        }
    }

    /// Sweeps past `layer`, and returns the states that it met there.
    fn sweep_to(&mut self, layer: Layer) -> Result<Vec<StateId>, Exhausted> {
        self.meter.allow(u64::MAX);
        let mut sweep = Sweep::new(self.space.root());
        while sweep.layer <= layer && self.advance(&mut sweep)?.is_none() {}
        Ok(sweep.states)
    }

    /// Goes on from every configuration of the sweep's layer, and says where that leads if it leads no further.
    fn advance(&mut self, sweep: &mut Sweep<W>) -> Result<Option<Way>, Exhausted> {
        let mut front = sweep.fronts.pop_front().unwrap_or_else(Front::new);
        sweep.states.clear();
        while let Some(config) = front.open.pop() {
            sweep.states.push(config.state);
            let mut cursor = Cursor::default();
            loop {
                self.meter.step()?;
                let Some(child) = self.space.successor(&config, &mut cursor) else {
                    break;
                };
                if self.space.is_goal(&child) {
                    return Ok(Some(Way::Through));
                }
                let its = match child.layer - sweep.layer {
                    0 => &mut front,
                    ahead => sweep.ahead(ahead as usize - 1),
                };
                if its.seen.insert(&child, &self.space.usages) {
                    its.open.push(child);
                }
                if its.seen.is_full() || self.meter.steps().is_multiple_of(COUNT_STEPS) {
                    self.meter.hold(self.space.bytes() + front.bytes() + sweep.bytes())?;
                }
            }
        }
        front.seen.clear();
        sweep.spare.push(front);
        let is_barred = sweep.fronts.iter().all(|front| front.open.is_empty());
        let way = Some(Way::Barred(sweep.layer)).filter(|_| is_barred);
        sweep.layer += 1;
        Ok(way)
    }
}

impl<const W: usize> Frame<W> {
    fn new(config: Config<W>) -> Self {
        Self {
            config,
            cursor: Cursor::default(),
        }
    }
}

impl<const W: usize> Front<W> {
    fn new() -> Self {
        Self {
            seen: Seen::new(),
            open: Vec::new(),
        }
    }

    fn bytes(&self) -> usize {
        self.seen.bytes() + self.open.capacity() * size_of::<Config<W>>()
    }
}

impl<const W: usize> Sweep<W> {
    fn new(root: Config<W>) -> Self {
        let mut sweep = Self {
            layer: 0,
            fronts: VecDeque::new(),
            spare: Vec::new(),
            states: Vec::new(),
        };
        sweep.ahead(root.layer as usize).open.push(root);
        sweep
    }

    /// Returns the front that is `place` behind the first.
    fn ahead(&mut self, place: usize) -> &mut Front<W> {
        while self.fronts.len() <= place {
            self.fronts.push_back(self.spare.pop().unwrap_or_else(Front::new));
        }
        &mut self.fronts[place]
    }

    fn bytes(&self) -> usize {
        let fronts = self.fronts.iter().chain(&self.spare);
        fronts.map(Front::bytes).sum::<usize>() + self.states.capacity() * size_of::<StateId>()
    }
}
