//! A history an anomaly, by the names that it has in it and the words that it is told in.

use quorate_checker::{
    Context,
    isolation::{self, Data, Keys, Question, Report},
};

use super::notation::history;

fn judge(lines: &str, data: Data, asked: &str, keys: Keys) -> Report {
    let txns = isolation::transactions(&history(lines), data).expect("they are transactions");
    let question = Question {
        keys,
        ..Question::of(asked.parse().expect("known"))
    };
    isolation::check(&txns, &question, &Context::default())
}

fn lists(asked: &str, lines: &str, expected: &[&str]) {
    let report = judge(lines, Data::Lists, asked, Keys::default());
    assert_eq!(report.forbidden(), expected, "{asked} of\n{lines}");
}

fn registers(asked: &str, keys: Keys, lines: &str, expected: &[&str]) {
    let report = judge(lines, Data::Registers, asked, keys);
    assert_eq!(report.forbidden(), expected, "{asked} of\n{lines}");
}

#[test]
fn lists_have_each_anomaly_by_its_name() {
    let serializable = "serializable";
    lists(
        serializable,
        "p0 ok: append x 1\n p1 ok: append x 2\n p2 ok: r x [1 2]",
        &[],
    );
    lists(serializable, "p0 ok: r x [7]\n p1 ok: append x 1", &["garbage-read"]);
    lists(
        serializable,
        "p0 fail: append x 1\n p1 ok: r x [1]\n p2 ok: append x 2",
        &["G1a"],
    );
    lists(
        serializable,
        "p0 ok: append x 1, append x 2\n p1 ok: r x [1]\n p2 ok: r x [1 2]",
        &["G-single-item", "G1b"],
    );
    lists(
        serializable,
        "p0 ok: append x 1, r x [2]\n p1 ok: append x 2",
        &["internal"],
    );
    lists(serializable, "p0 ok: r x [1], append x 1", &["future-read"]);
    lists(
        serializable,
        "p0 fail: append x 1\n p1 ok: append x 2\n p2 ok: r x [1 2]",
        &["G1a", "dirty-update"],
    );
    lists(
        serializable,
        "p0 ok: append x 1\n p1 ok: r x [1 1]",
        &["duplicate-elements"],
    );
    let split = "p0 ok: append x 1\n p1 ok: append x 2\n p2 ok: r x [1 2]\n p3 ok: r x [2 1]";
    lists(serializable, split, &["incompatible-order"]);
    let lost = "p0 ok: r x [], append x 1\n p1 ok: r x [], append x 2";
    lists(serializable, lost, &["G2-item", "lost-update"]);
}

#[test]
fn what_nobody_saw_comes_last() {
    // Had it not come last, the read would have had it.
    let missed = "p0 ok: append x 1, append y 1\n p1 ok: r y [1], r x []";
    lists("serializable", missed, &["G-single-item"]);
    // One that may never have happened is missed by nobody.
    let unknown = "p0 info: append x 1\n p1 ok: r x [], append y 1\n p2 ok: r y [1]";
    lists("strict-serializable", unknown, &[]);
    // One that was seen to have happened is, whatever became of its answer.
    let seen = "p0 info: append x 1, append y 1\n p1 ok: r y [1], r x []";
    lists("serializable", seen, &["G-single-item"]);
}

#[test]
fn orders_close_cycles() {
    let stale = "p0 ok: append x 1\n p1 ok: r x []";
    lists("serializable", stale, &[]);
    lists("strong-session-serializable", stale, &[]);
    lists("strict-serializable", stale, &["G-single-item-realtime"]);
    let own = "p0 ok: append x 1\n p0 ok: r x []";
    lists("serializable", own, &[]);
    lists("strong-session-serializable", own, &["G-single-item-process"]);
    lists("strict-serializable", own, &["G-single-item-process"]);
    // What overlaps has no order.
    let overlapping = "| p0 invoke: append x 1\n p1 ok: r x []\n | p0 ok: append x 1";
    lists("strict-serializable", overlapping, &[]);
}

#[test]
fn many_who_missed_many_are_no_more_than_a_few() {
    // Everybody reads nothing, appends to its own key and to one that nobody reads again.
    let lines: String = (0..60)
        .map(|n| format!("| p{n} invoke: r x [], append x {n}\n"))
        .collect();
    let ends: String = (0..60).map(|n| format!("| p{n} ok: r x [], append x {n}\n")).collect();
    lists("snapshot-isolation", &(lines.clone() + &ends), &["lost-update"]);
    lists("serializable", &(lines + &ends), &["G2-item", "lost-update"]);
    // One that reads and appends alone is before itself for nobody.
    let alone: String = (0..60).map(|n| format!("p{n} ok: append x {n}\n")).collect();
    lists(
        "strict-serializable",
        &format!("p99 ok: r x [], append x 99\n{alone}"),
        &[],
    );
}

#[test]
fn registers_have_each_anomaly_by_its_name() {
    let (serializable, none) = ("serializable", Keys::default());
    registers(serializable, none, "p0 ok: w x 1\n p1 ok: r x 1", &[]);
    registers(serializable, none, "p0 ok: r x 7\n p1 ok: w x 1", &["garbage-read"]);
    registers(serializable, none, "p0 fail: w x 1\n p1 ok: r x 1", &["G1a"]);
    registers(serializable, none, "p0 ok: w x 1, w x 2\n p1 ok: r x 1", &["G1b"]);
    registers(serializable, none, "p0 ok: w x 1, r x 2\n p1 ok: w x 2", &["internal"]);
    registers(serializable, none, "p0 ok: r x 1, w x 1", &["future-read"]);
    registers(
        serializable,
        none,
        "p0 ok: w x 1, w y 1\n p1 ok: r x 1, r y nil",
        &["G-single-item"],
    );
    registers(
        serializable,
        none,
        "p0 ok: r x nil, w y 1\n p1 ok: r y nil, w x 1",
        &["G2-item"],
    );
    registers(
        serializable,
        none,
        "p0 ok: w x 1, r y 1\n p1 ok: r x 1, w y 1",
        &["G1c"],
    );
    registers(
        serializable,
        none,
        "p0 ok: r x nil, w x 1\n p1 ok: r x nil, w x 2",
        &["G2-item", "lost-update"],
    );
}

#[test]
fn assumed_orders_of_registers_are_used_and_doubted() {
    let linearizable = Keys {
        linearizable: true,
        ..Keys::default()
    };
    let sequential = Keys {
        sequential: true,
        ..Keys::default()
    };
    let reads = Keys {
        writes_follow_reads: true,
        ..Keys::default()
    };
    let stale = "p0 ok: w x 1\n p1 ok: w x 2\n p2 ok: r x 1, w y 1\n p3 ok: r y 1, r x 2";
    registers("serializable", Keys::default(), stale, &[]);
    registers("serializable", linearizable, stale, &["cyclic-versions"]);
    let back = "
        | p2 invoke: r x 1, r y 2
        p0 ok: w x 1, w y 1
        p1 ok: w x 2, w y 2
        | p2 ok: r x 1, r y 2
    ";
    registers("read-committed", Keys::default(), back, &[]);
    registers("read-committed", linearizable, back, &[]);
    registers("consistent-view", linearizable, back, &["G-single-item"]);
    // Neither order of 1 and 2 explains it, whatever is assumed.
    registers("serializable", Keys::default(), back, &["G-single-item"]);
    registers("serializable", linearizable, back, &["G-single-item"]);
    registers(
        "serializable",
        sequential,
        "p0 ok: w x 1\n p0 ok: r x nil",
        &["cyclic-versions"],
    );
    let chain = "p0 ok: w x 1\n p1 ok: r x 1, w x 2, w y 1\n p2 ok: r y 1, r x 1";
    registers("consistent-view", reads, chain, &["G-single-item"]);
    registers("serializable", Keys::default(), chain, &["G-single-item"]);
    registers("serializable", reads, chain, &["G-single-item"]);
}

#[test]
fn a_cycle_is_told_link_by_link_and_drawn() {
    let lines = "p0 ok: append x 1, append y 1\n p1 ok: r y [1], r x []\n p2 ok: r x [1]";
    let report = judge(lines, Data::Lists, "serializable", Keys::default());
    let [found] = &report.anomalies[..] else {
        panic!("{report:?}")
    };
    assert_eq!(
        found.witness.text,
        "T1 (p1, index 2 to 3): read y as [1], read x as []. T0 (p0, index 0 to 1): append 1 to x, append 1 to y. \
         T1 read x as [], without 1, which T0 appended. So T1 comes before T0. \
         T1 read y as [1], with 1 in it, which T0 appended. And yet T0 comes before T1. \
         T1 would come before itself: a contradiction."
    );
    assert_eq!(found.cycle, [(3, "rw"), (1, "wr")]);
    let picture = found.witness.picture.as_deref().expect("a cycle is drawn");
    assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>"), "{picture}");
    assert!(
        picture.contains("rw: missed") && picture.contains("wr: was read"),
        "{picture}"
    );
}

#[test]
fn a_minimal_history_shows_the_same_and_nothing_else() {
    let lines = "
        p0 ok: append x 1, append y 7
        p1 ok: append x 2, append y 1
        p2 ok: append z 1
        p3 ok: append y 2, append x 3
        p4 ok: r x [1 3 2], r z [1]
        p5 ok: r y [7 1 2]
        p6 ok: r z [1]
    ";
    let txns = isolation::transactions(&history(lines), Data::Lists).expect("they are transactions");
    let question = Question::of("serializable".parse().expect("known"));
    let report = isolation::check(&txns, &question, &Context::default());
    assert_eq!(report.forbidden(), ["G0"]);
    let indices: Vec<u64> = report.anomalies[0].witness.ops.iter().map(|op| op.index).collect();
    // The two, and who saw in which order they wrote.
    assert_eq!(indices, [2, 6, 8, 10]);
    let part = txns.transcript(|index| indices.contains(&index));
    let part = isolation::transactions(&part, Data::Lists).expect("they are transactions");
    let again = isolation::check(&part, &question, &Context::default());
    assert_eq!(again.forbidden(), ["G0"]);
}

#[test]
fn a_circle_of_very_many_is_found_and_told_in_part() {
    const COUNT: usize = 100_000;
    let lines = (0..COUNT).map(|n| format!("p{n} ok: r {n} [1], append {} 1\n", (n + 1) % COUNT));
    let report = judge(&lines.collect::<String>(), Data::Lists, "serializable", Keys::default());
    assert_eq!(report.forbidden(), ["G1c"]);
    let found = &report.anomalies[0];
    assert_eq!(found.cycle.len(), COUNT);
    assert!(found.witness.text.len() < 10_000, "{}", found.witness.text.len());
}
