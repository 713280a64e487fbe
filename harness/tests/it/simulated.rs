//! `quorate sim`: the whole job in virtual time.

use crate::command::{Quorate, verdict_of};

#[test]
fn one_seed_gives_one_trace_in_two_processes_and_another_gives_another() {
    let quorate = Quorate::new();
    let trace = |seed: u64| {
        let (_, report) = quorate.json(&format!("sim --seed {seed}"));
        report["trace_hash"]
            .as_str()
            .expect("a simulation has a trace")
            .to_owned()
    };
    assert_eq!(trace(7), trace(7));
    assert_ne!(trace(7), trace(8));
}

#[test]
fn clean_seeds_are_valid() {
    let quorate = Quorate::new();
    let (code, report) = quorate.json("sim --seeds 30");
    assert_eq!(code, 0, "{report}");
    assert_eq!(report["failed"].as_array().expect("a list").len(), 0);
}

/// Each planted bug is caught in every seed, by the check that must name it; the same seeds are valid without it.
#[test]
fn planted_bugs_are_caught_by_the_checks_that_name_them() {
    let quorate = Quorate::new();
    let caught_by = [
        ("reply-before-acks", "fresh-reads"),
        ("hint-dropped", "handoff"),
        ("repair-writes-older", "fresh-reads"),
    ];
    for (plant, claim) in caught_by {
        let (code, report) = quorate.json(&format!("sim --seeds 5 --plant {plant}"));
        assert_eq!(code, 1, "{plant}");
        let failed = report["failed"].as_array().expect("a list");
        assert_eq!(failed.len(), 5, "{plant}: {report}");
        for seed in failed {
            let claims = seed["claims"].as_array().expect("a list");
            assert!(claims.iter().any(|broken| broken == claim), "{plant}: {seed}");
        }
    }
}

/// Every claim that is not made at some settings is seen to break there (CLAIMS.md, S1 to S4 and S10).
#[test]
fn what_is_not_claimed_is_observed() {
    let quorate = Quorate::new();
    let exhibits = [
        ("--r 1 --w 1", "fresh-reads"),
        ("--r 1 --w 1", "read-your-writes"),
        ("--r 1 --w 1", "monotonic-reads"),
        ("--r 1 --w 2", "fresh-reads"),
        ("--r 2 --w 1", "fresh-reads"),
        ("--r 1 --w 3 --read-repair off", "linearizable"),
        ("--r 1 --w 3 --read-repair off", "monotonic-reads"),
        ("--r 2 --w 2 --read-repair off", "linearizable"),
        ("--r 2 --w 2 --read-repair async", "linearizable"),
    ];
    for (settings, claim) in exhibits {
        let seen = (1..=20).any(|seed| {
            let (code, report) = quorate.json(&format!("sim --seed {seed} {settings} --rate 2000"));
            assert_eq!(code, 0, "{settings}, seed {seed}: {report}");
            verdict_of(&report, claim) == "observed"
        });
        assert!(seen, "{claim} at {settings} in 20 seeds");
    }
}

#[test]
fn a_run_that_proves_nothing_says_so() {
    let quorate = Quorate::new();
    let (code, report) = quorate.json("sim --seed 1 --faults none");
    assert_eq!((code, report["verdict"].as_str()), (4, Some("vacuous")));
    assert_eq!(report["vacuous"], "no fault took effect");
    let (code, report) = quorate.json("sim --seed 1 --concurrency 1");
    assert_eq!((code, report["verdict"].as_str()), (4, Some("vacuous")));
    assert_eq!(report["vacuous"], "no read raced a write");
}

#[test]
fn a_saved_run_is_judged_alike_again_and_its_scenario_runs_alike() {
    let quorate = Quorate::new();
    let (code, report) = quorate.json("sim --seed 3 --plant repair-writes-older --time 10s");
    assert_eq!(code, 1);
    let run = report["run"].as_str().expect("a folder");
    let (code, again) = quorate.json(&format!("check {run}"));
    assert_eq!((code, &again["claims"]), (1, &report["claims"]));
    let (code, again) = quorate.json(&format!("sim {run}/scenario.toml --seed 3"));
    assert_eq!((code, &again["trace_hash"]), (1, &report["trace_hash"]));
    let minimal = format!("{run}/anomalies/01-stale-read/minimal.jsonl");
    let (code, small) = quorate.json(&format!("check {minimal}"));
    assert_eq!((code, verdict_of(&small, "fresh-reads").as_str()), (1, "violated"));
    assert!(small["ops"].as_u64().expect("a number") <= 4);
}
