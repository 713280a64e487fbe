//! Steps of transactions as programs: requests one after another, each chosen by how the one before it ended.
//!
//! A store of single registers offers reads and writes of them. What clients make of these, as lists that are appended to, takes more
//! than one request, and which ones is for the programs to say. All that is known of a program is in what it asks and how it ends, so
//! that another way to do the same is another program, and nothing else.

use std::fmt;

use quorate_checker::Datum;
use quorate_core::{CasOutcome, Cell, Request, Response, Value, WriteError};
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
pub fn program(step: Step, requests: Requests<'_>) -> Box<dyn Program> {
    match step {
        Step::Append { key, element } if requests.scenario.is_agreed_upon() => {
            Box::new(AppendByComparing { key, element, tries: 0 })
        }
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
        Next::End(match held_of(outcome) {
            Ok(value) => StepEnd::Done(Some(Datum::from(&requests.shown(value.as_ref())))),
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
        match held_of(outcome) {
            Ok(list) => {
                self.is_read = true;
                Next::Ask(requests.put(self.key, appended(list.as_ref(), self.element)))
            }
            Err(why) => Next::End(StepEnd::Failed(why)),
        }
    }
}

/// How often an append compares before it gives up: who loses so often in a row has many rivals, and others are getting on.
const TRIES_MAX: u32 = 16;

/// Appends to a list by reading it, and setting it with the element at its end if it is what was read, until it is.
#[derive(Debug)]
struct AppendByComparing {
    key: usize,
    element: u64,
    /// How often it has compared.
    tries: u32,
}

impl AppendByComparing {
    fn compare(&mut self, list: Option<Value>, requests: Requests<'_>) -> Next {
        self.tries += 1;
        let longer = appended(list.as_ref(), self.element);
        Next::Ask(requests.compare_and_set(self.key, list, longer))
    }
}

impl Program for AppendByComparing {
    fn begin(&mut self, requests: Requests<'_>) -> Request {
        requests.read(self.key)
    }

    fn then(&mut self, outcome: &Outcome, requests: Requests<'_>) -> Next {
        if self.tries == 0 {
            return match held_of(outcome) {
                Ok(list) => self.compare(list, requests),
                Err(why) => Next::End(StepEnd::Failed(why)),
            };
        }
        if let Outcome::Answered(response) = outcome
            && let Response::Cas(Ok(found)) = &**response
            && found.outcome == CasOutcome::Unmet
        {
            if self.tries == TRIES_MAX {
                let why = format!("the list was another each of {TRIES_MAX} times");
                return Next::End(StepEnd::Failed(why));
            }
            return self.compare(found.value.clone(), requests);
        }
        Next::End(written(outcome))
    }
}

const OTHER_QUESTION: &str = "an answer to another question";

/// What a read returned; an error is why it returned nothing.
fn held_of(outcome: &Outcome) -> Result<Option<Value>, String> {
    match outcome {
        Outcome::NotSent { why } | Outcome::Lost { why } => Err(why.clone()),
        Outcome::Answered(response) => match &**response {
            Response::Read(Ok(read)) => Ok(match &read.cell {
                Some(Cell::Register(register)) => register.value().cloned(),
                _ => None,
            }),
            Response::Cas(Ok(agreed)) => Ok(agreed.value.clone()),
            Response::Read(Err(error)) => Err(error.to_string()),
            Response::Cas(Err(error)) => Err(error.to_string()),
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
            Response::Write(Ok(_)) | Response::Cas(Ok(_)) => StepEnd::Done(None),
            Response::Write(Err(error)) | Response::Cas(Err(error)) => match error {
                WriteError::NotApplied(_) => StepEnd::Failed(error.to_string()),
                WriteError::Unknown(_) => StepEnd::Unknown(error.to_string()),
            },
            _ => StepEnd::Unknown(OTHER_QUESTION.to_owned()),
        },
    }
}
