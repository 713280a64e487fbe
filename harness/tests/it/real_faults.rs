//! What real processes can have besides cut links and kills: that it takes effect, that it breaks no claim, and that it
//! shows planted bugs.

use std::fs;

use serde_json::Value;

use crate::{
    command::{Quorate, verdict_of},
    processes::{assert_nothing_left, turn},
};

/// A cluster that is small and little used, as debug builds on two cores have it.
const SMALL: &str = "nodes = 3\npartitions = 16\nkeys = 12\nrate = 200\ngossip-interval = \"100ms\"\n";

/// Runs a plan on a small cluster; the exit code, the report, and what was logged of faults.
fn run(plan: &str, arguments: &str) -> (i32, Value, String) {
    let quorate = Quorate::new();
    fs::write(quorate.path().join("plan.toml"), format!("{SMALL}{plan}")).expect("a file can be written");
    let (code, report) = quorate.json(&format!("run --config plan.toml --seed 1 {arguments}"));
    assert_nothing_left(&quorate);
    let run = quorate.path().join(report["run"].as_str().expect("a folder"));
    let faults = fs::read_to_string(run.join("faults.jsonl")).expect("it is there");
    (code, report, faults)
}

/// Every claim held that was made, or nothing came about that would test it: when that happens on real processes, nobody can say.
fn assert_none_violated(code: i32, report: &Value, faults: &str) {
    assert!([0, 4].contains(&code), "{report:#}\n{faults}");
    let claims = report["claims"].as_array().expect("claims");
    let is_expected = |claim: &Value| match claim["verdict"].as_str() {
        Some("held" | "vacuous") => true,
        Some("observed" | "not-observed") => claim["claimed"] == false,
        _ => false,
    };
    assert!(claims.iter().all(is_expected), "{report:#}\n{faults}");
}

fn assert_all_effective(report: &Value, faults: &str) {
    let counts = &report["faults"];
    assert_eq!(counts["asked"], counts["effective"], "{faults}");
}

#[test]
fn disks_clocks_messages_and_power_fail_on_real_processes_and_no_claim_does() {
    let _turn = turn();
    let plan = r#"
time = "5500ms"
plan = [
    { at = "100ms", lasts = "600ms", fault = "failing-disk", nodes = ["n1"] },
    { at = "900ms", lasts = "600ms", fault = "failing-disk", nodes = ["n2"], on = "full" },
    { at = "1700ms", lasts = "400ms", fault = "failing-disk", nodes = ["n3"], on = "read" },
    { at = "2200ms", lasts = "400ms", fault = "slow-disk", nodes = ["n1"], delay = "50ms" },
    { at = "2300ms", lasts = "300ms", fault = "odd-messages", from = ["n1", "n2"], to = ["n2", "n3"], late-percent = 20, twice-percent = 20, by = "100ms" },
    { at = "2700ms", lasts = "300ms", fault = "clock-strobe", nodes = ["n2"], by = "-20ms", every = "10ms" },
    { at = "3100ms", lasts = "500ms", fault = "flipped-bits", node = "n3", records = 3 },
    { at = "3900ms", lasts = "200ms", fault = "slow-process", node = "n1", stopped-percent = 50 },
    { at = "4200ms", lasts = "500ms", fault = "power-loss", nodes = ["n1", "n2", "n3"] },
]
"#;
    let (code, report, faults) = run(plan, "");
    assert_none_violated(code, &report, &faults);
    assert_all_effective(&report, &faults);
    for evidence in [
        "\"syncs_failed\":1",
        "\"writes_failed\":1",
        "\"reads_failed\":",
        "\"syncs_slowed\":",
        "\"readings_wrong\":",
        "\"records_damaged\":3",
        "\"bytes_lost\":",
    ] {
        assert!(faults.contains(evidence), "{evidence} in {faults}");
    }
}

#[test]
fn links_are_bad_in_every_way_on_real_processes() {
    let _turn = turn();
    let plan = r#"
time = "5s"
plan = [
    { at = "100ms", lasts = "400ms", fault = "partial", one = ["n1"], other = ["n2"] },
    { at = "700ms", lasts = "600ms", fault = "flapping", side = ["n1"], every = "100ms" },
    { at = "1400ms", lasts = "600ms", fault = "swizzle", nodes = ["n1", "n2"], back = ["n1", "n2"] },
    { at = "2100ms", lasts = "200ms", fault = "held-links", from = ["n1"], to = ["n2", "n3"] },
    { at = "2400ms", lasts = "300ms", fault = "throttled-links", from = ["n2"], to = ["n1", "n3"], packets-per-second = 100 },
    { at = "2800ms", lasts = "300ms", fault = "slow-links", from = ["n3"], to = ["n1", "n2"], delay = "1ms", jitter = "80ms", jitter-is = "long-tailed" },
    { at = "3200ms", lasts = "200ms", fault = "clients-rebound" },
    { at = "3400ms", lasts = "400ms", fault = "clients-cut", nodes = ["n1", "n2"] },
    { at = "3900ms", lasts = "1s", fault = "swapped-addresses", one = "n2", other = "n3" },
]
"#;
    let (code, report, faults) = run(plan, "");
    assert_none_violated(code, &report, &faults);
    assert_all_effective(&report, &faults);
}

/// A disk that is lost is refused, and the node's place is another's; one that goes back takes claims away.
#[test]
fn a_node_that_lost_its_disk_comes_back_as_another() {
    let _turn = turn();
    let plan = r#"
time = "2500ms"
spares = 1
plan = [{ at = "300ms", fault = "lost-disk", node = "n2", by = "n4", how = "wiped" }]
"#;
    let (code, report, faults) = run(plan, "");
    assert_none_violated(code, &report, &faults);
    assert_all_effective(&report, &faults);
    assert!(
        faults.contains("exit status: 70") && faults.contains("store was lost"),
        "{faults}"
    );
    assert_eq!(verdict_of(&report, "durable-acks"), "held");
    let plan = r#"
time = "1500ms"
plan = [{ at = "200ms", lasts = "900ms", fault = "old-disk", node = "n2" }]
"#;
    let (code, report, faults) = run(plan, "");
    assert_none_violated(code, &report, &faults);
    assert_all_effective(&report, &faults);
    for (claim, expected) in [("fresh-reads", false), ("converges", true)] {
        let claims = report["claims"].as_array().expect("claims");
        let entry = claims
            .iter()
            .find(|entry| entry["claim"] == claim)
            .expect("it is there");
        assert_eq!(entry["claimed"], expected, "{entry:#}");
    }
}

#[test]
fn planted_bugs_are_shown_by_what_breaks_a_node_from_inside() {
    let _turn = turn();
    // Nothing is synced in the last third of a second before all lose their power.
    let power = r#"
time = "1300ms"
plan = [
    { at = "100ms", lasts = "1200ms", fault = "slow-disk", nodes = ["n1", "n2", "n3"], delay = "300ms" },
    { at = "700ms", lasts = "200ms", fault = "power-loss", nodes = ["n1", "n2", "n3"] },
]
"#;
    let twice = r#"
time = "1s"
workload = "counter"
plan = [{ at = "100ms", lasts = "800ms", fault = "odd-messages", from = ["n1", "n2", "n3"], to = ["n1", "n2", "n3"], twice-percent = 50, by = "50ms" }]
"#;
    for (plan, plant, claim) in [
        (power, "ack-before-sync", "durable-acks"),
        (twice, "repeats-applied", "counter-exact"),
    ] {
        let (code, report, faults) = run(plan, &format!("--plant {plant}"));
        let verdict = verdict_of(&report, claim);
        assert_eq!(
            (code, verdict.as_str()),
            (1, "violated"),
            "{plant}: {report:#}\n{faults}"
        );
    }
}

/// One clock is two seconds ahead: what it stamps hides what others write after it.
#[test]
fn a_clock_that_is_ahead_hides_acknowledged_writes_of_others_which_nobody_claims() {
    let _turn = turn();
    let plan = r#"
time = "1500ms"
plan = [{ at = "100ms", lasts = "600ms", fault = "clock-jump", nodes = ["n1"], by = "2s" }]
"#;
    let (code, report, faults) = run(plan, "--clock wall");
    assert_none_violated(code, &report, &faults);
    assert_eq!(verdict_of(&report, "durable-acks"), "observed", "{report:#}");
}

/// X4 and X12: what one node has lost is told of, and a bug shows by it; whoever pretends to be a founder is refused.
#[test]
fn records_are_lost_and_pretenders_refused_on_real_processes() {
    let _turn = turn();
    let quorate = Quorate::new();
    let observed = |report: &Value, claim: &str| {
        let mut claims = report["claims"].as_array().expect("claims").iter();
        let claim = claims.find(|other| other["claim"] == claim).expect("it is judged");
        claim["verdict"].clone()
    };
    let (_, report) = quorate.json("run schedules/x4 --seed 1");
    assert_eq!(observed(&report, "durable-acks"), "observed", "{report:#}");
    let (_, report) = quorate.json("run schedules/x12-refused --seed 1");
    assert_eq!(
        (observed(&report, "durable-acks"), &report["faults"]["effective"]),
        ("vacuous".into(), &1.into()),
        "{report:#}"
    );
    let run = quorate.path().join(report["run"].as_str().expect("a folder"));
    let faults = fs::read_to_string(run.join("faults.jsonl")).expect("it is there");
    assert!(faults.contains("\"refused\":6"), "{faults}");
}
