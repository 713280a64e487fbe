//! Parts that are grounds for a violation, against the definition: none of a linearizable history, and none that is
//! linearizable alone.

use quorate_checker::{
    Datum,
    linear::{
        Budget, Grounds, Model, ModelKind, Nil, Options,
        models::{Counter, Kv, Mutex, Queue, QueueOrder, Register, Registers, Set},
    },
};

use super::{
    naive, notation,
    objects::{self, Load},
};

/// Asks about every part of small histories: whether the whole is linearizable, parts of it that are not abound.
fn compare<M: Model>(kind: ModelKind, model: &M, value_counts: &[i64], count: u64) {
    let (mut valid, mut tempting, mut found, mut invalid) = (0, 0, 0, 0);
    for seed in 0..count {
        let load = Load {
            kind,
            seed: seed + 1_000_000,
            call_count: 2 + seed as usize / 2 % 5,
            client_count: 1 + seed as usize / 7 % 4,
            value_count: value_counts[seed as usize % value_counts.len()],
            crashed: [0, 300][seed as usize / 5 % 2],
            lies: [0, 100, 300][seed as usize / 3 % 3],
        };
        let transcript = objects::transcript(load);
        let Ok(grounds) = Grounds::new(&transcript, kind, &Options::default()) else {
            continue;
        };
        let call_count = transcript.calls().len();
        let is_linearizable = naive::is_linearizable(&transcript, model);
        valid += u64::from(is_linearizable);
        invalid += u64::from(!is_linearizable);
        for part in 0..1_u32 << call_count {
            let places: Vec<usize> = (0..call_count).filter(|place| part >> place & 1 == 1).collect();
            let alone = transcript.only(places.iter().copied());
            let is_broken = !naive::is_linearizable(&alone, model);
            let text = || format!("{load:?}: {places:?} of\n{}", notation::render(&transcript));
            match grounds.within(&places, &Budget::default()) {
                None => tempting += u64::from(is_broken && is_linearizable),
                Some(within) => {
                    found += 1;
                    assert!(is_broken && !is_linearizable, "{}", text());
                    assert!(within.iter().all(|place| places.contains(place)), "{}", text());
                    let within = transcript.only(within);
                    assert!(!naive::is_linearizable(&within, model), "{}", text());
                }
            }
        }
        let whole: Vec<usize> = (0..call_count).collect();
        let in_whole = grounds.within(&whole, &Budget::default());
        assert_eq!(in_whole.is_some(), !is_linearizable, "{load:?}");
    }
    let is_telling = valid > count / 10 && invalid > count / 50 && tempting > 0 && found > 0;
    assert!(
        is_telling,
        "{valid} valid, {invalid} invalid, {tempting} tempting, {found} found"
    );
}

#[test]
fn parts_of_registers() {
    let model = Register::default();
    compare(ModelKind::Register, &model, &[1, 2, 3], 3_000);
    compare(ModelKind::CasRegister, &model, &[1, 2, 3, 4], 6_000);
    let (init, nil) = (Datum::Nil, Nil::Absent);
    compare(ModelKind::MultiRegister, &Registers { init, nil }, &[1, 2, 3], 2_000);
}

#[test]
fn parts_of_other_objects() {
    let nil = Nil::Absent;
    compare(ModelKind::Mutex, &Mutex, &[1], 2_000);
    for (kind, order) in [
        (ModelKind::Queue, QueueOrder::Unordered),
        (ModelKind::FifoQueue, QueueOrder::Fifo),
        (ModelKind::Stack, QueueOrder::Lifo),
    ] {
        compare(kind, &Queue { order, nil }, &[1, 2, 100], 2_000);
    }
    compare(ModelKind::Set, &Set::default(), &[1, 2, 100], 2_000);
    compare(ModelKind::Counter, &Counter, &[2, 3], 2_000);
    compare(ModelKind::Kv, &Kv, &[1, 2], 2_000);
}
