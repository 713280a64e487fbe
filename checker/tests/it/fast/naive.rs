//! Linearizability as it is defined: an order of all that happened and of some of what may have, in which each call
//! returns what the object would, and none comes before what it followed in time.

use std::collections::BTreeSet;

use quorate_checker::{Call, Datum, Transcript};

use super::trial::Object;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// What is inside, in order of arrival; sorted for a queue without order.
    Queue(Vec<Datum>),
    Fifo(Vec<Datum>),
    Stack(Vec<Datum>),
    Set(BTreeSet<Datum>),
    Counter(i64),
    Mutex(bool),
}

/// Searches all orders.
pub(crate) fn is_linearizable(object: Object, transcript: &Transcript) -> bool {
    let calls: Vec<Call> = transcript
        .calls()
        .iter()
        .filter(|call| call.is_possible())
        .flat_map(|call| parts(call, transcript))
        .collect();
    assert!(calls.len() <= 31, "a search through all orders is for few calls");
    let start = match object {
        Object::Queue => State::Queue(Vec::new()),
        Object::Fifo => State::Fifo(Vec::new()),
        Object::Stack => State::Stack(Vec::new()),
        Object::Set => State::Set(BTreeSet::new()),
        Object::Counter => State::Counter(0),
        Object::Mutex => State::Mutex(false),
    };
    let all_ok = (0..calls.len()).filter(|it| calls[*it].is_ok());
    let needed: u32 = all_ok.map(|it| 1 << it).sum();
    let mut seen = BTreeSet::from([(0u32, start.clone())]);
    let mut open = vec![(0u32, start)];
    while let Some((done, state)) = open.pop() {
        if done & needed == needed {
            return true;
        }
        for (number, call) in calls.iter().enumerate() {
            let is_done = |it: usize| done & (1 << it) != 0;
            let may_be_next = (0..calls.len()).all(|it| is_done(it) || !calls[it].precedes(call));
            if is_done(number) || !may_be_next {
                continue;
            }
            for next in state.after(call) {
                let next = (done | 1 << number, next);
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
    }
    false
}

/// Returns the dequeues that a drain is, of unknown outcome as many as there can be; any other call is one by itself.
fn parts(call: &Call, transcript: &Transcript) -> Vec<Call> {
    if *call.function != *"drain" {
        return vec![call.clone()];
    }
    let dequeue = |item: &Datum| Call {
        function: "dequeue".into(),
        answered: item.clone(),
        ..call.clone()
    };
    let puts = transcript.calls().iter().filter(|call| *call.function == *"enqueue");
    match call.is_ok() {
        true => call.answered.items().unwrap_or_default().iter().map(dequeue).collect(),
        false => puts.map(|_| dequeue(&Datum::Nil)).collect(),
    }
}

impl State {
    /// Returns the states that the call may leave, with what it answered if that is known.
    fn after(&self, call: &Call) -> Vec<Self> {
        let is_answer = |answer: &Datum| !call.is_ok() || *answer == call.answered;
        let asked = call.asked.clone();
        let mut after = Vec::new();
        match (self, &*call.function) {
            (Self::Queue(inside), "enqueue") => {
                let mut inside = inside.clone();
                inside.push(asked);
                inside.sort();
                after.push(Self::Queue(inside));
            }
            (Self::Queue(inside), "dequeue") => {
                for place in 0..inside.len() {
                    if is_answer(&inside[place]) {
                        let mut inside = inside.clone();
                        inside.remove(place);
                        after.push(Self::Queue(inside));
                    }
                }
                if inside.is_empty() && is_answer(&Datum::Nil) {
                    after.push(self.clone());
                }
            }
            (Self::Fifo(inside), "enqueue") => {
                let mut inside = inside.clone();
                inside.push(asked);
                after.push(Self::Fifo(inside));
            }
            (Self::Fifo(inside), "dequeue") => {
                if is_answer(inside.first().unwrap_or(&Datum::Nil)) {
                    after.push(Self::Fifo(inside.iter().skip(1).cloned().collect()));
                }
            }
            (Self::Stack(inside), "push") => {
                let mut inside = inside.clone();
                inside.push(asked);
                after.push(Self::Stack(inside));
            }
            (Self::Stack(inside), "pop") => {
                if is_answer(inside.last().unwrap_or(&Datum::Nil)) {
                    let mut inside = inside.clone();
                    inside.pop();
                    after.push(Self::Stack(inside));
                }
            }
            (Self::Set(inside), "add") => {
                let mut inside = inside.clone();
                inside.insert(asked);
                after.push(Self::Set(inside));
            }
            (Self::Set(inside), "remove") => {
                let mut inside = inside.clone();
                inside.remove(&asked);
                after.push(Self::Set(inside));
            }
            (Self::Set(inside), "read") => {
                let answered: BTreeSet<Datum> = call.answered.items().unwrap_or_default().iter().cloned().collect();
                if !call.is_ok() || answered == *inside {
                    after.push(self.clone());
                }
            }
            (Self::Counter(count), "add") => {
                after.push(Self::Counter(count + asked.as_int().expect("an add has a number")));
            }
            (Self::Counter(count), "read") => {
                if is_answer(&Datum::Int(*count)) {
                    after.push(self.clone());
                }
            }
            (Self::Mutex(is_held), "acquire" | "release") => {
                let is_acquire = *call.function == *"acquire";
                if *is_held != is_acquire {
                    after.push(Self::Mutex(is_acquire));
                }
            }
            (state, function) => panic!("{state:?} has no {function}"),
        }
        after
    }
}
