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
    /// Of queues and sets what is in them; else pairs of a key and what it holds.
    items: Vec<Datum>,
    sum: i64,
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
    key: Option<Datum>,
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
                key: call.key.clone(),
                ..Entry::new(kind, call.function, value)
            };
            builder.push(entry).expect("a client's calls follow each other");
        };
        match open[client].take() {
            None if invoked == load.call_count => {}
            None => {
                let (function, asked, key) = object.ask(&mut rng, invoked as i64);
                let call = Open {
                    process: processes[client],
                    function,
                    asked,
                    key,
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
                    call.answer = Some(object.answer(&call));
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
            items: Vec::new(),
            sum: 0,
            is_held: false,
        }
    }

    /// Draws what the `number`-th call asks, and of which key.
    fn ask(&self, rng: &mut Pcg64Mcg, number: i64) -> (&'static str, Datum, Option<Datum>) {
        let mut value = || Datum::Int(rng.random_range(0..self.value_count));
        let (a, b) = (value(), value());
        let micro = |name: &str, key: Datum, value: Datum| Datum::list([Datum::Keyword(name.into()), key, value]);
        let text = |number: i64| Datum::from(format!("{number} ").as_str());
        let key = (self.kind == ModelKind::Kv).then(|| b.clone());
        let (function, asked) = match (self.kind, rng.random_range(0..6)) {
            (ModelKind::Register, 0..3) | (ModelKind::CasRegister, 0..2) => ("read", Datum::Nil),
            (ModelKind::Register, _) | (ModelKind::CasRegister, 2..4) => ("write", a),
            (ModelKind::CasRegister, _) => ("cas", Datum::list([a, b])),
            (ModelKind::Mutex, 0..3) => ("acquire", Datum::Nil),
            (ModelKind::Mutex, _) => ("release", Datum::Nil),
            (ModelKind::MultiRegister, 0..2) => (
                "txn",
                Datum::list([micro("read", a, Datum::Nil), micro("read", b, Datum::Nil)]),
            ),
            (ModelKind::MultiRegister, 2) => (
                "txn",
                Datum::list([micro("write", a.clone(), b.clone()), micro("write", b, a)]),
            ),
            (ModelKind::MultiRegister, 3) => (
                "txn",
                Datum::list([micro("read", a.clone(), Datum::Nil), micro("write", b, a)]),
            ),
            (ModelKind::MultiRegister, _) => ("txn", Datum::list([micro("write", a, b)])),
            (ModelKind::Queue | ModelKind::FifoQueue | ModelKind::Stack, 0..3) => ("enqueue", a),
            (ModelKind::Queue, 3) if number % 4 == 0 => ("drain", Datum::Nil),
            (ModelKind::Queue | ModelKind::FifoQueue | ModelKind::Stack, _) => ("dequeue", Datum::Nil),
            (ModelKind::Set, 0..2) => ("add", a),
            (ModelKind::Set, 2) => ("remove", a),
            (ModelKind::Set, 3) => ("contains?", a),
            (ModelKind::Set, _) => ("read", Datum::Nil),
            (ModelKind::Counter, 0..3) => ("add", Datum::Int(a.as_int().unwrap_or_default() - 1)),
            (ModelKind::Counter, _) => ("read", Datum::Nil),
            (ModelKind::Kv, 0..2) => ("get", Datum::Nil),
            (ModelKind::Kv, 2..5) => ("append", text(number)),
            (ModelKind::Kv, _) => ("put", text(number)),
        };
        (function, asked, key)
    }

    /// Does what is asked.
    fn answer(&mut self, call: &Open) -> Answer {
        let asked = &call.asked;
        match (self.kind, call.function) {
            (ModelKind::Counter, "read") => return Answer::Ok(Datum::Int(self.sum)),
            (ModelKind::Set, "read") => return Answer::Ok(Datum::set(self.items.iter().cloned())),
            (_, "read") => return Answer::Ok(self.held.clone()),
            (ModelKind::Counter, _) => self.sum += asked.as_int().expect("a number is added"),
            (ModelKind::Set, "contains?") => return Answer::Ok(Datum::Bool(self.items.contains(asked))),
            (ModelKind::Set, function) => {
                self.items.retain(|item| item != asked);
                self.items.extend(Some(asked.clone()).filter(|_| function == "add"));
            }
            (_, "write") => self.held = asked.clone(),
            (_, "cas") => {
                let (old, new) = asked.as_pair().expect("a cas asks a pair");
                if *old != self.held {
                    let is_told = self.value_count % 2 == 0;
                    return if is_told {
                        Answer::Fail
                    } else {
                        Answer::Ok(Datum::Bool(false))
                    };
                }
                self.held = new.clone();
            }
            (_, "acquire" | "release") if self.is_held == (call.function == "acquire") => return Answer::Fail,
            (_, "acquire" | "release") => self.is_held = !self.is_held,
            (_, "enqueue") => self.items.push(asked.clone()),
            (_, "dequeue") => return self.dequeue(),
            (_, "drain") => return Answer::Ok(Datum::list(self.items.drain(..))),
            (_, "txn") => return Answer::Ok(self.transact(asked)),
            (_, function) => {
                let key = call.key.clone().expect("a text has a key");
                return Answer::Ok(self.change(key, function, asked));
            }
        }
        Answer::Ok(asked.clone())
    }

    fn dequeue(&mut self) -> Answer {
        let Some(last) = self.items.len().checked_sub(1) else {
            let is_told = self.value_count % 2 == 0;
            return if is_told { Answer::Fail } else { Answer::Ok(Datum::Nil) };
        };
        let place = match self.kind {
            ModelKind::Stack => last,
            ModelKind::FifoQueue => 0,
            _ => last / 2,
        };
        Answer::Ok(self.items.remove(place))
    }

    fn transact(&mut self, asked: &Datum) -> Datum {
        let micros = asked.items().expect("a txn is a list").iter().map(|micro| {
            let [name, key, value] = micro.items().expect("it is of lists") else {
                panic!("of three");
            };
            let is_write = name.as_name() == Some("write");
            let value = if is_write { value.clone() } else { self.of_key(key) };
            if is_write {
                self.set(key.clone(), value.clone());
            }
            Datum::list([name.clone(), key.clone(), value])
        });
        Datum::list(micros.collect::<Vec<_>>())
    }

    fn change(&mut self, key: Datum, function: &str, asked: &Datum) -> Datum {
        let old = self.of_key(&key);
        let (old, new) = (old.as_name().unwrap_or(""), asked.as_name().unwrap_or(""));
        let text = match function {
            "get" => return Datum::from(old),
            "put" => new.to_owned(),
            _ => format!("{old}{new}"),
        };
        self.set(key, Datum::from(text.as_str()));
        asked.clone()
    }

    /// Returns what a key holds; the items are pairs then.
    fn of_key(&self, key: &Datum) -> Datum {
        let mut pairs = self.items.iter().filter_map(Datum::as_pair);
        pairs
            .find(|pair| pair.0 == key)
            .map(|pair| pair.1.clone())
            .unwrap_or_default()
    }

    fn set(&mut self, key: Datum, value: Datum) {
        self.items
            .retain(|item| item.as_pair().is_none_or(|pair| *pair.0 != key));
        self.items.push(Datum::list([key, value]));
    }

    /// Draws an answer that may be wrong.
    fn lie(&self, rng: &mut Pcg64Mcg, call: &Open) -> Datum {
        let mut value = || Datum::Int(rng.random_range(0..self.value_count));
        let values = [value(), value()];
        match (self.kind, call.function) {
            (ModelKind::Set, "read") => Datum::set(values.into_iter().take(rng.random_range(0..3))),
            (ModelKind::Counter, "read") => Datum::Int(self.sum + rng.random_range(-1..2)),
            (_, "read" | "dequeue") if rng.random_bool(0.2) => Datum::Nil,
            (_, "read" | "dequeue") => values[0].clone(),
            (_, "drain") => Datum::list(values.into_iter().take(rng.random_range(0..3))),
            (_, "cas" | "contains?") => Datum::Bool(rng.random()),
            (_, "get") => Datum::from(["", "0 ", "1 ", "0 1 ", "1 0 "][rng.random_range(0..5)]),
            (_, "txn") => {
                let micros = call.asked.items().expect("a txn is a list").iter().map(|micro| {
                    let parts = micro.items().expect("it is of lists");
                    let is_read = parts[2].is_nil();
                    let value = if is_read { values[0].clone() } else { parts[2].clone() };
                    Datum::list([parts[0].clone(), parts[1].clone(), value])
                });
                Datum::list(micros)
            }
            _ => call.asked.clone(),
        }
    }
}
