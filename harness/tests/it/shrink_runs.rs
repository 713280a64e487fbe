//! `quorate shrink` of simulated runs: every planted bug comes down to a few operations and faults.

use std::fs;

use quorate_core::Plant;
use serde_json::Value;

use crate::{
    command::{Quorate, verdict_of},
    plants::{CATCHES, Catch},
};

/// What a person can take in at a glance.
const OPS_MAX: u64 = 12;
const FAULTS_MAX: u64 = 3;

/// Runs seeds until one breaks the claim, and returns its folder.
fn found(quorate: &Quorate, catch: &Catch) -> String {
    let plant = catch.plant.name();
    let (_, sweep) = quorate.json(&format!("{} --plant {plant}", catch.clean("--seeds 10")));
    let failed = sweep["failed"].as_array().expect("a list").iter();
    let is_broken = |seed: &&Value| {
        let violated = seed["violated"].as_array().expect("a list");
        violated.iter().any(|claim| claim == catch.claim)
    };
    let mut broken = failed.filter(is_broken);
    let seed = broken.next().unwrap_or_else(|| panic!("{plant}: {sweep}"))["seed"].clone();
    let (_, report) = quorate.json(&format!("{} --plant {plant}", catch.clean(&format!("--seed {seed}"))));
    report["run"].as_str().expect("a folder").to_owned()
}

/// Found by seed, shrunk, saved, replayed exactly, and gone when the bug is taken out.
#[test]
fn every_planted_bug_is_shrunk_to_a_few_operations_and_gone_without_it() {
    let quorate = Quorate::new();
    // Stale epochs take a load of eight seconds and two moves of everything to be seen: four hundred such runs are minutes.
    let quick = CATCHES.iter().filter(|catch| catch.plant != Plant::StaleEpochServed);
    for catch in quick {
        let (plant, claim) = (catch.plant.name(), catch.claim);
        let run = found(&quorate, catch);
        let (code, shrunk) = quorate.json(&format!("shrink {run} --claim {claim} --budget 400"));
        assert_eq!(code, 0, "{plant}: {shrunk}");
        let size = |name: &str| shrunk[name].as_u64().expect("a number");
        assert!(
            size("ops") <= OPS_MAX && size("faults") <= FAULTS_MAX,
            "{plant}: {shrunk}"
        );

        let tape = shrunk["regression"].as_str().expect("a file");
        let (code, replayed) = quorate.json(&format!("replay --tape {tape} --claim {claim}"));
        assert_eq!(
            (code, &replayed["replay"]["same"]),
            (1, &true.into()),
            "{plant}: {replayed}"
        );
        assert_eq!(verdict_of(&replayed, claim), "violated", "{plant}");
        let (_, fixed) = quorate.json(&format!("replay --tape {tape} --claim {claim} --plant none"));
        assert_eq!(fixed["replay"]["came_back"], 0, "{plant}: {fixed}");

        if catch.is_of_history() {
            let minimal = shrunk["minimal"].as_str().expect("a file");
            let (_, judged) = quorate.json(&format!("check {minimal}"));
            assert!(judged["ops"].as_u64().is_some_and(|ops| ops > 0), "{plant}: {judged}");
        }
        let words = fs::read_to_string(quorate.path().join(&run).join("shrunk/explain.md")).expect("an explanation");
        assert!(words.contains(claim) && words.contains(plant), "{words}");
    }
}

#[test]
fn what_was_found_until_the_budget_ended_is_kept() {
    let quorate = Quorate::new();
    let (_, report) = quorate.json("sim --seed 4 --time 4s --plant hint-dropped");
    let run = report["run"].as_str().expect("a folder");
    let mut sizes = Vec::new();
    for budget in [1, 5, 20] {
        let (code, shrunk) = quorate.json(&format!("shrink {run} --budget {budget} --out {budget}"));
        assert_eq!((code, &shrunk["stopped"]), (0, &true.into()), "{shrunk}");
        let (code, replayed) = quorate.json(&format!("replay {budget}"));
        assert_eq!((code, &replayed["replay"]["same"]), (1, &true.into()), "{replayed}");
        sizes.push(shrunk["ops"].as_u64().expect("a number"));
    }
    assert_eq!(sizes[0], report["ops"], "the first candidate is the run as it was");
    assert!(sizes.is_sorted_by(|larger, smaller| larger > smaller), "{sizes:?}");
    // Again, over what is there, on one processor: the same.
    let (_, again) = quorate.json(&format!("shrink {run} --budget 20 --out 20 --jobs 1"));
    assert_eq!(again["ops"], sizes[2]);
}

#[test]
fn what_can_not_be_shrunk_is_said() {
    let quorate = Quorate::new();
    let (_, report) = quorate.json("sim --seed 3 --time 4s");
    let valid = report["run"].as_str().expect("a folder").to_owned();
    let (_, report) = quorate.json("sim --seed 3 --time 4s --plant hint-dropped");
    let broken = report["run"].as_str().expect("a folder").to_owned();
    let tape = quorate.path().join(&broken).join("tape.jsonl");
    let text = fs::read_to_string(&tape).expect("a tape");
    let path = |name: &str| quorate.path().join(name);
    let real = text.replace("\"backend\":\"simulated\"", "\"backend\":\"processes\"");
    fs::write(path("real.jsonl"), real).expect("written");
    let fixed = text.replace("\"plant\":\"hint-dropped\",", "");
    fs::write(path("fixed.jsonl"), fixed).expect("written");
    let cases = [
        (format!("shrink {valid}"), 64, "nothing is broken"),
        (format!("shrink {broken} --claim converges"), 64, "converges"),
        ("shrink real.jsonl".to_owned(), 64, "--simulated"),
        ("shrink fixed.jsonl".to_owned(), 5, "does not show"),
        (format!("shrink {broken}/tape.jsonl --model register"), 64, "no history"),
        (format!("shrink {broken}/tape.jsonl --history"), 64, "no history"),
    ];
    for (command, code, expected) in cases {
        let ended = quorate.run(&command);
        assert_eq!(ended.code, code, "{command}: {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{command}: {}", ended.stderr);
    }
    // The history of a simulated run, by itself.
    let (code, shrunk) = quorate.json(&format!("shrink {broken} --history"));
    assert_eq!(code, 0, "{shrunk}");
    assert!(
        shrunk["regression"].is_null() && shrunk["ops"].as_u64() < Some(12),
        "{shrunk}"
    );
}
