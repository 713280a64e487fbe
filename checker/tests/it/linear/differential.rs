//! The search against the definition, on small random histories.

use quorate_checker::{
    Context, Datum, Transcript,
    linear::{
        self, Budget, Model, ModelKind, Nil, Strategy, Verdict,
        models::{Counter, Kv, Mutex, Queue, QueueOrder, Register, Registers, Set},
    },
};

use super::{
    naive, notation,
    objects::{self, Load},
};

fn compare<M: Model>(kind: ModelKind, model: &M, value_counts: &[i64], count: u64) {
    let mut valid = 0;
    for seed in 0..count {
        let value_count = value_counts[seed as usize % value_counts.len()];
        let load = Load {
            kind,
            seed,
            call_count: seed as usize / 2 % 9,
            client_count: 1 + seed as usize / 7 % 5,
            value_count,
            crashed: [0, 100, 400][seed as usize / 5 % 3],
            lies: [0, 50, 200][seed as usize / 3 % 3],
        };
        let transcript = objects::transcript(load);
        if transcript
            .calls()
            .iter()
            .any(|call| call.is_possible() && model.parse(call).is_err())
        {
            let found = linear::is_linearizable(&transcript, model, &Budget::default());
            assert!(matches!(found, Verdict::Unknown(_)), "{load:?}: {found:?}");
            continue;
        }
        let expected = naive::is_linearizable(&transcript, model);
        valid += u64::from(expected);
        let strategies = [Strategy::Both, Strategy::Dive, Strategy::Sweep];
        let budget = Budget {
            strategy: strategies[seed as usize % 3],
            ..Budget::default()
        };
        let found = linear::is_linearizable(&transcript, model, &budget);
        let is_found = match &found {
            Verdict::Linearizable => true,
            Verdict::Not { .. } => false,
            Verdict::Unknown(why) => panic!("{load:?}: {why}"),
        };
        let text = notation::render(&transcript);
        assert_eq!(is_found, expected, "{load:?}: {found:?} of\n{text}");
        if !expected {
            witness_stands_alone(&transcript, model, &text);
        }
    }
    assert!(
        valid > count / 10 && valid < count * 99 / 100,
        "{valid} of {count} are valid"
    );
}

/// The calls of the evidence are not linearizable by themselves either, and any one fewer may be.
fn witness_stands_alone<M: Model>(transcript: &Transcript, model: &M, text: &str) {
    let finding = linear::check(transcript, model, &Budget::default(), &Context::default());
    let witness = finding.witness.expect("what is violated has a witness");
    let is_in = |place: &usize| {
        let index = transcript.calls()[*place].index;
        witness.ops.iter().any(|op| op.index == index)
    };
    let alone = transcript.only((0..transcript.calls().len()).filter(is_in));
    let shown = notation::render(&alone);
    assert!(!naive::is_linearizable(&alone, model), "of\n{text}not\n{shown}");
    let evident = !witness.text.is_empty() && witness.ops.len() == alone.calls().len();
    assert!(evident, "{witness:#?}");
}

#[test]
fn registers() {
    for nil in [Nil::Absent, Nil::Any] {
        let model = Register { init: Datum::Nil, nil };
        compare(ModelKind::Register, &model, &[1, 2, 3, 5], 10_000);
        compare(ModelKind::CasRegister, &model, &[1, 2, 3, 4, 5], 20_000);
    }
}

#[test]
fn several_registers() {
    let model = Registers {
        init: Datum::Nil,
        nil: Nil::Absent,
    };
    compare(ModelKind::MultiRegister, &model, &[1, 2, 3], 15_000);
}

#[test]
fn locks() {
    compare(ModelKind::Mutex, &Mutex, &[1], 10_000);
}

#[test]
fn queues() {
    for (kind, order) in [
        (ModelKind::Queue, QueueOrder::Unordered),
        (ModelKind::FifoQueue, QueueOrder::Fifo),
        (ModelKind::Stack, QueueOrder::Lifo),
    ] {
        let nil = Nil::Absent;
        compare(kind, &Queue { order, nil }, &[1, 2, 3, 100], 10_000);
    }
}

#[test]
fn sets() {
    compare(ModelKind::Set, &Set::default(), &[1, 2, 3, 100], 15_000);
}

#[test]
fn counters() {
    compare(ModelKind::Counter, &Counter, &[2, 3, 5], 15_000);
}

#[test]
fn stores() {
    compare(ModelKind::Kv, &Kv, &[1, 2, 3], 15_000);
}
