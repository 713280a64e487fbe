//! Every check against its definition, on many small random histories; and every witness against the check that found
//! it.

use std::collections::BTreeSet;

use quorate_checker::{Action, Context, Counts, Event, EventKind, Finding, History, Op, Witness, checks, text};

use crate::{
    claims::{CLAIMS, Check, DELETE_CLAIMS, REGISTER_CLAIMS},
    naive::{self, Judgement},
    scatter::{self, Shape},
};

/// How many histories each test draws. Together more than 20,000; the whole takes seconds.
const SEEDS: u64 = 40_000;

#[test]
fn checks_agree_with_their_definitions() {
    let shape = Shape {
        op_count_max: 9,
        key_count: 2,
        has_looks: true,
        has_deletes: false,
    };
    let mut broken = [0u64; REGISTER_CLAIMS.len()];
    let mut unknown = [0u64; REGISTER_CLAIMS.len()];
    for seed in 0..SEEDS {
        let history = scatter::history(&scatter::events(seed, shape));
        let context = scatter::context(seed);
        for (claim, (name, check)) in REGISTER_CLAIMS.iter().copied().enumerate() {
            let finding = check(&history, &context);
            let said = definition(name, &history, &context);
            let is_same = (finding.tested, finding.count) == (said.tested, said.count);
            // The search through all orders tells whether a key is broken, not how often.
            let is_same =
                is_same && (name != "linearizable" || (said.count > 0) == (naive::search(&history).count > 0));
            let is_unknown = finding.unknown.is_some();
            assert!(
                is_same && is_unknown != said.unknown_keys.is_empty(),
                "seed {seed}, {name}: {finding:#?}\nbut by definition {said:?}, with {context:?}, of\n{}",
                text::render(&history)
            );
            broken[claim] += u64::from(finding.count > 0);
            unknown[claim] += u64::from(is_unknown);
        }
        assert_eq!(
            Counts::of(&history).reads_racing,
            naive::reads_racing(&history),
            "seed {seed}"
        );
    }
    // Agreement means little where the one answer is rare.
    assert!(
        broken.iter().all(|count| (SEEDS / 200..SEEDS * 9 / 10).contains(count)),
        "broken: {broken:?}"
    );
    assert!(
        unknown[2..].iter().all(|&count| count > SEEDS / 100),
        "unknown: {unknown:?}"
    );
}

/// One key and more ops: what the search through all orders can still bear.
#[test]
fn zones_agree_with_the_search_through_all_orders() {
    let shape = Shape {
        op_count_max: 12,
        key_count: 1,
        has_looks: false,
        has_deletes: false,
    };
    let mut broken = 0;
    for seed in SEEDS..3 * SEEDS {
        let history = scatter::history(&scatter::events(seed, shape));
        let finding = checks::linearizable(&history, &Context::default());
        let said = naive::search(&history);
        assert_eq!(
            finding.count > 0,
            said.count > 0,
            "seed {seed}: {finding:#?} of\n{}",
            text::render(&history)
        );
        broken += said.count;
    }
    assert!(
        (SEEDS / 5..SEEDS * 9 / 5).contains(&broken),
        "{broken} of {} are broken",
        2 * SEEDS
    );
}

#[test]
fn deletes_agree_with_their_definitions() {
    let shape = Shape {
        op_count_max: 10,
        key_count: 2,
        has_looks: true,
        has_deletes: true,
    };
    let mut broken = [0u64; DELETE_CLAIMS.len()];
    for seed in 0..SEEDS {
        let history = scatter::history(&scatter::events(seed, shape));
        let context = scatter::context(seed);
        for (claim, (name, check)) in DELETE_CLAIMS.iter().copied().enumerate() {
            let finding = check(&history, &context);
            let said = definition(name, &history, &context);
            assert_eq!(
                (finding.tested, finding.count),
                (said.tested, said.count),
                "seed {seed}, {name}: {finding:#?}\nof\n{}",
                text::render(&history)
            );
            broken[claim] += u64::from(finding.count > 0);
        }
    }
    assert!(
        broken.iter().all(|count| (SEEDS / 200..SEEDS * 9 / 10).contains(count)),
        "broken: {broken:?}"
    );
}

/// With deletes a read of nothing may be of several; what is found is then broken whichever it is, and where it is
/// clear, all is found.
#[test]
fn zones_with_deletes_agree_with_the_search_through_all_orders() {
    let shape = Shape {
        op_count_max: 10,
        key_count: 1,
        has_looks: false,
        has_deletes: true,
    };
    let (mut broken, mut unknown, mut missed) = (0, 0, 0);
    for seed in 0..SEEDS / 2 {
        let history = scatter::history(&scatter::events(seed, shape));
        if history.keys().any(|key| history.repeat(key).is_some()) {
            continue;
        }
        let finding = checks::linearizable(&history, &Context::default());
        let has_order = naive::search_any_nothing(&history);
        let is_orphan = |op: &Op| history.is_nothing(op.value) && history.write_of(op.value).is_none();
        let has_orphans = history.ops().iter().any(|op| is_orphan(op) && op.version.is_some());
        let is_unknown = finding.unknown.is_some() || has_orphans;
        assert!(
            if has_order {
                finding.count == 0
            } else {
                finding.count > 0 || is_unknown
            },
            "seed {seed}: {finding:#?} of\n{}",
            text::render(&history)
        );
        broken += u64::from(finding.count > 0);
        unknown += u64::from(is_unknown);
        missed += u64::from(is_unknown && finding.count == 0 && !has_order);
        // What has an order without versions to contradict it breaks no weaker claim on what clients see.
        if has_order && history.ops().iter().all(|op| op.version.is_none()) {
            for (name, check) in CLAIMS {
                let is_of_looks = ["acked-writes-survive", "converged", "handoff"].contains(&name);
                let finding = check(&history, &Context::default());
                assert!(is_of_looks || finding.count == 0, "seed {seed}, {name}: {finding:#?}");
            }
        }
    }
    assert!(
        broken > SEEDS / 20 && unknown > SEEDS / 80,
        "{broken} broken, {unknown} unknown"
    );
    assert!(missed < unknown / 2, "{missed} of {unknown} unknown are broken");
}

/// The ops of a witness, with nothing else of the history, break the claim; and with any one of them gone they do not.
#[test]
fn witnesses_stand_alone_and_have_nothing_to_spare() {
    let shape = Shape {
        op_count_max: 9,
        key_count: 2,
        has_looks: true,
        has_deletes: false,
    };
    for seed in 0..SEEDS / 2 {
        let events = scatter::events(seed, shape);
        let history = scatter::history(&events);
        let context = scatter::context(seed);
        for (name, check) in CLAIMS {
            if let Some(witness) = check(&history, &context).witness {
                require_evident(name, check, &witness, &events, &context);
            }
        }
    }
}

pub(crate) fn require_evident(name: &str, check: Check, witness: &Witness, events: &[Event], context: &Context) {
    let all: BTreeSet<u64> = witness.ops.iter().map(|op| op.index).collect();
    let again = |indices: &BTreeSet<u64>| -> Finding {
        let is_of = |event: &Event| {
            let op = witness
                .ops
                .iter()
                .find(|op| op.index == event.index || op.completion_index == Some(event.index));
            op.is_some_and(|op| indices.contains(&op.index))
        };
        let events: Vec<Event> = events.iter().filter(|event| is_of(event)).cloned().collect();
        check(&scatter::history(&events), context)
    };
    let alone = again(&all);
    assert_eq!(alone.count, 1, "{name}: {witness:#?} alone gives {alone:#?}");

    // Where reports of one value's version differ, fewer of them can say more.
    if !has_one_version_each(events) {
        return;
    }
    assert_eq!(
        alone.witness.expect("a violation has evidence").ops,
        witness.ops,
        "{name}"
    );
    for spare in &witness.ops {
        let is_source =
            spare.function == "write" && witness.ops.iter().any(|op| op != spare && op.value == spare.value);
        // Without its write a value is from nowhere: broken too, but for another reason.
        let is_of_values = [
            "linearizable",
            "values-from-nowhere",
            "safe",
            "weakly-regular",
            "regular",
            "2-atomic",
            "3-atomic",
            "sequential",
        ];
        let is_excused = is_source && is_of_values.contains(&name)
            // All replicas that were looked at are needed, and without a count nothing says that one is missing.
            || spare.phase.is_some() && name == "acked-writes-survive" && context.replica_count != Some(3);
        // An earlier look at the same replica tells a version; without the later one it would be the last.
        let is_last_look = witness
            .ops
            .iter()
            .any(|op| op.phase == spare.phase && op.node == spare.node && op != spare);
        let is_excused = is_excused || spare.phase.is_some() && is_last_look;
        let rest: BTreeSet<u64> = all.iter().copied().filter(|index| *index != spare.index).collect();
        let found = again(&rest);
        assert!(
            is_excused || found.count == 0,
            "{name}: {spare:#?} can be spared from {witness:#?}: {found:#?}"
        );
    }
}

fn has_one_version_each(events: &[Event]) -> bool {
    let ok = events
        .iter()
        .filter(|event| event.kind == EventKind::Ok && !event.value.is_null());
    let reports = ok.filter_map(|event| Some((&event.key, event.value.to_string(), event.version.as_ref()?)));
    let reports: BTreeSet<_> = reports.collect();
    let values: BTreeSet<_> = reports.iter().map(|(key, value, _)| (key, value)).collect();
    values.len() == reports.len()
}

fn definition(name: &str, history: &History, context: &Context) -> Judgement {
    match name {
        "values-from-nowhere" => naive::values_from_nowhere(history),
        "failed-writes-visible" => naive::failed_writes_visible(history),
        "fresh-reads" => naive::fresh_reads(history),
        "linearizable" => naive::zones(history),
        "read-your-writes" => naive::session(history, Action::Write, Action::Read),
        "monotonic-reads" => naive::session(history, Action::Read, Action::Read),
        "monotonic-writes" => naive::session(history, Action::Write, Action::Write),
        "writes-follow-reads" => naive::session(history, Action::Read, Action::Write),
        "acked-writes-survive" => naive::acked_writes_survive(history, context),
        "converged" => naive::converged(history, context),
        "handoff" => naive::handoff(history, context),
        "deletes-stay-deleted" => naive::deletes(history, true),
        "deleted-in-the-end" => naive::deletes(history, false),
        other => panic!("{other} has no definition here"),
    }
}
