//! Which of a transcript's calls show by themselves that it is not linearizable.
//!
//! That some calls are not linearizable alone is not enough: a read may want a write that was left out. Calls are grounds for a
//! violation where whatever was left out could not have mended it, in the terms of [`Model::leaves`] and [`Model::needs`]: then
//! the whole would be a violation too if nothing else were known of it. The evidence that [`check`](super::check()) gives is
//! of this kind; here anybody can look for smaller.

use super::{
    budget::{Budget, Meter},
    check::Reading,
    kind::{ModelKind, Options},
    model::Model,
    models::{Counter, Kv, Mutex, Queue, QueueOrder, Register, Registers, Set},
    shrink::{Kept, Shrinker, relax, still},
    timeline::Span,
};
use crate::transcript::Transcript;

/// Tells of any of a transcript's calls whether they are grounds.
pub struct Grounds<'a> {
    within: Box<Within<'a>>,
}

type Within<'a> = dyn Fn(&[usize], &Budget<'_>) -> Option<Vec<usize>> + 'a;

impl<'a> Grounds<'a> {
    /// Takes the calls as those of an object of this kind.
    ///
    /// # Errors
    /// A call is not one of such an object: why.
    pub fn new(transcript: &Transcript, kind: ModelKind, options: &Options<'_>) -> Result<Self, String> {
        let (init, nil) = (options.init.clone(), options.nil);
        let queue = |order| of_model(transcript, Queue { order, nil });
        let within = match kind {
            ModelKind::Register | ModelKind::CasRegister => of_model(transcript, Register { init, nil }),
            ModelKind::MultiRegister => of_model(transcript, Registers { init, nil }),
            ModelKind::Mutex => of_model(transcript, Mutex),
            ModelKind::Queue => queue(QueueOrder::Unordered),
            ModelKind::FifoQueue => queue(QueueOrder::Fifo),
            ModelKind::Stack => queue(QueueOrder::Lifo),
            ModelKind::Set => of_model(transcript, Set { nil }),
            ModelKind::Counter => of_model(transcript, Counter),
            ModelKind::Kv => of_model(transcript, Kv),
        };
        Ok(Self { within: within? })
    }

    /// Returns the grounds among the calls at `places`, which rise, as places again; none if there are none, or none could be
    /// found within `budget`.
    pub fn within(&self, places: &[usize], budget: &Budget<'_>) -> Option<Vec<usize>> {
        (self.within)(places, budget)
    }
}

impl std::fmt::Debug for Grounds<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grounds").finish_non_exhaustive()
    }
}

fn of_model<'a, M: Model + 'a>(transcript: &Transcript, model: M) -> Result<Box<Within<'a>>, String> {
    let reading = Reading::new(transcript, &model)?;
    let parts = reading.parts(&model);
    let ops = reading.ops;
    let call_count = transcript.calls().len();
    Ok(Box::new(move |places, budget| {
        let mut is_in = vec![false; call_count];
        for place in places {
            is_in[*place] = true;
        }
        let mut meter = Meter::new(budget);
        let mut parts = parts.iter();
        parts.find_map(|spans| {
            let mut calls = grounds(&model, &ops, spans, &is_in, &mut meter)?;
            calls.sort_unstable();
            calls.dedup();
            Some(calls)
        })
    }))
}

/// Returns the grounds among those calls of a part that are asked about.
fn grounds<M: Model>(
    model: &M,
    ops: &[M::Op],
    spans: &[Span],
    is_in: &[bool],
    meter: &mut Meter<'_>,
) -> Option<Vec<usize>> {
    let places = (0..spans.len()).filter(|place| is_in[spans[*place].call]).collect();
    let barred = still(model, ops, spans, places, &Kept::all(spans.len()), meter)?;
    let shrinker = Shrinker::new(model, ops, spans.to_vec());
    let calls = |kept: Kept| kept.places.iter().map(|place| spans[*place].call).collect();
    if let Some(kept) = shrinker.grounded(barred.clone(), meter) {
        return Some(calls(kept));
    }
    let mut ops = ops.to_vec();
    let relaxed = relax(model, &mut ops, spans, &barred)?;
    let shrinker = Shrinker::new(model, &ops, relaxed);
    let barred = shrinker.still(barred.places.clone(), &barred, meter)?;
    shrinker.grounded(barred, meter).map(calls)
}
