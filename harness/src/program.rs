//! Steps of transactions as programs: requests one after another, each chosen by how the one before it ended.
//!
//! A store of single registers offers reads and writes of them. What clients make of these, as lists that are appended to, takes more
//! than one request, and which ones is for the programs to say. All that is known of a program is in what it asks and how it ends, so
//! that another way to do the same is another program, and nothing else.

use std::fmt;

use quorate_checker::Datum;
use quorate_core::{Cell, Request, Response, WriteError};
use quorate_workloads::Step;

use crate::{
    cluster::Outcome,
    operations::{Requests, appended, stored_value},
};

/// A step that is being taken.
pub trait Program: fmt::Debug {
    /// What it asks first.
    fn begin(&mut self, requests: Requests<'_>) -> Request;

    /// What follows from how its last request ended.
    fn then(&mut self, outcome: &Outcome, requests: Requests<'_>) -> Next;
}

/// What a program does next.
#[derive(Debug)]
pub enum Next {
    /// It asks the same node for something else.
    Ask(Request),
    /// It has ended.
    End(StepEnd),
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepEnd {
    /// It is done; of one that reads, with what it returned.
    Done(Option<Datum>),
    /// It has changed nothing, and never will; why.
    Failed(String),
    /// It may have changed something, or may yet; why that is not known.
    Unknown(String),
}

/// The program of a step.
pub fn program(step: Step) -> Box<dyn Program> {
    match step {
        Step::Read { key } => Box::new(Read { key }),
        Step::Write { key, value } => Box::new(Write { key, value }),
        Step::Append { key, element } => Box::new(AppendByWriting {
            key,
            element,
            is_read: false,
        }),
    }
}

/// Reads a key.
#[derive(Debug)]
struct Read {
    key: usize,
}

impl Program for Read {
    fn begin(&mut self, requests: Requests<'_>) -> Request {
        requests.read(self.key)
    }

    fn then(&mut self, outcome: &Outcome, requests: Requests<'_>) -> Next {
        Next::End(match cell_of(outcome) {
            Ok(cell) => StepEnd::Done(Some(Datum::from(&requests.shown(cell)))),
            Err(why) => StepEnd::Failed(why),
        })
    }
}

/// Writes a register.
#[derive(Debug)]
struct Write {
    key: usize,
    value: u64,
}

impl Program for Write {
    fn begin(&mut self, requests: Requests<'_>) -> Request {
        requests.put(self.key, stored_value(self.value))
    }

    fn then(&mut self, outcome: &Outcome, _requests: Requests<'_>) -> Next {
        Next::End(written(outcome))
    }
}

/// Appends to a list by reading it, and writing it back with the element at its end. What others append meanwhile is lost.
#[derive(Debug)]
struct AppendByWriting {
    key: usize,
    element: u64,
    is_read: bool,
}

impl Program for AppendByWriting {
    fn begin(&mut self, requests: Requests<'_>) -> Request {
        requests.read(self.key)
    }

    fn then(&mut self, outcome: &Outcome, requests: Requests<'_>) -> Next {
        if self.is_read {
            return Next::End(written(outcome));
        }
        match cell_of(outcome) {
            Ok(list) => {
                self.is_read = true;
                Next::Ask(requests.put(self.key, appended(list, self.element)))
            }
            Err(why) => Next::End(StepEnd::Failed(why)),
        }
    }
}

const OTHER_QUESTION: &str = "an answer to another question";

/// What a read returned; an error is why it returned nothing.
fn cell_of(outcome: &Outcome) -> Result<Option<&Cell>, String> {
    match outcome {
        Outcome::NotSent { why } | Outcome::Lost { why } => Err(why.clone()),
        Outcome::Answered(response) => match &**response {
            Response::Read(Ok(read)) => Ok(read.cell.as_ref()),
            Response::Read(Err(error)) => Err(error.to_string()),
            _ => Err(OTHER_QUESTION.to_owned()),
        },
    }
}

/// How a step ended whose last request was to write.
fn written(outcome: &Outcome) -> StepEnd {
    match outcome {
        Outcome::NotSent { why } => StepEnd::Failed(why.clone()),
        Outcome::Lost { why } => StepEnd::Unknown(why.clone()),
        Outcome::Answered(response) => match &**response {
            Response::Write(Ok(_)) => StepEnd::Done(None),
            Response::Write(Err(error @ WriteError::NotApplied(_))) => StepEnd::Failed(error.to_string()),
            Response::Write(Err(error @ WriteError::Unknown(_))) => StepEnd::Unknown(error.to_string()),
            _ => StepEnd::Unknown(OTHER_QUESTION.to_owned()),
        },
    }
}
