//! Registers of all strengths, from safe to sequential: against searches through all orders, and against each other.

use quorate_checker::{Context, History, checks, checks::WriteOrder, text};

use crate::{
    naive_registers as naive,
    scatter::{self, Shape},
};

/// How many histories each test draws.
const SEEDS: u64 = 30_000;

const ONE_KEY: Shape = Shape {
    op_count_max: 11,
    key_count: 1,
    has_looks: false,
    has_deletes: false,
};

fn is_judged(history: &History) -> bool {
    history.keys().all(|key| history.repeat(key).is_none())
}

#[test]
fn safe_and_regular_registers_agree_with_their_definitions() {
    let mut broken = [0; 3];
    for seed in 0..SEEDS {
        let history = scatter::history(&scatter::events(seed, ONE_KEY));
        let Some(key) = history.keys().next().filter(|_| is_judged(&history)) else {
            continue;
        };
        let read_count = history.ops().iter().filter(|op| op.is_ok_read()).count() as u64;
        let weakly = naive::weakly_regular(&history, key);
        let is_regular = naive::is_regular(&history, key);
        let regular = if weakly == 0 { u64::from(!is_regular) } else { weakly };
        let said = [
            (
                "safe",
                checks::safe(&history, &Context::default()),
                naive::safe(&history, key),
            ),
            (
                "weakly regular",
                checks::weakly_regular(&history, &Context::default()),
                (read_count, weakly),
            ),
            (
                "regular",
                checks::regular(&history, &Context::default()),
                (read_count, regular),
            ),
        ];
        for (claim, (name, finding, said)) in said.into_iter().enumerate() {
            assert_eq!(
                (finding.tested, finding.count, finding.unknown.as_deref()),
                (said.0, said.1, None),
                "seed {seed}: {name} {:#?} of\n{}",
                finding.witness,
                text::render(&history)
            );
            broken[claim] += u64::from(finding.count > 0 && (claim < 2 || weakly == 0));
        }
    }
    assert!(
        broken[0] > SEEDS / 50 && broken[1] > SEEDS / 20 && broken[2] > SEEDS / 500,
        "{broken:?}"
    );
}

#[test]
fn k_atomicity_agrees_with_the_search_through_all_orders() {
    let mut least = [0u64; 6];
    let mut unknown = 0;
    for seed in 0..SEEDS {
        let history = scatter::history(&scatter::events(seed, ONE_KEY));
        let Some(key) = history.keys().next().filter(|_| is_judged(&history)) else {
            continue;
        };
        let least_k = (1..13).find(|&k| naive::is_k_atomic(&history, key, k));
        let bounds = checks::atomicity(&history);
        let context = || format!("seed {seed}: {least_k:?}, {bounds:?} of\n{}", text::render(&history));
        assert!(bounds.upper.is_some() || least_k.is_none(), "{}", context());
        if bounds.upper.is_some() {
            let k =
                least_k.expect("what no read of a phantom breaks is k-atomic for as many as there are writes") as u64;
            assert!(bounds.lower <= k && Some(k) <= bounds.upper, "{}", context());
            assert!(k > 2 || (bounds.lower, bounds.upper) == (k, Some(k)), "{}", context());
            unknown += u64::from(Some(bounds.lower) != bounds.upper);
        }
        for k in 1..5 {
            let finding = checks::k_atomic(&history, &Context::default(), k);
            let is_atomic = least_k.is_some_and(|least| least as u64 <= k);
            let is_right = if is_atomic {
                finding.count == 0
            } else {
                finding.count > 0 || finding.unknown.is_some()
            };
            assert!(
                is_right && (k > 2 || finding.unknown.is_none()),
                "{k}: {finding:#?}, {}",
                context()
            );
        }
        least[least_k.unwrap_or(0).min(5)] += 1;
    }
    assert!(
        least.iter().take(4).all(|&count| count > SEEDS / 500),
        "{least:?}, {unknown} unknown"
    );
    assert!(unknown < SEEDS / 500, "{unknown} of {least:?}");
}

/// More than any small history takes.
const STEPS: u64 = 100_000;

#[test]
fn sequential_consistency_agrees_with_the_search_through_all_orders() {
    let shape = Shape {
        op_count_max: 9,
        key_count: 2,
        has_looks: false,
        has_deletes: false,
    };
    let (mut broken, mut beyond_phantoms) = (0, 0);
    for seed in 0..SEEDS {
        let history = scatter::history(&scatter::events(seed, shape));
        if !is_judged(&history) {
            continue;
        }
        let finding = checks::sequential(&history, &Context::default(), STEPS);
        let is_broken = !naive::is_sequential(&history);
        assert!(
            (finding.count > 0) == is_broken && finding.unknown.is_none(),
            "seed {seed}: {finding:#?} of\n{}",
            text::render(&history)
        );
        broken += u64::from(is_broken);
        let is_phantom = checks::values_from_nowhere(&history, &Context::default()).count > 0
            || checks::failed_writes_visible(&history, &Context::default()).count > 0;
        beyond_phantoms += u64::from(is_broken && !is_phantom);
    }
    assert!(
        broken > SEEDS / 10 && beyond_phantoms > SEEDS / 50,
        "{broken} {beyond_phantoms}"
    );
}

#[test]
fn version_order_and_staleness_agree_with_their_definitions() {
    let shape = Shape {
        op_count_max: 10,
        key_count: 1,
        has_looks: true,
        has_deletes: false,
    };
    let (mut broken, mut by_version, mut stale) = (0, 0, 0);
    for seed in 0..SEEDS {
        let history = scatter::history(&scatter::events(seed, shape));
        let Some(key) = history.keys().next().filter(|_| is_judged(&history)) else {
            continue;
        };
        let finding = checks::version_order(&history, &Context::default());
        let text = || text::render(&history);
        let said = naive::version_order(&history, key);
        assert_eq!(
            (finding.tested, finding.count),
            said,
            "seed {seed}: {finding:#?} of\n{}",
            text()
        );
        broken += u64::from(finding.count > 0);

        let mut figures = Vec::new();
        checks::each_read_staleness(&history, |it| {
            let (versions, first_end) = match it.by {
                WriteOrder::Versions => naive::behind_by_version(&history, it.read),
                WriteOrder::RealTime => naive::behind_by_real_time(&history, it.read),
            };
            let at_least = naive::behind_by_real_time(&history, it.read);
            let time_ns = first_end.map_or(0, |end_ns| it.read.start_ns - end_ns);
            assert_eq!(
                (it.versions, it.time_ns),
                (versions, time_ns),
                "seed {seed}: {it:?} of\n{}",
                text()
            );
            assert!(at_least.0 <= it.versions, "seed {seed}: {it:?} of\n{}", text());
            assert!(
                it.by == WriteOrder::RealTime || finding.count == 0,
                "seed {seed} of\n{}",
                text()
            );
            by_version += u64::from(it.by == WriteOrder::Versions && it.versions > at_least.0);
            figures.push((it.versions, it.time_ns));
        });
        let whole = checks::staleness(&history);
        figures.sort_unstable();
        let count = |is: fn(&u64) -> bool| figures.iter().filter(|it| is(&it.0)).count() as u64;
        assert_eq!(
            (whole.reads, whole.stale),
            (count(|_| true), count(|it| *it > 0)),
            "seed {seed}"
        );
        assert_eq!(whole.versions.max, figures.last().map_or(0, |it| it.0), "seed {seed}");
        let middle = figures.len().div_ceil(2).checked_sub(1);
        assert_eq!(
            whole.versions.p50,
            middle.map_or(0, |middle| figures[middle].0),
            "seed {seed}"
        );
        assert_eq!(
            whole.versions.histogram.iter().map(|it| it.count).sum::<u64>(),
            whole.reads,
            "seed {seed}"
        );
        stale += whole.stale;
    }
    assert!(
        broken > SEEDS / 10 && by_version > SEEDS / 200 && stale > SEEDS / 20,
        "{broken} {by_version} {stale}"
    );
}
