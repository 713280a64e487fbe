//! Lines into events and events into histories: what is well-formed goes through unchanged, the rest is refused by
//! name.

use quorate_checker::{
    Action, Event, EventKind, HistoryBuilder, Irregularity, Outcome, Phase, Position, Process, Version, text,
};
use serde_json::json;

#[test]
fn lines_are_read_and_written_alike() {
    let lines = [
        r#"{"index":0,"time":123,"process":0,"type":"invoke","f":"write","key":"k17","value":42}"#,
        r#"{"index":1,"time":456,"process":0,"type":"ok","f":"write","key":"k17","value":42,"node":"n2","level":"w=2","version":"0018f-1"}"#,
        r#"{"index":2,"time":500,"process":7,"type":"info","f":"read","key":"","value":null,"error":"timeout"}"#,
        r#"{"index":3,"time":600,"process":"observer","type":"invoke","f":"read-replica","key":"k17","value":null,"node":"n1","phase":"handoff"}"#,
        r#"{"index":4,"time":700,"process":"observer","type":"ok","f":"read-replica","key":"k17","value":[1,"x",{"y":null}],"node":"n1","version":18446744073709551615,"phase":"final"}"#,
    ];
    for line in lines {
        assert_eq!(Event::parse(line).unwrap().to_line(), line);
    }
    let line = r#" {"value":1.5,"extra":[1],"process":-2,"type":"fail","f":"write","key":"\u00e9\n","index":9,"time":0,":node":1} "#;
    let event = Event::parse(line).unwrap();
    let expected = Event {
        index: 9,
        ..Event::write(-2, "é\n", 1.5).completion(EventKind::Fail)
    };
    assert_eq!(event, expected);
}

#[test]
fn malformed_lines_are_errors() {
    let good =
        r#"{"index":0,"time":1,"process":0,"type":"ok","f":"read","key":"k","value":1,"version":3,"phase":"final"}"#;
    Event::parse(good).unwrap();
    for length in 0..good.len() {
        Event::parse(&good[..length]).unwrap_err();
    }
    let broken = [
        ("\"index\":0,", ""),
        ("\"time\":1", "\"time\":-1"),
        ("\"time\":1", "\"time\":1.5"),
        ("\"process\":0", "\"process\":null"),
        ("\"process\":0", "\"process\":0.5"),
        ("\"ok\"", "\"okay\""),
        ("\"ok\"", "1"),
        ("\"read\"", "\"swap\""),
        ("\"key\":\"k\"", "\"key\":1"),
        ("\"version\":3", "\"version\":-3"),
        ("\"version\":3", "\"version\":[3]"),
        ("\"final\"", "\"first\""),
        ("}", "}}"),
        ("{", "["),
        ("\"value\":1", "\"value\":"),
    ];
    for (from, to) in broken {
        let line = good.replace(from, to);
        let error = Event::parse(&line).expect_err(&line);
        assert!(
            error.to_string().starts_with("parse an event from its line: "),
            "{error}"
        );
    }
    for noise in [
        "",
        " ",
        "null",
        "0",
        "[]",
        "{}",
        "\u{0}",
        "{\"index\":1e400}",
        "\"",
        "[[[[[[[[",
    ] {
        Event::parse(noise).expect_err(noise);
    }
}

#[test]
fn what_can_not_have_happened_is_refused() {
    let refusals = [
        ("0 p1 ok read k -> 1", Irregularity::CompletedNothing),
        (
            "0..1 p1 read k -> 1\n 2 p1 ok read k -> 1",
            Irregularity::CompletedNothing,
        ),
        (
            "0 p1 invoke read k\n 1 p1 invoke write j 1",
            Irregularity::InvokedTwice { open: 0 },
        ),
        (
            "0..1 p1 write k 1 info\n 2 p1 invoke read k",
            Irregularity::InvokedAfterCrash { at: 1 },
        ),
        (
            "0..1 p1 read k info\n 2 p1 ok read k -> 1",
            Irregularity::CompletedNothing,
        ),
        (
            "0 p1 invoke read k\n 1 p1 ok write k 1",
            Irregularity::OtherFunction {
                invoked: quorate_checker::Function::Read,
            },
        ),
        (
            "0 p1 invoke read k\n 1 p1 fail read j",
            Irregularity::OtherKey { invoked: "k".into() },
        ),
        (
            "0 p1 invoke write k 1\n 1 p1 ok write k 2",
            Irregularity::OtherValue { invoked: "1".into() },
        ),
        ("0..1 ann read k -> 1", Irregularity::NotAClient),
        ("0..1 ann write k 1", Irregularity::NotAClient),
        ("0 ann invoke read-replica k phase=final", Irregularity::NoReplica),
        ("0 ann invoke read-replica k node=n1", Irregularity::NoPhase),
        (
            "0 ann invoke read-replica k node=n1 phase=final\n 1 ann ok read-replica k -> 1 node=n2",
            Irregularity::OtherReplica,
        ),
        (
            "0 ann invoke read-replica k node=n1 phase=final\n 1 ann ok read-replica k -> 1 phase=handoff",
            Irregularity::OtherReplica,
        ),
        (
            "0..1 p1 write k 1 version=1\n 2..3 p1 write k 2 version=\"1\"",
            Irregularity::MixedVersions,
        ),
    ];
    for (history, refusal) in refusals {
        let events = text::parse_events(&format!(" {history}")).unwrap();
        let mut builder = HistoryBuilder::new();
        let error = events
            .into_iter()
            .find_map(|event| builder.push(event).err())
            .expect("a push is refused");
        assert_eq!(error.irregularity, refusal, "{history}");
        assert!(error.to_string().contains(&format!("index {}", error.index)), "{error}");
    }
}

/// A refused event leaves the builder as it was.
#[test]
fn the_rest_of_a_history_goes_on_after_a_refusal() {
    let mut builder = HistoryBuilder::new();
    let write = Event::write(1, "k", 1);
    builder.push(write.clone()).unwrap();
    builder.push(write.clone()).unwrap_err();
    builder
        .push(Event {
            key: "j".into(),
            ..write.completion(EventKind::Ok)
        })
        .unwrap_err();
    builder.push(write.completion(EventKind::Ok)).unwrap();
    let history = builder.finish();
    assert_eq!(history.ops().len(), 1);
    assert_eq!(history.ops()[0].outcome, Outcome::Ok);
    assert_eq!(history.keys().count(), 1);
}

#[test]
fn ops_hold_what_events_said() {
    let history = text::parse(
        "An op of each kind, in an order in which the last to be invoked is the first to end.

         0 p1 invoke write k 7              node=n1
         1 p2 invoke write k [7]            node=n1
         2 p3 invoke read k
         3 p4 invoke read k
         4 p5 invoke write k 8              node=n3
         5 p4 ok read k -> nil              node=n2 version=b
         6 p3 info read k                   error=timeout
         7 p2 fail write k [7]              node=n2
         8 p1 ok write k nil                version=a
         9 o invoke read-replica k          node=n2 phase=handoff
        10 o ok read-replica k -> 7         version=a
        11 o invoke read-replica k          node=n2 phase=handoff
        12 o info read-replica k
        13 o invoke read-replica k          node=n1 phase=final
        ",
    )
    .unwrap();
    let outcomes: Vec<Outcome> = history.ops().iter().map(|op| op.outcome).collect();
    use Outcome::{Fail, Info, Ok};
    assert_eq!(outcomes, [Ok, Fail, Info, Ok, Info]);
    let [written, failed, unanswered, nothing, open] = history.ops() else {
        panic!("five ops")
    };
    assert_eq!(
        (history.value(written.value), history.value(failed.value)),
        (&json!(7), &json!([7]))
    );
    assert_eq!(history.process(written.process), &Process::Client(1));
    assert_eq!((written.index, written.completion_index()), (0, Some(8)));
    assert_eq!((written.start_ns, written.end_ns()), (0, Some(8_000_000)));
    assert_eq!(written.node.map(|node| history.node(node)), Some("n1"));
    assert_eq!(
        failed.node.map(|node| history.node(node)),
        Some("n2"),
        "the completion's node counts"
    );
    assert!(nothing.value.is_nil() && nothing.end < unanswered.end && failed.end < written.end);
    assert_eq!(
        (unanswered.end, unanswered.end_ns()),
        (Position::NEVER, Some(6_000_000))
    );
    assert_eq!(
        (open.end, open.end_ns(), open.completion_index()),
        (Position::NEVER, None, None)
    );
    assert!(
        written.version < nothing.version,
        "versions are in their own order, not that of appearance"
    );
    assert_eq!(
        written.version.map(|version| history.version(version)),
        Some(Version::from("a"))
    );

    let [look] = history.observations() else {
        panic!("one look saw something")
    };
    assert_eq!((history.node(look.node), look.phase), ("n2", Phase::Handoff));
    assert_eq!(
        (look.op.value, look.op.action),
        (written.value, Action::ReadReplica(Phase::Handoff))
    );
}
