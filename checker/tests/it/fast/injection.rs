//! Each anomaly put into a large valid history is found, with a witness of a few calls; and without it nothing is.

use std::collections::BTreeSet;

use quorate_checker::{Datum, Outcome};

use super::{
    scatter::{self, Shape},
    trial::{Object, Trial, finding, transcript},
};

const CALL_COUNT: usize = 100_000;

/// Calls that begin and end within this many units of their moment.
const REACH: u64 = 60;

fn valid(object: Object) -> Vec<Trial> {
    let shape = Shape {
        object,
        call_count_max: CALL_COUNT,
        // With many releases of unknown outcome a lock can be acquired as often.
        info_percent: if object == Object::Mutex { 0 } else { 2 },
        // A stack with them is partly left to the search; in a FIFO queue they can remove what is injected.
        has_info_takes: !matches!(object, Object::Fifo | Object::Stack),
        has_drains: false,
        reach: REACH,
    };
    scatter::simulate(&mut scatter::rng(7), shape, CALL_COUNT)
}

/// What is put in, one call after another, half-way through; and how many calls its witness may have.
type Injected = &'static [(&'static str, Option<i64>, Option<i64>)];

/// Values that no history has by itself.
const A: Option<i64> = Some(1_000_001);
const B: Option<i64> = Some(1_000_002);

#[test]
fn anomalies_of_queues_are_found() {
    let injected: [(Injected, usize); 4] = [
        (&[("dequeue", None, A)], 1),
        (&[("dequeue", None, A), ("enqueue", A, A)], 2),
        (&[("enqueue", A, A), ("dequeue", None, A), ("dequeue", None, A)], 3),
        (&[("enqueue", A, A), ("dequeue", None, None), ("dequeue", None, A)], 3),
    ];
    check(Object::Queue, &injected);
}

#[test]
fn anomalies_of_fifo_queues_are_found() {
    let injected: [(Injected, usize); 3] = [
        (&[("enqueue", A, A), ("dequeue", None, A), ("dequeue", None, A)], 3),
        (
            &[
                ("enqueue", A, A),
                ("enqueue", B, B),
                ("dequeue", None, B),
                ("dequeue", None, A),
            ],
            4,
        ),
        (&[("enqueue", A, A), ("enqueue", B, B), ("dequeue", None, B)], 3),
    ];
    check(Object::Fifo, &injected);
}

#[test]
fn anomalies_of_stacks_are_found() {
    let injected: [(Injected, usize); 4] = [
        (&[("pop", None, A)], 1),
        (&[("push", A, A), ("push", B, B), ("pop", None, A), ("pop", None, B)], 4),
        (&[("push", A, A), ("push", B, B), ("pop", None, A)], 3),
        (&[("push", A, A), ("pop", None, None), ("pop", None, A)], 3),
    ];
    check(Object::Stack, &injected);
}

#[test]
fn anomalies_of_locks_are_found() {
    let injected: [(Injected, usize); 2] = [
        // Whatever its state was, and with whatever is in flight, that is too many.
        (&[("acquire", None, None); 80], 160),
        (&[("release", None, None); 80], 160),
    ];
    check(Object::Mutex, &injected);
}

#[test]
fn anomalies_of_sets_are_found() {
    let valid = valid(Object::Set);
    assert_eq!(count(Object::Set, &valid), 0);
    let late = valid
        .iter()
        .rposition(|trial| trial.function == "read" && trial.outcome == Outcome::Ok)
        .unwrap();
    let items = valid[late].answered.items().unwrap().to_vec();
    let without = |place: usize| {
        Datum::list(
            items
                .iter()
                .enumerate()
                .filter(|(it, _)| *it != place)
                .map(|(_, it)| it.clone()),
        )
    };
    // Lost, from nowhere, from the future.
    let last = valid
        .iter()
        .rfind(|trial| trial.function == "add" && trial.outcome == Outcome::Ok)
        .unwrap();
    for (answered, calls) in [
        (without(items.len() / 2), 2),
        (Datum::list(items.iter().cloned().chain([Datum::Int(-1)])), 1),
        (Datum::list(items.iter().cloned().chain([last.asked.clone()])), 2),
    ] {
        let mut broken = valid.clone();
        broken[late].answered = answered;
        let finding = finding(Object::Set.decide(&transcript(&broken))).expect("sets without removes are decided");
        let witness = finding.witness.expect("it is broken");
        assert!(witness.ops.len() <= calls, "{witness:#?}");
    }
}

#[test]
fn anomalies_of_counters_are_found() {
    let valid = valid(Object::Counter);
    assert_eq!(count(Object::Counter, &valid), 0);
    let middle = CALL_COUNT / 2;
    let read = (middle..)
        .find(|it| valid[*it].function == "read" && valid[*it].outcome == Outcome::Ok)
        .unwrap();
    let value = valid[read].answered.as_int().unwrap();
    for wrong in [value + 20_000 * value.signum(), value - 20_000 * value.signum(), -value] {
        let mut broken = valid.clone();
        broken[read].answered = Datum::Int(wrong);
        assert_eq!(count(Object::Counter, &broken), 1, "{wrong} for {value}");
    }
}

fn count(object: Object, trials: &[Trial]) -> u64 {
    finding(object.decide(&transcript(trials)))
        .expect("it is decided")
        .count
}

fn check(object: Object, injected: &[(Injected, usize)]) {
    let valid = valid(object);
    assert_eq!(count(object, &valid), 0, "{object:?}");
    // After a pause, in which all that was under way has ended, and before another.
    let middle = valid[CALL_COUNT / 2].start + 2 * REACH;
    let pause = 4 * REACH + 1_000;
    for (calls, call_count_max) in injected {
        let mut broken = valid.clone();
        for trial in &mut broken {
            if trial.start > middle {
                trial.start += pause;
            }
            if trial.end > middle {
                trial.end += pause;
            }
        }
        for (place, (function, asked, answered)) in (0..).zip(*calls) {
            let datum = |value: &Option<i64>| value.map_or(Datum::Nil, Datum::Int);
            let start = middle + 1 + 3 * place;
            broken.push(Trial {
                process: (CALL_COUNT as u64 + place) as i64,
                function,
                asked: datum(asked),
                answered: datum(answered),
                outcome: Outcome::Ok,
                start,
                end: start + 1,
                has_invocation: true,
            });
        }
        let finding = finding(object.decide(&transcript(&broken))).expect("it is decided");
        let witness = finding
            .witness
            .unwrap_or_else(|| panic!("{object:?}: {calls:?} are not found"));
        let processes: BTreeSet<String> = witness.ops.iter().map(|op| op.process.to_string()).collect();
        assert!(processes.len() <= *call_count_max, "{object:?}: {witness:#?}");
        let is_injected = |process: &String| {
            process[1..]
                .parse::<usize>()
                .expect("a process of the load is p and a number")
                >= CALL_COUNT
        };
        assert!(processes.iter().any(is_injected), "{object:?}: {witness:#?}");
    }
}
