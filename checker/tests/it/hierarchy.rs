//! What implies what: where a stronger claim holds, so do the weaker.

use quorate_checker::{Context, Event, checks};

use crate::{
    claims::CLAIMS,
    scatter::{self, Shape},
    store::{self, Load},
};

const SHAPE: Shape = Shape {
    op_count_max: 10,
    key_count: 2,
    has_looks: false,
    has_deletes: false,
};

/// Without versions, which could contradict it, linearizability is the strongest claim on what clients see, and a fresh
/// read is one that misses no write of its own session either.
#[test]
fn linearizable_implies_fresh_and_sessions_and_fresh_implies_own_writes() {
    let (mut linearizable_count, mut fresh_count) = (0, 0);
    for seed in 0..40_000 {
        let unversioned = |event: Event| Event { version: None, ..event };
        let events: Vec<Event> = scatter::events(seed, SHAPE).into_iter().map(unversioned).collect();
        let history = scatter::history(&events);
        let holds = |name: &str| {
            let (_, check) = CLAIMS
                .into_iter()
                .find(|(claim, _)| *claim == name)
                .expect("the claim is listed");
            check(&history, &Context::default()).count == 0
        };
        let require = |stronger: &str, weaker: &str| {
            let text = quorate_checker::text::render(&history);
            assert!(holds(weaker), "seed {seed}: {stronger} but not {weaker}:\n{text}");
        };
        let is_judged = history.keys().all(|key| history.repeat(key).is_none());
        if is_judged && holds("linearizable") {
            linearizable_count += 1;
            for weaker in [
                "values-from-nowhere",
                "failed-writes-visible",
                "fresh-reads",
                "monotonic-reads",
            ] {
                require("linearizable", weaker);
            }
            for weaker in ["read-your-writes", "monotonic-writes", "writes-follow-reads"] {
                require("linearizable", weaker);
            }
        }
        if holds("fresh-reads") {
            fresh_count += 1;
            require("fresh-reads", "read-your-writes");
        }
        if holds("values-from-nowhere") && holds("failed-writes-visible") {
            require("no phantoms", "writes-follow-reads");
        }
        require("real time", "monotonic-writes");
    }
    assert!(
        (4_000..36_000).contains(&linearizable_count) && fresh_count > linearizable_count + 2_000,
        "{linearizable_count}, {fresh_count}"
    );
}

/// What was linearizable in the end was so at every instant before: the beginning of a history is no worse than the
/// whole.
#[test]
fn beginnings_of_linearizable_histories_are_linearizable() {
    for seed in 0..4_000 {
        let events = scatter::events(seed, SHAPE);
        let whole = scatter::history(&events);
        let is_judged = whole.keys().all(|key| whole.repeat(key).is_none());
        if !is_judged || checks::linearizable(&whole, &Context::default()).count > 0 {
            continue;
        }
        for length in 0..events.len() {
            let beginning = scatter::history(&events[..length]);
            let finding = checks::linearizable(&beginning, &Context::default());
            assert_eq!(finding.count, 0, "seed {seed}, {length} events: {finding:#?}");
        }
    }
}

/// On what a linearizable store did nothing is found, and every claim is tested.
#[test]
fn a_linearizable_store_holds_every_claim() {
    for seed in 0..20 {
        let client_count = [1, 2, 5, 30][seed as usize % 4];
        let load = Load {
            op_count: 2_000,
            client_count,
            key_count: 3,
            seed,
            has_deletes: true,
        };
        let history = scatter::history(&store::run(load));
        let context = Context {
            replica_count: Some(store::REPLICAS.len()),
            ..Context::default()
        };
        for (name, check) in CLAIMS {
            let finding = check(&history, &context);
            assert!(
                finding.count == 0 && finding.unknown.is_none(),
                "seed {seed}, {name}: {finding:#?}"
            );
            assert!(finding.tested > 0, "seed {seed}: {name} was not tested");
        }
    }
}

/// Nor is anything found where the store does not always say which delete a read of nothing saw.
#[test]
fn a_linearizable_store_without_all_versions_breaks_no_claim() {
    for seed in 0..20 {
        let load = Load {
            op_count: 2_000,
            client_count: 8,
            key_count: 3,
            seed,
            has_deletes: true,
        };
        let is_kept = |event: &Event| match seed % 3 {
            0 => false,
            1 => !event.value.is_null(),
            _ => !event.index.is_multiple_of(3),
        };
        let unversion = |event: Event| Event {
            version: event.version.clone().filter(|_| is_kept(&event)),
            ..event
        };
        let events: Vec<Event> = store::run(load).into_iter().map(unversion).collect();
        for (name, check) in CLAIMS {
            let finding = check(&scatter::history(&events), &Context::default());
            assert_eq!(finding.count, 0, "seed {seed}, {name}: {finding:#?}");
        }
    }
}
