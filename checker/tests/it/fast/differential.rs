//! Every way against the search through all orders; and every witness against both.

use std::collections::BTreeSet;

use quorate_checker::{Datum, Outcome, Transcript, Witness, linear::fast::Decision};
use rand::RngExt;

use super::{
    naive,
    scatter::{self, Shape},
    trial::{self, Object, Trial, finding, render, transcript},
};

/// Histories of each object and shape.
const SEEDS: u64 = 3_000;

fn shapes(object: Object) -> Vec<Shape> {
    let mut shapes = Vec::new();
    for (info_percent, reach) in [(0, 3), (0, 8), (10, 4), (25, 2), (25, 6), (50, 4)] {
        shapes.push(Shape {
            object,
            call_count_max: 8,
            info_percent,
            has_info_takes: true,
            has_drains: info_percent < 25 && reach > 3,
            reach,
        });
    }
    shapes
}

#[derive(Debug, Default)]
struct Counts {
    sound: u64,
    broken: u64,
    not_applicable: u64,
}

#[test]
fn decisions_agree_with_the_search_through_all_orders() {
    for object in Object::ALL {
        let mut counts = Counts::default();
        for (number, shape) in shapes(object).into_iter().enumerate() {
            for seed in 0..SEEDS {
                let trials = scatter::history(number as u64 * SEEDS + seed, shape);
                let transcript = transcript(&trials);
                compare(object, &trials, &transcript, &mut counts);
            }
        }
        let all = SEEDS * 6;
        assert!(
            counts.sound > all / 5 && counts.broken > all / 10,
            "{object:?}: {counts:?}"
        );
        let excused = if object.is_collection() { all / 12 } else { 0 };
        assert!(counts.not_applicable <= excused, "{object:?}: {counts:?}");
    }
}

fn compare(object: Object, trials: &[Trial], transcript: &Transcript, counts: &mut Counts) {
    let decision = object.decide(transcript);
    let said = naive::is_linearizable(object, transcript);
    match decision {
        Decision::NotApplicable(_) => counts.not_applicable += 1,
        Decision::Decided(finding) => {
            assert_eq!(
                finding.count == 0,
                said,
                "{object:?}: {finding:#?}\nof\n{}",
                render(trials)
            );
            counts.sound += u64::from(said);
            counts.broken += u64::from(!said);
            if let Some(witness) = &finding.witness {
                require_evident(object, trials, witness);
            }
        }
    }
}

/// The witness is broken by itself, and of its elements, and those who saw the collection empty, none can be spared.
fn require_evident(object: Object, trials: &[Trial], witness: &Witness) {
    // A process has one call.
    let processes: BTreeSet<String> = witness.ops.iter().map(|op| op.process.to_string()).collect();
    let its: Vec<Trial> = trials
        .iter()
        .filter(|trial| processes.contains(&format!("p{}", trial.process)))
        .cloned()
        .collect();
    assert_eq!(its.len(), witness.ops.len(), "{witness:#?}");
    let is_put = |trial: &&Trial| ["enqueue", "push", "add"].contains(&trial.function);
    let put: BTreeSet<Datum> = its.iter().filter(is_put).map(|trial| trial.asked.clone()).collect();
    let is_of_elements = object.is_collection() || object == Object::Set;
    let alone = if is_of_elements && !put.is_empty() {
        project(&its, |element| put.contains(element))
    } else {
        its
    };
    let message = |what: &str, trials: &[Trial]| format!("{object:?}: {what} {witness:#?}\n{}", render(trials));
    assert!(
        !naive::is_linearizable(object, &transcript(&alone)),
        "{}",
        message("not broken by itself:", &alone)
    );
    // Where pops of unknown outcome may have removed elements, that of a stack is not always the least.
    let has_info = |trial: &Trial| trial.function == "pop" && trial.outcome == Outcome::Info;
    if !is_of_elements || trials.iter().any(has_info) {
        return;
    }
    for element in &put {
        let rest = project(&alone, |it| it != element);
        assert!(
            naive::is_linearizable(object, &transcript(&rest)),
            "{}",
            message(&format!("{element} can be spared:"), &rest)
        );
    }
    for spare in 0..alone.len() {
        let is_empty_watch = alone[spare].outcome == Outcome::Ok
            && (["dequeue", "pop"].contains(&alone[spare].function) && alone[spare].answered.is_nil()
                || alone[spare].answered == Datum::list([]));
        if is_empty_watch {
            let mut rest = alone.clone();
            rest.remove(spare);
            assert!(
                naive::is_linearizable(object, &transcript(&rest)),
                "{}",
                message("a watcher can be spared:", &rest)
            );
        }
    }
}

/// Returns what is left of the calls if only these elements existed.
fn project(trials: &[Trial], is_kept: impl Fn(&Datum) -> bool) -> Vec<Trial> {
    let mut kept = Vec::new();
    for trial in trials {
        let mut trial = trial.clone();
        let element = if trial.asked.is_nil() {
            &trial.answered
        } else {
            &trial.asked
        };
        if let Datum::List(items) = element {
            trial.answered = Datum::list(items.iter().filter(|it| is_kept(it)).cloned());
        } else if !element.is_nil() && !is_kept(element) {
            continue;
        }
        kept.push(trial);
    }
    kept
}

/// What is not applicable is said, not guessed.
#[test]
fn values_put_in_twice_are_left_to_the_search() {
    let shape = Shape {
        object: Object::Fifo,
        call_count_max: 8,
        info_percent: 0,
        has_info_takes: false,
        has_drains: false,
        reach: 3,
    };
    let mut rng = scatter::rng(1);
    let mut trials = scatter::simulate(&mut rng, shape, 20);
    for trial in &mut trials {
        trial.outcome = Outcome::Ok;
        if trial.function == "enqueue" {
            trial.asked = Datum::Int(7);
        }
    }
    let decision = Object::Fifo.decide(&trial::transcript(&trials));
    assert!(finding(decision.clone()).is_none(), "{decision:?}");
}

/// Calls whose invocation is not in the record began before all others.
#[test]
fn calls_without_an_invocation_agree_with_the_search_too() {
    for object in Object::ALL {
        for seed in 0..SEEDS {
            let mut trials = scatter::history(seed, shapes(object)[seed as usize % 6]);
            let mut rng = scatter::rng(seed);
            for trial in &mut trials {
                trial.has_invocation = trial.outcome != Outcome::Ok || rng.random_ratio(3, 4);
            }
            let transcript = transcript(&trials);
            if let Some(finding) = finding(object.decide(&transcript)) {
                let said = naive::is_linearizable(object, &transcript);
                assert_eq!(
                    finding.count == 0,
                    said,
                    "{object:?}: {finding:#?}\nof\n{}",
                    render(&trials)
                );
            }
        }
    }
}

/// Whatever the calls are, there is an answer: functions of other objects, values of any kind.
#[test]
fn nothing_is_too_odd() {
    let functions = [
        "enqueue", "dequeue", "drain", "push", "pop", "add", "remove", "read", "acquire", "release", "", "peek",
    ];
    let mut applicable = 0;
    for seed in 0..SEEDS * 3 {
        let mut rng = scatter::rng(seed);
        let values = [
            Datum::Nil,
            Datum::Int(1),
            Datum::Int(i64::MIN),
            Datum::Int(i64::MAX),
            Datum::from("a"),
            Datum::list([]),
            Datum::list([Datum::Int(1), Datum::Int(1), Datum::Nil]),
            Datum::Number("1.5".into()),
        ];
        // Often those of one object alone, that there is something to decide.
        let range = [(0, 3), (3, 5), (5, 8), (8, 10), (0, functions.len())][seed as usize % 5];
        let mut trials = Vec::new();
        for place in 0..rng.random_range(0..7) {
            let start = rng.random_range(0..20);
            let mut value = || values[rng.random_range(0..values.len())].clone();
            let (asked, answered) = (value(), value());
            trials.push(Trial {
                process: place,
                function: functions[rng.random_range(range.0..range.1)],
                asked,
                answered,
                outcome: [Outcome::Ok, Outcome::Ok, Outcome::Info, Outcome::Fail][rng.random_range(0..4)],
                start,
                end: start + rng.random_range(1..10),
                has_invocation: rng.random_ratio(9, 10),
            });
        }
        let transcript = transcript(&trials);
        for object in Object::ALL {
            applicable += u64::from(finding(object.decide(&transcript)).is_some());
        }
    }
    assert!(applicable > SEEDS, "{applicable}");
}
