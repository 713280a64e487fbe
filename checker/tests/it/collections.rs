//! Siblings, sets and counters: valid histories hold every claim, and all checks agree with their definitions, on valid
//! histories, on those of a store without quorums, and on those in which one answer was changed.

use quorate_checker::{Context, Event, EventKind, Function};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::Value;

use crate::{
    claims::{COUNTER_CLAIMS, Check, SET_CLAIMS, SIBLING_CLAIMS},
    naive_collections as naive,
    replicas::{self, Kind, Load, REPLICA_COUNT},
    scatter,
};

const KINDS: [(Kind, &[(&str, Check)]); 3] = [
    (Kind::Siblings, SIBLING_CLAIMS),
    (Kind::Set, SET_CLAIMS),
    (Kind::Counter, COUNTER_CLAIMS),
];

fn context() -> Context {
    Context {
        replica_count: Some(REPLICA_COUNT),
        ..Context::default()
    }
}

fn load(kind: Kind, seed: u64, has_quorums: bool) -> Load {
    Load {
        kind,
        op_count: 30,
        client_count: 4,
        key_count: 2,
        seed,
        has_quorums,
    }
}

/// On what replicas with quorums did nothing is found, and every claim is tested.
#[test]
fn valid_histories_hold_every_claim() {
    for (kind, claims) in KINDS {
        for seed in 0..16 {
            let load = Load {
                op_count: 2_000,
                client_count: [1, 3, 6, 20][seed as usize % 4],
                ..load(kind, seed, true)
            };
            let history = scatter::history(&replicas::run(load));
            for (name, check) in claims {
                let finding = check(&history, &context());
                let is_held = finding.count == 0 && finding.unknown.is_none();
                assert!(is_held, "{kind:?}, seed {seed}, {name}: {finding:#?}");
                // One client alone has no siblings.
                let is_tested = finding.tested > 0 || load.client_count == 1;
                assert!(is_tested, "{kind:?}, seed {seed}, {name}: not tested");
            }
        }
    }
}

#[test]
fn checks_agree_with_their_definitions_without_quorums() {
    for (kind, claims) in KINDS {
        let mut broken = vec![0; claims.len()];
        for seed in 0..800 {
            compare(kind, claims, &replicas::run(load(kind, seed, false)), seed, &mut broken);
        }
        let fresh: Vec<u64> = claims
            .iter()
            .zip(&broken)
            .filter(|((name, _), _)| ["complete", "fresh-reads", "read-your-writes"].contains(name))
            .map(|(_, count)| *count)
            .collect();
        assert!(fresh.iter().all(|count| *count > 100), "{kind:?}: {broken:?}");
    }
}

/// Of a valid history one answer is changed: an item left out, put in again or made up, a number moved.
#[test]
fn checks_agree_with_their_definitions_where_an_answer_was_changed() {
    for (kind, claims) in KINDS {
        let mut broken = vec![0; claims.len()];
        for seed in 0..1_500 {
            let mut events = replicas::run(load(kind, seed, true));
            change(&mut events, seed);
            compare(kind, claims, &events, seed, &mut broken);
        }
        assert!(broken.iter().all(|count| *count > 5), "{kind:?}: {broken:?}");
    }
}

fn compare(kind: Kind, claims: &[(&str, Check)], events: &[Event], seed: u64, broken: &mut [u64]) {
    let history = scatter::history(events);
    for (claim, (name, check)) in claims.iter().enumerate() {
        let finding = check(&history, &context());
        let said = naive::judge(kind, name, &history);
        assert_eq!(
            (finding.tested, finding.count),
            said,
            "{kind:?}, seed {seed}, {name}: {finding:#?}\nof\n{}",
            quorate_checker::text::render(&history)
        );
        assert_eq!(finding.unknown, None, "{kind:?}, seed {seed}, {name}");
        broken[claim] += u64::from(finding.count > 0);
    }
}

fn change(events: &mut [Event], seed: u64) {
    let mut rng = Pcg64Mcg::seed_from_u64(seed ^ 0x5eed);
    let is_answer = |event: &Event| event.kind == EventKind::Ok && !event.function.is_write();
    let answers: Vec<usize> = (0..events.len()).filter(|at| is_answer(&events[*at])).collect();
    let at = answers[rng.random_range(0..answers.len())];
    let key = events[at].key.clone();
    let written = |event: &&Event| {
        event.kind == EventKind::Invoke
            && event.key == key
            && [Function::Write, Function::Add].contains(&event.function)
    };
    let mut written: Vec<Value> = events.iter().filter(written).map(|event| event.value.clone()).collect();
    written.push(Value::from(-1));
    let value = match &events[at].value {
        Value::Number(number) => Value::from(number.as_i64().expect("counters are small") + rng.random_range(-12..13)),
        value => {
            let mut list = value.as_array().cloned().unwrap_or_default();
            if !list.is_empty() && rng.random_bool(0.5) {
                list.remove(rng.random_range(0..list.len()));
            } else {
                list.push(written[rng.random_range(0..written.len())].clone());
            }
            list.into()
        }
    };
    // In the end one replica, or all of them.
    let is_everywhere = events[at].function == Function::ReadReplica && rng.random_bool(0.7);
    for event in events
        .iter_mut()
        .filter(|event| is_everywhere && is_answer(event) && event.key == key)
    {
        if event.function == Function::ReadReplica {
            event.value = value.clone();
        }
    }
    events[at].value = value;
}

/// Linear or near it: large histories take well under a second each.
#[test]
fn large_histories_are_judged() {
    for (kind, claims) in KINDS {
        let load = Load {
            op_count: 20_000,
            client_count: 10,
            key_count: 100,
            ..load(kind, 1, true)
        };
        let history = scatter::history(&replicas::run(load));
        for (name, check) in claims {
            assert_eq!(check(&history, &context()).count, 0, "{kind:?}, {name}");
        }
    }
}
