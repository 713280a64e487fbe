//! What can't be done is refused, with a message that names it and the exit code of its kind.

use std::fs;

use quorate_core::Plant;
use quorate_harness::{
    fault::{Fault, FaultKind, Role},
    suite::Suite,
};

use crate::command::Quorate;

/// Runs the command and checks how it ends, and that it left no run.
fn check(arguments: &str, code: i32, message: &str) {
    let quorate = Quorate::new();
    let ended = quorate.run(arguments);
    assert_eq!(ended.code, code, "{arguments}: {}", ended.stderr);
    assert!(
        ended.stderr.contains(message),
        "{arguments}: {:?} does not say {message:?}",
        ended.stderr
    );
    assert!(!quorate.path().join("results").exists(), "{arguments} left a run");
}

#[test]
fn settings_that_can_not_be() {
    check("run --r 4", 64, "r is 4, more than the 3 replicas of a key (n)");
    check("run --w 0", 64, "w is 0");
    check("run --n 6", 64, "5 nodes can't hold 6 replicas");
    check("run --n 0", 64, "n is 0");
    check("run --nodes 1000", 64, "1000 nodes are more than 64");
    check("run --time 20", 64, "20");
    check("run --time 0s", 64, "time has to be above 0");
    check("run --set reads-percent=200", 64, "reads-percent is 200");
    check("run --set colour=red", 64, "colour");
    check("run --set colour", 64, "write SETTING=VALUE");
    check("run --read-repair sometimes", 64, "sometimes");
    check("claims --r 4", 64, "r is 4");
    check("sim --seeds 0", 64, "--seeds");
}

#[test]
fn settings_alone_are_no_scenario_and_it_is_said_where_they_go() {
    let quorate = Quorate::new();
    fs::write(quorate.path().join("some.toml"), "keys = 3\n").expect("a file can be written");
    let ended = quorate.run("run some.toml");
    assert_eq!(ended.code, 65, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("no whole scenario") && ended.stderr.contains("--config some.toml"),
        "{}",
        ended.stderr
    );
}

#[test]
fn names_that_are_not_known() {
    check("run --faults earthquake", 64, "unknown fault \"earthquake\"");
    check("run --plant gremlin", 64, "unknown bug \"gremlin\"");
    check("run nowhere", 64, "find scenario \"nowhere\"");
    check("run --workload poetry", 64, "poetry");
    check("dance", 64, "dance");
    check("run --jump", 64, "--jump");
}

#[test]
fn files_that_can_not_be_read() {
    check("check nowhere.jsonl", 65, "nowhere.jsonl");
    check("check .", 65, "run.json");
    let quorate = Quorate::new();
    let files = [
        ("broken.jsonl", "{\"index\":0\n{}\n", "broken.jsonl: line 1"),
        (
            "unpaired.jsonl",
            "{\"index\":0,\"time\":1,\"process\":0,\"type\":\"ok\",\"f\":\"read\",\"key\":\"k\",\"value\":1}\n",
            "unpaired.jsonl: line 1",
        ),
    ];
    for (name, text, message) in files {
        fs::write(quorate.path().join(name), text).expect("a file can be written");
        let ended = quorate.run(&format!("check {name}"));
        assert_eq!(ended.code, 65, "{name}");
        assert!(ended.stderr.contains(message), "{}", ended.stderr);
    }
    let bytes = [0xff, 0xfe, 0x00];
    fs::write(quorate.path().join("binary"), bytes).expect("a file can be written");
    assert_eq!(quorate.run("check binary").code, 65);
    fs::write(quorate.path().join("scenario.toml"), "name = 3").expect("a file can be written");
    let ended = quorate.run("run scenario.toml");
    assert_eq!(ended.code, 65);
    assert!(ended.stderr.contains("scenario.toml"), "{}", ended.stderr);
}

#[test]
fn a_run_of_an_unknown_format_is_refused() {
    let quorate = Quorate::new();
    let (_, report) = quorate.json("sim --seed 1 --time 5s");
    let run = report["run"].as_str().expect("a folder");
    let manifest = quorate.path().join(run).join("run.json");
    let text = fs::read_to_string(&manifest).expect("it is there");
    fs::write(&manifest, text.replace("\"format\": 1", "\"format\": 99")).expect("it can be written");
    let ended = quorate.run(&format!("check {run}"));
    assert_eq!(ended.code, 65);
    assert!(ended.stderr.contains("format 99 is not known"), "{}", ended.stderr);
}

#[test]
fn an_out_folder_that_can_not_be_written() {
    let quorate = Quorate::new();
    fs::write(quorate.path().join("taken"), "a file").expect("a file can be written");
    for verb in ["run", "sim"] {
        let ended = quorate.run(&format!("{verb} --out taken"));
        assert_eq!(ended.code, 70, "{}", ended.stderr);
        assert!(
            ended.stderr.contains("create folder taken/quickstart"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn a_torn_record_is_judged_as_far_as_it_goes() {
    let quorate = Quorate::new();
    let (_, report) = quorate.json("sim --seed 1 --time 5s");
    let history = quorate
        .path()
        .join(report["run"].as_str().expect("a folder"))
        .join("history.jsonl");
    let text = fs::read_to_string(&history).expect("it is there");
    fs::write(&history, &text[..text.len() / 2]).expect("it can be written");
    let (code, report) = quorate.json(&format!("check {}", report["run"].as_str().expect("a folder")));
    assert!(report["ops"].as_u64().expect("a number") > 500);
    assert!([2, 4].contains(&code), "what was not recorded is not held: {code}");
}

#[test]
fn help_and_version_are_no_errors() {
    let quorate = Quorate::new();
    let verbs = [
        "",
        "run ",
        "sim ",
        "check ",
        "replay ",
        "shrink ",
        "verify-fix ",
        "runs ",
        "convert ",
        "claims ",
        "faults ",
        "doctor ",
        "gossip ",
        "scenarios ",
        "node ",
        "certs ",
    ];
    for verb in verbs {
        let ended = quorate.run(&format!("{verb}--help"));
        assert_eq!(ended.code, 0, "{verb}");
        assert!(ended.stdout.contains("Usage: quorate"), "{verb}: {}", ended.stdout);
    }
    assert_eq!(quorate.run("--version").code, 0);
}

#[test]
fn lists_are_a_line_each_and_json_on_demand() {
    let quorate = Quorate::new();
    let faults = FaultKind::ALL.len() + Fault::examples().len() + Role::FORMS.len() + Plant::ALL.len();
    let cells = Suite::NAMES
        .into_iter()
        .filter_map(Suite::from_name)
        .map(|suite| suite.cells.len());
    let cells: usize = cells.sum();
    for (verb, lines) in [("claims", 13), ("faults", faults), ("scenarios", 1 + cells)] {
        let ended = quorate.run(&format!("{verb} --format json"));
        let objects: Vec<serde_json::Value> = ended
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("an object a line"))
            .collect();
        assert_eq!((ended.code, objects.len()), (0, lines), "{verb}");
        assert_eq!(quorate.run(verb).code, 0);
    }
}
