//! The search against the definition, on small random histories.

use quorate_checker::{
    Datum,
    linear::{
        self, Budget, Model, ModelKind, Nil, Strategy, Verdict,
        models::{Mutex, Register},
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
    }
    assert!(
        valid > count / 10 && valid < count * 98 / 100,
        "{valid} of {count} are valid"
    );
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
fn locks() {
    compare(ModelKind::Mutex, &Mutex, &[1], 10_000);
}
