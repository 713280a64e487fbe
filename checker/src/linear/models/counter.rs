//! A counter: `:add n` (or `:increment`, `:decrement`, by one if no number is given), `:read nil -> n`.

use super::unknown_function;
use crate::{
    datum::Datum,
    linear::{Marks, Model, Parsed},
    transcript::Call,
};

/// A counter, 0 at first. A completed read of nil says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter;

/// What a counter is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CounterOp {
    /// So much was added.
    Add(i64),
    /// This was the sum.
    Read(i64),
}

impl Model for Counter {
    type Op = CounterOp;
    /// Wider than what is added, so that no history that fits into memory makes it overflow.
    type State = i128;

    fn parse(&self, call: &Call) -> Result<Parsed<CounterOp>, String> {
        let number = |datum: &Datum| {
            let number = datum.as_int();
            number.ok_or_else(|| format!("a counter knows integers of 64 bits, not {datum}"))
        };
        let by = || {
            if call.asked.is_nil() {
                Ok(1)
            } else {
                number(&call.asked)
            }
        };
        match &*call.function {
            "read" if !call.is_ok() || call.answered.is_nil() => Ok(Parsed::Nothing),
            "read" => Ok(Parsed::Op(CounterOp::Read(number(&call.answered)?))),
            "add" | "increment" | "inc" => Ok(Parsed::Op(CounterOp::Add(by()?))),
            "decrement" | "dec" => {
                let negated = by()?.checked_neg();
                let negated = negated.ok_or_else(|| "a decrement that has no negative".to_owned())?;
                Ok(Parsed::Op(CounterOp::Add(negated)))
            }
            _ => Err(unknown_function("counter", call)),
        }
    }

    fn initial(&self) -> i128 {
        0
    }

    fn step(&self, sum: &i128, op: &CounterOp, next: &mut Vec<i128>) {
        match op {
            CounterOp::Add(by) => next.push(sum + i128::from(*by)),
            CounterOp::Read(seen) if i128::from(*seen) == *sum => next.push(*sum),
            CounterOp::Read(_) => {}
        }
    }

    fn observes(&self, op: &CounterOp) -> bool {
        matches!(op, CounterOp::Read(_) | CounterOp::Add(0))
    }

    fn needs(&self, op: &CounterOp) -> Marks {
        match op {
            CounterOp::Add(_) => Marks::none(),
            CounterOp::Read(_) => Marks::All,
        }
    }

    fn tell(&self, sum: &i128) -> Option<String> {
        Some(sum.to_string())
    }

    fn noun(&self) -> &'static str {
        "counter"
    }
}
