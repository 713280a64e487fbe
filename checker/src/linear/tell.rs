//! Words for a violation of linearizability.

use super::{budget::Meter, model::Model, search, shrink::Core, timeline::Timeline};
use crate::{
    evidence::CallWords,
    transcript::{Call, Transcript},
};

/// How many calls or states are named; of more, their number is.
const NAMED_COUNT_MAX: usize = 6;

/// Says why no order explains `core`.
pub(super) fn tell<M: Model>(
    words: CallWords<'_>,
    transcript: &Transcript,
    model: &M,
    ops: &[M::Op],
    core: &Core,
    meter: &mut Meter<'_>,
) -> String {
    let call = |place: usize| &transcript.calls()[place];
    let last = call(core.last.call);
    let name = |call: &Call| {
        let says_more = call.is_ok() && !call.asked.is_nil() && !call.answered.is_nil() && call.asked != call.answered;
        let answer = Some(&call.answered).filter(|_| says_more);
        let answer = answer
            .map(|it| format!(", answered {},", words.value(it)))
            .unwrap_or_default();
        format!("{}{answer} {}", words.call(call), words.span(call))
    };
    let mut before: Vec<&Call> = Vec::new();
    let mut meanwhile: Vec<&Call> = Vec::new();
    for span in core.spans.iter().filter(|span| span.call != core.last.call) {
        let other = call(span.call);
        if other.precedes(last) {
            before.push(other);
        } else {
            meanwhile.push(other);
        }
    }
    let mut text = format!("No order of these calls explains {}", name(last));
    let list = |calls: &[&Call]| {
        let mut names: Vec<String> = calls
            .iter()
            .rev()
            .take(NAMED_COUNT_MAX)
            .map(|call| name(call))
            .collect();
        names.reverse();
        let others = calls.len() - names.len();
        if others > 0 {
            names.insert(0, format!("{others} more"));
        }
        names.join(", ")
    };
    if !before.is_empty() {
        text.push_str(&format!("; before it ended {}", list(&before)));
    }
    if !meanwhile.is_empty() {
        let be = if meanwhile.len() == 1 { "was" } else { "were" };
        text.push_str(&format!("; open with it {be} {}", list(&meanwhile)));
    }
    let timeline = Timeline::new(model, ops, &core.spans);
    let layer = timeline.depth().checked_sub(1);
    let states = layer.and_then(|layer| search::states_at(model, ops, &timeline, layer, meter).ok());
    let states: Option<Vec<String>> = states.and_then(|states| states.iter().map(|state| model.tell(state)).collect());
    if let Some(mut states) = states.filter(|states| !states.is_empty()) {
        states.sort_unstable();
        let others = states.len().saturating_sub(NAMED_COUNT_MAX);
        states.truncate(NAMED_COUNT_MAX);
        let mut states = states.join(" or ");
        if others > 0 {
            states.push_str(&format!(" or one of {others} other states"));
        }
        text.push_str(&format!(
            ". With what had ended, and whatever of the open calls had taken effect, the {} was {states} until then",
            model.noun()
        ));
    }
    text + "."
}
