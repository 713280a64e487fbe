//! What CI systems are told: JUnit's XML, summaries, annotations, and the exit code, which all agree.

use std::fs;

use serde_json::Value;

use crate::command::{Ended, Quorate};

/// A read that saw nothing after a write, of which a key's name is markup.
const STALE: &str = r#"{"index":0,"time":1000000,"process":0,"type":"invoke","f":"write","key":"</a&b>","value":1}
{"index":1,"time":2000000,"process":0,"type":"ok","f":"write","key":"</a&b>","value":1}
{"index":2,"time":3000000,"process":1,"type":"invoke","f":"read","key":"</a&b>","value":null}
{"index":3,"time":9000000,"process":1,"type":"ok","f":"read","key":"</a&b>","value":null}
"#;

/// The names of a file's failed, broken and skipped cases, after it was found to be well-formed.
fn cases(xml: &str) -> Vec<(String, &'static str)> {
    let mut open: Vec<&str> = Vec::new();
    let mut cases = Vec::new();
    for part in xml.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("every tag ends");
        assert!(!text.contains('"') || !open.is_empty(), "no text outside");
        let name = tag
            .trim_start_matches(['/', '?'])
            .split([' ', '/', '?'])
            .next()
            .expect("a name");
        match tag {
            tag if tag.starts_with('?') => {}
            tag if tag.starts_with('/') => assert_eq!(open.pop(), Some(name), "{xml}"),
            tag => {
                if name == "testcase" {
                    let case = tag.split("name=\"").nth(2).and_then(|rest| rest.split('"').next());
                    cases.push((case.expect("a name").to_owned(), "passed"));
                }
                for what in ["failure", "error", "skipped"] {
                    if name == what {
                        cases.last_mut().expect("in a case").1 = what;
                    }
                }
                if !tag.ends_with('/') {
                    open.push(name);
                }
            }
        }
    }
    assert_eq!(open, Vec::<&str>::new(), "every element is closed");
    cases
}

fn with(cases: &[(String, &str)], end: &str) -> Vec<String> {
    let of = cases.iter().filter(|(_, it)| *it == end);
    of.map(|(name, _)| name.clone()).collect()
}

/// Runs with a file of JUnit's, which is green exactly where the exit code is 0.
fn run(quorate: &Quorate, arguments: &str) -> (Ended, Vec<(String, &'static str)>) {
    let ended = quorate.run(&format!("{arguments} --junit out/junit.xml"));
    let xml = fs::read_to_string(quorate.path().join("out/junit.xml"));
    let xml = xml.unwrap_or_else(|error| panic!("{error}: {}", ended.stderr));
    let cases = cases(&xml);
    let is_green = with(&cases, "failure").is_empty() && with(&cases, "error").is_empty();
    assert_eq!(is_green, ended.code == 0, "exit code {}: {xml}", ended.code);
    (ended, cases)
}

#[test]
fn claims_of_histories_are_cases_and_what_cannot_be_read_is_an_error() {
    let quorate = Quorate::new();
    fs::write(quorate.path().join("stale.jsonl"), STALE).expect("written");
    fs::write(quorate.path().join("empty.jsonl"), "").expect("written");
    let (ended, told) = run(&quorate, "check stale.jsonl --model register");
    assert_eq!(ended.code, 1);
    assert_eq!(with(&told, "failure"), ["linearizable", "regular", "safe"]);
    let (ended, told) = run(&quorate, "check stale.jsonl nowhere.jsonl --model register");
    assert_eq!(ended.code, 1);
    assert_eq!(
        (with(&told, "failure").len(), with(&told, "error")),
        (3, vec!["ended in a verdict".to_owned()])
    );
    let (ended, told) = run(&quorate, "check nowhere.jsonl");
    assert_eq!((ended.code, with(&told, "error").len()), (65, 1));
    // At R=1 W=1 no claim is broken; nothing was put to the test either, and that is no success.
    let (ended, told) = run(&quorate, "check stale.jsonl --r 1 --w 1");
    assert_eq!(
        (ended.code, with(&told, "error")),
        (4, vec!["put to the test".to_owned()])
    );
}

#[test]
fn github_is_told_in_its_own_ways_and_only_of_what_is_wrong() {
    let quorate = Quorate::new();
    fs::write(quorate.path().join("stale.jsonl"), STALE).expect("written");
    let github = |arguments: &str| {
        let mut command = quorate.command(arguments);
        let output = command.env("GITHUB_STEP_SUMMARY", "summary").output();
        Ended::of(&output.expect("it can be run"))
    };
    let ended = github("check stale.jsonl --model register --github --format json");
    let object: Value = serde_json::from_str(&ended.stdout).expect("annotations are no part of the answer");
    assert_eq!(object["verdict"], "invalid");
    let annotations: Vec<_> = ended
        .stderr
        .lines()
        .filter(|line| line.starts_with("::error "))
        .collect();
    assert_eq!(annotations.len(), 3, "{}", ended.stderr);
    assert!(
        annotations[0].starts_with("::error title=stale.jsonl%3A linearizable::"),
        "{annotations:?}"
    );
    let summary = || fs::read_to_string(quorate.path().join("summary")).expect("it is there");
    assert!(summary().contains("| **FAILED** | linearizable |"), "{}", summary());
    let ended = github("check stale.jsonl --model register --consistency causal --github");
    assert!(!ended.stderr.contains("::"), "{}", ended.stderr);
    assert_eq!(summary().matches("## Quorate: check stale.jsonl").count(), 2);
}

#[test]
fn a_missed_threshold_is_told_everywhere_and_is_no_violation() {
    let quorate = Quorate::new();
    let asked = "sim --time 5s --keys 8 --faults partition --seed 3 --threshold p99=1h --threshold p50=1ns";
    let (ended, told) = run(&quorate, asked);
    assert_eq!(ended.code, 3, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(with(&told, "failure"), ["threshold p50=1ns"]);
    assert!(ended.stdout.contains("  MISSED       p50=1ns"), "{}", ended.stdout);
    assert!(ended.stdout.contains("  met          p99=1h"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("; missed: p50=1ns); exit code 3\n"),
        "{}",
        ended.stdout
    );
    let run_folder = quorate.path().join("results/runs/quickstart/latest");
    let left = fs::read_to_string(run_folder.join("junit.xml")).expect("it is in the folder");
    assert_eq!(cases(&left), told);
    let summary = fs::read_to_string(run_folder.join("summary.md")).expect("it is in the folder");
    assert!(summary.contains("| **FAILED** | threshold p50=1ns |"), "{summary}");

    let (code, object) = quorate.json(asked);
    assert_eq!((code, &object["verdict"]), (3, &Value::from("valid")));
    assert_eq!(object["thresholds"][1]["met"], false);
    // What is measured again from the history is the same.
    let checked = "check results/runs/quickstart/latest --threshold p50=1ns";
    let (code, again) = quorate.json(checked);
    assert_eq!((code, &again["thresholds"][0]), (3, &object["thresholds"][1]));
    let ended = quorate.run("check results/runs/quickstart/latest --threshold recovery=1s");
    assert_eq!(ended.code, 64);
    assert!(ended.stderr.contains("a history does not tell it"), "{}", ended.stderr);
}

#[test]
fn of_many_seeds_those_that_fail_are_cases() {
    let quorate = Quorate::new();
    let asked = "sim --time 5s --keys 8 --faults partition --seeds 3 --jobs 1 -q";
    let (ended, told) = run(&quorate, asked);
    assert_eq!(
        (ended.code, told),
        (0, vec![("all other seeds".to_owned(), "passed")]),
        "{}",
        ended.stdout
    );
    let (ended, told) = run(&quorate, &format!("{asked} --threshold max=1ns"));
    assert_eq!(ended.code, 3, "{}", ended.stdout);
    assert_eq!(with(&told, "failure"), ["seed 1", "seed 2", "seed 3"]);
    assert!(ended.stdout.contains("  seed 1: missed: max=1ns ("), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("--threshold max=1ns --seed 1\n"),
        "{}",
        ended.stdout
    );
}

#[test]
fn cells_of_a_suite_are_suites() {
    let quorate = Quorate::new();
    let suite = "about = \"two cells\"\nseeds = 1\n\
        [[cell]]\nname = \"fine\"\nwhy = \"it is\"\n[cell.settings]\ntime = \"5s\"\nkeys = 8\nfaults = [\"partition\"]\n\
        [[cell]]\nname = \"unseen\"\nwhy = \"it can't be\"\nobserved = [\"fresh-reads\"]\n\
        [cell.settings]\ntime = \"1s\"\nr = 1\nw = 1\nkeys = 1\nrate = 1\n";
    fs::write(quorate.path().join("mine.toml"), suite).expect("written");
    let (ended, told) = run(&quorate, "suite mine.toml");
    assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
    assert!(told.contains(&("nothing else".to_owned(), "passed")), "{told:?}");
    assert_eq!(with(&told, "failure"), ["fresh-reads"], "{}", ended.stdout);
    let ended = quorate.run("suite --junit unused.xml");
    assert_eq!(
        (ended.code, quorate.path().join("unused.xml").exists()),
        (64, false),
        "a list is no run"
    );
    let (ended, told) = run(&quorate, "suite mine.toml --budget 0ms");
    assert_eq!((ended.code, with(&told, "error").len()), (2, 2), "{}", ended.stdout);
}
