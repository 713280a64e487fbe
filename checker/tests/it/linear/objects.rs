//! Objects that answer, so that histories can be made of them: small ones that now and then lie, and large ones that don't.

use quorate_checker::{Datum, Entry, EventKind, Process, Transcript, TranscriptBuilder, linear::ModelKind};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// An object of one of the models.
pub(crate) struct Object {
    kind: ModelKind,
    /// How many values, elements or keys there are; where calls are to be told apart, as many as there are calls.
    value_count: i64,
    held: Datum,
    is_held: bool,
}

/// What a history is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) kind: ModelKind,
    pub(crate) seed: u64,
    pub(crate) call_count: usize,
    pub(crate) client_count: usize,
    pub(crate) value_count: i64,
    /// Of a thousand calls so many end in info; half of them took effect.
    pub(crate) crashed: u32,
    /// Of a thousand answers so many are not the object's.
    pub(crate) lies: u32,
}

/// A call on its way.
struct Open {
    process: i64,
    function: &'static str,
    asked: Datum,
    /// What the object answered, once it did.
    answer: Option<Answer>,
}

enum Answer {
    Ok(Datum),
    Fail,
}

/// Returns the history of `load`.
pub(crate) fn transcript(load: Load) -> Transcript {
    let mut rng = Pcg64Mcg::seed_from_u64(load.seed);
    let mut object = Object::new(load.kind, load.value_count);
    let mut builder = TranscriptBuilder::new();
    let mut open: Vec<Option<Open>> = (0..load.client_count).map(|_| None).collect();
    let mut processes: Vec<i64> = (0..load.client_count as i64).collect();
    let mut invoked = 0;
    // The last calls may stay open.
    while invoked < load.call_count || rng.random_bool(0.9) && open.iter().any(Option::is_some) {
        let client = rng.random_range(0..load.client_count);
        let mut push = |kind, call: &Open, value: Datum| {
            let entry = Entry {
                process: Some(Process::Client(call.process)),
                ..Entry::new(kind, call.function, value)
            };
            builder.push(entry).expect("a client's calls follow each other");
        };
        match open[client].take() {
            None if invoked == load.call_count => {}
            None => {
                let (function, asked) = object.ask(&mut rng, invoked as i64);
                let call = Open {
                    process: processes[client],
                    function,
                    asked,
                    answer: None,
                };
                push(EventKind::Invoke, &call, call.asked.clone());
                invoked += 1;
                open[client] = Some(call);
            }
            Some(call) if rng.random_ratio(load.crashed.min(1000), 2000) => {
                // Whether it took effect depends on how far it had come.
                push(EventKind::Info, &call, call.asked.clone());
                processes[client] += load.client_count as i64;
            }
            Some(mut call) => match call.answer {
                None => {
                    call.answer = Some(object.answer(call.function, &call.asked));
                    open[client] = Some(call);
                }
                // To have failed is no answer that could be wrong, but to have not.
                Some(Answer::Fail) => {
                    let is_lie = rng.random_ratio(load.lies, 1000);
                    let kind = if is_lie { EventKind::Ok } else { EventKind::Fail };
                    push(kind, &call, call.asked.clone());
                }
                Some(Answer::Ok(ref answer)) => {
                    let is_lie = rng.random_ratio(load.lies, 1000);
                    let answer = if is_lie {
                        object.lie(&mut rng, &call)
                    } else {
                        answer.clone()
                    };
                    push(EventKind::Ok, &call, answer);
                }
            },
        }
    }
    builder.finish()
}

impl Object {
    fn new(kind: ModelKind, value_count: i64) -> Self {
        Self {
            kind,
            value_count,
            held: Datum::Nil,
            is_held: false,
        }
    }

    /// Draws what the `number`-th call asks.
    fn ask(&self, rng: &mut Pcg64Mcg, _number: i64) -> (&'static str, Datum) {
        let mut value = || Datum::Int(rng.random_range(0..self.value_count));
        let (a, b) = (value(), value());
        match (self.kind, rng.random_range(0..6)) {
            (ModelKind::Register, 0..3) | (ModelKind::CasRegister, 0..2) => ("read", Datum::Nil),
            (ModelKind::Register, _) | (ModelKind::CasRegister, 2..4) => ("write", a),
            (ModelKind::CasRegister, _) => ("cas", Datum::list([a, b])),
            (ModelKind::Mutex, 0..3) => ("acquire", Datum::Nil),
            (ModelKind::Mutex, _) => ("release", Datum::Nil),
            _ => ("read", Datum::Nil),
        }
    }

    /// Does what is asked.
    fn answer(&mut self, function: &str, asked: &Datum) -> Answer {
        match function {
            "read" => return Answer::Ok(self.held.clone()),
            "write" => self.held = asked.clone(),
            "cas" => {
                let (old, new) = asked.as_pair().expect("a cas asks a pair");
                if *old != self.held {
                    return if self.value_count % 2 == 0 {
                        Answer::Fail
                    } else {
                        Answer::Ok(Datum::Bool(false))
                    };
                }
                self.held = new.clone();
            }
            "acquire" | "release" if self.is_held == (function == "acquire") => return Answer::Fail,
            "acquire" | "release" => self.is_held = !self.is_held,
            _ => unreachable!("no object is asked for {function}"),
        }
        Answer::Ok(asked.clone())
    }

    /// Draws an answer that may be wrong.
    fn lie(&self, rng: &mut Pcg64Mcg, call: &Open) -> Datum {
        match call.function {
            "read" if rng.random_bool(0.2) => Datum::Nil,
            "read" => Datum::Int(rng.random_range(0..self.value_count)),
            "cas" => Datum::Bool(rng.random()),
            _ => call.asked.clone(),
        }
    }
}
