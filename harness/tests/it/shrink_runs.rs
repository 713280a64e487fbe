//! `quorate shrink` of simulated runs: every planted bug comes down to a few operations and faults.

use std::fs;

use quorate_core::Plant;
use quorate_workloads::BESIDE_THE_HISTORY;
use serde_json::Value;

use quorate_harness::{
    scenario::Scenario,
    suite::{Cell, Expected, Suite},
};

use crate::command::{Quorate, verdict_of};

/// What a person can take in at a glance.
const OPS_MAX: u64 = 12;
const FAULTS_MAX: u64 = 3;

/// Of each kind one that is shrunk in seconds, as each takes hundreds of simulations; all of them where [`ALL`] is set.
const QUICK: [Plant; 9] = [
    Plant::ReplyBeforeAcks,
    Plant::FirstAbsenceWins,
    Plant::ContextCoversUnread,
    Plant::SecondHintDropped,
    Plant::AckBeforeSync,
    Plant::JoinsEmpty,
    Plant::CasRetriedBlindly,
    Plant::HintSentToItself,
    Plant::DeletesStampedAhead,
];

/// The variable by which a soak asks for all.
const ALL: &str = "QUORATE_SHRINK_ALL";

/// The bugs, with the claims that name them, and the scenarios in which they do.
fn bugs() -> Vec<(&'static str, String, Scenario)> {
    let suite = Suite::from_name("mutants").expect("it comes with the program");
    let bug = |cell: Cell| {
        let plant = cell.scenario.plant.expect("a bug").name();
        match cell.expected {
            Expected::Caught { claim, .. } => (plant, claim, cell.scenario),
            other => panic!("{plant} is to be caught, and not {other:?}"),
        }
    };
    suite.cells.into_iter().map(bug).collect()
}

/// Whether it is judged by what clients saw, and not by what the nodes or the harness say of changes of membership.
fn is_of_history(claim: &str) -> bool {
    !BESIDE_THE_HISTORY.contains(&claim)
}

/// Runs seeds until one breaks the claim, and returns its folder.
fn found(quorate: &Quorate, plant: &str, claim: &str, scenario: &Scenario) -> String {
    let file = format!("{plant}.toml");
    let text = toml::to_string(scenario).expect("a scenario has a text");
    fs::write(quorate.path().join(&file), text).expect("a folder of our own");
    let (_, sweep) = quorate.json(&format!("sim {file} --seeds 10"));
    let failed = sweep["failed"].as_array().expect("a list").iter();
    let is_broken = |seed: &&Value| {
        let violated = seed["violated"].as_array().expect("a list");
        violated.iter().any(|broken| broken == claim)
    };
    let mut broken = failed.filter(is_broken);
    let seed = broken.next().unwrap_or_else(|| panic!("{plant}: {sweep}"))["seed"].clone();
    let (_, report) = quorate.json(&format!("sim {file} --seed {seed}"));
    report["run"].as_str().expect("a folder").to_owned()
}

/// Found by seed, shrunk, saved, replayed exactly, and gone when the bug is taken out.
#[test]
fn planted_bugs_are_shrunk_to_a_few_operations_and_gone_without_them() {
    let quorate = Quorate::new();
    // Stale epochs take a load of eight seconds and two moves of everything to be seen, and spoilt gossip is waited for for a
    // minute: four hundred such runs are minutes. Believed addresses take two thousand requests a second.
    let slow = [Plant::StaleEpochServed, Plant::GossipUnsealed, Plant::AddressBelieved].map(Plant::name);
    let is_all = std::env::var_os(ALL).is_some();
    let is_asked = |plant: &str| match is_all {
        true => !slow.contains(&plant),
        false => QUICK.iter().any(|quick| quick.name() == plant),
    };
    let asked: Vec<_> = bugs().into_iter().filter(|(plant, ..)| is_asked(plant)).collect();
    assert!(asked.len() >= QUICK.len());
    for (plant, claim, scenario) in asked {
        let run = found(&quorate, plant, &claim, &scenario);
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
        assert_eq!(verdict_of(&replayed, &claim), "violated", "{plant}");
        let (_, fixed) = quorate.json(&format!("replay --tape {tape} --claim {claim} --plant none"));
        assert_eq!(fixed["replay"]["came_back"], 0, "{plant}: {fixed}");

        if is_of_history(&claim) {
            let minimal = shrunk["minimal"].as_str().expect("a file");
            let (_, judged) = quorate.json(&format!("check {minimal}"));
            assert!(judged["ops"].as_u64().is_some_and(|ops| ops > 0), "{plant}: {judged}");
        }
        let words = fs::read_to_string(quorate.path().join(&run).join("shrunk/explain.md")).expect("an explanation");
        assert!(words.contains(&claim) && words.contains(plant), "{words}");
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
