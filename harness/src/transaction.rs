//! A transaction that is under way: its steps one after another, each by its program, until one does not succeed.
//!
//! Nothing holds the steps together, and none is taken back. So a transaction failed only if none of its steps has changed anything;
//! if one has, or may have, its outcome is unknown, whatever became of the others. What was read by then is left out of the record:
//! of a transaction that is not known to have happened, no read is promised to mean anything.

use quorate_checker::{Datum, Entry, EventKind};
use quorate_core::Request;
use quorate_workloads::Step;

use crate::{
    cluster::Outcome,
    operations::Requests,
    program::{Next, Program, StepEnd, program},
};

/// The name of a transaction in the record.
pub const FUNCTION: &str = "txn";

/// A transaction that is under way.
#[derive(Debug)]
pub struct Transaction {
    steps: Vec<Step>,
    /// What the steps that are done returned.
    answers: Vec<Option<Datum>>,
    /// Of the first step that is not done.
    program: Box<dyn Program>,
}

/// What follows from how a request ended.
#[derive(Debug)]
pub enum Progress {
    /// The same node is asked for something else.
    Ask(Request),
    /// The transaction has ended.
    End(Ended),
}

/// How a transaction ended, as the record has it.
#[derive(Debug)]
pub struct Ended {
    /// Whether it happened.
    pub kind: EventKind,
    /// Its steps, with what they returned if it did.
    pub value: Datum,
    /// Why not, or why that is not known.
    pub error: Option<String>,
}

impl Transaction {
    /// A transaction of these steps, and what it asks first.
    ///
    /// # Panics
    /// If there is no step.
    pub fn begin(steps: &[Step], requests: Requests<'_>) -> (Transaction, Request) {
        let first = *steps.first().expect("a transaction has a step");
        let mut program = program(first, requests);
        let request = program.begin(requests);
        let transaction = Transaction {
            steps: steps.to_vec(),
            answers: Vec::with_capacity(steps.len()),
            program,
        };
        (transaction, request)
    }

    /// What the record says that it is asked to do.
    pub fn invocation(&self, requests: Requests<'_>) -> Entry {
        Entry::new(EventKind::Invoke, FUNCTION, self.value(false, requests))
    }

    /// Takes in how its last request ended.
    pub fn then(&mut self, outcome: &Outcome, requests: Requests<'_>) -> Progress {
        let end = match self.program.then(outcome, requests) {
            Next::Ask(request) => return Progress::Ask(request),
            Next::End(end) => end,
        };
        let (is_unknown, why) = match end {
            StepEnd::Done(answer) => return self.go_on(answer, requests),
            StepEnd::Failed(why) => (self.has_written(), why),
            StepEnd::Unknown(why) => (true, why),
        };
        let (number, count) = (self.answers.len() + 1, self.steps.len());
        Progress::End(Ended {
            kind: if is_unknown { EventKind::Info } else { EventKind::Fail },
            value: self.value(false, requests),
            error: Some(format!("step {number} of {count}: {why}")),
        })
    }

    /// A step is done: begins the next, if there is one.
    fn go_on(&mut self, answer: Option<Datum>, requests: Requests<'_>) -> Progress {
        self.answers.push(answer);
        match self.steps.get(self.answers.len()) {
            Some(step) => {
                self.program = program(*step, requests);
                Progress::Ask(self.program.begin(requests))
            }
            None => Progress::End(Ended {
                kind: EventKind::Ok,
                value: self.value(true, requests),
                error: None,
            }),
        }
    }

    /// Whether a step that is done has changed anything.
    fn has_written(&self) -> bool {
        self.steps[..self.answers.len()].iter().any(|step| step.is_write())
    }

    /// The steps as Jepsen's, with what was read if that is said.
    fn value(&self, is_answered: bool, requests: Requests<'_>) -> Datum {
        let answer = |place: usize| self.answers.get(place).cloned().flatten().filter(|_| is_answered);
        let step = |(place, step): (usize, &Step)| {
            let (name, value) = match step {
                Step::Read { .. } => ("r", answer(place).unwrap_or_default()),
                Step::Write { value, .. } => ("w", number(*value)),
                Step::Append { element, .. } => ("append", number(*element)),
            };
            Datum::list([Datum::from(name), Datum::from(requests.key_name(step.key())), value])
        };
        Datum::list(self.steps.iter().enumerate().map(step))
    }
}

fn number(value: u64) -> Datum {
    Datum::Int(i64::try_from(value).expect("values are counted from 1"))
}

#[cfg(test)]
mod tests {
    use quorate_core::{
        Cell, Content, Generation, NodeId, ReadOk, Register, Response, SessionToken, Update, Value, Version, WriteOk,
    };
    use quorate_workloads::Workload;

    use super::*;
    use crate::{operations::Names, scenario::Scenario};

    fn read(held: Option<&str>) -> Outcome {
        let register = |text: &str| {
            let value = Value(text.to_owned().into());
            Cell::Register(Register {
                version: Version {
                    time: 1,
                    node: NodeId(1),
                    generation: Generation(1),
                },
                content: Content::Value(value),
            })
        };
        Outcome::Answered(Box::new(Response::Read(Ok(ReadOk {
            cell: held.map(register),
            answers: vec![NodeId(1)],
            stand_ins: Vec::new(),
            token: SessionToken::default(),
        }))))
    }

    fn wrote() -> Outcome {
        Outcome::Answered(Box::new(Response::Write(Ok(WriteOk {
            version: None,
            acks: Vec::new(),
            stand_ins: Vec::new(),
            token: SessionToken::default(),
        }))))
    }

    fn lost() -> Outcome {
        let why = "no answer".to_owned();
        Outcome::Lost { why }
    }

    fn not_sent() -> Outcome {
        let why = "nobody there".to_owned();
        Outcome::NotSent { why }
    }

    /// A request as `r k1` or `w k1 5,6`.
    fn asked(request: &Request) -> String {
        match request {
            Request::Read(read) => format!("r {}", String::from_utf8_lossy(&read.key.name)),
            Request::Write(write) => {
                let Update::Put { value, .. } = &write.update else {
                    panic!("a register is put, and not {:?}", write.update);
                };
                let (key, value) = (&write.key.name, String::from_utf8_lossy(&value.0));
                format!("w {} {value}", String::from_utf8_lossy(key))
            }
            other => panic!("a program asks for reads and writes, and not {other:?}"),
        }
    }

    /// Takes the steps while their requests end so; returns what was asked, and how it ended if it did.
    fn take(workload: Workload, steps: &[Step], outcomes: Vec<Outcome>) -> (Vec<String>, Option<String>) {
        let scenario = Scenario {
            workload,
            ..Scenario::quickstart()
        };
        let names = Names::of(&scenario);
        let requests = Requests {
            scenario: &scenario,
            names: &names,
        };
        let (mut transaction, first) = Transaction::begin(steps, requests);
        let mut asks = vec![asked(&first)];
        for outcome in outcomes {
            match transaction.then(&outcome, requests) {
                Progress::Ask(request) => asks.push(asked(&request)),
                Progress::End(Ended { kind, value, error }) => {
                    let error = error.map(|error| format!(", {error}")).unwrap_or_default();
                    let end = format!("{} {}{error}", kind.name(), value.to_json());
                    return (asks, Some(end));
                }
            }
        }
        (asks, None)
    }

    const READ: Step = Step::Read { key: 1 };
    const WRITE: Step = Step::Write { key: 2, value: 7 };
    const APPEND: Step = Step::Append { key: 3, element: 9 };

    #[test]
    fn an_append_reads_the_list_and_writes_it_back_with_its_element() {
        let (asks, end) = take(Workload::Append, &[APPEND], vec![read(Some("4,5")), wrote()]);
        assert_eq!(asks, ["r k3", "w k3 4,5,9"]);
        assert_eq!(end.as_deref(), Some(r#"ok [["append","k3",9]]"#));
        let (asks, _) = take(Workload::Append, &[APPEND], vec![read(None)]);
        assert_eq!(asks, ["r k3", "w k3 9"], "an unborn list");
    }

    #[test]
    fn steps_follow_each_other_and_reads_are_filled_in() {
        let (asks, end) = take(
            Workload::Txn,
            &[READ, WRITE, READ],
            vec![read(None), wrote(), read(Some("7"))],
        );
        assert_eq!(asks, ["r k1", "w k2 7", "r k1"]);
        let expected = r#"ok [["r","k1",null],["w","k2",7],["r","k1",7]]"#;
        assert_eq!(end.as_deref(), Some(expected));
        let (_, end) = take(Workload::Append, &[READ, READ], vec![read(None), read(Some("4,?"))]);
        let expected = r#"ok [["r","k1",[]],["r","k1",[4,"?"]]]"#;
        assert_eq!(end.as_deref(), Some(expected), "what nobody can have written is seen");
    }

    /// Whatever was read by then is not told of a transaction that is not known to have happened.
    #[test]
    fn only_what_has_surely_changed_nothing_has_failed() {
        let ended = |steps: &[Step], outcomes| {
            let (_, end) = take(Workload::Append, steps, outcomes);
            let end = end.expect("it has ended");
            let nothing_read = end.contains(r#"["r","k1",null]"#) || !steps.contains(&READ);
            assert!(nothing_read, "{end}");
            let (kind, error) = (end.split(' ').next(), end.rsplit(", ").next());
            format!("{}: {}", kind.unwrap_or_default(), error.unwrap_or_default())
        };
        let cases: [(&[Step], Vec<Outcome>, &str); 8] = [
            (&[READ], vec![lost()], "fail: step 1 of 1: no answer"),
            (&[WRITE], vec![not_sent()], "fail: step 1 of 1: nobody there"),
            (&[WRITE], vec![lost()], "info: step 1 of 1: no answer"),
            (&[APPEND], vec![lost()], "fail: step 1 of 1: no answer"),
            (
                &[APPEND],
                vec![read(None), not_sent()],
                "fail: step 1 of 1: nobody there",
            ),
            (&[APPEND], vec![read(None), lost()], "info: step 1 of 1: no answer"),
            (
                &[READ, WRITE],
                vec![read(None), not_sent()],
                "fail: step 2 of 2: nobody there",
            ),
            (
                &[WRITE, READ, WRITE],
                vec![wrote(), read(Some("1")), not_sent()],
                "info: step 3 of 3: nobody there",
            ),
        ];
        for (steps, outcomes, expected) in cases {
            assert_eq!(ended(steps, outcomes), expected, "{steps:?}");
        }
        assert_eq!(
            ended(&[WRITE, READ], vec![wrote(), lost()]),
            "info: step 2 of 2: no answer",
            "a write before it is done, whatever becomes of the read"
        );
    }
}
