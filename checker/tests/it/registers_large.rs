//! Registers of all strengths on large histories: valid ones, and such with one anomaly planted; and what is said where
//! deciding is given up.

use quorate_checker::{
    Context, Event, EventKind, History, Op, checks,
    checks::{Staleness, WriteOrder},
    text,
};
use serde_json::json;

use crate::{
    claims::{self, STRENGTH_CLAIMS},
    injection::{answer, swap_versions, value},
    scatter,
    store::{self, Load},
    tangle::{self, Knots},
};

fn load(seed: u64) -> Load {
    Load {
        op_count: 10_000,
        client_count: 8,
        key_count: 4,
        seed,
        has_deletes: false,
    }
}

#[test]
fn a_linearizable_store_is_as_strong_as_can_be() {
    for seed in 0..12 {
        let load = Load {
            client_count: [1, 2, 5, 30][seed as usize % 4],
            has_deletes: seed % 3 == 0,
            ..load(seed)
        };
        let history = scatter::history(&store::run(load));
        for (name, check) in STRENGTH_CLAIMS {
            let finding = check(&history, &Context::default());
            // A nothing may be of one of several deletes of unknown outcome.
            let is_of_all = !["safe", "weakly-regular", "version-order"].contains(name);
            let is_excused = is_of_all && load.has_deletes;
            assert!(
                finding.count == 0 && (finding.unknown.is_none() || is_excused) && finding.tested > 0,
                "seed {seed}, {name}: {finding:#?}"
            );
        }
        let bounds = checks::atomicity(&history);
        assert_eq!((bounds.lower, bounds.upper), (1, Some(1)), "seed {seed}");
        let staleness = checks::staleness(&history);
        assert!(
            staleness.stale == 0 && staleness.worst.is_none(),
            "seed {seed}: {staleness:#?}"
        );
        assert_eq!(staleness.reads, staleness.reads_by_version, "seed {seed}");
        assert!(staleness.unjudged == 0 || load.has_deletes, "seed {seed}");
    }
}

#[test]
fn a_read_behind_by_versions() {
    for seed in 0..6 {
        let behind = 1 + seed as usize % 4;
        let (history, read) = plant(seed, |events, history, nth| {
            let read = reads(history).nth(nth)?;
            let is_before = |write: &&Op| write.key == read.key && write.end < read.start;
            // One after another, the last of them first.
            let mut chain: Vec<&Op> = Vec::new();
            for write in acked(history).filter(is_before).collect::<Vec<_>>().into_iter().rev() {
                if chain.last().is_none_or(|newer| write.end < newer.start) {
                    chain.push(write);
                }
            }
            let older = chain.get(behind)?;
            let version = older.version.map(|version| history.version(version));
            answer(events, read, value(history, older), version);
            Some(read.index)
        });
        let broken = [
            "safe",
            "weakly-regular",
            "regular",
            "linearizable",
            "2-atomic",
            "3-atomic",
        ];
        for name in &broken[1..] {
            let finding = claims::strength(name)(&history, &Context::default());
            let is_within = *name == "2-atomic" && behind < 2 || *name == "3-atomic" && behind < 3;
            let evidence = finding.witness.map(|witness| witness.ops).unwrap_or_default();
            assert!(
                is_within || finding.count > 0 && evidence.iter().any(|op| op.index == read),
                "seed {seed}, {name}: {evidence:#?}"
            );
        }
        let bounds = checks::atomicity(&history);
        assert!(bounds.lower > behind as u64, "seed {seed}: {bounds:?}");
        let staleness = checks::staleness(&history);
        let worst = staleness.worst.expect("a read is stale");
        assert!(
            staleness.stale == 1 && worst.index == read && worst.by == WriteOrder::Versions,
            "seed {seed}: {worst:?}"
        );
        assert!(
            worst.versions >= behind as u64 && worst.time_ns > 0,
            "seed {seed}: {worst:?}"
        );
    }
}

/// A read of a session older than its own write is found among ten thousand ops, and shown with a handful.
#[test]
fn a_session_that_goes_back() {
    for seed in 0..4 {
        let (history, read) = plant(seed, |events, history, nth| {
            let read = reads(history).nth(nth)?;
            let is_own = |op: &&Op| op.key == read.key && op.process == read.process && op.end < read.start;
            let own = acked(history).filter(is_own).last()?;
            let older =
                acked(history).find(|op| op.key == read.key && op.process == read.process && op.end < own.start)?;
            answer(events, read, value(history, older), None);
            Some(read.index)
        });
        let finding = claims::strength("sequential")(&history, &Context::default());
        let witness = finding.witness.expect("no order has it");
        assert!(
            witness.ops.len() <= 6 && witness.ops.iter().any(|op| op.index == read),
            "seed {seed}: {witness:#?}"
        );
    }
}

#[test]
fn versions_that_contradict_real_time_are_not_relied_on() {
    for seed in 0..6 {
        let (history, write) = plant(seed, |events, history, nth| {
            let second = acked(history).nth(nth)?;
            let first = acked(history).find(|it| it.key == second.key && it.end < second.start)?;
            swap_versions(events, history, first, second);
            Some(second.index)
        });
        let finding = checks::version_order(&history, &Context::default());
        assert!(finding.count > 0, "seed {seed}: {write} is below what came before it");
        let staleness = checks::staleness(&history);
        assert!(
            staleness.stale == 0 && staleness.reads_by_version < staleness.reads && staleness.no_versions.is_some(),
            "seed {seed}: {staleness:#?}"
        );
    }
}

/// What one memory did, told as if the clients had come one after another, has an order that real time does not tell:
/// found for ten thousand ops, and not if one read lies.
#[test]
fn a_memory_retold() {
    let knots = Knots {
        client_count: 8,
        op_count: 10_000,
        key_count: 5,
        has_future: true,
    };
    for seed in 0..2 {
        let history = scatter::history(&tangle::retold(seed, knots, 0));
        let finding = checks::sequential(&history, &Context::default(), 10_000_000);
        assert!(
            finding.count == 0 && finding.unknown.is_none(),
            "seed {seed}: {finding:#?}"
        );

        let history = scatter::history(&tangle::retold(seed, knots, 1));
        let finding = checks::sequential(&history, &Context::default(), 10_000_000);
        assert_eq!(
            (finding.count, finding.unknown),
            (1, None),
            "seed {seed}: {:#?}",
            finding.witness
        );
    }
}

/// Tangles of some of which the least k is not known.
const WIDE: Knots = Knots {
    client_count: 6,
    op_count: 30,
    key_count: 1,
    has_future: false,
};

#[test]
fn what_is_given_up_is_unknown() {
    let history = text::parse(
        "
            0..10     p1  write x 1
            0..10     p2  write y 2
            20..30    p1  read y -> nil
            20..30    p2  read x -> nil
        ",
    )
    .expect("the text is a history");
    let decided = checks::sequential(&history, &Context::default(), 100);
    assert_eq!((decided.count, decided.unknown), (1, None));
    let given_up = checks::sequential(&history, &Context::default(), 0);
    let why = given_up.unknown.expect("nothing is decided in no steps");
    assert!(given_up.count == 0 && why.contains("steps allowed"), "{why}");

    let drawn = (0..1_000).map(|seed| scatter::history(&tangle::events(seed, WIDE)));
    let is_open = |history: &History| {
        let bounds = checks::atomicity(history);
        bounds.lower > 3 && bounds.upper.is_some_and(|upper| bounds.lower < upper)
    };
    let history = drawn
        .into_iter()
        .find(is_open)
        .expect("of some tangle the least k is not known");
    let bounds = checks::atomicity(&history);
    let upper = bounds.upper.expect("all was written");
    assert!(bounds.lower < upper, "{bounds:?}");
    let why = checks::k_atomic(&history, &Context::default(), bounds.lower)
        .unknown
        .expect("it is not known");
    assert!(
        why.contains(&format!("some k from {} to {upper}", bounds.lower)),
        "{why}"
    );
    assert_eq!(
        checks::k_atomic(&history, &Context::default(), bounds.lower - 1).unknown,
        None
    );
    assert_eq!(checks::k_atomic(&history, &Context::default(), upper).count, 0);
}

/// The figures as a machine reads them.
#[test]
fn staleness_is_written_as_json() {
    let history = text::parse(
        "
            0..10     p1  write k 1         version=1
            20..30    p1  write k 2         version=2
            40..50    p1  write k 3         version=3
            60..70    p2  read k -> 1       version=1
            80..90    p2  read k -> 3       version=3
            0..10     p3  write j 1         version=9
            20..30    p3  write j 2         version=4
            40..50    p4  read j -> 1       version=9
            0..10     p5  write i 1
            20..30    p5  write i 1
            40..50    p6  read i -> 1
        ",
    )
    .expect("the text is a history");
    let staleness: Staleness = checks::staleness(&history);
    assert_eq!(
        serde_json::to_value(staleness).expect("figures are JSON"),
        json!({
            "reads": 3,
            "stale": 2,
            "share": 2.0 / 3.0,
            "versions": {
                "p50": 1, "p90": 2, "p99": 2, "p999": 2, "max": 2,
                "histogram": [{"up_to": 0, "count": 1}, {"up_to": 1, "count": 1}, {"up_to": 3, "count": 1}],
            },
            "time_ns": {
                "p50": 10_000_000, "p90": 30_000_000, "p99": 30_000_000, "p999": 30_000_000, "max": 30_000_000,
                "histogram": histogram(&[(0, 1), (24, 1), (25, 1)]),
            },
            "worst": {
                "index": 18,
                "key": "k",
                "value": 1,
                "versions": 2,
                "time_ns": 30_000_000,
                "by": "versions",
                "text": "p2 read k (0.060 s to 0.070 s) and got 1, 2 versions behind by the store's versions, the first of \
                         them acknowledged 30 ms before.",
            },
            "reads_by_version": 2,
            "no_versions": "j: p3's write of 1 ended at 0.010 s, before p3's write of 2 to j began at 0.020 s, yet what \
                            came first has version 9, greater than the other's 4",
            "unjudged": 1,
            "unknown": "i: 1 was written more than once",
        })
    );
}

/// Returns buckets up to the last of those given as bits of the bound and count; the others are empty.
fn histogram(counts: &[(u32, u64)]) -> Vec<serde_json::Value> {
    let last = counts.iter().map(|(bits, _)| *bits).max().unwrap_or(0);
    let count = |bits: u32| counts.iter().find(|it| it.0 == bits).map_or(0, |it| it.1);
    (0..=last)
        .map(|bits| json!({"up_to": (1u64 << bits) - 1, "count": count(bits)}))
        .collect()
}

/// Changes one thing in a large valid history, and returns it with what `change` returns.
fn plant<T>(seed: u64, change: impl Fn(&mut Vec<Event>, &History, usize) -> Option<T>) -> (History, T) {
    let mut events = store::run(load(seed));
    let valid = scatter::history(&events);
    let planted = (400..1_000)
        .find_map(|nth| change(&mut events, &valid, nth))
        .expect("the change can be made");
    assert!(
        events.iter().any(|event| event.kind == EventKind::Ok),
        "a run has answers"
    );
    (scatter::history(&events), planted)
}

fn reads(history: &History) -> impl Iterator<Item = &Op> {
    history.ops().iter().filter(|op| op.is_ok_read())
}

fn acked(history: &History) -> impl Iterator<Item = &Op> {
    history.ops().iter().filter(|op| op.is_acked_write())
}
