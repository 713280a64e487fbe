//! Small random histories: valid by construction, then broken or not by a change, or with no plan at all.

use std::collections::BTreeSet;

use quorate_checker::{Datum, Outcome};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::trial::{Object, Trial};

/// What histories of an object are like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) object: Object,
    pub(crate) call_count_max: usize,
    pub(crate) info_percent: u32,
    /// Whether takes may be of unknown outcome, too.
    pub(crate) has_info_takes: bool,
    pub(crate) has_drains: bool,
    /// How far calls reach beyond the moment of their effect: with 1 hardly any overlap.
    pub(crate) reach: u64,
}

pub(crate) fn rng(seed: u64) -> Pcg64 {
    Pcg64::seed_from_u64(seed)
}

/// Returns a history drawn from `seed`: a third each valid, changed, and without a plan.
pub(crate) fn history(seed: u64, shape: Shape) -> Vec<Trial> {
    let mut rng = rng(seed);
    let count = rng.random_range(0..=shape.call_count_max);
    let mut trials = simulate(&mut rng, shape, count);
    match seed % 3 {
        0 => {}
        1 => (0..rng.random_range(1..3)).for_each(|_| change(&mut rng, shape, &mut trials)),
        _ => {
            let mut answers: Vec<Datum> = trials.iter().map(|trial| trial.answered.clone()).collect();
            for trial in &mut trials {
                (trial.start, trial.end) = span(&mut rng, 4 * count as u64);
                let takes = trial.outcome == Outcome::Ok && ["dequeue", "pop"].contains(&trial.function);
                if takes || rng.random_ratio(1, 4) && trial.function == "read" {
                    let place = rng.random_range(0..answers.len());
                    let other = answers[place].clone();
                    if (other.is_nil() || other.as_int().is_some()) && takes || same_kind(&other, &trial.answered) {
                        trial.answered = answers.swap_remove(place);
                        answers.push(Datum::Nil);
                    }
                }
            }
        }
    }
    trials
}

fn same_kind(a: &Datum, b: &Datum) -> bool {
    a.items().is_some() && b.items().is_some() || a.as_int().is_some() && b.as_int().is_some()
}

fn span(rng: &mut Pcg64, length: u64) -> (u64, u64) {
    let start = rng.random_range(0..=length);
    (start, start + 1 + rng.random_range(0..=length / 3))
}

/// Returns `count` calls that a correct object answered, each at a moment within its time.
pub(crate) fn simulate(rng: &mut Pcg64, shape: Shape, count: usize) -> Vec<Trial> {
    let mut inside: Vec<Datum> = Vec::new();
    let mut number = 0;
    let unit = if rng.random_ratio(1, 4) { -2 } else { 1 };
    let mut trials = Vec::with_capacity(count);
    for place in 0..count {
        let is_large_set = shape.object == Object::Set && inside.len() > 50;
        let put_percent = if inside.len() > 8 { 45 } else { 55 };
        let is_put = if is_large_set {
            !rng.random_ratio(1, 20_000.max(count as u32 / 5))
        } else {
            rng.random_ratio(put_percent, 100)
        };
        let is_repeat = shape.object == Object::Set && !is_large_set && number > 0 && rng.random_ratio(1, 8);
        number += i64::from(is_put && !is_repeat);
        let fresh = || Datum::Int(number);
        let list = |inside: &[Datum]| Datum::list(inside.iter().cloned());
        let is_drain = shape.has_drains && rng.random_ratio(1, 6);
        let (function, asked) = match (shape.object, is_put) {
            (Object::Queue | Object::Fifo, true) => ("enqueue", fresh()),
            (Object::Queue | Object::Fifo, false) if is_drain => ("drain", Datum::Nil),
            (Object::Queue | Object::Fifo, false) => ("dequeue", Datum::Nil),
            (Object::Stack, true) => ("push", fresh()),
            (Object::Stack, false) => ("pop", Datum::Nil),
            (Object::Set, true) => ("add", fresh()),
            (Object::Counter, true) => ("add", Datum::Int(unit)),
            (Object::Set | Object::Counter, false) => ("read", Datum::Nil),
            (Object::Mutex, _) => (if inside.is_empty() { "acquire" } else { "release" }, Datum::Nil),
        };
        let outcome = match rng.random_range(0..100) {
            it if it < shape.info_percent && (is_put || shape.has_info_takes) => Outcome::Info,
            it if it < shape.info_percent + 5 => Outcome::Fail,
            _ => Outcome::Ok,
        };
        let happens = outcome == Outcome::Ok || outcome == Outcome::Info && rng.random_ratio(1, 2);
        let mut answered = asked.clone();
        if happens {
            answered = match function {
                "enqueue" | "push" | "acquire" => {
                    inside.push(asked.clone());
                    asked.clone()
                }
                "add" => {
                    if !is_repeat || !inside.contains(&asked) {
                        inside.push(asked.clone());
                    }
                    asked.clone()
                }
                "dequeue" if inside.is_empty() => Datum::Nil,
                "dequeue" if shape.object == Object::Queue => inside.swap_remove(rng.random_range(0..inside.len())),
                "dequeue" => inside.remove(0),
                "drain" => list(&std::mem::take(&mut inside)),
                "pop" | "release" => inside.pop().filter(|_| function == "pop").unwrap_or_default(),
                _ if shape.object == Object::Counter => Datum::Int(inside.len() as i64 * unit),
                _ => list(&inside),
            };
        }
        if outcome != Outcome::Ok {
            answered = asked.clone();
        }
        let moment = shape.reach + 2 * place as u64;
        trials.push(Trial {
            process: place as i64,
            function,
            asked,
            answered,
            outcome,
            start: moment - rng.random_range(0..shape.reach),
            end: moment + 1 + rng.random_range(0..shape.reach),
            has_invocation: true,
        });
    }
    trials
}

/// Changes one thing, and so perhaps breaks the history.
fn change(rng: &mut Pcg64, shape: Shape, trials: &mut Vec<Trial>) {
    if trials.is_empty() {
        return;
    }
    let (a, b) = (rng.random_range(0..trials.len()), rng.random_range(0..trials.len()));
    match rng.random_range(0..5) {
        0 => {
            let (start, end) = (trials[a].start, trials[a].end);
            (trials[a].start, trials[a].end) = (trials[b].start, trials[b].end);
            (trials[b].start, trials[b].end) = (start, end);
        }
        1 if trials[a].function == trials[b].function
            && (trials[a].outcome, trials[b].outcome) == (Outcome::Ok, Outcome::Ok) =>
        {
            let answered = trials[a].answered.clone();
            trials[a].answered = std::mem::replace(&mut trials[b].answered, answered);
        }
        2 => (trials[a].start, trials[a].end) = span(rng, 2 * trials.len() as u64 + 2 * shape.reach),
        3 => {
            trials.remove(a);
        }
        _ => match (trials[a].function, &trials[a].answered) {
            (_, Datum::List(items)) if !items.is_empty() => {
                let mut items = items.to_vec();
                match rng.random_range(0..3) {
                    0 => items.truncate(items.len() - 1),
                    1 => items.reverse(),
                    _ => items = BTreeSet::from_iter(items).into_iter().skip(1).collect(),
                }
                trials[a].answered = Datum::list(items);
            }
            ("read", Datum::Int(value)) => trials[a].answered = Datum::Int(value + rng.random_range(-2..=2)),
            ("dequeue" | "pop", _) if trials[a].outcome == Outcome::Ok => trials[a].answered = Datum::Nil,
            _ => {}
        },
    }
}
