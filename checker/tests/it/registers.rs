//! Registers of all strengths, from safe to sequential: against searches through all orders, and against each other.

use quorate_checker::{Context, Event, Finding, History, Op, checks, text};

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

fn holds(check: fn(&History, &Context) -> Finding, history: &History) -> bool {
    let finding = check(history, &Context::default());
    assert!(finding.unknown.is_none(), "{finding:#?} of\n{}", text::render(history));
    finding.count == 0
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
            ("safe", checks::safe(&history, &Context::default()), naive::safe(&history, key)),
            ("weakly regular", checks::weakly_regular(&history, &Context::default()), (read_count, weakly)),
            ("regular", checks::regular(&history, &Context::default()), (read_count, regular)),
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
    assert!(broken[0] > SEEDS / 50 && broken[1] > SEEDS / 20 && broken[2] > SEEDS / 500, "{broken:?}");
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
            let k = least_k.expect("what no read of a phantom breaks is k-atomic for as many as there are writes") as u64;
            assert!(bounds.lower <= k && Some(k) <= bounds.upper, "{}", context());
            assert!(k > 2 || (bounds.lower, bounds.upper) == (k, Some(k)), "{}", context());
            unknown += u64::from(Some(bounds.lower) != bounds.upper);
        }
        for k in 1..5 {
            let finding = checks::k_atomic(&history, &Context::default(), k);
            let is_atomic = least_k.is_some_and(|least| least as u64 <= k);
            let is_right = if is_atomic { finding.count == 0 } else { finding.count > 0 || finding.unknown.is_some() };
            assert!(is_right && (k > 2 || finding.unknown.is_none()), "{k}: {finding:#?}, {}", context());
        }
        least[least_k.unwrap_or(0).min(5)] += 1;
    }
    assert!(least.iter().take(4).all(|&count| count > SEEDS / 500), "{least:?}, {unknown} unknown");
    println!("{least:?} {unknown}");
}
