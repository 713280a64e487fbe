//! What clients asked and were told, and what follows from it.

use std::collections::BTreeMap;

use quorate_core::{
    Cell, Dot, Level, Quorum, ReadOk, ReadRepair, Request, Response, SessionToken, Update, Value, Version, WriteError,
    WriteRequest,
};
use quorate_sim::Outcome;

use super::{response, settings::Settings};

/// A request, and what was so when it was sent.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) key: usize,
    pub(super) request: Request,
    pub(super) attempts: u32,
    fate: Fate,
    /// Of all that had been acknowledged, and read, before.
    acked_before: Option<Version>,
    read_before: Option<Version>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    NotApplied,
    Unknown,
    Acked,
}

impl Asked {
    pub(super) fn new(key: usize, request: Request) -> Asked {
        Asked {
            key,
            request,
            attempts: 0,
            fate: Fate::NotApplied,
            acked_before: None,
            read_before: None,
        }
    }

    pub(super) fn at(mut self, ledger: &Ledger) -> Asked {
        let key = &ledger.keys[self.key];
        self.attempts += 1;
        if self.attempts == 1 {
            self.acked_before = key.acked_max;
            self.read_before = key.read_max;
        }
        self
    }
}

/// How many requests ended how.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcomes {
    pub(super) reads: u64,
    pub(super) acked: u64,
    pub(super) unknown: u64,
    pub(super) not_applied: u64,
}

impl Outcomes {
    pub(super) fn add(&mut self, other: &Outcomes) {
        self.reads += other.reads;
        self.acked += other.acked;
        self.unknown += other.unknown;
        self.not_applied += other.not_applied;
    }
}

#[derive(Default)]
struct KeyLedger {
    last_read: Option<Cell>,
    /// What was read, and of siblings under which dot.
    seen: BTreeMap<Value, Option<Dot>>,
    acked_max: Option<Version>,
    read_max: Option<Version>,
    /// Every write that may have had an effect, and whether it was acknowledged.
    writes: Vec<(WriteRequest, Fate, Option<Version>)>,
}

pub(super) struct Ledger {
    keys: Vec<KeyLedger>,
    pub(super) token: SessionToken,
    pub(super) outcomes: Outcomes,
    values: u32,
    reads_see_acked: bool,
    reads_see_reads: bool,
    is_atomic: bool,
}

impl Ledger {
    pub(super) fn new(settings: &Settings, keys: usize) -> Ledger {
        let strict = settings.quorum == Quorum::Strict && !settings.collects;
        let majority = |level: Level| matches!(level, Level::Quorum | Level::All | Level::EachQuorum);
        let meet = majority(settings.read) && majority(settings.write);
        let blocking = matches!(settings.repair, ReadRepair::Blocking { holders } if majority(holders));
        let two_phase = matches!(settings.path, quorate_core::WritePath::TwoPhase { .. });
        Ledger {
            keys: (0..keys).map(|_| KeyLedger::default()).collect(),
            token: SessionToken::default(),
            outcomes: Outcomes::default(),
            values: 0,
            reads_see_acked: strict && meet,
            reads_see_reads: strict && majority(settings.read) && blocking,
            is_atomic: strict && meet && blocking && two_phase,
        }
    }

    pub(super) fn fresh_value(&mut self) -> Value {
        self.values += 1;
        Value(format!("v{}", self.values).into_bytes().into())
    }

    pub(super) fn last_read(&self, key: usize) -> Option<&Cell> {
        self.keys[key].last_read.as_ref()
    }

    /// Takes in how an attempt ended. True if its outcome is unknown.
    pub(super) fn note(&mut self, asked: &mut Asked, outcome: Outcome, seed: u64) -> bool {
        let was_lost = matches!(outcome, Outcome::Lost);
        match response(outcome) {
            Some(Response::Read(Ok(read))) => {
                self.note_read(asked, read, seed);
                false
            }
            Some(Response::Write(Ok(ok))) => {
                asked.fate = Fate::Acked;
                self.token = self.token.max(ok.token);
                self.note_acked(asked, ok.version, seed);
                false
            }
            Some(Response::Write(Err(WriteError::NotApplied(_)))) => asked.fate == Fate::Unknown,
            Some(Response::Write(Err(WriteError::Unknown(_)))) => {
                asked.fate = Fate::Unknown;
                true
            }
            Some(Response::Read(Err(_))) => false,
            Some(Response::Admin(_) | Response::Cas(_)) => panic!("nobody asked"),
            None if was_lost && matches!(asked.request, Request::Write(_)) => {
                asked.fate = Fate::Unknown;
                true
            }
            None => asked.fate == Fate::Unknown,
        }
    }

    fn note_read(&mut self, asked: &Asked, read: ReadOk, seed: u64) {
        self.outcomes.reads += 1;
        self.token = self.token.max(read.token);
        let version = read.cell.as_ref().and_then(Cell::version);
        if self.reads_see_acked {
            assert!(
                version >= asked.acked_before,
                "seed {seed}: a read missed an acknowledged write"
            );
        }
        if self.reads_see_reads {
            assert!(
                version >= asked.read_before,
                "seed {seed}: a read missed what another had seen"
            );
        }
        let key = &mut self.keys[asked.key];
        key.read_max = key.read_max.max(version);
        key.note_seen(read.cell.as_ref());
        key.last_read = read.cell;
    }

    fn note_acked(&mut self, asked: &Asked, version: Option<Version>, seed: u64) {
        let key = &mut self.keys[asked.key];
        if self.is_atomic {
            let before = asked.acked_before.max(asked.read_before);
            assert!(
                version > before,
                "seed {seed}: a later write came before an earlier one"
            );
        }
        key.acked_max = key.acked_max.max(version);
        if let Request::Write(write) = &asked.request {
            key.writes.push((write.clone(), Fate::Acked, version));
        }
    }

    /// A request that will not be sent again.
    pub(super) fn close(&mut self, asked: &Asked) {
        let Request::Write(write) = &asked.request else {
            return;
        };
        match asked.fate {
            Fate::Acked => self.outcomes.acked += 1,
            Fate::NotApplied => self.outcomes.not_applied += 1,
            Fate::Unknown => {
                self.outcomes.unknown += 1;
                self.keys[asked.key].writes.push((write.clone(), Fate::Unknown, None));
            }
        }
    }

    /// Whether what an owner holds in the end can be, after all that was told.
    pub(super) fn judge(&self, key: usize, cell: Option<&Cell>, seed: u64, settings: &Settings) {
        let key = &self.keys[key];
        let say = || format!("seed {seed}: {settings:?}\n{cell:?}");
        for value in key.seen.keys() {
            assert!(
                key.put(value).is_some(),
                "{value:?} was read, and never written: {}",
                say()
            );
        }
        match cell {
            Some(Cell::Register(register)) => {
                assert!(
                    Some(register.version) >= key.acked_max,
                    "an acknowledged write is gone: {}",
                    say()
                );
                if let Some(value) = register.value() {
                    assert!(key.put(value).is_some(), "a value from nowhere: {}", say());
                }
            }
            Some(Cell::Counter(counter)) => {
                let sum = |fates: &[Fate]| key.sum(fates);
                let (low, high) = (sum(&[Fate::Acked]), sum(&[Fate::Acked, Fate::Unknown]));
                assert!((low..=high).contains(&counter.value()), "{low} to {high}: {}", say());
            }
            Some(Cell::Set(set)) => key.judge_values(|value| set.contains(value), say),
            Some(Cell::Siblings(siblings)) => {
                key.judge_values(|value| siblings.values().any(|(_, live)| live == value), say);
            }
            Some(Cell::Cas(_)) => panic!("nobody asked"),
            None => key.judge_absence(settings, say),
        }
    }
}

impl KeyLedger {
    fn note_seen(&mut self, cell: Option<&Cell>) {
        match cell {
            Some(Cell::Register(register)) => {
                self.seen.extend(register.value().map(|value| (value.clone(), None)));
            }
            Some(Cell::Siblings(siblings)) => {
                let values = siblings.values().map(|(dot, value)| (value.clone(), Some(*dot)));
                self.seen.extend(values);
            }
            Some(Cell::Set(set)) => self.seen.extend(set.elements().map(|element| (element.clone(), None))),
            Some(Cell::Counter(_) | Cell::Cas(_)) | None => {}
        }
    }

    fn put(&self, value: &Value) -> Option<&(WriteRequest, Fate, Option<Version>)> {
        self.writes.iter().find(|(write, _, _)| match &write.update {
            Update::Put { value: put, .. } => put == value,
            Update::Add { element } => element == value,
            _ => false,
        })
    }

    fn sum(&self, fates: &[Fate]) -> i128 {
        let of_fate = self.writes.iter().filter(|(_, fate, _)| fates.contains(fate));
        let deltas = of_fate.map(|(write, _, _)| match write.update {
            Update::Increment { delta } => i128::from(delta),
            _ => 0,
        });
        deltas.sum()
    }

    fn judge_values(&self, holds: impl Fn(&Value) -> bool, say: impl Fn() -> String) {
        for (write, fate, _) in &self.writes {
            let (Update::Put { value, .. } | Update::Add { element: value }) = &write.update else {
                continue;
            };
            let covered = |fate: Fate| self.is_covered(value, fate);
            if *fate == Fate::Acked && !covered(Fate::Acked) && !covered(Fate::Unknown) {
                assert!(holds(value), "{value:?} was acknowledged and is gone: {}", say());
            }
            if covered(Fate::Acked) {
                assert!(!holds(value), "{value:?} is back: {}", say());
            }
        }
    }

    /// Whether a write of that fate replaced or removed a value that its client had seen.
    fn is_covered(&self, value: &Value, fate: Fate) -> bool {
        let of_fate = self.writes.iter().filter(|(_, f, _)| *f == fate);
        of_fate.into_iter().any(|(write, _, _)| match &write.update {
            Update::Remove { element, .. } => element == value,
            Update::Put { context, .. } | Update::Delete { context } => {
                let dot = self.seen.get(value).copied().flatten();
                dot.is_some_and(|dot| context.covers(&dot))
            }
            Update::Add { .. } | Update::Increment { .. } => false,
        })
    }

    fn judge_absence(&self, settings: &Settings, say: impl Fn() -> String) {
        let is_acked = self.writes.iter().any(|(_, fate, _)| *fate == Fate::Acked);
        let may_be_last = |(write, fate, version): &(WriteRequest, Fate, Option<Version>)| {
            matches!(write.update, Update::Delete { .. } | Update::Remove { .. })
                && (*fate == Fate::Unknown || *version == self.acked_max)
        };
        let is_deleted = settings.collects && self.writes.iter().any(may_be_last);
        assert!(!is_acked || is_deleted, "all is gone: {}", say());
    }
}
