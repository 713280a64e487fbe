//! `quorate sim` over many seeds: one answer on any number of threads, failures that can be shown again, sizes drawn from the
//! seed, and a corpus of seeds that reached what few do.

use std::{fs, time::Duration};

use quorate_harness::{scenario::Scenario, simulation::simulate, trial::Trial};
use quorate_workloads::InOrder;
use serde_json::Value;

use crate::command::Quorate;

/// Short, and with a bug that not every seed runs into.
const SWEEP: &str = "sim --seeds 12 --time 3s --swarm --plant unknown-called-failure";

/// A sweep's answer without what the machine has its share in.
fn answer(quorate: &Quorate, arguments: &str) -> (i32, Value) {
    let (code, mut answer) = quorate.json(arguments);
    let fields = answer.as_object_mut().expect("an object");
    for measured in ["wall_seconds", "seeds_per_hour"] {
        fields.remove(measured).expect("it is measured");
    }
    (code, answer)
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().expect("a list")
}

/// The command that a failed seed is told with, for [`Quorate`].
fn command_of(failed: &Value) -> &str {
    let command = failed["command"].as_str().expect("a command");
    command.strip_prefix("quorate ").expect("it is one of ours")
}

/// A sweep's seeds are judged, and no more: what nobody reads of them is neither measured nor hashed, and all else is the same.
#[test]
fn a_brief_run_ends_as_any_other() {
    let scenario = Scenario {
        time: Duration::from_secs(2),
        ..Scenario::quickstart()
    };
    let run = |trial: Trial| simulate(trial, &InOrder, None, &mut |_| {}).expect("nothing is broken");
    let trial = || Trial::in_memory(scenario.clone(), 7);
    let [whole, brief] = [run(trial()), run(trial().brief())];
    let ended = [&whole, &brief].map(|run| {
        let claims = run.report.judgement.claims.iter();
        let claims: Vec<_> = claims.map(|claim| (claim.verdict, claim.count, claim.tested)).collect();
        (run.report.exit, claims, run.events, run.virtual_time, &run.coverage)
    });
    assert_eq!(ended[0], ended[1]);
    assert!(whole.trace.is_some() && !whole.report.judgement.figures.is_empty());
    assert!(brief.trace.is_none() && brief.report.judgement.figures.is_empty());
}

#[test]
fn the_answer_is_the_same_on_any_number_of_threads_and_each_failure_is_shown_again() {
    let quorate = Quorate::new();
    let (code, swept) = answer(&quorate, &format!("{SWEEP} --jobs 1"));
    for jobs in [2, 3] {
        let arguments = format!("{SWEEP} --jobs {jobs}");
        assert_eq!(answer(&quorate, &arguments), (code, swept.clone()), "{jobs} threads");
    }
    let failed = list(&swept, "failed");
    assert_eq!(code, 1, "{swept}");
    assert!(
        !failed.is_empty() && swept["valid"].as_u64() > Some(0),
        "some of them: {swept}"
    );
    for seed in failed.iter().take(2) {
        let (code, report) = quorate.json(command_of(seed));
        assert_eq!(Value::from(code), seed["exit"], "{seed}");
        let violated = list(&report, "claims")
            .iter()
            .filter(|claim| claim["verdict"] == "violated");
        let violated: Vec<_> = violated.map(|claim| &claim["claim"]).collect();
        let claims: Vec<_> = list(seed, "claims").iter().collect();
        assert!(
            violated.iter().all(|claim| claims.contains(claim)),
            "{violated:?} of {seed}"
        );
        assert!(!violated.is_empty(), "{seed}");
    }
}

#[test]
fn a_sweep_ends_when_enough_seeds_have_failed() {
    let quorate = Quorate::new();
    let (_, all) = answer(&quorate, SWEEP);
    let (code, some) = answer(&quorate, &format!("{SWEEP} --stop-at 1"));
    assert_eq!((code, &some["failed"][0]), (1, &all["failed"][0]));
    assert_eq!(list(&some, "failed").len(), 1);
    assert_eq!(
        some["seeds"], some["failed"][0]["seed"],
        "those from 1 to the one that failed"
    );
}

#[test]
fn seeds_are_run_for_as_long_as_they_are_given_time() {
    let quorate = Quorate::new();
    let (_, swept) = answer(&quorate, "sim --budget 1ms --time 2s");
    assert_eq!(swept["seeds"], 1, "one begins in any case");
}

/// A ring that takes longer to form than it is given: every simulation fails, and each is told.
#[test]
fn a_seed_whose_simulation_fails_is_told_and_stops_no_other() {
    let quorate = Quorate::new();
    let (code, swept) = answer(&quorate, "sim --seeds 3 --set gossip-interval=1h");
    assert_eq!((code, list(&swept, "failed").len()), (70, 3), "{swept}");
    let failed = &swept["failed"][2];
    assert_eq!((&failed["seed"], &failed["exit"]), (&3.into(), &70.into()));
    let why = failed["error"].as_str().expect("in words");
    assert!(why.contains("the ring did not settle"), "{why}");
    let ended = quorate.run(command_of(failed));
    assert_eq!(ended.code, 70);
    assert!(ended.stderr.contains(why), "{}", ended.stderr);
}

#[test]
fn drawn_sizes_are_the_seed_s_own_and_stand_in_the_scenario() {
    let quorate = Quorate::new();
    let run = |seed: u64| {
        let (_, report) = quorate.json(&format!("sim --swarm --seed {seed} --time 3s"));
        let run = report["run"].as_str().expect("a folder");
        let text = fs::read_to_string(quorate.path().join(run).join("scenario.toml")).expect("a scenario");
        let scenario = Scenario::from_toml(&text).expect("its own text");
        (report["trace_hash"].clone(), scenario, run.to_owned())
    };
    let (hash, scenario, folder) = run(5);
    assert_eq!(run(5).0, hash, "one seed, one run");
    let base = Scenario::quickstart();
    let sizes = |scenario: &Scenario| {
        (
            scenario.keys,
            scenario.rate,
            scenario.concurrency,
            scenario.gossip_interval,
        )
    };
    assert_ne!(sizes(&scenario), sizes(&base));
    assert_ne!(sizes(&run(6).1), sizes(&scenario));
    assert_eq!(scenario.settings(), base.settings(), "what decides the claims");
    let (_, again) = quorate.json(&format!("sim {folder}/scenario.toml --seed 5"));
    assert_eq!(again["trace_hash"], hash, "the scenario says it all");
}

#[test]
fn a_corpus_grows_and_is_used() {
    let quorate = Quorate::new();
    let sweep = "sim --seeds 6 --time 3s --corpus corpus.json";
    let (_, first) = answer(&quorate, sweep);
    let new = |swept: &Value| list(&swept["corpus"], "new_features").to_vec();
    assert_eq!(
        (&first["first_seed"], &first["corpus"]["run_again"]),
        (&1.into(), &0.into())
    );
    assert!(new(&first).len() > 10, "{first}");

    let (_, second) = answer(&quorate, sweep);
    let again = second["corpus"]["run_again"].as_u64().expect("a number");
    assert!((1..=3).contains(&again), "half of the seeds at most: {second}");
    assert_eq!(
        (&second["first_seed"], &second["seeds"]),
        (&7.into(), &6.into()),
        "new ones after those"
    );
    assert!(
        new(&second).iter().all(|feature| feature["seed"].as_u64() > Some(6)),
        "{second}"
    );
    assert!(new(&second).len() < new(&first).len());

    let text = fs::read_to_string(quorate.path().join("corpus.json")).expect("a corpus");
    let corpus: Value = serde_json::from_str(&text).expect("JSON");
    let scenarios = corpus["scenarios"].as_object().expect("by their fingerprints");
    let explored = scenarios.values().next().expect("one");
    assert_eq!(
        (scenarios.len(), &explored["tried"]),
        (1, &serde_json::json!([[1, 12 - again]]))
    );

    // Seeds of another scenario say nothing of this one.
    let (_, other) = answer(&quorate, &format!("{sweep} --keys 7"));
    assert_eq!(
        (&other["first_seed"], &other["corpus"]["run_again"]),
        (&1.into(), &0.into())
    );
}

#[test]
fn what_is_no_corpus_is_refused_and_left_alone() {
    let quorate = Quorate::new();
    let path = quorate.path().join("corpus.json");
    for text in ["{\"format\":1,\"verdict\":\"valid\"}", "not JSON", "{\"format\":9}"] {
        fs::write(&path, text).expect("written");
        let ended = quorate.run("sim --seeds 2 --time 3s --corpus corpus.json");
        assert_eq!(ended.code, 65, "{text}: {}", ended.stderr);
        assert!(ended.stderr.contains("read corpus corpus.json"), "{}", ended.stderr);
        assert_eq!(fs::read_to_string(&path).expect("still there"), text);
    }
    let ended = quorate.run("sim --seeds 2 --time 3s --corpus nowhere/corpus.json");
    assert_eq!(ended.code, 70, "before any seed is run: {}", ended.stderr);
    assert!(ended.stdout.is_empty() && ended.stderr.contains("write corpus nowhere/corpus.json"));
}

#[test]
fn a_run_says_what_it_reached() {
    let quorate = Quorate::new();
    let (_, report) = quorate.json("sim --seed 3 --time 6s --faults kill");
    let run = report["run"].as_str().expect("a folder");
    let text = fs::read_to_string(quorate.path().join(run).join("coverage.json")).expect("it is there");
    let coverage: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(coverage["format"], 1);
    let counts = coverage["counts"].as_object().expect("counts by names");
    for reached in [
        "fault.kill",
        "counter.hints-delivered",
        "event.ring-formed",
        "outcome.read.ok",
        "verdict.valid",
    ] {
        assert!(counts.contains_key(reached), "{reached}: {text}");
    }
    let started = counts["event.ring-formed"].as_u64().expect("a number");
    assert!(started > 5, "killed nodes found their ring again: {started}");
    assert!(list(&coverage, "features").contains(&"verdict.valid x1".into()));
}

#[test]
fn what_is_for_many_seeds_is_refused_for_one() {
    let quorate = Quorate::new();
    for flag in ["--jobs 2", "--stop-at 1", "--corpus corpus.json"] {
        let ended = quorate.run(&format!("sim --seed 1 {flag}"));
        assert_eq!(ended.code, 64, "{flag}");
        assert!(ended.stderr.contains("--seeds or --budget"), "{}", ended.stderr);
    }
    assert_eq!(quorate.run("sim --seeds 0").code, 64);
}
