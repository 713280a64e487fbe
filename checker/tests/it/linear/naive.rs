//! Linearizability by its definition: every set of calls of unknown outcome, every order.

use quorate_checker::{
    Transcript,
    linear::{Model, Parsed},
};

/// An op and its place: its call's number, when that began, and when it ended, if it did.
struct Item<Op> {
    op: Op,
    start: quorate_checker::Position,
    end: Option<quorate_checker::Position>,
}

/// Returns whether some order of the calls that happened, and of some of those that may have, is possible and agrees with
/// real time.
pub(crate) fn is_linearizable<M: Model>(transcript: &Transcript, model: &M) -> bool {
    let mut items = Vec::new();
    for call in transcript.calls().iter().filter(|call| call.is_possible()) {
        let ops = match model.parse(call).expect("the model knows its calls") {
            Parsed::Nothing => Vec::new(),
            Parsed::Op(op) => vec![op],
            Parsed::Ops(ops) => ops,
        };
        items.extend(ops.into_iter().map(|op| Item {
            op,
            start: call.start,
            end: Some(call.end).filter(|_| call.is_ok()),
        }));
    }
    explain(model, &items, &mut vec![false; items.len()], &model.initial())
}

/// Returns whether what is not `done` can follow, from `state` on.
fn explain<M: Model>(model: &M, items: &[Item<M::Op>], done: &mut Vec<bool>, state: &M::State) -> bool {
    let open = |done: &[bool]| {
        let ends = items.iter().zip(done).filter(|(_, done)| !**done);
        ends.filter_map(|(item, _)| item.end).min()
    };
    let Some(first_end) = open(done) else {
        return true;
    };
    for place in 0..items.len() {
        if done[place] || items[place].start > first_end {
            continue;
        }
        let mut next = Vec::new();
        model.step(state, &items[place].op, &mut next);
        done[place] = true;
        let is_explained = next.iter().any(|state| explain(model, items, done, state));
        done[place] = false;
        if is_explained {
            return true;
        }
    }
    false
}
