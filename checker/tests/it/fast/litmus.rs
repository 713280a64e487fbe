//! Litmus histories for each way, as text with prose in it (`tests/litmus/fast/`).
//!
//! A case is prose, calls (indented; times in ms, `start..end pN function asked -> answered`, then `info` or `fail`; an open end
//! is info), and lines that begin with `> `: what was found, or why it is not applicable. Where a case fails, the
//! message is what the lines would have to be. Times may be equal: what begins then comes before what ends.

use quorate_checker::{Datum, Forms, Outcome, linear::fast::Decision};

use super::{
    naive,
    trial::{Object, Trial, transcript},
};

#[test]
fn queues() {
    check(Object::Queue, include_str!("../../litmus/fast/queue.md"));
}

#[test]
fn fifo_queues() {
    check(Object::Fifo, include_str!("../../litmus/fast/fifo.md"));
}

#[test]
fn stacks() {
    check(Object::Stack, include_str!("../../litmus/fast/stack.md"));
}

#[test]
fn sets() {
    check(Object::Set, include_str!("../../litmus/fast/set.md"));
}

#[test]
fn counters() {
    check(Object::Counter, include_str!("../../litmus/fast/counter.md"));
}

#[test]
fn mutexes() {
    check(Object::Mutex, include_str!("../../litmus/fast/mutex.md"));
}

fn check(object: Object, file: &str) {
    let mut failures = String::new();
    let mut count = 0;
    for case in file.split("\n## ").skip(1) {
        let title = case.lines().next().unwrap_or_default();
        let expected: Vec<&str> = case.lines().filter(|line| line.starts_with("> ")).collect();
        let trials: Vec<Trial> = case
            .lines()
            .filter_map(|line| line.strip_prefix("    "))
            .map(parse)
            .collect();
        let transcript = transcript(&trials);
        let found = match object.decide(&transcript) {
            Decision::NotApplicable(why) => vec![format!("> not applicable: {why}")],
            Decision::Decided(finding) => {
                assert_eq!(
                    finding.count == 0,
                    naive::is_linearizable(object, &transcript),
                    "{title}"
                );
                let told = finding
                    .witness
                    .map(|witness| format!("> {} of {}: {}", finding.count, finding.tested, witness.text));
                told.into_iter().collect()
            }
        };
        if found != expected {
            failures.push_str(&format!("case \"{title}\" finds:\n{}\n", found.join("\n")));
        }
        count += 1;
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(count > 0, "a file without cases tests nothing");
}

fn parse(line: &str) -> Trial {
    let mut words = line.split_whitespace();
    let mut word = || words.next().unwrap_or_else(|| panic!("{line:?} is cut short"));
    let (start, end) = word().split_once("..").expect("a span has two dots");
    let process = word().strip_prefix('p').expect("a process is p and a number");
    let function = word();
    let functions = [
        "enqueue", "dequeue", "drain", "push", "pop", "add", "remove", "read", "acquire", "release", "peek",
    ];
    let function = functions
        .into_iter()
        .find(|it| *it == function)
        .expect("a known function");
    let mut rest = line
        .split_once(function)
        .map(|(_, rest)| rest.trim())
        .unwrap_or_default();
    let mut outcome = if end.is_empty() { Outcome::Info } else { Outcome::Ok };
    for (word, its) in [("info", Outcome::Info), ("fail", Outcome::Fail)] {
        if let Some(before) = rest.strip_suffix(word) {
            (rest, outcome) = (before.trim(), its);
        }
    }
    let (asked, answered) = match rest.split_once("->") {
        Some((asked, answered)) => (datum(asked), datum(answered)),
        None => (datum(rest), datum(rest)),
    };
    let start = start.parse().expect("a start is a number");
    Trial {
        process: process.parse().expect("a process is p and a number"),
        function,
        asked,
        answered,
        outcome,
        start,
        end: end.parse().unwrap_or(1_000_000),
        has_invocation: true,
    }
}

fn datum(text: &str) -> Datum {
    Forms::new(text.as_bytes())
        .next_form()
        .expect("values are EDN")
        .unwrap_or_default()
}
