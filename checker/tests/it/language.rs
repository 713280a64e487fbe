//! The text language: what is written is read back, and what is no history is refused by line.

use quorate_checker::{Event, EventKind, Phase, Version, text};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::json;

use crate::scatter::{self, Shape};

#[test]
fn every_part_of_a_line_is_read() {
    let events = text::parse_events(
        "Prose, with 0..1 p1 write k 1 in it.
\t0.5..12.000001 p12 write \"a key\" {\"a\": [1, \"b # c\"]} fail node=\"n 1\" level=w=2 version=\"7\" error=no # why
  3 \"p9\" invoke read-replica # node=n1 phase=final
  3..4 ann read-replica # -> node node=n1 phase=final version=12
# at the margin even this is prose
   # and this is a comment
  0.5 p3 invoke read -> # a key of two characters
  2 p3 ok read -> -> x-1 version=x-1
",
    )
    .unwrap_err();
    // A key can't begin with what begins a comment.
    assert_eq!(
        (events.line, events.problem.to_string()),
        (3, "no key where one belongs".into())
    );

    let events = text::parse_events(
        "\t0.5..12.000001 p12 write \"a key\" {\"a\": [1, \"b # c\"]} fail node=\"n 1\" level=w=2 version=\"7\" error=no # why
  3..4 \"p9\" read-replica \"#\" -> node node=n1 phase=final version=12
  0.5 p3 invoke read -> # a key of two characters
  12.000001 p3 ok read -> -> x-1 version=x-1 # at the time of an earlier line",
    )
    .unwrap();
    let write = Event {
        node: Some("n 1".into()),
        ..Event::write(12, "a key", json!({"a": [1, "b # c"]}))
    };
    let look = Event {
        node: Some("n1".into()),
        phase: Some(Phase::Final),
        ..Event::read_replica("p9", "#")
    };
    let read = Event::read(3, "->");
    let expected = [
        Event {
            time_ns: 500_000,
            ..write.clone()
        },
        Event {
            index: 1,
            time_ns: 500_000,
            ..read.clone()
        },
        Event {
            index: 2,
            time_ns: 3_000_000,
            ..look.clone()
        },
        Event {
            index: 3,
            time_ns: 4_000_000,
            value: json!("node"),
            version: Some(Version::Integer(12)),
            ..look.completion(EventKind::Ok)
        },
        Event {
            index: 4,
            time_ns: 12_000_001,
            level: Some("w=2".into()),
            version: Some("7".into()),
            error: Some("no".into()),
            ..write.completion(EventKind::Fail)
        },
        Event {
            index: 5,
            time_ns: 12_000_001,
            value: json!("x-1"),
            version: Some("x-1".into()),
            ..read.completion(EventKind::Ok)
        },
    ];
    assert_eq!(events, expected);
}

#[test]
fn intervals_are_closed() {
    let history = text::parse(
        " 0..10 p1 write k 1
          10..20 p2 read k -> nil",
    )
    .unwrap();
    let [write, read] = history.ops() else {
        panic!("two ops")
    };
    assert!(read.start < write.end, "ops that touch are concurrent");
}

#[test]
fn lines_that_say_nothing_are_errors() {
    let problems = [
        ("x", "no time"),
        ("1.2.3 p1 read k -> 1", "no time"),
        ("-1 p1 invoke read k", "no time"),
        ("1.1234567 p1 invoke read k", "no time"),
        ("..1 p1 read k -> 1", "no time"),
        ("99999999999999999999 p1 invoke read k", "no time below"),
        ("1", "no process"),
        ("1..2 \"p1 read k -> 1", "no process"),
        ("1 p1 read k -> 1", "no type"),
        ("1 p1 invoke", "no function"),
        ("1..2 p1 swap k 1", "no function"),
        ("1..2 p1 write", "no key"),
        ("1..2 p1 write k", "no value"),
        ("1..2 p1 delete k 1", "1 is neither"),
        ("1..2 p1 write k 1 seen=1", "no list of values seen"),
        ("1..2 p1 write k [1", "no value"),
        ("1..2 p1 read k ->", "no value after ->"),
        ("1..2 p1 read k", "a read returned something"),
        ("1..2 p1 read k ok", "a read returned something"),
        ("1..2 p1 write k 1 maybe", "maybe is neither"),
        ("1..2 p1 write k 1 ok fail", "fail is neither"),
        ("1..2 p1 write k 1 nodes=n1", "nodes=n1 is neither"),
        ("1..2 p1 write k 1 node=", "no node"),
        ("1..2 p1 write k 1 node= n1", "no node"),
        ("1..2 p1 write k 1 version=1.5", "no version"),
        ("1..2 p1 write k 1 version=true", "no version"),
        ("1..2 p1 write k 1 phase=late", "no phase"),
        ("2..1 p1 write k 1", "the op ends before"),
        ("1.. p1 write k 1 ok", "an op whose end is open"),
        ("1.. p1 read k -> 1", "an op whose end is open"),
        ("1..2 p1 write k 1\n 1..2 p1 write k 2", "take the event of index 1"),
    ];
    for (line, problem) in problems {
        let error = text::parse(&format!("prose\n {line}")).expect_err(line);
        assert!(error.problem.to_string().starts_with(problem), "{line}: {error}");
        let expected_line = 1 + line.lines().count();
        assert_eq!(error.line, expected_line, "{line}: {error}");
    }
}

#[test]
fn what_is_rendered_is_read_back() {
    for seed in 0..2_000 {
        let shape = Shape {
            op_count_max: 12,
            key_count: 2,
            has_looks: true,
            has_deletes: seed % 2 == 1,
        };
        let rendered = text::render(&scatter::history(&scatter::events(seed, shape)));
        let again = text::parse(&rendered).unwrap_or_else(|error| panic!("seed {seed}: {error} in\n{rendered}"));
        assert_eq!(text::render(&again), rendered, "seed {seed}");
    }
    let odd = text::parse(
        r#" 0..1 p1 write "a\nb \"" "nil" node="" version="0"
            2..3 p1 read "a\nb \"" -> "1" version="\"" node=n"1
            4..5 "p 1" read-replica "" -> [ ] node="n1 " phase=final
            6..7.000001 p2 write "a#" null
            8..  p2 write =x=1 true node=a=b
        "#,
    )
    .unwrap();
    let rendered = text::render(&odd);
    assert_eq!(text::render(&text::parse(&rendered).unwrap()), rendered);
    assert_eq!(odd.ops().len(), 4);
}

/// No line makes the reader panic.
#[test]
fn noise_is_refused() {
    let mut rng = Pcg64Mcg::seed_from_u64(7);
    let words = [
        "0..1",
        "0..",
        "5",
        "p1",
        "p2",
        "obs",
        "invoke",
        "ok",
        "fail",
        "info",
        "read",
        "write",
        "read-replica",
        "k",
        "->",
        "nil",
        "1",
        "\"",
        "[",
        "{\"a\":",
        "]",
        "#",
        "=",
        "node=",
        "node=n1",
        "phase=final",
        "version=1",
        "\u{e9}\u{2028}",
        "",
    ];
    let mut read_count = 0;
    for _ in 0..20_000 {
        let line: Vec<&str> = (0..rng.random_range(0..9))
            .map(|_| words[rng.random_range(0..words.len())])
            .collect();
        read_count += usize::from(text::parse(&format!(" 0..1 {}", line.join(" "))).is_ok());
        let _ = text::parse(&format!(" {}", line.join(" ")));
    }
    assert!(read_count > 0, "some noise makes sense");
}
