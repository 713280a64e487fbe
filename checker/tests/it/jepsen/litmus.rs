//! Litmus histories of Jepsen's workloads: for each anomaly one that shows it and neighbours that do not.
//!
//! A file holds cases, each under a `## title`: prose; `check` and a check with its options; a history (indented), a
//! call a line, as in `0..10 p1 add 5 info` or `20..30 p2 read -> [5]`, times in ms, where what begins and what ends
//! at once is concurrent; the verdict; `> ` and each finding with a violation or a doubt; `figures` and those that
//! are to be looked at, as JSON. Where cases fail, the message is what the lines would have to be.

use quorate_checker::{Datum, Entry, EventKind, Process, Transcript};
use serde_json::Value;

use super::runner::{self, Outcome};

#[test]
fn sets() {
    check(include_str!("../../litmus/jepsen/sets.md"));
}

#[test]
fn counters_queues_and_ids() {
    check(include_str!("../../litmus/jepsen/counters.md"));
}

#[test]
fn banks() {
    check(include_str!("../../litmus/jepsen/banks.md"));
}

#[test]
fn forks_and_reverses() {
    check(include_str!("../../litmus/jepsen/forks.md"));
}

fn check(file: &str) {
    let mut differing = String::new();
    for case in file.split("\n## ").skip(1) {
        let (title, case) = case.split_once('\n').expect("a title ends with its line");
        let command = case
            .lines()
            .find_map(|line| line.strip_prefix("check "))
            .expect("a case names its check");
        let history = case.lines().filter(|line| line.starts_with("    "));
        let outcome = runner::run(command, &transcript(history));
        let is_stated = |line: &&str| {
            line.starts_with("> ") || ["valid", "invalid", "unknown"].contains(line) || line.starts_with("figures ")
        };
        let stated: Vec<&str> = case.lines().filter(is_stated).collect();
        let found = state(&outcome, stated.iter().find_map(|line| line.strip_prefix("figures ")));
        if stated.join("\n") != found {
            differing.push_str(&format!("## {title}\n{found}\n\n"));
        }
    }
    assert!(differing.is_empty(), "cases would have to state:\n\n{differing}");
}

/// States an outcome in the lines of a case; of the figures those that `asked` for.
fn state(outcome: &Outcome, asked: Option<&str>) -> String {
    let mut lines = vec![outcome.verdict().to_owned()];
    for part in &outcome.parts {
        let (name, finding) = (part.name, &part.finding);
        let name = if part.is_claimed {
            name.to_owned()
        } else {
            format!("({name})")
        };
        if let Some(witness) = &finding.witness {
            let ops: Vec<String> = witness.ops.iter().map(|op| op.index.to_string()).collect();
            lines.push(format!(
                "> {name}: {} of {}, by {}: {}",
                finding.count,
                finding.tested,
                ops.join(" "),
                witness.text
            ));
        }
        if let Some(why) = &finding.unknown {
            lines.push(format!("> {name}: unknown: {why}"));
        }
    }
    if let Some(asked) = asked {
        let asked: Value = serde_json::from_str(asked).expect("figures are JSON");
        let asked = asked.as_object().expect("figures have names");
        let figures = asked.keys().map(|name| (name.clone(), outcome.figures[name].clone()));
        lines.push(format!("figures {}", Value::Object(figures.collect())));
    }
    lines.join("\n")
}

/// Reads a history in the language of litmus files.
fn transcript<'a>(lines: impl Iterator<Item = &'a str>) -> Transcript {
    let mut entries: Vec<Entry> = lines.flat_map(call).collect();
    entries.sort_by_key(|entry| (entry.time_ns, entry.kind != EventKind::Invoke));
    runner::transcript(entries)
}

fn call(line: &str) -> Vec<Entry> {
    let mut rest = line;
    let mut word = || {
        let (word, after) = rest.trim_start().split_once(' ').unwrap_or((rest.trim_start(), ""));
        rest = after;
        word
    };
    let (start, end) = word().split_once("..").expect("times have two dots between");
    let process = word()
        .trim_start_matches('p')
        .parse()
        .expect("a process is p and a number");
    let function = word();
    let mut kind = EventKind::Ok;
    let (mut asked, mut answered, mut is_answer) = (Datum::Nil, None, false);
    for form in runner::forms(rest) {
        match &form {
            Datum::Symbol(symbol) if **symbol == *"->" => is_answer = true,
            Datum::Symbol(symbol) if **symbol == *"info" => kind = EventKind::Info,
            Datum::Symbol(symbol) if **symbol == *"fail" => kind = EventKind::Fail,
            _ if is_answer => answered = Some(form),
            _ => asked = form,
        }
    }
    let entry = |kind, value, time: &str| Entry {
        time_ns: Some(time.parse::<u64>().expect("a time is a number of ms") * 1_000_000),
        process: Some(Process::Client(process)),
        ..Entry::new(kind, function, value)
    };
    let invocation = entry(EventKind::Invoke, asked.clone(), start);
    if end.is_empty() {
        return vec![invocation];
    }
    vec![invocation, entry(kind, answered.unwrap_or(asked), end)]
}
