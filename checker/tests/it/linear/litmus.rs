//! Litmus histories: for each model and anomaly one that shows it and a neighbour that is valid.
//!
//! `tests/litmus/linear.md` holds cases, each under a `## model: title`: prose, a history in EDN (indented), perhaps `init` and
//! `nil` lines, and a line `> valid`, or `> ` and the words of the evidence, or `> unknown: ` and why.

use quorate_checker::{
    Context, Datum, Forms,
    linear::{ModelKind, Nil, Options, check_kind},
};

use super::notation;

#[test]
fn models() {
    let file = include_str!("../../litmus/linear.md");
    let mut problems = String::new();
    let mut count = 0;
    for case in file.split("\n## ").skip(1) {
        let title = case.lines().next().unwrap_or_default();
        let (kind, _) = title.split_once(": ").expect("a title names the model");
        let kind = ModelKind::of_name(kind).unwrap_or_else(|| panic!("no model is called {kind}"));
        let line = |prefix| case.lines().find_map(|line| line.strip_prefix(prefix));
        let init = line("init ").and_then(|text: &str| Forms::new(text.as_bytes()).next_form().expect("EDN"));
        let options = Options {
            init: init.unwrap_or(Datum::Nil),
            nil: if line("nil ") == Some("any") {
                Nil::Any
            } else {
                Nil::Absent
            },
            ..Options::default()
        };
        let history: Vec<&str> = case.lines().filter(|line| line.starts_with("    ")).collect();
        let transcript = notation::transcript(history.join("\n").as_bytes());
        let finding = check_kind(&transcript, kind, &options, &Context::default());
        let found = match (&finding.witness, &finding.unknown) {
            (Some(witness), _) => witness.text.clone(),
            (None, Some(why)) => format!("unknown: {why}"),
            (None, None) => "valid".to_owned(),
        };
        if line("> ") != Some(&found) {
            problems.push_str(&format!("case \"{title}\" finds:\n> {found}\n"));
        }
        count += 1;
    }
    assert!(problems.is_empty(), "{problems}");
    assert!(count >= 30, "{count} cases");
}
