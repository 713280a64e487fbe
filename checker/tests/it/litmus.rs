//! Litmus histories: for each anomaly one that shows it and a neighbour that is valid, as text with prose in it.
//!
//! A file in `tests/litmus` holds cases, each under a `## title`. A case is prose, a history (indented), lines that
//! give the context (`context replicas 3`, `context window 1000`, `context crash n4 150`, `context fault n3 isolated:
//! 100..200`; times in ms), and lines that begin with `> `: every finding but those that held, in the order of the
//! checks. A line before the first case, `not asked: ` and names, says which checks are left out. Where a case fails,
//! the message is what the lines would have to be.

use std::time::Duration;

use quorate_checker::{Context, Crash, FaultSpan, text};

use crate::claims::{
    CLAIMS, COUNTER_CLAIMS, Check, SET_CLAIMS, SIBLING_CLAIMS, SIBLING_ORDER_CLAIMS, STRENGTH_CLAIMS, VALUE_CLAIMS,
};

#[test]
fn phantoms() {
    check(include_str!("../litmus/phantoms.md"));
}

#[test]
fn stale_reads() {
    check(include_str!("../litmus/stale.md"));
}

#[test]
fn not_linearizable() {
    check(include_str!("../litmus/linearizable.md"));
}

#[test]
fn compared() {
    check_with(
        include_str!("../litmus/compared.md"),
        &[("linearizable", crate::compared::linearizable)],
    );
}

#[test]
fn strengths() {
    check_with(include_str!("../litmus/strengths.md"), STRENGTH_CLAIMS);
}

#[test]
fn sessions() {
    check(include_str!("../litmus/sessions.md"));
}

#[test]
fn lost_writes() {
    check(include_str!("../litmus/survival.md"));
}

#[test]
fn deletes() {
    check(include_str!("../litmus/deletes.md"));
}

#[test]
fn siblings() {
    check_with(include_str!("../litmus/siblings.md"), SIBLING_CLAIMS);
}

#[test]
fn values_of_sessions() {
    check_with(include_str!("../litmus/values.md"), VALUE_CLAIMS);
}

#[test]
fn order_of_siblings() {
    check_with(include_str!("../litmus/sibling-order.md"), SIBLING_ORDER_CLAIMS);
}

#[test]
fn sets() {
    check_with(include_str!("../litmus/sets.md"), SET_CLAIMS);
}

#[test]
fn counters() {
    check_with(include_str!("../litmus/counters.md"), COUNTER_CLAIMS);
}

#[test]
fn divergence() {
    check(include_str!("../litmus/convergence.md"));
}

#[test]
fn handoff() {
    check(include_str!("../litmus/handoff.md"));
}

fn check(file: &str) {
    check_with(file, &CLAIMS);
}

/// Runs every case of `file` and compares its findings with those that it states.
fn check_with(file: &str, claims: &[(&str, Check)]) {
    let mut cases = file.split("\n## ");
    let prose = cases.next().expect("a file begins with prose on its subject");
    let not_asked = prose
        .lines()
        .find_map(|line| line.strip_prefix("not asked: "))
        .unwrap_or_default();
    let mut count = 0;
    for case in cases {
        let title = case.lines().next().unwrap_or_default();
        let expected: Vec<&str> = case.lines().filter(|line| line.starts_with("> ")).collect();
        let findings = findings(case, not_asked, claims);
        assert!(
            expected == findings,
            "case \"{title}\" finds:\n{}\n",
            findings.join("\n")
        );
        count += 1;
    }
    assert!(count > 0, "a file without cases tests nothing");
}

fn findings(case: &str, not_asked: &str, claims: &[(&str, Check)]) -> Vec<String> {
    let history = text::parse(case).unwrap_or_else(|error| panic!("{error} in\n{case}"));
    let context = context(case);
    let mut lines = Vec::new();
    for (name, check) in claims.iter().filter(|(name, _)| !not_asked.contains(name)) {
        let finding = check(&history, &context);
        if let Some(witness) = finding.witness {
            lines.push(format!(
                "> {name}: {} of {}: {}",
                finding.count, finding.tested, witness.text
            ));
        }
        if let Some(why) = finding.unknown {
            lines.push(format!("> {name}: unknown: {why}"));
        }
    }
    lines
}

fn context(case: &str) -> Context {
    let ms = |text: &str| text.parse::<u64>().expect("a time is in whole milliseconds") * 1_000_000;
    let mut context = Context::default();
    for line in case.lines().filter_map(|line| line.strip_prefix("context ")) {
        match line.split_once(' ').expect("a context line says what of") {
            ("replicas", count) => context.replica_count = Some(count.parse().expect("replicas are counted")),
            ("window", window) => context.handoff_window = Duration::from_nanos(ms(window)),
            ("crash", crash) => {
                let (node, time) = crash.split_once(' ').expect("a crash has a node and a time");
                context.crashes.push(Crash {
                    node: node.into(),
                    time_ns: ms(time),
                });
            }
            ("fault", fault) => {
                let (label, span) = fault.split_once(": ").expect("a fault has a label and a span");
                let (start, end) = span.split_once("..").expect("a span has two dots");
                let end_ns = Some(end).filter(|end| !end.is_empty()).map(ms);
                context.faults.push(FaultSpan {
                    label: label.into(),
                    start_ns: ms(start),
                    end_ns,
                });
            }
            (what, _) => panic!("no context is called {what}"),
        }
    }
    context
}
