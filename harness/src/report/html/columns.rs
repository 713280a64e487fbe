//! Every operation of a record, as columns of numbers in a few bytes each: half a million are a few megabytes.
//!
//! A number is written in groups of seven bits, the lowest first, the eighth of each byte telling that another follows
//! (LEB128). Names are numbers of tables beside. All columns, one after the other, are deflated: a browser inflates them faster than
//! it reads the text of a page that is thrice as long.

use std::{collections::HashMap, io::Write};

use flate2::{Compression, write::DeflateEncoder};

use quorate_checker::{Action, Event, EventKind, History, Op, Outcome, Transcript};
use quorate_workloads::Record;
use serde::Serialize;
use serde_json::Value;

use super::{markup::base64, staleness::Staleness};

/// What the place of an entry stands for where no times are known.
pub(super) const UNTIMED_NS: u64 = 1_000_000;

/// How much of a value is shown.
const VALUE_LENGTH_MAX: usize = 200;

/// The columns.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// How many operations.
    pub(super) count: usize,
    /// Whether no times are known: then an entry's place in the record stands for milliseconds.
    pub(super) untimed: bool,
    /// Nanoseconds since the run began of the first.
    pub(super) base_ns: u64,
    /// Microseconds since the one before began.
    start: Column,
    /// One more than the microseconds that it took; 0 if nothing was heard of it.
    took: Column,
    /// Its number in the history, as what is to be added to that of the one before; the lowest bit is its sign.
    index: Column,
    process: Column,
    function: Column,
    /// 0 ok, 1 failed, 2 unknown.
    outcome: Column,
    /// 0 none, or one more than its number.
    key: Column,
    /// As of keys.
    node: Column,
    /// 0 nothing; else a number if the lowest bit is set, with the next as its sign, or else twice its place, counted from 1.
    value: Column,
    /// 0 not known; else one more than how many acknowledged versions were newer when the read began.
    behind: Column,
    processes: Names,
    functions: Names,
    keys: Names,
    nodes: Names,
    values: Names,
    last_us: u64,
    last_index: u64,
}

/// The columns as the page has them.
#[derive(Debug, Serialize)]
struct Packed<'a> {
    count: usize,
    untimed: bool,
    base_ns: u64,
    /// Each column's name and how many bytes it has, in their order.
    lengths: [(&'static str, usize); 10],
    /// All of them, deflated, in base 64.
    packed: String,
    processes: &'a Names,
    functions: &'a Names,
    keys: &'a Names,
    nodes: &'a Names,
    values: &'a Names,
}

/// Numbers, packed.
#[derive(Debug, Default)]
struct Column(Vec<u8>);

impl Column {
    fn push(&mut self, mut number: u64) {
        while number > 127 {
            self.0.push(number.to_le_bytes()[0] | 128);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
    }
}

impl Serialize for Columns {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let columns = [
            ("start", &self.start),
            ("took", &self.took),
            ("index", &self.index),
            ("process", &self.process),
            ("function", &self.function),
            ("outcome", &self.outcome),
            ("key", &self.key),
            ("node", &self.node),
            ("value", &self.value),
            ("behind", &self.behind),
        ];
        let packed = Packed {
            count: self.count,
            untimed: self.untimed,
            base_ns: self.base_ns,
            lengths: columns.map(|(name, column)| (name, column.0.len())),
            packed: base64(&deflated(columns.map(|(_, column)| column))),
            processes: &self.processes,
            functions: &self.functions,
            keys: &self.keys,
            nodes: &self.nodes,
            values: &self.values,
        };
        packed.serialize(serializer)
    }
}

fn deflated<const COUNT: usize>(columns: [&Column; COUNT]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    for column in columns {
        encoder.write_all(&column.0).expect("a vector takes all");
    }
    encoder.finish().expect("a vector takes all")
}

/// Texts by number.
#[derive(Debug, Default)]
struct Names {
    texts: Vec<String>,
    numbers: HashMap<String, u64>,
}

impl Names {
    fn number(&mut self, text: &str) -> u64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len() as u64;
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }
}

impl Serialize for Names {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.texts.serialize(serializer)
    }
}

/// An operation, as it is shown.
struct Row<'a> {
    index: u64,
    start_ns: u64,
    end_ns: Option<u64>,
    process: &'a str,
    function: &'a str,
    outcome: Outcome,
    key: Option<&'a str>,
    node: Option<&'a str>,
    value: Shown<'a>,
    behind: Option<u64>,
}

/// A value, as it is shown.
enum Shown<'a> {
    Json(&'a Value),
    Text(String),
}

impl Columns {
    pub(super) fn of(record: &Record) -> Columns {
        let mut columns = Columns::default();
        match record {
            Record::Keys(history) => columns.take_history(history),
            Record::Calls(transcripts) => columns.take_calls(transcripts, &[]),
            Record::Txns(txns) => columns.take_calls(&[txns.transcript(|_| true)], &[]),
            Record::Own(own) => columns.take_calls(std::slice::from_ref(&own.calls), &own.looks),
        }
        columns
    }

    fn take_history(&mut self, history: &History) {
        let staleness = Staleness::of(history);
        let mut looks: Vec<&Op> = history.observations().iter().map(|look| &look.op).collect();
        looks.sort_by_key(|op| op.start);
        let mut ops: Vec<&Op> = history.ops().iter().chain(looks).collect();
        ops.sort_by_key(|op| (op.start_ns, op.start));
        let mut processes: HashMap<_, String> = HashMap::new();
        for op in ops {
            let process = processes
                .entry(op.process)
                .or_insert_with(|| history.process(op.process).to_string());
            self.push(&Row {
                index: op.index,
                start_ns: op.start_ns,
                end_ns: op.end_ns(),
                process,
                function: op.action.function().name(),
                outcome: op.outcome,
                key: Some(history.key(op.key)),
                node: op.node.map(|node| history.node(node)),
                value: Shown::Json(history.value(op.value)),
                behind: matches!(op.action, Action::Read)
                    .then(|| staleness.of_read(op))
                    .flatten(),
            });
        }
    }

    fn take_calls(&mut self, transcripts: &[Transcript], looks: &[Event]) {
        let calls = transcripts
            .iter()
            .flat_map(|transcript| transcript.calls().iter().map(move |call| (transcript, call)));
        let calls: Vec<_> = calls.collect();
        self.untimed = calls.iter().all(|(_, call)| call.start_ns.is_none());
        // What is drawn keeps the order of the record.
        let scale = if self.untimed { UNTIMED_NS } else { 1 };
        let mut calls: Vec<_> = calls
            .into_iter()
            .map(|(transcript, call)| (call.start_ns.unwrap_or(call.index * scale), transcript, call))
            .collect();
        calls.sort_by_key(|(start_ns, _, call)| (*start_ns, call.index));
        let mut looks = look_rows(looks).into_iter().peekable();
        for (start_ns, transcript, call) in calls {
            while let Some((invoke, end_ns, value)) = looks.next_if(|(invoke, ..)| invoke.time_ns < start_ns) {
                self.push_look(invoke, end_ns, value);
            }
            let shown = if call.is_ok() && !call.answered.is_nil() {
                &call.answered
            } else {
                &call.asked
            };
            let key = call.key.as_ref().or(transcript.key()).map(ToString::to_string);
            self.push(&Row {
                index: call.index,
                start_ns,
                end_ns: call.end_ns.or(call
                    .completion_index
                    .filter(|_| call.start_ns.is_none())
                    .map(|index| index * scale)),
                process: &transcript.process(call.process).to_string(),
                function: &call.function,
                outcome: call.outcome,
                key: key.as_deref(),
                node: call.node.map(|node| transcript.node(node)),
                value: Shown::Text(shown.to_string()),
                behind: None,
            });
        }
        for (invoke, end_ns, value) in looks {
            self.push_look(invoke, end_ns, value);
        }
    }

    fn push_look(&mut self, invoke: &Event, end_ns: Option<u64>, value: &Value) {
        self.push(&Row {
            index: invoke.index,
            start_ns: invoke.time_ns,
            end_ns,
            process: &invoke.process.to_string(),
            function: invoke.function.name(),
            outcome: end_ns.map_or(Outcome::Info, |_| Outcome::Ok),
            key: Some(&invoke.key),
            node: invoke.node.as_deref(),
            value: Shown::Json(value),
            behind: None,
        });
    }

    fn push(&mut self, row: &Row<'_>) {
        if self.count == 0 {
            self.base_ns = row.start_ns;
        }
        self.count += 1;
        let start_us = (row.start_ns - self.base_ns) / 1000;
        self.start.push(start_us - self.last_us);
        self.last_us = start_us;
        let took = row
            .end_ns
            .map_or(0, |end_ns| end_ns.saturating_sub(row.start_ns) / 1000 + 1);
        self.took.push(took);
        let is_back = row.index < self.last_index;
        self.index
            .push(row.index.abs_diff(self.last_index) << 1 | u64::from(is_back));
        self.last_index = row.index;
        self.process.push(self.processes.number(row.process));
        self.function.push(self.functions.number(row.function));
        self.outcome.push(match row.outcome {
            Outcome::Ok => 0,
            Outcome::Fail => 1,
            Outcome::Info => 2,
        });
        self.key.push(row.key.map_or(0, |key| self.keys.number(key) + 1));
        self.node.push(row.node.map_or(0, |node| self.nodes.number(node) + 1));
        let value = self.value_of(&row.value);
        self.value.push(value);
        self.behind.push(row.behind.map_or(0, |behind| behind + 1));
    }

    fn value_of(&mut self, value: &Shown<'_>) -> u64 {
        let text = match value {
            Shown::Json(Value::Null) => return 0,
            Shown::Json(Value::Number(number)) if number.as_i64().is_some_and(|it| it.unsigned_abs() < 1 << 50) => {
                let number = number.as_i64().unwrap_or_default();
                return number.unsigned_abs() << 2 | u64::from(number < 0) << 1 | 1;
            }
            Shown::Json(value) => value.to_string(),
            Shown::Text(text) => text.clone(),
        };
        (self.values.number(&cut(text)) + 1) << 1
    }
}

/// A value's text, or as much of it as is shown.
pub(super) fn cut(text: String) -> String {
    match text.char_indices().nth(VALUE_LENGTH_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// Looks at replicas, each with its end and what was seen.
fn look_rows(looks: &[Event]) -> Vec<(&Event, Option<u64>, &Value)> {
    let mut rows = Vec::new();
    let mut looks = looks.iter().peekable();
    while let Some(look) = looks.next() {
        if look.kind == EventKind::Invoke {
            let end = looks.next_if(|next| next.kind != EventKind::Invoke);
            rows.push((
                look,
                end.map(|end| end.time_ns),
                end.map_or(&look.value, |end| &end.value),
            ));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a column again.
    fn numbers(column: &Column) -> Vec<u64> {
        let mut numbers = Vec::new();
        let (mut number, mut shift) = (0, 0);
        for byte in &column.0 {
            number |= u64::from(byte & 127) << shift;
            shift += 7;
            if byte & 128 == 0 {
                numbers.push(number);
                (number, shift) = (0, 0);
            }
        }
        numbers
    }

    #[test]
    fn numbers_of_any_size_come_back() {
        let all = [0, 1, 127, 128, 300, 1 << 20, (1 << 50) + 7, u64::MAX];
        let mut column = Column::default();
        all.iter().for_each(|number| column.push(*number));
        assert_eq!(numbers(&column), all);
    }

    #[test]
    fn what_is_packed_comes_back() {
        let mut columns = Columns::default();
        (0..1000).for_each(|number| columns.start.push(number));
        columns.behind.push(300);
        let shown = serde_json::to_value(&columns).expect("numbers and texts");
        let lengths = shown["lengths"].as_array().expect("pairs");
        let length = |pair: &Value| pair[1].as_u64().expect("a length");
        assert_eq!((&lengths[0][0], length(&lengths[0])), (&"start".into(), 128 + 872 * 2));
        assert_eq!((&lengths[9][0], length(&lengths[9])), (&"behind".into(), 2));
        let deflated = deflated([&columns.start, &columns.behind]);
        assert_eq!(shown["packed"], base64(&deflated));
        let mut inflated = Vec::new();
        std::io::copy(&mut flate2::read::DeflateDecoder::new(&*deflated), &mut inflated).expect("deflated just now");
        assert_eq!(inflated, [columns.start.0, columns.behind.0].concat());
    }

    #[test]
    fn operations_are_in_order_of_their_starts_whoever_made_them() {
        let text = "{:index 7, :process 0, :type :invoke, :f :enqueue, :value 1, :time 5000}\n\
                    {:index 8, :process 1, :type :invoke, :f :dequeue, :value nil, :time 9000}\n\
                    {:index 9, :process 0, :type :ok, :f :enqueue, :value 1, :time 12000}\n";
        let entries = quorate_checker::Forms::new(text.as_bytes());
        let mut builder = quorate_checker::TranscriptBuilder::new();
        let mut entries = entries;
        while let Some(map) = entries.next_form().expect("EDN") {
            let entry = quorate_checker::Entry::from_map(map).expect("an entry");
            builder.push(entry).expect("in order");
        }
        let columns = Columns::of(&Record::Calls(vec![builder.finish()]));
        assert_eq!((columns.count, columns.base_ns), (2, 5000));
        assert_eq!(numbers(&columns.start), [0, 4]);
        assert_eq!(numbers(&columns.took), [8, 0], "one more than 7 us, and never");
        assert_eq!(numbers(&columns.index), [14, 2]);
        assert_eq!(numbers(&columns.outcome), [0, 2]);
        assert_eq!(columns.functions.texts, ["enqueue", "dequeue"]);
        assert!(!columns.untimed);
    }

    #[test]
    fn without_times_an_entry_is_at_its_place() {
        let entry = |index, kind| quorate_checker::Entry {
            index: Some(index),
            ..quorate_checker::Entry::new(kind, "pop", quorate_checker::Datum::Nil)
        };
        let mut builder = quorate_checker::TranscriptBuilder::new();
        builder.push(entry(3, EventKind::Invoke)).expect("in order");
        builder.push(entry(5, EventKind::Ok)).expect("in order");
        let columns = Columns::of(&Record::Calls(vec![builder.finish()]));
        assert!(columns.untimed);
        assert_eq!((columns.base_ns, numbers(&columns.took)), (3_000_000, vec![2001]));
    }
}
