//! A register: reads, writes and compare-and-set of one value (`:read nil -> v`, `:write v`, `:cas [old new]`).
//!
//! Where each value is written once there is a faster way to judge plain registers (Gibbons and Korach's zones); this is for
//! all others.

use super::{mark, unknown_function};
use crate::{
    datum::Datum,
    linear::{Marks, Model, Nil, Parsed},
    transcript::Call,
};

/// A register.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Register {
    /// What it holds at first.
    pub init: Datum,
    /// What a completed read of nil says.
    pub nil: Nil,
}

/// What a register is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RegisterOp {
    /// It held this.
    Read(Datum),
    /// It was given this.
    Write(Datum),
    /// It held the first and was given the second.
    Cas(Datum, Datum),
    /// It did not hold this, and so was left alone: a compare-and-set that answers false.
    Miss(Datum),
}

impl Model for Register {
    type Op = RegisterOp;
    type State = Datum;

    fn parse(&self, call: &Call) -> Result<Parsed<RegisterOp>, String> {
        let (asked, answered) = (&call.asked, &call.answered);
        match &*call.function {
            "read" | "r" if !call.is_ok() || self.nil == Nil::Any && answered.is_nil() => Ok(Parsed::Nothing),
            "read" | "r" => Ok(Parsed::Op(RegisterOp::Read(answered.clone()))),
            "write" | "w" => Ok(Parsed::Op(RegisterOp::Write(asked.clone()))),
            "cas" => {
                let pair = asked.as_pair();
                let (old, new) = pair.ok_or_else(|| format!("a cas asks a pair of values, not {asked}"))?;
                let is_miss = call.is_ok() && *answered == Datum::Bool(false);
                Ok(Parsed::Op(if is_miss {
                    RegisterOp::Miss(old.clone())
                } else {
                    RegisterOp::Cas(old.clone(), new.clone())
                }))
            }
            _ => Err(unknown_function("register", call)),
        }
    }

    fn initial(&self) -> Datum {
        self.init.clone()
    }

    fn step(&self, held: &Datum, op: &RegisterOp, next: &mut Vec<Datum>) {
        match op {
            RegisterOp::Read(value) if value == held => next.push(held.clone()),
            RegisterOp::Write(value) => next.push(value.clone()),
            RegisterOp::Cas(old, new) if old == held => next.push(new.clone()),
            RegisterOp::Miss(old) if old != held => next.push(held.clone()),
            _ => {}
        }
    }

    fn observes(&self, op: &RegisterOp) -> bool {
        match op {
            RegisterOp::Read(_) | RegisterOp::Miss(_) => true,
            RegisterOp::Write(_) => false,
            RegisterOp::Cas(old, new) => old == new,
        }
    }

    fn overwrites(&self, later: &RegisterOp, earlier: &RegisterOp) -> bool {
        matches!((later, earlier), (RegisterOp::Write(_), RegisterOp::Write(_)))
    }

    fn leaves(&self, op: &RegisterOp) -> Marks {
        match op {
            RegisterOp::Write(value) | RegisterOp::Cas(_, value) if !self.observes(op) => {
                Marks::Only(vec![mark(value)])
            }
            _ => Marks::none(),
        }
    }

    fn needs(&self, op: &RegisterOp) -> Marks {
        match op {
            RegisterOp::Read(value) | RegisterOp::Cas(value, _) => Marks::Only(vec![mark(value)]),
            RegisterOp::Write(_) => Marks::none(),
            RegisterOp::Miss(_) => Marks::All,
        }
    }

    /// What sets another value has what was there before forgotten, and what finds another value shows that it was.
    fn outdates(&self, later: &RegisterOp, earlier: &RegisterOp) -> bool {
        let (RegisterOp::Write(left) | RegisterOp::Cas(_, left)) = earlier else {
            return false;
        };
        match later {
            RegisterOp::Read(value) | RegisterOp::Write(value) => value != left,
            RegisterOp::Cas(old, new) => old != left || new != left,
            RegisterOp::Miss(value) => value == left,
        }
    }

    fn unconditional(&self, op: &RegisterOp) -> Option<RegisterOp> {
        match op {
            RegisterOp::Cas(_, new) => Some(RegisterOp::Write(new.clone())),
            _ => None,
        }
    }

    fn state_bytes(&self, state: &Datum) -> usize {
        state.bytes()
    }

    fn tell(&self, state: &Datum) -> Option<String> {
        Some(state.to_string())
    }

    fn noun(&self) -> &'static str {
        "register"
    }
}
