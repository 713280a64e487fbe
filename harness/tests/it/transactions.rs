//! Workloads of transactions: what is claimed holds and is seen broken where a bug is planted, what is not claimed is seen to break,
//! and the record that a run leaves is judged as the run was.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::command::{Quorate, verdict_of};

/// Runs in which faults take effect and reads race writes.
const SETTINGS: [&str; 5] = [
    "--workload append --time 4s",
    "--workload txn --time 4s",
    "--workload txn --txn-length 1 --time 4s",
    "--workload append --write-path cas --time 4s",
    "--workload append --write-path cas --txn-length 1 --time 4s",
];

fn names(report: &Value, list: &str) -> BTreeSet<String> {
    let items = report[list].as_array().expect("a list").iter();
    items.map(|name| name.as_str().expect("a name").to_owned()).collect()
}

/// The claims that were seen broken, by their verdict.
fn with_verdict(report: &Value, verdict: &str) -> BTreeSet<String> {
    let claims = report["claims"].as_array().expect("claims").iter();
    let broken = claims.filter(|claim| claim["verdict"] == verdict);
    broken
        .map(|claim| claim["claim"].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn clean_seeds_are_valid() {
    let quorate = Quorate::new();
    for settings in SETTINGS {
        let (code, report) = quorate.json(&format!("sim --seeds 20 {settings}"));
        assert_eq!(code, 0, "{settings}: {report}");
        assert_eq!(report["failed"].as_array().expect("a list").len(), 0, "{settings}");
        assert_eq!(report["vacuous"], 0, "{settings}: {report}");
    }
}

/// What is not claimed is seen to break, by Elle's names, and is no violation.
#[test]
fn what_is_not_claimed_is_observed() {
    let quorate = Quorate::new();
    let (code, report) = quorate.json(&format!("sim --seed 1 {}", SETTINGS[0]));
    assert_eq!(code, 0, "{report}");
    let anomalies = names(&report, "anomalies");
    for expected in ["lost-update", "incompatible-order", "lost-write"] {
        assert!(anomalies.contains(expected), "{expected} in {anomalies:?}");
    }
    assert_eq!(verdict_of(&report, "durable-acks"), "observed");
    assert!(!names(&report, "not").is_empty());
    assert!(names(&report, "also_not").contains("strict-serializable"));

    let (code, report) = quorate.json(&format!("sim --seed 1 {}", SETTINGS[1]));
    assert_eq!(code, 0, "{report}");
    let anomalies = names(&report, "anomalies");
    assert!(anomalies.iter().any(|name| name.starts_with('G')), "{anomalies:?}");
    assert_eq!(verdict_of(&report, "durable-acks"), "held");
    assert!(names(&report, "also_not").contains("strict-serializable"));

    // Single steps on keys that are not linearizable: a read of nothing after a write had ended.
    let single = "sim --seed 1 --workload txn --txn-length 1 --r 1 --w 1 --keys 400 --rate 2000 --time 4s";
    let (code, report) = quorate.json(single);
    assert_eq!(code, 0, "{report}");
    assert!(!names(&report, "anomalies").is_empty(), "{report}");
    let (code, report) = quorate.json("sim --seed 1 --workload txn --time 3s --clock wall --clock-skew 50ms");
    assert_eq!(code, 0, "{report}");
    assert_eq!(verdict_of(&report, "durable-acks"), "observed", "{report}");
}

/// The same claims, verdicts and evidence, from the record alone.
#[test]
fn a_record_is_judged_as_its_run_was() {
    let quorate = Quorate::new();
    for settings in SETTINGS {
        let (_, report) = quorate.json(&format!("sim --seed 3 {settings}"));
        let run = report["run"].as_str().expect("a folder");
        let (code, checked) = quorate.json(&format!("check {run}"));
        assert_eq!(code, 0, "{settings}: {checked}");
        for field in [
            "verdict",
            "claims",
            "anomalies",
            "not",
            "also_not",
            "counts",
            "ops",
            "keys",
        ] {
            assert_eq!(checked[field], report[field], "{settings}: {field}");
        }
        // The file alone, anywhere: against the model that its transactions are of, or the claims if it is said whose it is.
        let history = quorate.path().join(run).join("history.jsonl");
        let text = fs::read_to_string(&history).expect("a history");
        assert!(
            text.starts_with(r#"{"index":0,"#) && text.contains(r#""f":"txn","value":[["#),
            "{text}"
        );
        fs::write(quorate.path().join("elsewhere.jsonl"), &text).expect("written");
        let model = if settings.contains("append") {
            "list-append"
        } else {
            "rw-register"
        };
        let (_, by_model) = quorate.json(&format!("check elsewhere.jsonl --model {model}"));
        let anomalies = names(&report, "anomalies");
        assert!(
            names(&by_model, "anomalies").is_subset(&anomalies),
            "{settings}: {by_model}"
        );
        let flags = settings.replace("--time 4s", "");
        let (_, by_claims) = quorate.json(&format!("check elsewhere.jsonl {flags}"));
        assert_eq!(names(&by_claims, "anomalies"), anomalies, "{settings}");
        // Each anomaly's evidence shows it by itself.
        for (number, anomaly) in report["anomalies"].as_array().expect("a list").iter().enumerate() {
            let folder = format!("anomalies/{:02}-{}", number + 1, anomaly.as_str().expect("a name"));
            let (_, minimal) = quorate.json(&format!("check {run}/{folder}/minimal.jsonl"));
            assert!(
                names(&minimal, "anomalies").contains(anomaly.as_str().expect("a name")),
                "{folder}: {minimal}"
            );
        }
    }
}

#[test]
fn a_torn_record_is_read_as_far_as_it_goes_and_a_broken_one_is_not() {
    let quorate = Quorate::new();
    let (_, report) = quorate.json(&format!("sim --seed 3 {}", SETTINGS[0]));
    let history = quorate
        .path()
        .join(report["run"].as_str().expect("a folder"))
        .join("history.jsonl");
    let text = fs::read_to_string(&history).expect("a history");
    let lines: Vec<&str> = text.lines().collect();
    let half = lines[..lines.len() / 2].join("\n");
    fs::write(quorate.path().join("torn.jsonl"), &half[..half.len() - 20]).expect("written");
    let torn = quorate.run("check torn.jsonl --workload append");
    assert!(torn.stdout.contains("torn"), "{} {}", torn.stdout, torn.stderr);
    assert!(torn.stdout.contains("converges"), "{}", torn.stdout);

    let broken = format!("{}\n{}\n", &half[..half.len() - 20], lines[lines.len() - 1]);
    fs::write(quorate.path().join("broken.jsonl"), broken).expect("written");
    let broken = quorate.run("check broken.jsonl --workload append");
    assert_eq!(broken.code, 65, "{} {}", broken.stdout, broken.stderr);
    let line = format!("line {}", lines.len() / 2);
    assert!(broken.stderr.contains(&line), "{line} in {}", broken.stderr);
}

/// The record of a run with one line changed, which is the first that `change` changes.
fn doctored(quorate: &Quorate, settings: &str, change: impl Fn(&mut Value) -> bool) -> (i32, Value) {
    let (_, report) = quorate.json(&format!("sim --seed 3 {settings}"));
    let run = report["run"].as_str().expect("a folder");
    let history = quorate.path().join(run).join("history.jsonl");
    let text = fs::read_to_string(&history).expect("a history");
    let mut is_done = false;
    let mut line = |line: &str| {
        let mut entry: Value = serde_json::from_str(line).expect("JSON");
        let was_done = is_done;
        is_done = is_done || change(&mut entry);
        let text = if was_done == is_done {
            line.to_owned()
        } else {
            entry.to_string()
        };
        text + "\n"
    };
    let doctored: String = text.lines().map(&mut line).collect();
    assert!(is_done, "{settings}: no line was changed");
    fs::write(&history, doctored).expect("written");
    quorate.json(&format!("check {run}"))
}

/// No bug that can be planted makes a value up, or keeps replicas of a register apart: so that is written into a record.
#[test]
fn what_no_planted_bug_breaks_is_seen_in_a_record() {
    let quorate = Quorate::new();
    for (settings, made_up) in [(SETTINGS[0], "[987654]"), (SETTINGS[1], "987654")] {
        let made_up: Value = serde_json::from_str(made_up).expect("JSON");
        let (code, report) = doctored(&quorate, settings, |entry| {
            let is_ok = entry["type"] == "ok" && entry["f"] == "txn";
            let steps = entry["value"].as_array_mut().filter(|_| is_ok);
            let read = steps.and_then(|steps| steps.iter_mut().find(|step| step[0] == "r" && !step[2].is_null()));
            read.is_some_and(|read| {
                read[2] = made_up.clone();
                true
            })
        });
        assert_eq!(code, 1, "{settings}: {report}");
        let violated = with_verdict(&report, "violated");
        assert!(violated.contains("no-value-from-nowhere"), "{settings}: {violated:?}");
        assert!(names(&report, "anomalies").contains("garbage-read"), "{report}");

        let (code, report) = doctored(&quorate, settings, |entry| {
            let is_seen = entry["phase"] == "final" && entry["type"] == "ok" && !entry["value"].is_null();
            if is_seen {
                entry["value"] = made_up.clone();
            }
            is_seen
        });
        assert_eq!(
            (code, verdict_of(&report, "converges")),
            (1, "violated".to_owned()),
            "{settings}: {report}"
        );
    }
}

/// One node is away, and then another.
const N3_THEN_N2: &str = concat!(
    r#"plan=[{at="300ms",lasts="700ms",fault="isolate",node="n3"},"#,
    r#"{at="1300ms",lasts="700ms",fault="isolate",node="n2"}]"#
);

/// What is claimed is seen broken under a bug that breaks it, in so many of five seeds at least, and in none without.
#[test]
fn planted_bugs_break_what_is_claimed() {
    let quorate = Quorate::new();
    for (settings, plant, claims, seeds_min) in [
        (
            "--workload txn --txn-length 1 --time 2s",
            "reply-before-acks",
            &["strict-serializable", "keys-in-order"][..],
            5,
        ),
        ("--workload txn --time 2s", "reply-before-acks", &["keys-in-order"], 5),
        (
            "--workload txn --time 2s --nodes 3 --concurrency 40 --rate 2000 --keys 20",
            "unknown-called-failure",
            &["no-failed-write-visible"],
            1,
        ),
        (
            "--workload append --time 2s --nodes 3 --concurrency 40",
            "unknown-called-failure",
            &["no-failed-write-visible"],
            2,
        ),
        (
            "--workload txn --time 2s --write-path abd --clock-skew 400ms",
            "told-versions-ignored",
            &["durable-acks"],
            2,
        ),
    ] {
        let clean = format!("sim --seeds 5 {settings} --set {N3_THEN_N2}");
        let (code, report) = quorate.json(&clean);
        assert_eq!(code, 0, "{settings}: {report}");
        let (code, report) = quorate.json(&format!("{clean} --plant {plant}"));
        assert_eq!(code, 1, "{settings} with {plant}: {report}");
        for claim in claims {
            let failed = report["failed"].as_array().expect("a list").iter();
            let caught = failed.filter(|seed| names(seed, "violated").contains(*claim)).count();
            assert!(
                caught >= seeds_min,
                "{settings} with {plant}: {claim} in {caught} seeds: {report}"
            );
        }
    }
}

/// Nothing is lost where an append sets the list only if it is what was read, and one append a transaction is strictly serializable;
/// what breaks the agreement of owners is seen in lists as well.
#[test]
fn appends_that_compare_before_they_set_are_kept_in_one_order() {
    let quorate = Quorate::new();
    let late = concat!(
        r#"plan=[{at="500ms",lasts="2s",fault="odd-messages",from=["n1","n2","n3","n4","n5"],"#,
        r#"to=["n1","n2","n3","n4","n5"],"late-percent"=20,"twice-percent"=5,by="60ms"}]"#
    );
    let settings = "--workload append --write-path cas --txn-length 1 --time 3s --rate 600 --keys 8 --concurrency 20";
    let clean = format!("sim --seeds 3 {settings} --set {late}");
    let (code, report) = quorate.json(&clean);
    assert_eq!(code, 0, "{report}");
    let (_, report) = quorate.json(&format!("sim --seed 1 {settings} --set {late}"));
    for claim in ["strict-serializable", "durable-acks"] {
        assert_eq!(verdict_of(&report, claim), "held", "{report}");
    }
    for (plant, anomaly) in [
        ("promise-broken", "incompatible-order"),
        ("cas-retried-blindly", "duplicate-elements"),
        ("serial-read-unconfirmed", "lost-write"),
    ] {
        let (code, report) = quorate.json(&format!("{clean} --plant {plant}"));
        assert_eq!(code, 1, "{plant}: {report}");
        let failed = report["failed"].as_array().expect("a list").iter();
        let caught = failed.filter(|seed| names(seed, "anomalies").contains(anomaly)).count();
        assert!(caught >= 2, "{plant}: {anomaly} in {caught} seeds: {report}");
    }
}

#[test]
fn nodes_that_come_and_go_take_no_claim_away() {
    let quorate = Quorate::new();
    for workload in ["append", "txn", "append --write-path cas --txn-length 1"] {
        let run = format!("sim --seeds 3 --workload {workload} --faults membership,partition,kill --time 8s");
        let (code, report) = quorate.json(&run);
        assert_eq!(code, 0, "{workload}: {report}");
    }
}

/// All steps of a transaction go through one node; and what is no length is none.
#[test]
fn settings_that_can_not_be_are_a_mistake_of_usage() {
    let quorate = Quorate::new();
    for (settings, expected) in [
        ("--workload txn --txn-length 0", "txn-length has to be above 0"),
        ("--workload set --write-path cas", "workload set has no registers"),
        ("--workload txn --txn-length 13", "txn-length is 13, more than 12"),
        (
            "--workload append --dcs 2 --nodes 6 --reads-in-dc 1 --writes-in-dc 2",
            "through one node",
        ),
    ] {
        let ended = quorate.run(&format!("sim --seed 1 {settings}"));
        assert_eq!(ended.code, 64, "{settings}: {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{expected:?} in {}", ended.stderr);
    }
}

/// What a run shows is shown by less of it: run again, and judged in parts.
#[test]
fn runs_and_histories_are_shrunk() {
    let quorate = Quorate::new();
    let (_, report) = quorate.json("sim --seed 1 --workload append --time 600ms --faults partition");
    let run = report["run"].as_str().expect("a folder");
    let (code, shrunk) = quorate.json(&format!("shrink {run} --claim no-lost-update --budget 300 --out less"));
    assert_eq!(code, 0, "{shrunk}");
    let (_, again) = quorate.json("check less");
    assert!(names(&again, "anomalies").contains("lost-update"), "{again}");
    let tape = fs::read_to_string(quorate.path().join("less/tape.jsonl")).expect("a tape");
    let asks: Vec<Value> = tape
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let asks = asks.iter().filter(|line| line["tape"] == "ask");
    let steps: usize = asks.map(|ask| ask["steps"].as_array().expect("steps").len()).sum();
    assert!(
        steps <= 8,
        "two appends that cross, and who sees it: {steps} steps in {tape}"
    );

    let whole = "--history --budget 200";
    for claim in ["no-lost-update", "durable-acks"] {
        let (code, shrunk) = quorate.json(&format!("shrink {run} {whole} --claim {claim} --out parts-{claim}"));
        assert_eq!(code, 0, "{shrunk}");
        assert!(shrunk["ops"].as_u64().expect("a number") <= 12, "{shrunk}");
    }
}
