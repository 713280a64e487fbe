//! Histories read in blocks against events pushed one by one: the same history to every id, or the same error, wherever
//! blocks end and whatever the events are.

use std::fmt::Write;

use quorate_checker::{
    Event, EventKind, Function, History, HistoryBuilder, Phase, Process, Version,
    formats::jsonl::{Block, Buffers},
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::{Value, json};

/// How many histories are drawn.
const HISTORIES: usize = 1_000;

/// How many events each has.
const EVENTS: usize = 60;

/// Clients that keep the rules, but for one event in so many of some histories.
struct Load {
    rng: Pcg64Mcg,
    /// What each process has open.
    open: Vec<(Process, Option<Event>)>,
    is_text: bool,
    /// Whether there is more than plain reads and writes, which all are paired within their block.
    is_plain: bool,
    error_odds: f64,
}

impl Load {
    fn new(seed: u64) -> Self {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let mut open: Vec<_> = (0..rng.random_range(1..6))
            .map(|it| (Process::Client(it), None))
            .collect();
        open.push((Process::Other("observer".to_owned()), None));
        Self {
            is_text: rng.random(),
            is_plain: rng.random(),
            error_odds: if rng.random() { 0.0 } else { 0.02 },
            open,
            rng,
        }
    }

    fn some(&mut self, odds: f64) -> bool {
        self.rng.random_bool(odds)
    }

    fn value(&mut self) -> Value {
        let number = self.rng.random_range(0..40i64) - 3;
        match self.rng.random_range(0..20) {
            0 => Value::Null,
            1 if !self.is_plain => json!([number]),
            2 | 3 => format!("v{number}").into(),
            _ => number.into(),
        }
    }

    fn version(&mut self) -> Option<Version> {
        let number = self.rng.random_range(0..30);
        let is_mixed = self.error_odds > 0.0 && self.some(0.002);
        self.some(0.5).then(|| match self.is_text != is_mixed {
            true => Version::Text(format!("{number:03}-n1")),
            false => Version::Integer(number),
        })
    }

    fn node(&mut self) -> Option<String> {
        let number = self.rng.random_range(0..4);
        self.some(0.5).then(|| format!("n{number}"))
    }

    fn invocation(&mut self, process: &Process) -> Event {
        let key = format!("k{}", self.rng.random_range(0..5));
        let functions = match (process, self.is_plain) {
            (Process::Other(_), _) => &[Function::ReadReplica][..],
            (_, true) => &[Function::Read, Function::Write, Function::Delete],
            (_, false) => &Function::ALL[..],
        };
        let function = functions[self.rng.random_range(0..functions.len())];
        let is_look = function == Function::ReadReplica;
        Event {
            function,
            value: match function {
                Function::Read => Value::Null,
                Function::Cas => json!([self.value(), self.value()]),
                _ => self.value(),
            },
            node: if is_look { Some("n0".to_owned()) } else { self.node() },
            phase: is_look.then_some(Phase::Final),
            seen: (!self.is_plain && self.some(0.1)).then(|| vec![self.value()]),
            ..Event::read(process.clone(), key)
        }
    }

    fn completion(&mut self, invocation: &Event) -> Event {
        let kind = match self.rng.random_range(0..20) {
            0 => EventKind::Info,
            1 => EventKind::Fail,
            _ => EventKind::Ok,
        };
        let mut event = invocation.completion(kind);
        event.version = self.version();
        event.seen = None;
        match event.function {
            Function::Read => (event.value, event.node) = (self.value(), self.node()),
            Function::ReadReplica => event.value = self.value(),
            Function::Delete => event.value = Value::Null,
            Function::Cas if self.some(0.3) => event.value = false.into(),
            _ if self.some(0.2) => event.value = Value::Null,
            _ => {}
        }
        event
    }

    /// Changes one thing, so that the event may break a rule.
    fn break_rule(&mut self, event: &mut Event) {
        match self.rng.random_range(0..5) {
            0 => event.key = "other".to_owned(),
            1 => event.value = "other".into(),
            2 => event.function = Function::ALL[self.rng.random_range(0..Function::ALL.len())],
            3 => event.kind = [EventKind::Invoke, EventKind::Ok, EventKind::Info][self.rng.random_range(0..3)],
            _ => event.process = Process::Client(self.rng.random_range(0..7)),
        }
    }

    fn events(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for number in 0..EVENTS {
            let place = match self.is_plain {
                true => self.rng.random_range(0..self.open.len() - 1),
                false => self.rng.random_range(0..self.open.len()),
            };
            let (process, open) = self.open[place].clone();
            let mut event = match open {
                None => self.invocation(&process),
                Some(invocation) => self.completion(&invocation),
            };
            self.open[place].1 = (event.kind == EventKind::Invoke).then(|| event.clone());
            if let (EventKind::Info, Process::Client(client)) = (event.kind, &process) {
                self.open[place].0 = Process::Client(client + 100);
            }
            if self.some(self.error_odds) {
                self.break_rule(&mut event);
            }
            (event.index, event.time_ns) = (number as u64 * 2, number as u64 * 17);
            events.push(event);
        }
        events
    }
}

/// All that a history says, ids and what they stand for.
fn told(history: &History) -> String {
    let mut told = String::new();
    for op in history
        .ops()
        .iter()
        .chain(history.observations().iter().map(|look| &look.op))
    {
        let node = op.node.map(|node| history.node(node));
        let version = op.version.map(|version| history.version(version));
        let (key, process) = (history.key(op.key), history.process(op.process));
        let (value, seen) = (history.value(op.value), history.seen(op));
        let writes = (history.write_of(op.value), history.failed_write_of(op.value));
        writeln!(
            told,
            "{op:?} {key} {process:?} {node:?} {version:?} {value} {seen:?} {writes:?}"
        )
        .expect("texts take all");
    }
    for key in history.keys() {
        writeln!(told, "{} {:?}", history.key(key), history.repeat(key)).expect("texts take all");
    }
    told
}

fn one_by_one(events: &[Event]) -> Result<String, String> {
    let mut builder = HistoryBuilder::new();
    for (line, event) in (1..).zip(events) {
        builder
            .push(event.clone())
            .map_err(|error| format!("line {line}: {error}"))?;
    }
    Ok(told(&builder.finish()))
}

/// Whatever was in the buffers before, it does not show.
fn in_blocks(mut lines: &[String], buffers: &mut Buffers, mut length: impl FnMut() -> usize) -> Result<String, String> {
    let mut builder = HistoryBuilder::new();
    let mut lines_before = 0;
    while !lines.is_empty() {
        let (own, after) = lines.split_at(length().min(lines.len()));
        buffers.text = own.concat().into_bytes();
        let mut block = Block::scan(std::mem::take(buffers));
        let pushed = block.push_into(&mut builder, lines_before);
        lines_before += block.line_count();
        *buffers = block.into_buffers();
        pushed.map_err(|error| error.to_string())?;
        lines = after;
    }
    Ok(told(&builder.finish()))
}

#[test]
fn blocks_give_what_single_events_give() {
    let mut buffers = Buffers::default();
    let mut errors = 0;
    for seed in 0..HISTORIES as u64 {
        let events = Load::new(seed).events();
        let lines: Vec<String> = events.iter().map(|event| event.to_line() + "\n").collect();
        let expected = one_by_one(&events);
        errors += usize::from(expected.is_err());
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        for reach in [2, 10, 2 * EVENTS] {
            let found = in_blocks(&lines, &mut buffers, || rng.random_range(1..reach));
            assert_eq!(found, expected, "seed {seed}, blocks below {reach} lines");
        }
    }
    assert!((HISTORIES / 10..HISTORIES / 2).contains(&errors), "{errors} errors");
}
