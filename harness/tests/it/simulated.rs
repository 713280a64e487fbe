//! `quorate sim`: the whole job in virtual time.

use std::collections::BTreeSet;

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

/// Row S29: nodes come and go, alone and while others are cut off or killed, and every claim stays a claim and holds.
#[test]
fn nodes_that_come_and_go_take_no_claim_away() {
    let quorate = Quorate::new();
    for (workload, seeds) in [
        ("register", 5),
        ("deletes", 2),
        ("siblings", 2),
        ("set", 2),
        ("counter", 2),
        ("cas", 2),
    ] {
        let run = format!("sim --workload {workload} --faults membership,partition,kill --time 10s");
        let (code, report) = quorate.json(&format!("{run} --seeds {seeds}"));
        assert_eq!(code, 0, "{workload}: {report}");
        let (_, report) = quorate.json(&format!("{run} --seed 5"));
        // What a node that is gone for good had kept for others is gone, and while owners change both sides are asked, by who has heard of it.
        let taken = ["handoff", "available", "refused-promptly"];
        let is_taken = |claim: &serde_json::Value| taken.iter().any(|name| claim == name);
        let not_claimed = |claim: &&serde_json::Value| claim["claimed"] == false && !is_taken(&claim["claim"]);
        let claims = report["claims"].as_array().expect("claims");
        assert_eq!(claims.iter().find(not_claimed), None, "{workload}: {report}");
    }
    for settings in [
        "--write-path abd --clock-skew 400ms",
        "--r 3 --w 1",
        "--r 1 --w 1",
        "--dcs 2 --nodes 8 --read-level LOCAL_QUORUM --write-level EACH_QUORUM",
        "--nodes 3 --set spares=4",
    ] {
        let run = format!("sim --seeds 2 --faults membership,partition,kill --time 10s {settings}");
        let (code, report) = quorate.json(&run);
        assert_eq!(code, 0, "{settings}: {report}");
    }
}

#[test]
fn a_change_that_can_not_be_is_a_mistake_of_usage() {
    let quorate = Quorate::new();
    for (settings, plan, expected) in [
        ("", r#"{at="1s",fault="join",node="n1"}"#, "n1 has been started before"),
        (
            "",
            r#"{at="1s",fault="kill",lasts="1s",nodes=["n6"]},{at="2s",fault="join",node="n6"}"#,
            "nothing has started it",
        ),
        (
            "",
            r#"{at="1s",fault="remove",node="n2"},{at="2s",fault="pause",lasts="1s",nodes=["n2"]}"#,
            "gone for good",
        ),
        (
            "",
            r#"{at="1s",lasts="2s",fault="leave",node="n2"}"#,
            "lasts has no meaning",
        ),
        ("", r#"{at="1s",fault="kill",nodes=["n2"]}"#, "lasts has to be above 0"),
        (
            "",
            r#"{at="1s",fault="swapped-addresses",lasts="2s",one="n1",other="n2"},{at="2s",fault="swapped-addresses",lasts="1s",one="n3",other="n2"}"#,
            "n2 has another's address by then",
        ),
        (
            "--nodes 3",
            r#"{at="1s",fault="leave",node="n2"}"#,
            "2 members would be left for 3 replicas",
        ),
        (
            "--r 1",
            r#"{at="1s",fault="remove",node="n2"}"#,
            "no node can be lost for good",
        ),
    ] {
        let ended = quorate.run(&format!("sim --seed 1 {settings} --set plan=[{plan}]"));
        assert_eq!(ended.code, 64, "{plan}");
        assert!(ended.stderr.contains(expected), "{expected:?} in {}", ended.stderr);
    }
}

/// The rows of the table of claims: at every setting the claims hold in every seed, and what is not claimed is seen to break.
#[test]
fn every_row_of_the_table_holds_and_breaks_as_it_says() {
    let (code, report) = Quorate::new().json("suite exhibits");
    assert_eq!(code, 0, "{report:#}");
    let cells = report["cells"].as_array().expect("a list");
    assert!(
        cells.len() > 30 && cells.iter().all(|cell| cell["verdict"] == "passed"),
        "{report:#}"
    );
}

/// Every family but the two that all other tests are about.
const FAMILIES: [&str; 11] = [
    "slow-net",
    "loss",
    "pause",
    "slow",
    "power-loss",
    "disk",
    "clock",
    "message",
    "membership",
    "wipe",
    "swarm",
];

/// A node without a bug breaks no claim whatever is broken, and everything that is broken is seen to be.
fn assert_valid_under_every_family(workload: &str) {
    let quorate = Quorate::new();
    for family in FAMILIES {
        let run = format!("sim --workload {workload} --faults {family} --time 12s");
        let (code, report) = quorate.json(&format!("{run} --seeds 2"));
        assert_eq!(code, 0, "{workload}, {family}: {report}");
        let (_, report) = quorate.json(&format!("{run} --seed 4"));
        let count = |which: &str| report["faults"][which].as_u64().expect("a number");
        // Who is to be put back to an old copy of its disk may have none yet: it takes the place of one that lost its own.
        let idle_max = u64::from(family == "wipe");
        assert!(
            count("asked") <= count("effective") + idle_max,
            "{workload}, {family}: {report}"
        );
    }
}

#[test]
fn registers_are_valid_under_every_family_of_faults() {
    assert_valid_under_every_family("register");
}

#[test]
fn deletes_are_valid_under_every_family_of_faults() {
    assert_valid_under_every_family("deletes");
}

#[test]
fn siblings_are_valid_under_every_family_of_faults() {
    assert_valid_under_every_family("siblings");
}

#[test]
fn sets_are_valid_under_every_family_of_faults() {
    assert_valid_under_every_family("set");
}

#[test]
fn counters_are_valid_under_every_family_of_faults() {
    assert_valid_under_every_family("counter");
}

#[test]
fn what_owners_agree_upon_is_valid_under_every_family_of_faults() {
    assert_valid_under_every_family("cas");
}

/// What each of them breaks where it is not claimed, in one of ten seeds at the latest.
#[test]
fn faults_break_what_is_not_claimed_under_them() {
    const SEEDS_MAX: u64 = 10;
    let quorate = Quorate::new();
    let breaking: [(&str, &[&str]); 5] = [
        ("--faults power-loss --fsync never --nodes 3", &["durable-acks"]),
        ("--faults clock --clock wall", &["fresh-reads", "durable-acks"]),
        ("--faults clock", &["durable-acks"]),
        ("--faults disk --r 3 --w 1", &["handoff"]),
        (
            "--faults message --workload deletes --tombstones collect:500ms",
            &["no-resurrection", "handoff"],
        ),
    ];
    for (settings, broken) in breaking {
        let mut unseen: BTreeSet<_> = broken.iter().collect();
        for seed in 1..=SEEDS_MAX {
            let (code, report) = quorate.json(&format!("sim --seed {seed} {settings}"));
            assert_eq!(code, 0, "{settings}, seed {seed}: {report}");
            unseen.retain(|claim| verdict_of(&report, claim) != "observed");
            if unseen.is_empty() {
                break;
            }
        }
        assert!(
            unseen.is_empty(),
            "{settings}: {unseen:?} never seen in {SEEDS_MAX} seeds"
        );
    }
}

/// What a swarm has become is written down, and runs again to the same end.
#[test]
fn a_swarm_is_written_down_as_what_was_drawn() {
    let quorate = Quorate::new();
    let mut drawn = BTreeSet::new();
    for seed in 1..=4 {
        let (_, report) = quorate.json(&format!("sim --faults swarm --seed {seed} --time 5s"));
        let run = report["run"].as_str().expect("a folder");
        let scenario = std::fs::read_to_string(quorate.path().join(run).join("scenario.toml"));
        let scenario = scenario.expect("a run leaves its scenario");
        let faults = scenario
            .lines()
            .find(|line| line.starts_with("faults = "))
            .expect("a list");
        assert!(
            !faults.contains("swarm") && faults.len() > "faults = []".len(),
            "{faults}"
        );
        drawn.insert(faults.to_owned());
        let (_, again) = quorate.json(&format!("sim {run}/scenario.toml --seed {seed}"));
        assert_eq!(again["trace_hash"], report["trace_hash"]);
    }
    assert!(drawn.len() > 1, "{drawn:?}");
}

#[test]
fn a_fault_that_can_not_be_is_a_mistake_of_usage() {
    let quorate = Quorate::new();
    let ended = quorate.run("sim --faults earthquake");
    assert_eq!(ended.code, 64);
    assert!(
        ended.stderr.contains("earthquake") && ended.stderr.contains("power-loss"),
        "{}",
        ended.stderr
    );
    for (fault, expected) in [
        (
            r#"fault = "lossy-links", from = ["n1"], to = ["n2"], percent = 101"#,
            "more than 100",
        ),
        (r#"fault = "pause", nodes = ["n6"]"#, "n6"),
    ] {
        let plan = format!("plan = [{{ at = \"1s\", lasts = \"1s\", {fault} }}]");
        std::fs::write(quorate.path().join("plan.toml"), plan).expect("a file can be written");
        let ended = quorate.run("sim --config plan.toml");
        assert_eq!(ended.code, 64, "{fault}");
        assert!(ended.stderr.contains(expected), "{expected:?} in {}", ended.stderr);
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

/// What is broken is broken again by its smallest history alone, and nothing else is for want of what it leaves out.
#[test]
fn the_smallest_history_of_siblings_and_of_a_sum_breaks_the_same_claim() {
    let quorate = Quorate::new();
    for (settings, anomaly, claim) in [
        ("--workload siblings", "04-lost-sibling", "siblings-complete"),
        ("--workload counter", "01-stale-read", "fresh-reads"),
    ] {
        let (_, report) = quorate.json(&format!("sim --seed 3 --time 10s --r 1 --w 1 {settings}"));
        let run = report["run"].as_str().expect("a folder");
        let (_, small) = quorate.json(&format!("check {run}/anomalies/{anomaly}/minimal.jsonl"));
        assert_eq!(verdict_of(&small, claim), "observed", "{settings}: {small:#}");
        let claims = small["claims"].as_array().expect("claims");
        assert!(claims.iter().all(|claim| claim["verdict"] != "violated"), "{small:#}");
    }
}

/// A claim that nothing tested says so, and for want of what; judged again it is no other.
#[test]
fn a_claim_that_nothing_tested_is_vacuous() {
    let quorate = Quorate::new();
    let of = |fault: &str| {
        let plan = format!("plan = [{{ at = \"500ms\", {fault} }}]");
        std::fs::write(quorate.path().join("plan.toml"), plan).expect("a folder of our own");
        let (_, report) = quorate.json("sim --config plan.toml --seed 3 --time 2s");
        let run = report["run"].as_str().expect("a folder").to_owned();
        let (_, again) = quorate.json(&format!("check {run}"));
        assert_eq!(
            (&again["claims"], &again["verdict"]),
            (&report["claims"], &report["verdict"])
        );
        report
    };
    let away = of("lasts = \"800ms\", fault = \"isolate\", node = \"n3\"");
    assert_eq!(verdict_of(&away, "handoff"), "held", "{away}");
    let tests = away["tests"].as_array().expect("a list");
    let hints = tests.iter().find(|test| test["by"] == "hints-delivered");
    assert_eq!(hints.expect("it is counted")["claims"], serde_json::json!(["handoff"]));

    let paused = of("lasts = \"20ms\", fault = \"pause\", nodes = [\"n3\"]");
    assert_eq!(
        (verdict_of(&paused, "handoff").as_str(), &paused["exit"]),
        ("vacuous", &4.into()),
        "{paused}"
    );
    assert_eq!(verdict_of(&paused, "fresh-reads"), "held", "others were tested");
}
