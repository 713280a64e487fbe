//! `quorate shrink` of simulated runs: every planted bug comes down to a few operations and faults.

use std::fs;

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
    for catch in &CATCHES {
        let (plant, claim) = (catch.plant.name(), catch.claim);
        let run = found(&quorate, catch);
        let (code, shrunk) = quorate.json(&format!("shrink {run} --claim {claim} --budget 400"));
        assert_eq!(code, 0, "{plant}: {shrunk}");
        let size = |name: &str| shrunk[name].as_u64().expect("a number");
        eprintln!(
            "{plant}: {} -> {} ops, {} faults, {} s, {} tried, stopped {}",
            shrunk["ops_before"],
            size("ops"),
            size("faults"),
            shrunk["seconds"],
            shrunk["tried"],
            shrunk["stopped"]
        );
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

        let minimal = shrunk["minimal"].as_str().expect("a file");
        let (_, judged) = quorate.json(&format!("check {minimal}"));
        assert!(judged["ops"].as_u64().is_some_and(|ops| ops > 0), "{plant}: {judged}");
        let words = fs::read_to_string(quorate.path().join(&run).join("shrunk/explain.md")).expect("an explanation");
        assert!(words.contains(claim) && words.contains(plant), "{words}");
    }
}
