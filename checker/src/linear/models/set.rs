//! A set: `:add e`, `:remove e`, `:read nil -> [e ...]`, `:contains? e -> true`.

use std::collections::BTreeSet;

use super::{mark, unknown_function};
use crate::{
    datum::Datum,
    linear::{Marks, Model, Nil, Parsed},
    transcript::Call,
};

/// A set, empty at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Set {
    /// What a completed read of nil says.
    pub nil: Nil,
}

/// What a set is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetOp {
    /// This is in it from here on.
    Add(Datum),
    /// This is not.
    Remove(Datum),
    /// These were in it, and no others.
    Read(BTreeSet<Datum>),
    /// Whether this was in it.
    Contains(Datum, bool),
}

impl Model for Set {
    type Op = SetOp;
    type State = BTreeSet<Datum>;

    fn parse(&self, call: &Call) -> Result<Parsed<SetOp>, String> {
        let (asked, answered) = (&call.asked, &call.answered);
        match &*call.function {
            "add" => Ok(Parsed::Op(SetOp::Add(asked.clone()))),
            "remove" => Ok(Parsed::Op(SetOp::Remove(asked.clone()))),
            "read" | "contains?" | "contains" if !call.is_ok() => Ok(Parsed::Nothing),
            "read" if answered.is_nil() => Ok(match self.nil {
                Nil::Absent => Parsed::Op(SetOp::Read(BTreeSet::new())),
                Nil::Any => Parsed::Nothing,
            }),
            "read" => {
                let items = answered.items();
                let items = items.ok_or_else(|| format!("a read of a set returns a list, not {answered}"))?;
                Ok(Parsed::Op(SetOp::Read(items.iter().cloned().collect())))
            }
            "contains?" | "contains" => match answered.as_pair().map_or(answered, |(_, it)| it) {
                Datum::Bool(is_in) => Ok(Parsed::Op(SetOp::Contains(asked.clone(), *is_in))),
                _ => Err(format!("contains? returns true or false, not {answered}")),
            },
            _ => Err(unknown_function("set", call)),
        }
    }

    fn initial(&self) -> BTreeSet<Datum> {
        BTreeSet::new()
    }

    fn step(&self, held: &BTreeSet<Datum>, op: &SetOp, next: &mut Vec<BTreeSet<Datum>>) {
        match op {
            SetOp::Add(element) => {
                let mut held = held.clone();
                held.insert(element.clone());
                next.push(held);
            }
            SetOp::Remove(element) => {
                let mut held = held.clone();
                held.remove(element);
                next.push(held);
            }
            SetOp::Read(elements) if elements == held => next.push(held.clone()),
            SetOp::Contains(element, is_in) if held.contains(element) == *is_in => next.push(held.clone()),
            SetOp::Read(_) | SetOp::Contains(..) => {}
        }
    }

    fn observes(&self, op: &SetOp) -> bool {
        matches!(op, SetOp::Read(_) | SetOp::Contains(..))
    }

    fn overwrites(&self, later: &SetOp, earlier: &SetOp) -> bool {
        let changed = |op: &SetOp| match op {
            SetOp::Add(element) | SetOp::Remove(element) => Some(element.clone()),
            SetOp::Read(_) | SetOp::Contains(..) => None,
        };
        changed(later).is_some() && changed(later) == changed(earlier)
    }

    fn leaves(&self, op: &SetOp) -> Marks {
        match op {
            SetOp::Add(element) | SetOp::Remove(element) => Marks::Only(vec![mark(element)]),
            SetOp::Read(_) | SetOp::Contains(..) => Marks::none(),
        }
    }

    fn needs(&self, op: &SetOp) -> Marks {
        match op {
            SetOp::Add(_) | SetOp::Remove(_) => Marks::none(),
            SetOp::Contains(element, _) => Marks::Only(vec![mark(element)]),
            SetOp::Read(_) => Marks::All,
        }
    }

    fn outdates(&self, later: &SetOp, earlier: &SetOp) -> bool {
        self.overwrites(later, earlier) && later != earlier
    }

    /// A set is a flag for each element, unless it is read as a whole.
    fn parts(&self, op: &SetOp) -> Marks {
        match op {
            SetOp::Add(element) | SetOp::Remove(element) | SetOp::Contains(element, _) => {
                Marks::Only(vec![mark(element)])
            }
            SetOp::Read(_) => Marks::All,
        }
    }

    fn state_bytes(&self, held: &BTreeSet<Datum>) -> usize {
        // Nodes of such a tree are two thirds full, or so.
        size_of::<BTreeSet<Datum>>() + held.iter().map(Datum::bytes).sum::<usize>() * 3 / 2
    }

    fn tell(&self, held: &BTreeSet<Datum>) -> Option<String> {
        Some(Datum::set(held.iter().cloned()).to_string())
    }

    fn noun(&self) -> &'static str {
        "set"
    }
}
