//! A lock: `:acquire` and `:release`. As in Knossos it does not ask who holds it: anybody can release it.

use super::unknown_function;
use crate::{
    linear::{Model, Parsed},
    transcript::Call,
};

/// A lock, free at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mutex;

/// What a lock is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MutexOp {
    /// It was free and is held.
    Acquire,
    /// It was held and is free.
    Release,
}

impl Model for Mutex {
    type Op = MutexOp;
    /// Whether it is held.
    type State = bool;

    fn parse(&self, call: &Call) -> Result<Parsed<MutexOp>, String> {
        match &*call.function {
            "acquire" => Ok(Parsed::Op(MutexOp::Acquire)),
            "release" => Ok(Parsed::Op(MutexOp::Release)),
            _ => Err(unknown_function("mutex", call)),
        }
    }

    fn initial(&self) -> bool {
        false
    }

    fn step(&self, is_held: &bool, op: &MutexOp, next: &mut Vec<bool>) {
        if *is_held == (*op == MutexOp::Release) {
            next.push(!is_held);
        }
    }

    fn tell(&self, is_held: &bool) -> Option<String> {
        Some(if *is_held { "held" } else { "free" }.to_owned())
    }

    fn noun(&self) -> &'static str {
        "lock"
    }
}
