//! A record as operations that can be left out: an invocation with its completion, never one without the other.
//!
//! What is left has to break the claim on its own, and not for want of what was left out. So an operation is kept only with all
//! that it needs: a read with the writes of what it returned, a read of nothing with the deletes, a counter's read with the
//! increments, an added element with its removals; and what was seen of a key at its replicas goes together. Where a search
//! decides, the checker says which calls may owe what they did to others ([`Grounds`]). Jepsen's
//! checks of sets and queues look at one element at a time, so that those of other elements are not kept.

use std::collections::{BTreeMap, BTreeSet};

use quorate_checker::{
    Action, Datum, Entry, Event, History, HistoryBuilder, Op, Outcome, Transcript, Witness,
    formats::write_jsonl,
    linear::{Budget, Grounds},
};
use quorate_workloads::{Record, TxnRecord};
use serde_json::Value;

use crate::report::op_events;

/// The operations of a record, by number: in order of invocation.
#[derive(Debug)]
pub(super) struct Operations<'r> {
    record: &'r Record,
    items: Vec<Item>,
    /// Of each item, what it needs: every one of them.
    needs: Vec<Vec<usize>>,
    /// Of each transcript, where a search decides.
    grounds: Vec<Grounds<'r>>,
}

/// What is kept or left out together.
#[derive(Debug)]
struct Item {
    /// The numbers of the invocations.
    indices: Vec<u64>,
    key: String,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Events(Vec<Event>),
    /// The transcript, and the call's place in it.
    Call(usize, usize),
}

impl<'r> Operations<'r> {
    /// All operations of `record`; with the grounds of its transcripts where a search decides.
    pub(super) fn new(record: &'r Record, grounds: Vec<Grounds<'r>>) -> Self {
        let (items, needs) = match record {
            Record::Keys(history) => of_history(history),
            Record::Calls(transcripts) => of_transcripts(transcripts),
            Record::Own(own) => of_own(own),
            Record::Txns(_) => unreachable!("only `check` keeps nothing but transactions"),
        };
        Self {
            record,
            items,
            needs,
            grounds,
        }
    }

    /// How many operations there are in `part`.
    pub(super) fn count(&self, part: &[usize]) -> usize {
        part.iter().map(|item| self.items[*item].indices.len()).sum()
    }

    pub(super) fn all(&self) -> Vec<usize> {
        (0..self.items.len()).collect()
    }

    /// All operations of the keys that `part` is of.
    pub(super) fn of_keys_of(&self, part: &[usize]) -> Vec<usize> {
        let keys: BTreeSet<&str> = part.iter().map(|item| &*self.items[*item].key).collect();
        let mut all = self.all();
        all.retain(|item| keys.contains(&*self.items[*item].key));
        all
    }

    /// How many keys `part` is of.
    pub(super) fn key_count(&self, part: &[usize]) -> usize {
        let keys: BTreeSet<&str> = part.iter().map(|item| &*self.items[*item].key).collect();
        keys.len()
    }

    /// The operations that a witness is made of.
    pub(super) fn of_witness(&self, witness: &Witness) -> Vec<usize> {
        let indices: BTreeSet<u64> = witness.ops.iter().map(|op| op.index).collect();
        let mut all = self.all();
        all.retain(|item| self.items[*item].indices.iter().any(|index| indices.contains(index)));
        all
    }

    /// `part` with what its operations need, and if `is_deep` with what those need in turn.
    pub(super) fn with_needs(&self, part: &[usize], is_deep: bool) -> Vec<usize> {
        let mut kept: BTreeSet<usize> = part.iter().copied().collect();
        let mut open: Vec<usize> = part.to_vec();
        while let Some(item) = open.pop() {
            for need in &self.needs[item] {
                if kept.insert(*need) && is_deep {
                    open.push(*need);
                }
            }
        }
        kept.into_iter().collect()
    }

    /// Of `part`, what does not need anything outside it; none if that can't break a claim.
    pub(super) fn grounded(&self, part: &[usize], budget: &Budget<'_>) -> Option<Vec<usize>> {
        if self.grounds.is_empty() {
            return Some(self.without_wants(part)).filter(|part| !part.is_empty());
        }
        let of_transcript = |number: usize| {
            let places = part.iter().filter_map(move |item| match self.items[*item].content {
                Content::Call(transcript, place) if transcript == number => Some((place, *item)),
                _ => None,
            });
            places.collect::<BTreeMap<usize, usize>>()
        };
        self.grounds.iter().enumerate().find_map(|(number, grounds)| {
            let items = of_transcript(number);
            let places: Vec<usize> = items.keys().copied().collect();
            let places = grounds.within(&places, budget).filter(|_| !places.is_empty())?;
            let mut part: Vec<usize> = places.iter().map(|place| items[place]).collect();
            part.sort_unstable();
            Some(part)
        })
    }

    fn without_wants(&self, part: &[usize]) -> Vec<usize> {
        let mut kept: BTreeSet<usize> = part.iter().copied().collect();
        loop {
            let wanting = |item: &&usize| self.needs[**item].iter().any(|need| !kept.contains(need));
            let wanting: Vec<usize> = kept.iter().filter(wanting).copied().collect();
            if wanting.is_empty() {
                return kept.into_iter().collect();
            }
            for item in wanting {
                kept.remove(&item);
            }
        }
    }

    /// `part` as a record of its own.
    pub(super) fn record(&self, part: &[usize]) -> Record {
        match self.record {
            Record::Keys(_) => {
                let mut builder = HistoryBuilder::new();
                for event in self.events(part) {
                    let pushed = builder.push(event.clone());
                    pushed.expect("what could follow in the whole can follow in a part of it");
                }
                Record::Keys(builder.finish())
            }
            Record::Calls(transcripts) => Record::Calls(self.transcripts(part, transcripts)),
            Record::Own(own) => Record::Own(self.own(part, own)),
            Record::Txns(_) => unreachable!("only `check` keeps nothing but transactions"),
        }
    }

    /// `part` as lines of a history.
    pub(super) fn lines(&self, part: &[usize]) -> String {
        match self.record {
            Record::Keys(_) => self.events(part).iter().map(|event| event.to_line() + "\n").collect(),
            Record::Calls(transcripts) => {
                let parts = self.transcripts(part, transcripts);
                let mut entries: Vec<Entry> = parts.iter().flat_map(Transcript::entries).collect();
                if parts.len() > 1 {
                    entries.sort_by_key(|entry| entry.index);
                }
                entries.iter().map(|entry| write_jsonl(entry) + "\n").collect()
            }
            Record::Own(own) => {
                let part = self.own(part, own);
                let calls = part.calls.entries().into_iter();
                let mut lines: Vec<(u64, String)> = calls
                    .map(|entry| (entry.index.unwrap_or(0), write_jsonl(&entry)))
                    .collect();
                lines.extend(part.looks.iter().map(|look| (look.index, look.to_line())));
                lines.sort_by_key(|(index, _)| *index);
                lines.into_iter().map(|(_, line)| line + "\n").collect()
            }
            Record::Txns(_) => unreachable!("only `check` keeps nothing but transactions"),
        }
    }

    /// The transactions and looks of `part`.
    fn own(&self, part: &[usize], own: &TxnRecord) -> TxnRecord {
        let transcripts = std::slice::from_ref(&own.calls);
        TxnRecord {
            calls: self
                .transcripts(part, transcripts)
                .pop()
                .unwrap_or_else(|| own.calls.only([])),
            looks: self.events(part).into_iter().cloned().collect(),
        }
    }

    fn events(&self, part: &[usize]) -> Vec<&Event> {
        let mut events: Vec<&Event> = part
            .iter()
            .filter_map(|item| match &self.items[*item].content {
                Content::Events(events) => Some(events),
                Content::Call(..) => None,
            })
            .flatten()
            .collect();
        events.sort_by_key(|event| event.index);
        events
    }

    /// The calls of `part`, as transcripts of the keys that they are of.
    fn transcripts(&self, part: &[usize], transcripts: &[Transcript]) -> Vec<Transcript> {
        let mut places: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for item in part {
            if let Content::Call(transcript, place) = self.items[*item].content {
                places.entry(transcript).or_default().push(place);
            }
        }
        let only = |(transcript, mut places): (usize, Vec<usize>)| {
            places.sort_unstable();
            transcripts[transcript].only(places)
        };
        places.into_iter().map(only).collect()
    }
}

type ItemsAndNeeds = (Vec<Item>, Vec<Vec<usize>>);

fn of_history(history: &History) -> ItemsAndNeeds {
    let ops = history.keys().flat_map(|key| history.ops_of(key));
    let mut groups: Vec<Vec<&Op>> = ops.map(|op| vec![op]).collect();
    for key in history.keys() {
        let mut looks: BTreeMap<_, Vec<&Op>> = BTreeMap::new();
        for look in history.observations_of(key) {
            looks
                .entry(look.op.action.function().name().to_owned() + phase(&look.op))
                .or_default()
                .push(&look.op);
        }
        groups.extend(looks.into_values());
    }
    groups.sort_by_key(|group| group[0].index);
    let mut writes = Writes::default();
    for (item, group) in groups.iter().enumerate() {
        group.iter().for_each(|op| writes.add(history, item, op));
    }
    let needs = groups.iter().enumerate().map(|(item, group)| {
        let mut needs = BTreeSet::new();
        group.iter().for_each(|op| writes.needs(history, op, &mut needs));
        needs.remove(&item);
        needs.into_iter().collect()
    });
    let needs = needs.collect();
    let item = |group: Vec<&Op>| Item {
        indices: group.iter().map(|op| op.index).collect(),
        key: history.key(group[0].key).to_owned(),
        content: Content::Events(group.iter().flat_map(|op| op_events(history, op)).collect()),
    };
    (groups.into_iter().map(item).collect(), needs)
}

fn phase(op: &Op) -> &'static str {
    match op.action {
        Action::ReadReplica(phase) => phase.name(),
        _ => "",
    }
}

/// Who put what there, by key and value.
#[derive(Default)]
struct Writes {
    of_value: BTreeMap<(String, String), Vec<usize>>,
    removals: BTreeMap<(String, String), Vec<usize>>,
    increments: BTreeMap<String, Vec<usize>>,
}

impl Writes {
    fn add(&mut self, history: &History, item: usize, op: &Op) {
        let key = history.key(op.key).to_owned();
        let value = (key.clone(), history.value(op.value).to_string());
        match op.action {
            Action::Write | Action::Delete | Action::Add | Action::Cas => {
                self.of_value.entry(value).or_default().push(item);
            }
            Action::Remove => self.removals.entry(value).or_default().push(item),
            Action::Increment => self.increments.entry(key).or_default().push(item),
            Action::Read | Action::ReadReplica(_) | Action::CasMismatch => {}
        }
    }

    /// What `op` may owe what it shows to, or what may have taken away what it put there.
    fn needs(&self, history: &History, op: &Op, needs: &mut BTreeSet<usize>) {
        let key = history.key(op.key);
        let mut want = |items: &BTreeMap<(String, String), Vec<usize>>, value: &Value| {
            let items = items.get(&(key.to_owned(), value.to_string()));
            needs.extend(items.into_iter().flatten());
        };
        let value = history.value(op.value);
        match op.action {
            Action::Read | Action::ReadReplica(_) if op.outcome != Outcome::Ok => {}
            Action::Read | Action::ReadReplica(_) => {
                want(&self.of_value, value);
                value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .for_each(|value| want(&self.of_value, value));
                needs.extend(self.increments.get(key).into_iter().flatten());
            }
            Action::Add => want(&self.removals, value),
            Action::Remove => want(&self.of_value, value),
            _ => {
                let seen = history.seen(op).iter();
                seen.for_each(|seen| want(&self.of_value, history.value(*seen)));
            }
        }
    }
}

/// Transactions, and looks at replicas, which need who wrote to a register what they saw of it.
fn of_own(own: &TxnRecord) -> ItemsAndNeeds {
    let mut builder = HistoryBuilder::new();
    for look in &own.looks {
        let pushed = builder.push(look.clone());
        pushed.expect("looks were a history when they were recorded, or read");
    }
    let (looks, _) = of_history(&builder.finish());
    let (mut items, mut needs) = of_transcripts(std::slice::from_ref(&own.calls));
    let mut writers: BTreeMap<(String, Datum), Vec<usize>> = BTreeMap::new();
    for (number, item) in items.iter().enumerate() {
        let Content::Call(_, place) = item.content else {
            continue;
        };
        for (key, value) in steps(&own.calls.calls()[place].asked, "w") {
            let key = key.as_name().map_or_else(|| key.to_string(), str::to_owned);
            writers.entry((key, value.clone())).or_default().push(number);
        }
    }
    for item in looks {
        let Content::Events(events) = &item.content else {
            unreachable!("looks are events");
        };
        let seen = events.iter().map(|look| (look.key.clone(), Datum::from(&look.value)));
        let of_item: BTreeSet<usize> = seen.filter_map(|it| writers.get(&it)).flatten().copied().collect();
        needs.push(of_item.into_iter().collect());
        items.push(item);
    }
    (items, needs)
}

fn of_transcripts(transcripts: &[Transcript]) -> ItemsAndNeeds {
    let mut calls: Vec<(usize, usize)> = Vec::new();
    for (number, transcript) in transcripts.iter().enumerate() {
        calls.extend((0..transcript.calls().len()).map(|place| (number, place)));
    }
    let call = |(transcript, place): (usize, usize)| &transcripts[transcript].calls()[place];
    calls.sort_by_key(|it| call(*it).index);
    let mut writers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (item, it) in calls.iter().enumerate() {
        for (key, value) in steps(&call(*it).asked, "w") {
            writers.entry(format!("{key} {value}")).or_default().push(item);
        }
    }
    let needs = calls.iter().enumerate().map(|(item, it)| {
        let read = steps(&call(*it).answered, "r").filter(|(_, value)| !value.is_nil());
        let writers = read.filter_map(|(key, value)| writers.get(&format!("{key} {value}")));
        let needs: BTreeSet<usize> = writers.flatten().copied().filter(|writer| *writer != item).collect();
        needs.into_iter().collect()
    });
    let needs = needs.collect();
    let item = |it: (usize, usize)| Item {
        indices: vec![call(it).index],
        key: transcripts[it.0].key().map(ToString::to_string).unwrap_or_default(),
        content: Content::Call(it.0, it.1),
    };
    (calls.into_iter().map(item).collect(), needs)
}

/// The keys and values of a transaction's steps of this name.
fn steps<'d>(value: &'d Datum, name: &'static str) -> impl Iterator<Item = (&'d Datum, &'d Datum)> {
    let steps = value.items().unwrap_or_default().iter();
    steps.filter_map(move |step| match step.items()? {
        [action, key, value] if action.as_name() == Some(name) => Some((key, value)),
        _ => None,
    })
}
