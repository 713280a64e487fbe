//! Registers of all strengths, from safe to sequential: against searches through all orders, and against each other.

use quorate_checker::{Context, History, Op, checks, checks::WriteOrder, text};

use crate::{
    claims,
    differential::require_evident,
    naive_registers as naive,
    scatter::{self, Shape},
    tangle::{self, Knots},
};

/// How many histories each test draws.
const SEEDS: u64 = 20_000;

const ONE_KEY: Shape = Shape {
    op_count_max: 11,
    key_count: 1,
    has_looks: false,
    has_deletes: false,
};

const TANGLE: Knots = Knots {
    client_count: 4,
    op_count: 8,
    key_count: 1,
    has_future: false,
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
        let ops = naive::ops_of(&history, key);
        let read_count = history.ops().iter().filter(|op| op.is_ok_read()).count() as u64;
        let weakly = naive::weakly_regular(&ops);
        let is_regular = naive::is_regular(&ops);
        let regular = if weakly == 0 { u64::from(!is_regular) } else { weakly };
        let said = [
            ("safe", checks::safe(&history, &Context::default()), naive::safe(&ops)),
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
        let ops = naive::ops_of(&history, key);
        let least_k = (1..13).find(|&k| naive::is_k_atomic(&ops, k));
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
        let is_broken = !agrees_on_sequential(seed, &history);
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

/// Reads that return anything, of five clients at once; and what is nearly the one history of which only three values
/// together have no order.
#[test]
fn tangles_agree_with_the_searches_through_all_orders() {
    let knots = Knots {
        client_count: 5,
        ..TANGLE
    };
    let near_knot = text::parse_events(
        "
            0..100    p1  write k 1
            1..11     p2  write k 2
            2..4      p3  read k -> 1
            6..20     p4  write k 3
            15..16    p5  read k -> 1
            30..31    p6  read k -> 2
        ",
    )
    .expect("the knot is a history");
    let (mut knotted, mut paired) = (0, 0);
    for seed in 0..SEEDS / 2 {
        let events = match seed % 2 {
            0 => tangle::events(seed, knots),
            _ => tangle::jolted(seed, &near_knot),
        };
        let history = scatter::history(&events);
        let key = history.keys().next().expect("a tangle has a key");
        let ops = naive::ops_of(&history, key);
        let finding = checks::regular(&history, &Context::default());
        let is_regular = naive::is_regular(&ops);
        let text = || text::render(&history);
        assert_eq!(
            finding.count == 0,
            is_regular,
            "seed {seed}: {finding:#?} of\n{}",
            text()
        );
        let values = finding
            .witness
            .map_or(0, |witness| witness.text.matches("comes before").count());
        paired += u64::from(values == 2);
        knotted += u64::from(values == 3);
        let two = checks::k_atomic(&history, &Context::default(), 2);
        let is_two = naive::is_k_atomic(&ops, 2);
        assert_eq!(two.count == 0, is_two, "seed {seed}: {two:#?} of\n{}", text());
    }
    assert!(knotted > SEEDS / 500 && paired > SEEDS / 200, "{knotted} {paired}");
}

#[test]
fn tangled_sessions_agree_with_the_search_through_all_orders() {
    let mut broken = 0;
    for seed in 0..SEEDS / 2 {
        let knots = Knots {
            client_count: 3 + seed as usize % 2,
            op_count: 8,
            key_count: 1 + seed as usize / 2 % 2,
            has_future: true,
        };
        let history = scatter::history(&tangle::events(seed, knots));
        broken += u64::from(!agrees_on_sequential(seed, &history));
    }
    assert!((SEEDS / 10..SEEDS / 2).contains(&broken), "{broken}");
}

/// Returns whether `history` is sequentially consistent, as the check has to say too.
fn agrees_on_sequential(seed: u64, history: &History) -> bool {
    let finding = checks::sequential(history, &Context::default(), STEPS);
    let is_sequential = naive::is_sequential(history.ops());
    assert!(
        (finding.count == 0) == is_sequential && finding.unknown.is_none(),
        "seed {seed}: {finding:#?} of\n{}",
        text::render(history)
    );
    is_sequential
}

/// A read of nothing that may be of several deletes: what is found is broken whichever it is of, and where nothing is in
/// doubt all is found.
#[test]
fn deletes_agree_with_the_searches_through_all_orders() {
    let shape = Shape {
        op_count_max: 8,
        has_deletes: true,
        ..ONE_KEY
    };
    let (mut broken, mut unknown) = ([0; 6], 0);
    for seed in 0..SEEDS / 2 {
        let history = scatter::history(&scatter::events(seed, shape));
        let Some(key) = history.keys().next().filter(|_| is_judged(&history)) else {
            continue;
        };
        let ops = naive::ops_of(&history, key);
        let told = naive::with_nothings_told(&history, &ops, false);
        let retold = naive::with_nothings_told(&history, &ops, true);
        let is_any = |is: fn(&[Op]) -> bool| told.iter().any(|ops| is(ops));
        let said = [
            ("safe", is_any(|ops| naive::safe(ops).1 == 0)),
            ("weakly-regular", is_any(|ops| naive::weakly_regular(ops) == 0)),
            ("regular", is_any(naive::is_regular)),
            ("2-atomic", is_any(|ops| naive::is_k_atomic(ops, 2))),
            ("3-atomic", is_any(|ops| naive::is_k_atomic(ops, 3))),
            ("sequential", retold.iter().any(|ops| naive::is_sequential(ops))),
        ];
        for (claim, (name, said)) in said.into_iter().enumerate() {
            let finding = claims::strength(name)(&history, &Context::default());
            let is_right = if said {
                finding.count == 0
            } else {
                finding.count > 0 || finding.unknown.is_some()
            };
            assert!(
                is_right,
                "seed {seed}, {name}: {finding:#?} of\n{}",
                text::render(&history)
            );
            broken[claim] += u64::from(finding.count > 0);
            unknown += u64::from(finding.unknown.is_some());
        }
    }
    assert!(
        broken.iter().all(|&count| count > SEEDS / 400) && unknown > SEEDS / 20,
        "{broken:?} {unknown}"
    );
}

/// What implies what, in drawn histories; and that nothing more does: for each pair some history has the one and not the
/// other.
#[test]
fn stronger_implies_weaker() {
    let implications = [
        ("linearizable", "regular"),
        ("regular", "weakly-regular"),
        ("weakly-regular", "safe"),
        ("linearizable", "2-atomic"),
        ("2-atomic", "3-atomic"),
        ("linearizable", "sequential"),
    ];
    let neither = [
        ("regular", "2-atomic"),
        ("regular", "sequential"),
        ("sequential", "safe"),
        ("2-atomic", "safe"),
    ];
    let mut only_weaker = [0; 6];
    let mut apart = [[0; 2]; 4];
    for seed in 0..SEEDS {
        let events = match seed % 4 {
            0 => scatter::events(seed, ONE_KEY),
            1 => scatter::events(
                seed,
                Shape {
                    key_count: 2,
                    has_deletes: true,
                    ..ONE_KEY
                },
            ),
            2 => tangle::events(seed, TANGLE),
            _ => tangle::retold(seed, TANGLE, 1),
        };
        let history = scatter::history(&events);
        let verdict = |name: &str| {
            let finding = claims::strength(name)(&history, &Context::default());
            finding.unknown.is_none().then_some(finding.count == 0)
        };
        let both = |(a, b): (&str, &str)| verdict(a).zip(verdict(b));
        for (pair, (stronger, weaker)) in implications.into_iter().enumerate() {
            let (stronger_holds, weaker_holds) = both((stronger, weaker)).unwrap_or_default();
            assert!(
                !stronger_holds || weaker_holds,
                "seed {seed}: {stronger} but not {weaker}:\n{}",
                text::render(&history)
            );
            only_weaker[pair] += u64::from(weaker_holds && !stronger_holds);
        }
        for (pair, names) in neither.into_iter().enumerate() {
            let (a, b) = both(names).unwrap_or_default();
            apart[pair][0] += u64::from(a && !b);
            apart[pair][1] += u64::from(b && !a);
        }
    }
    assert!(only_weaker.iter().all(|&count| count > SEEDS / 2000), "{only_weaker:?}");
    assert!(apart.as_flattened().iter().all(|&count| count > 0), "{apart:?}");
}

/// The ops of a witness break the claim by themselves, and with any one of them gone they do not.
#[test]
fn witnesses_stand_alone_and_have_nothing_to_spare() {
    for seed in 0..SEEDS / 2 {
        let events = match seed % 4 {
            0 | 1 => scatter::events(
                seed,
                Shape {
                    key_count: 2,
                    has_looks: true,
                    ..ONE_KEY
                },
            ),
            2 => tangle::events(seed, TANGLE),
            _ => tangle::retold(seed, TANGLE, 1),
        };
        let history = scatter::history(&events);
        for (name, check) in claims::STRENGTH_CLAIMS {
            if let Some(witness) = check(&history, &Context::default()).witness {
                require_evident(name, *check, &witness, &events, &Context::default());
            }
        }
    }
}

#[test]
fn retold_memories_agree_with_the_search_through_all_orders() {
    let mut broken = 0;
    for seed in 0..SEEDS / 2 {
        let knots = Knots {
            client_count: 2 + seed as usize % 4,
            op_count: 10,
            key_count: 1 + seed as usize / 4 % 3,
            has_future: true,
        };
        let lie_count = seed as usize / 12 % 3;
        let history = scatter::history(&tangle::retold(seed, knots, lie_count));
        let is_sequential = agrees_on_sequential(seed, &history);
        assert!(
            is_sequential || lie_count > 0,
            "seed {seed}: what one memory did has an order"
        );
        broken += u64::from(!is_sequential);
    }
    assert!((SEEDS / 20..SEEDS * 2 / 5).contains(&broken), "{broken}");
}
