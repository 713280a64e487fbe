//! Several registers, read and written together: `:txn [[:read k v] [:write k v] ...]`, also `:read [k v]`, `:write [k v]`
//! and both with a map of keys.

use std::collections::BTreeMap;

use super::{mark, unknown_function};
use crate::{
    datum::Datum,
    linear::{Marks, Model, Nil, Parsed},
    transcript::Call,
};

/// Registers by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// What they hold at first: a map by key, or a value that each has.
    pub init: Datum,
    /// What a completed read of nil says.
    pub nil: Nil,
}

/// What was read of the state before, and what was written: each key at most once in either.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RegistersOp {
    read: BTreeMap<Datum, Datum>,
    written: BTreeMap<Datum, Datum>,
    /// A read in it contradicts a write or a read before it in the same call: no state explains that.
    is_torn: bool,
}

impl Model for Registers {
    type Op = RegistersOp;
    /// Those that were written.
    type State = BTreeMap<Datum, Datum>;

    fn parse(&self, call: &Call) -> Result<Parsed<RegistersOp>, String> {
        let value = if call.is_ok() && !call.answered.is_nil() {
            &call.answered
        } else {
            &call.asked
        };
        let mut op = RegistersOp {
            read: BTreeMap::new(),
            written: BTreeMap::new(),
            is_torn: false,
        };
        match &*call.function {
            "txn" => {
                let bad = || format!("a txn is a list of reads and writes, not {value}");
                for micro in value.items().ok_or_else(bad)? {
                    match micro.items() {
                        Some([name, key, value]) => {
                            let name = name.as_name().ok_or_else(bad)?;
                            self.add(&mut op, call, name, key, value).ok_or_else(bad)?;
                        }
                        _ => return Err(bad()),
                    }
                }
            }
            name @ ("read" | "r" | "write" | "w") => {
                let bad = || format!("a {name} is of a key and a value, or a map of these, not {value}");
                if let Some((key, value)) = value.as_pair() {
                    self.add(&mut op, call, name, key, value).ok_or_else(bad)?;
                } else {
                    for (key, value) in value.entries().ok_or_else(bad)? {
                        self.add(&mut op, call, name, key, value).ok_or_else(bad)?;
                    }
                }
            }
            _ => return Err(unknown_function("multi-register", call)),
        }
        let is_nothing = op.read.is_empty() && op.written.is_empty() && !op.is_torn;
        Ok(if is_nothing { Parsed::Nothing } else { Parsed::Op(op) })
    }

    fn initial(&self) -> Self::State {
        BTreeMap::new()
    }

    fn step(&self, held: &Self::State, op: &RegistersOp, next: &mut Vec<Self::State>) {
        let is_read = |(key, value): (&Datum, &Datum)| held.get(key).unwrap_or_else(|| self.first(key)) == value;
        if op.is_torn || !op.read.iter().all(is_read) {
            return;
        }
        let mut held = held.clone();
        for (key, value) in &op.written {
            held.insert(key.clone(), value.clone());
        }
        next.push(held);
    }

    fn observes(&self, op: &RegistersOp) -> bool {
        op.written.is_empty()
    }

    fn overwrites(&self, later: &RegistersOp, earlier: &RegistersOp) -> bool {
        let is_blind = |op: &RegistersOp| op.read.is_empty() && !op.is_torn && !op.written.is_empty();
        is_blind(later) && is_blind(earlier) && earlier.written.keys().all(|key| later.written.contains_key(key))
    }

    fn leaves(&self, op: &RegistersOp) -> Marks {
        Marks::Only(op.written.iter().map(|entry| mark(&entry)).collect())
    }

    fn needs(&self, op: &RegistersOp) -> Marks {
        Marks::Only(op.read.iter().map(|entry| mark(&entry)).collect())
    }

    fn outdates(&self, later: &RegistersOp, earlier: &RegistersOp) -> bool {
        let is_other = |(key, value): (&Datum, &Datum)| later.written.get(key).is_some_and(|it| it != value);
        earlier.written.iter().all(is_other)
    }

    fn unconditional(&self, op: &RegistersOp) -> Option<RegistersOp> {
        Some(RegistersOp {
            read: BTreeMap::new(),
            written: op.written.clone(),
            is_torn: false,
        })
    }

    fn parts(&self, op: &RegistersOp) -> Marks {
        Marks::Only(op.read.keys().chain(op.written.keys()).map(mark).collect())
    }

    fn state_bytes(&self, held: &Self::State) -> usize {
        let entries = held.iter().map(|(key, value)| key.bytes() + value.bytes());
        size_of::<Self::State>() + entries.sum::<usize>() * 3 / 2
    }

    fn tell(&self, held: &Self::State) -> Option<String> {
        let entries = held.iter().map(|(key, value)| (key.clone(), value.clone()));
        Some(Datum::map(entries).to_string())
    }

    fn noun(&self) -> &'static str {
        "state of the registers"
    }
}

impl Registers {
    /// Adds one read or write to `op`; none if there is no such thing.
    fn add(&self, op: &mut RegistersOp, call: &Call, name: &str, key: &Datum, value: &Datum) -> Option<()> {
        match name {
            "write" | "w" => {
                op.written.insert(key.clone(), value.clone());
            }
            "read" | "r" if !call.is_ok() || self.nil == Nil::Any && value.is_nil() => {}
            "read" | "r" => {
                let known = op.written.get(key).or_else(|| op.read.get(key));
                op.is_torn |= known.is_some_and(|known| known != value);
                if known.is_none() {
                    op.read.insert(key.clone(), value.clone());
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn first(&self, key: &Datum) -> &Datum {
        const NOTHING: &Datum = &Datum::Nil;
        match &self.init {
            Datum::Map(entries) => entries
                .iter()
                .find(|entry| entry.0 == *key)
                .map_or(NOTHING, |entry| &entry.1),
            value => value,
        }
    }
}
