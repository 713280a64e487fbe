//! Judges a transcript as one object: reads its calls, takes apart what is independent, searches each part, and puts a
//! violation into evidence.

use rustc_hash::FxHashMap;

use super::{
    budget::{Budget, Exhausted, Meter},
    model::{Marks, Model, Parsed},
    search::{self, SLOT_COUNT_MAX, Verdict, Way},
    shrink,
    states::OpId,
    tell::tell,
    timeline::{Layer, Span, Timeline},
};
use crate::{
    evidence::{CallTally, Context, Finding},
    transcript::Transcript,
};

/// Finds whether `transcript` is linearizable as `model` describes it, and why not.
///
/// Tested are the calls that happened. There is at most one violation in a transcript: calls that come after it can't be
/// judged, as nothing is known of the state that it left.
pub fn check<M: Model>(transcript: &Transcript, model: &M, budget: &Budget<'_>, context: &Context) -> Finding {
    let mut tally = CallTally::new();
    tally.test(transcript.calls().iter().filter(|call| call.is_ok()).count() as u64);
    let mut meter = Meter::new(budget);
    match judge(transcript, model, &mut meter) {
        Judgement::Linearizable => {}
        Judgement::Unknown(why) => tally.doubt(|| why),
        Judgement::Not(not) => {
            let NotLinearizable { mut ops, spans, last } = not;
            let mut meter = Meter::new(&Budget {
                steps: budget.steps.min(EVIDENCE_STEPS),
                ..*budget
            });
            let core = shrink::shrink(model, &mut ops, spans, last, &mut meter);
            let mut places: Vec<usize> = core.spans.iter().map(|span| span.call).collect();
            places.sort_unstable();
            places.dedup();
            let calls = places.into_iter().map(|place| &transcript.calls()[place]).collect();
            tally.violate(transcript, context, calls, |words, _| {
                let mut meter = Meter::new(&Budget {
                    steps: WORDS_STEPS,
                    ..*budget
                });
                tell(words, transcript, model, &ops, &core, &mut meter)
            });
        }
    }
    tally.finish()
}

/// How many steps may go into making a violation smaller: about a second.
const EVIDENCE_STEPS: u64 = 5_000_000;

/// How many steps may go into the states that its words name.
const WORDS_STEPS: u64 = 1_000_000;

/// Decides whether `transcript` is linearizable as `model` describes it, without evidence.
pub fn is_linearizable<M: Model>(transcript: &Transcript, model: &M, budget: &Budget<'_>) -> Verdict {
    match judge(transcript, model, &mut Meter::new(budget)) {
        Judgement::Linearizable => Verdict::Linearizable,
        Judgement::Not(not) => Verdict::Not { call: not.last },
        Judgement::Unknown(why) => Verdict::Unknown(why),
    }
}

/// A verdict, and what it takes to give evidence for it.
enum Judgement<M: Model> {
    Linearizable,
    Not(NotLinearizable<M>),
    Unknown(String),
}

/// The part of a transcript that is not linearizable.
struct NotLinearizable<M: Model> {
    ops: Vec<M::Op>,
    spans: Vec<Span>,
    /// The place of the call whose end no order gets past.
    last: usize,
}

fn judge<M: Model>(transcript: &Transcript, model: &M, meter: &mut Meter<'_>) -> Judgement<M> {
    let reading = match Reading::new(transcript, model) {
        Ok(reading) => reading,
        Err(why) => return Judgement::Unknown(why),
    };
    let mut unknown = None;
    let parts = reading.parts(model);
    let part_count = parts.len();
    for spans in parts {
        let timeline = Timeline::new(model, &reading.ops, &spans);
        match search::explore(model, &reading.ops, &timeline, meter) {
            Way::Through => {}
            Way::Barred(layer) => {
                return Judgement::Not(NotLinearizable {
                    last: timeline.ends[layer as usize].call,
                    ops: reading.ops,
                    spans,
                });
            }
            Way::Lost(exhausted, layer) => {
                unknown.get_or_insert_with(|| lost(exhausted, layer, &timeline, part_count, meter));
            }
        }
    }
    unknown.map_or(Judgement::Linearizable, Judgement::Unknown)
}

/// The calls of a transcript as a model takes them.
pub(super) struct Reading<M: Model> {
    /// Each op once.
    pub(super) ops: Vec<M::Op>,
    spans: Vec<Span>,
}

impl<M: Model> Reading<M> {
    pub(super) fn new(transcript: &Transcript, model: &M) -> Result<Self, String> {
        let mut ids = FxHashMap::<M::Op, OpId>::default();
        let mut reading = Self {
            ops: Vec::new(),
            spans: Vec::new(),
        };
        for (place, call) in transcript.calls().iter().enumerate().filter(|(_, it)| it.is_possible()) {
            let parsed = model.parse(call);
            let parsed = parsed.map_err(|why| format!("call {} can't be judged: {why}", call.index))?;
            let ops = match parsed {
                Parsed::Nothing => continue,
                Parsed::Op(op) => vec![op],
                Parsed::Ops(ops) => ops,
            };
            for op in ops {
                let id = *ids.entry(op).or_insert_with_key(|op| {
                    reading.ops.push(op.clone());
                    reading.ops.len() as OpId - 1
                });
                reading.spans.push(Span {
                    op: id,
                    start: call.start,
                    end: Some(call.end).filter(|_| call.is_ok()),
                    call: place,
                });
            }
        }
        Ok(reading)
    }

    /// Takes apart what is independent of each other: an object of independent parts is linearizable exactly if each part is
    /// (Herlihy and Wing 1990, theorem 1; Horn and Kroening, *Faster linearizability checking via P-compositionality*, 2015).
    pub(super) fn parts(&self, model: &M) -> Vec<Vec<Span>> {
        // Parts that one op concerns go together: a union of sets, each named by its first op.
        let mut leaders: Vec<usize> = (0..self.ops.len()).collect();
        let mut first_of = FxHashMap::<u64, usize>::default();
        for (op, it) in self.ops.iter().enumerate() {
            let Marks::Only(parts) = model.parts(it) else {
                return vec![self.spans.clone()];
            };
            for part in parts {
                let first = *first_of.entry(part).or_insert(op);
                let (a, b) = (leader(&mut leaders, op), leader(&mut leaders, first));
                leaders[a.max(b)] = a.min(b);
            }
        }
        let mut place_of = FxHashMap::<usize, usize>::default();
        let mut parts: Vec<Vec<Span>> = Vec::new();
        for span in &self.spans {
            let part = *place_of
                .entry(leader(&mut leaders, span.op as usize))
                .or_insert_with(|| {
                    parts.push(Vec::new());
                    parts.len() - 1
                });
            parts[part].push(*span);
        }
        parts
    }
}

/// Returns who leads the set that `op` is in, and shortens the way there.
fn leader(leaders: &mut [usize], mut op: usize) -> usize {
    while leaders[op] != op {
        leaders[op] = leaders[leaders[op]];
        op = leaders[op];
    }
    op
}

/// Says why a search ended without a verdict, and how far it had come.
fn lost(exhausted: Exhausted, layer: Layer, timeline: &Timeline, part_count: usize, meter: &Meter<'_>) -> String {
    let depth = timeline.depth();
    let part = if part_count > 1 { " of one part" } else { "" };
    let steps = meter.steps();
    let how_far = format!("after {steps} steps, having explained the first {layer} of {depth} calls{part}");
    match exhausted {
        _ if timeline.slots.len() > SLOT_COUNT_MAX => {
            let open = timeline.slots.len();
            format!("{open} calls are open at once: no search gets through more than {SLOT_COUNT_MAX}")
        }
        Exhausted::Steps => format!("the search was given up {how_far}: its budget of steps is spent"),
        Exhausted::Memory => {
            format!("the search was given up {how_far}: what it has to remember no longer fits its memory")
        }
        Exhausted::Stopped => format!("the search was stopped {how_far}"),
    }
}
