//! From a history that is not linearizable to few of its calls that are not by themselves.
//!
//! Whatever is left out, the rest would be linearizable if the whole were:
//! - What began after the end that no order gets past is left out, and what is open there need not have happened: of a
//!   linearizable history the calls in effect at any instant are linearizable too.
//! - A call that needs a mark is only kept with all that may have left it. Those that can't have need not be kept: they began
//!   too late, or a call that is kept and outdates them came wholly between. But where there are any, one is, lest the call
//!   look as if it had what it needs from nowhere.
//!
//! Besides, a call that need not have happened may be taken for one that is possible in every state, which explains all that
//! the call itself does and more. The search is greedy: of what remains each call was tried alone, but there may be a
//! smaller set.

use rustc_hash::FxHashMap;

use super::{
    budget::Meter,
    model::{Marks, Model},
    search::{self, Way},
    states::OpId,
    timeline::{Span, Timeline},
};
use crate::history::Position;

/// With how many of the last calls it is tried first; then with four times as many, and so on.
const TAIL_COUNT_MIN: usize = 4;

/// Among how many calls at most those that only observe are asked, too, whether they outdate others.
const OBSERVERS_COUNT_MAX: usize = 1000;

/// Of the calls that had ended by some time, how many are remembered: those that began last, of different ops.
const LATEST_COUNT: usize = 3;

/// Calls that are not linearizable, and the last of them.
#[derive(Clone, Debug)]
pub(super) struct Core {
    pub(super) spans: Vec<Span>,
    /// The call whose end no order gets past.
    pub(super) last: Span,
}

/// Leaves out of `spans`, whose order is barred at the end of the call `last`, what it can within what `meter` allows.
pub(super) fn shrink<M: Model>(
    model: &M,
    ops: &mut Vec<M::Op>,
    mut spans: Vec<Span>,
    last: usize,
    meter: &mut Meter<'_>,
) -> Core {
    let is_last = |span: &Span| span.call == last && span.end.is_some();
    let until = spans.iter().find(|span| is_last(span)).and_then(|span| span.end);
    let until = until.expect("what bars the way has ended");
    spans.retain(|span| span.start < until);
    let last = spans.iter().position(is_last).expect("it began before it ended");
    let whole = Kept::cut((0..spans.len()).collect(), &spans, last);
    let relaxed = relax(model, ops, &spans, &whole);
    if let Some(relaxed) = relaxed {
        let shrinker = Shrinker::new(model, ops, relaxed);
        // The last calls first: to search all once more may take as long as it took to find the violation.
        let kept = shrinker.tail(&whole, meter);
        let kept = kept.or_else(|| shrinker.still(whole.places.clone(), &whole, meter));
        if let Some(kept) = kept {
            return shrinker.finish(kept, meter);
        }
    }
    let shrinker = Shrinker::new(model, ops, spans);
    let kept = shrinker.tail(&whole, meter).unwrap_or(whole);
    shrinker.finish(kept, meter)
}

/// Some of the calls of a history, up to an end that bars the way.
#[derive(Clone)]
pub(super) struct Kept {
    /// Their places, in order.
    pub(super) places: Vec<usize>,
    last: usize,
    until: Position,
}

impl Kept {
    /// All of so many calls, of which it is not known yet which end bars the way.
    pub(super) fn all(count: usize) -> Self {
        Self {
            places: (0..count).collect(),
            last: usize::MAX,
            until: Position::NEVER,
        }
    }

    /// Leaves out what comes after the end of `last`.
    fn cut(mut places: Vec<usize>, spans: &[Span], last: usize) -> Self {
        let until = spans[last].end.expect("what bars the way has ended");
        places.retain(|place| spans[*place].start < until);
        Self { places, last, until }
    }

    /// Returns when `span` ended, if it did by then.
    fn end(&self, span: &Span) -> Option<Position> {
        span.end.filter(|end| *end <= self.until)
    }
}

/// Returns the calls with those that need not have happened by then taken for unconditional ones, if that is another history.
pub(super) fn relax<M: Model>(model: &M, ops: &mut Vec<M::Op>, spans: &[Span], whole: &Kept) -> Option<Vec<Span>> {
    let mut ids = FxHashMap::<OpId, OpId>::default();
    let mut has_changed = false;
    let mut spans = spans.to_vec();
    for span in spans.iter_mut().filter(|span| whole.end(span).is_none()) {
        let id = *ids.entry(span.op).or_insert_with(|| {
            let relaxed = model.unconditional(&ops[span.op as usize]);
            relaxed.map_or(span.op, |op| {
                let known = ops.iter().position(|it| *it == op);
                known.unwrap_or_else(|| {
                    ops.push(op);
                    ops.len() - 1
                }) as OpId
            })
        });
        has_changed |= id != span.op;
        span.op = id;
    }
    Some(spans).filter(|_| has_changed)
}

/// Returns what `places`, some of those of `kept`, come to if they are still not linearizable.
pub(super) fn still<M: Model>(
    model: &M,
    ops: &[M::Op],
    spans: &[Span],
    places: Vec<usize>,
    kept: &Kept,
    meter: &mut Meter<'_>,
) -> Option<Kept> {
    let span = |place: &usize| Span {
        end: kept.end(&spans[*place]),
        // Here the call is its place, to be found again by.
        call: *place,
        ..spans[*place]
    };
    let among: Vec<Span> = places.iter().map(span).collect();
    let timeline = Timeline::new(model, ops, &among);
    match search::explore(model, ops, &timeline, meter) {
        Way::Barred(layer) => Some(Kept::cut(places, spans, timeline.ends[layer as usize].call)),
        Way::Through | Way::Lost(..) => None,
    }
}

/// A history, and who in it may owe something to whom.
pub(super) struct Shrinker<'m, M: Model> {
    model: &'m M,
    ops: &'m [M::Op],
    spans: Vec<Span>,
    leaves: Vec<Marks>,
    needs: Vec<Marks>,
    /// Which ops leave each mark; and which leave all.
    leaving: FxHashMap<u64, Vec<OpId>>,
    leaving_all: Vec<OpId>,
    leaving_any: Vec<OpId>,
    /// The calls of each op, in order of their ends.
    calls: Vec<Vec<usize>>,
    /// The ends of calls that change the object, in order, and those of the calls up to each that began last.
    latest: Vec<(Position, Vec<usize>)>,
}

impl<'m, M: Model> Shrinker<'m, M> {
    pub(super) fn new(model: &'m M, ops: &'m [M::Op], spans: Vec<Span>) -> Self {
        let mut shrinker = Self {
            model,
            ops,
            leaves: ops.iter().map(|op| model.leaves(op)).collect(),
            needs: ops.iter().map(|op| model.needs(op)).collect(),
            leaving: FxHashMap::default(),
            leaving_all: Vec::new(),
            leaving_any: Vec::new(),
            calls: vec![Vec::new(); ops.len()],
            latest: Vec::new(),
            spans,
        };
        for (op, marks) in (0..).zip(&shrinker.leaves) {
            match marks {
                Marks::All => shrinker.leaving_all.push(op),
                Marks::Only(marks) => {
                    for mark in marks {
                        shrinker.leaving.entry(*mark).or_default().push(op);
                    }
                }
            }
            if *marks != Marks::none() {
                shrinker.leaving_any.push(op);
            }
        }
        let mut places: Vec<usize> = (0..shrinker.spans.len()).collect();
        places.sort_by_key(|place| shrinker.spans[*place].end.unwrap_or(Position::NEVER));
        let mut latest: Vec<usize> = Vec::new();
        for place in places {
            let span = shrinker.spans[place];
            shrinker.calls[span.op as usize].push(place);
            let Some(end) = span.end.filter(|_| !shrinker.observes(place)) else {
                continue;
            };
            let same = latest.iter().position(|it| shrinker.spans[*it].op == span.op);
            match same {
                Some(same) if shrinker.spans[latest[same]].start < span.start => latest[same] = place,
                Some(_) => {}
                None => latest.push(place),
            }
            latest.sort_unstable_by_key(|it| std::cmp::Reverse(shrinker.spans[*it].start));
            latest.truncate(LATEST_COUNT);
            shrinker.latest.push((end, latest.clone()));
        }
        shrinker
    }

    fn observes(&self, place: usize) -> bool {
        self.model.observes(&self.ops[self.spans[place].op as usize])
    }

    /// Makes `kept` as small as it gets.
    fn finish(&self, mut kept: Kept, meter: &mut Meter<'_>) -> Core {
        kept = self.thin(kept, true, meter);
        kept = self.thin(kept, false, meter);
        let span = |place: &usize| Span {
            end: kept.end(&self.spans[*place]),
            ..self.spans[*place]
        };
        Core {
            spans: kept.places.iter().map(span).collect(),
            last: self.spans[kept.last],
        }
    }

    /// Returns what `places`, some of those of `kept`, come to if they are still not linearizable.
    pub(super) fn still(&self, places: Vec<usize>, kept: &Kept, meter: &mut Meter<'_>) -> Option<Kept> {
        still(self.model, self.ops, &self.spans, places, kept, meter)
    }

    /// Leaves out of `kept` what needs something that is left out already, until what is left needs nothing more; none if that
    /// mends it.
    pub(super) fn grounded(&self, mut kept: Kept, meter: &mut Meter<'_>) -> Option<Kept> {
        loop {
            let places = self.without(&[], &kept, meter)?;
            if places.len() == kept.places.len() {
                return Some(kept);
            }
            kept = self.still(places, &kept, meter)?;
        }
    }

    /// Tries the last calls alone, with what they may owe something to.
    fn tail(&self, kept: &Kept, meter: &mut Meter<'_>) -> Option<Kept> {
        let end = |place: &usize| kept.end(&self.spans[*place]);
        let mut ended: Vec<usize> = kept
            .places
            .iter()
            .copied()
            .filter(|place| end(place).is_some())
            .collect();
        ended.sort_unstable_by_key(end);
        let mut count = TAIL_COUNT_MIN;
        while count < ended.len() && !meter.is_spent() {
            let places = self.with_needed(&ended[ended.len() - count..], kept);
            meter.spend(places.len() as u64);
            if places.len() < kept.places.len()
                && let Some(kept) = self.still(places, kept, meter)
            {
                return Some(kept);
            }
            count *= 4;
        }
        None
    }

    /// Returns `places` with all that they may owe something to, and with what shows that they can't to others.
    fn with_needed(&self, places: &[usize], whole: &Kept) -> Vec<usize> {
        let mut is_kept = vec![false; self.spans.len()];
        let mut queue = places.to_vec();
        for place in places {
            is_kept[*place] = true;
        }
        while let Some(place) = queue.pop() {
            let span = &self.spans[place];
            let mut keep = |other: usize| {
                if !is_kept[other] {
                    is_kept[other] = true;
                    queue.push(other);
                }
            };
            for op in self.giving(span.op).into_iter().flatten() {
                let between = self.outdating(op, span.start);
                between.into_iter().for_each(&mut keep);
                let since = between.map(|place| self.spans[place].start);
                let calls = &self.calls[op as usize];
                let first = self.first_since(calls, since);
                let mut has_any = false;
                for other in &calls[first..] {
                    if self.is_before(*other, span, whole) {
                        has_any = true;
                        keep(*other);
                    }
                }
                if !has_any && let Some(other) = first.checked_sub(1) {
                    keep(calls[other]);
                }
            }
        }
        let places = whole.places.iter().copied();
        places.filter(|place| is_kept[*place]).collect()
    }

    /// Returns for each mark that `op` needs the ops that leave it.
    fn giving(&self, op: OpId) -> Vec<Vec<OpId>> {
        match &self.needs[op as usize] {
            Marks::All => vec![self.leaving_any.clone()],
            Marks::Only(marks) => {
                let leaving = marks.iter().map(|mark| {
                    let leaving = self.leaving.get(mark).into_iter().flatten();
                    leaving.chain(&self.leaving_all).copied().collect()
                });
                leaving.collect()
            }
        }
    }

    /// Returns the call that had ended before `start`, outdates `op`, and began last, as far as is remembered.
    fn outdating(&self, op: OpId, start: Position) -> Option<usize> {
        let count = self.latest.partition_point(|(end, _)| *end < start);
        let latest = &self.latest[count.checked_sub(1)?].1;
        let outdates = |place: &&usize| self.outdates(**place, op);
        latest.iter().find(outdates).copied()
    }

    fn outdates(&self, place: usize, op: OpId) -> bool {
        let later = &self.ops[self.spans[place].op as usize];
        self.model.outdates(later, &self.ops[op as usize])
    }

    /// Returns the place in `calls`, which are in order of their ends, of the first that had not ended before `since`.
    fn first_since(&self, calls: &[usize], since: Option<Position>) -> usize {
        let Some(since) = since else {
            return 0;
        };
        calls.partition_point(|place| self.spans[*place].end.is_some_and(|end| end < since))
    }

    /// Returns whether the call at `other` may have taken effect before `span` did, or may be needed later.
    fn is_before(&self, other: usize, span: &Span, whole: &Kept) -> bool {
        let start = self.spans[other].start;
        let end = whole
            .end(span)
            .filter(|_| !self.model.needs_later(&self.ops[span.op as usize]));
        start < end.unwrap_or(whole.until)
    }

    /// Leaves out what it can, in ever smaller pieces: of what only observes, or of all.
    fn thin(&self, mut kept: Kept, is_of_observers: bool, meter: &mut Meter<'_>) -> Kept {
        let mut size = kept.places.len().div_ceil(2);
        while size > 0 && !meter.is_spent() {
            let mut has_shrunk = false;
            // From the last on: what nothing depends on comes late.
            let mut before = kept.places.len();
            while before > 0 && !meter.is_spent() {
                before = before.min(kept.places.len());
                let piece = &kept.places[before.saturating_sub(size)..before];
                let is_asked = |place: &usize| *place != kept.last && (!is_of_observers || self.observes(*place));
                let piece: Vec<usize> = piece.iter().copied().filter(is_asked).collect();
                let smaller = match piece.is_empty() {
                    true => None,
                    false => self.without(&piece, &kept, meter),
                };
                match smaller.and_then(|places| self.still(places, &kept, meter)) {
                    Some(smaller) => {
                        kept = smaller;
                        has_shrunk = true;
                    }
                    None => before = before.saturating_sub(size),
                }
            }
            if !has_shrunk || size > 1 {
                size /= 2;
            }
        }
        kept
    }

    /// Returns `kept` without `piece`, and without all that may owe something to it; none if the last is among these.
    fn without(&self, piece: &[usize], kept: &Kept, meter: &mut Meter<'_>) -> Option<Vec<usize>> {
        let mut is_kept = vec![false; self.spans.len()];
        for place in &kept.places {
            is_kept[*place] = true;
        }
        for place in piece {
            is_kept[*place] = false;
        }
        loop {
            let places: Vec<usize> = kept.places.iter().copied().filter(|place| is_kept[*place]).collect();
            let ended = places.iter().copied().filter(|it| kept.end(&self.spans[*it]).is_some());
            // What only observes may outdate something too, but of many calls it takes long to look at them all.
            let is_asked = |place: &usize| places.len() <= OBSERVERS_COUNT_MAX || !self.observes(*place);
            let ended: Vec<usize> = ended.filter(is_asked).collect();
            let mut has_changed = false;
            for place in &places {
                meter.spend(1);
                if !self.has_its_needs(*place, &is_kept, &ended, kept) {
                    is_kept[*place] = false;
                    has_changed = true;
                }
            }
            if !is_kept[kept.last] || meter.is_spent() {
                return None;
            }
            if !has_changed {
                return Some(places);
            }
        }
    }

    /// Returns whether all are kept that the call at `place` may owe something to, or else what shows that it can't.
    fn has_its_needs(&self, place: usize, is_kept: &[bool], ended: &[usize], kept: &Kept) -> bool {
        let span = &self.spans[place];
        let had_ended = |it: &&usize| self.spans[**it].end.is_some_and(|end| end < span.start);
        self.giving(span.op).into_iter().all(|giving| {
            let (mut is_given, mut was_given) = (false, false);
            for op in giving {
                let before = ended.iter().filter(had_ended);
                let outdating = before.filter(|it| self.outdates(**it, op));
                let since = outdating.map(|it| self.spans[*it].start).max();
                let calls = &self.calls[op as usize];
                let first = self.first_since(calls, since);
                for other in &calls[first..] {
                    if *other != place && self.is_before(*other, span, kept) {
                        if !is_kept[*other] {
                            return false;
                        }
                        is_given = true;
                    }
                }
                was_given |= first > 0;
                is_given |= calls[..first].iter().rev().take(LATEST_COUNT).any(|it| is_kept[*it]);
            }
            is_given || !was_given
        })
    }
}
