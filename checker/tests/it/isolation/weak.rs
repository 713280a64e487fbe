//! Models below those of anti-dependencies: each has histories that break it, and the next weaker one holds.

use quorate_checker::{
    Context,
    isolation::{self, Data, Question, Report},
};

use super::{
    hierarchy::LONG_FORK,
    notation::history,
    stores::{self, Isolation, Shape},
};

fn judge(data: Data, asked: &str, lines: &str) -> Report {
    let txns = isolation::transactions(&history(lines), data).expect("they are transactions");
    isolation::check(&txns, &Question::of(asked.parse().expect("known")), &Context::default())
}

fn check(asked: &str, lines: &str, expected: &[&str]) {
    let report = judge(Data::Lists, asked, lines);
    assert_eq!(report.forbidden(), expected, "{asked} of\n{lines}");
    assert_eq!(report.unknown, Vec::<String>::new(), "{asked} of\n{lines}");
}

#[test]
fn what_a_transaction_saw_it_saw_whole() {
    let fractured = "p0 ok: append x 1, append y 1\n p1 ok: r x [1], r y []";
    check("read-atomic", fractured, &["fractured-read"]);
    check("monotonic-atomic-view", fractured, &[]);
    let cause = "p0 ok: append x 1\n p1 ok: r x [1], append y 1\n p2 ok: r y [1], r x []";
    check("causal-cerone", cause, &["missed-cause"]);
    check("read-atomic", cause, &[]);
    let session = "p0 ok: append x 1\n p0 ok: append y 1\n p2 ok: r y [1], r x []";
    check("causal", session, &["session-missed-cause"]);
    check("causal-cerone", session, &[]);
    check("PRAM", "p0 ok: append x 1\n p1 ok: r x []", &[]);
}

#[test]
fn parallel_snapshots_fork_and_do_not_skew_back() {
    let fork = LONG_FORK;
    check("parallel-snapshot-isolation", fork, &[]);
    // Seen by way of a write over it, which is no cause that a read tells of.
    let back = "p0 ok: append x 1, append z 1\n p1 ok: append z 2\n p2 ok: r z [1 2], r x []";
    check("parallel-snapshot-isolation", back, &["G-single-item"]);
    check("causal-cerone", back, &[]);
}

#[test]
fn commits_have_one_order_for_all_who_see_them() {
    let fork = LONG_FORK;
    check("prefix", fork, &["non-prefix"]);
    check("causal-cerone", fork, &[]);
    // Who reads one key after another may have seen the second later.
    check("monotonic-snapshot-read", fork, &[]);
    let back = fork.replace("r x [], r y [1]", "r y [1], r x []");
    check("monotonic-snapshot-read", &back, &["G-MSR"]);
    check("monotonic-view", &back, &[]);
    // Updates are lost of what is seen at one moment and written at another.
    check(
        "prefix",
        "p0 ok: r x [], append x 1\n p1 ok: r x [], append x 2\n p2 ok: r x [1 2]",
        &[],
    );
}

#[test]
fn those_that_write_are_serializable_with_each_that_reads() {
    let fork = "p0 ok: append x 1\n p1 ok: append y 1\n p2 ok: r x [1], r y []\n p3 ok: r x [], r y [1]";
    check("update-serializable", fork, &[]);
    let skew = "p0 ok: r x [], append y 1\n p1 ok: r y [], append x 1";
    check("update-serializable", skew, &["G-update"]);
    check("forward-consistent-view", skew, &[]);
    // Fekete, O'Neil and O'Neil, SIGMOD Record 2004: one that only reads, among two that are serializable.
    let reader = "p0 ok: append x 1\n p1 ok: r x [], append y 1\n p2 ok: r x [1], r y []";
    check("update-serializable", reader, &["G-update"]);
    check("snapshot-isolation", reader, &[]);
}

#[test]
fn weak_models_of_registers_are_decided() {
    let judge = |asked, lines| judge(Data::Registers, asked, lines);
    let fractured = "p0 ok: w x 1, w y 1\n p1 ok: r x 1, r y nil";
    let fork = "p0 ok: w x 1\n p1 ok: w y 1\n p2 ok: r x 1, r y nil\n p3 ok: r x nil, r y 1";
    let stale = "p0 ok: w x 1\n p1 ok: w x 2\n p2 ok: r x 1";
    let cause = "p0 ok: w x 1\n p1 ok: r x 1, w y 1\n p2 ok: r y 1, r x nil";
    for (asked, lines, expected) in [
        ("read-atomic", fractured, &["fractured-read"][..]),
        ("causal-cerone", cause, &["missed-cause"]),
        ("read-atomic", cause, &[]),
        ("prefix", fork, &["non-prefix"]),
        (
            "parallel-snapshot-isolation",
            fractured,
            &["G-single-item", "fractured-read", "missed-cause"],
        ),
        ("linearizable", stale, &["non-linearizable"]),
        ("sequential", stale, &[]),
    ] {
        let report = judge(asked, lines);
        assert_eq!(report.forbidden(), expected, "{asked} of\n{lines}");
        assert!(report.is_violated() || report.unknown.is_empty(), "{asked} of\n{lines}");
    }
    // Who reads one key after another may have seen the second later.
    let back = fork.replace("r x nil, r y 1", "r y 1, r x nil");
    let changing = "p0 ok: w x 1\n p1 ok: r x nil, r x 1";
    let changing_back = "p0 ok: w x 1\n p1 ok: r x 1, r x nil";
    for (asked, lines, holds) in [
        (
            "monotonic-snapshot-read",
            "p0 ok: w x 1\n p1 ok: r x 1, w x 2",
            Some(true),
        ),
        ("monotonic-snapshot-read", fork, Some(true)),
        ("monotonic-snapshot-read", &back, Some(false)),
        ("monotonic-snapshot-read", changing, Some(true)),
        ("monotonic-snapshot-read", changing_back, Some(false)),
        ("read-your-writes", "p0 ok: w x 1\n p0 ok: r x 1", Some(true)),
        (
            "read-your-writes",
            "p0 ok: w x 1\n p0 ok: r x nil\n p1 ok: r x 1",
            Some(false),
        ),
    ] {
        assert_eq!(judge(asked, lines).holds(), holds, "{asked} of\n{lines}");
    }
    let report = judge("monotonic-snapshot-read", &back);
    assert_eq!(report.forbidden(), ["G-MSR"]);
    let text = &report.anomalies[0].witness.text;
    assert!(text.ends_with("would come before itself: a contradiction."), "{text}");
}

/// Each is broken by a history that satisfies the one below it.
#[test]
fn weak_models_of_registers_are_apart() {
    let fork = "p0 ok: w x 1\n p1 ok: w y 1\n p2 ok: r x 1, r y nil\n p3 ok: r x nil, r y 1";
    let skew = "p0 ok: r x nil, w y 1\n p1 ok: r y nil, w x 1";
    let fractured = "p0 ok: w x 1, w y 1\n p1 ok: r x 1, r y nil";
    // What was missed was read first.
    let back = "p0 ok: w x 1, w y 1\n p1 ok: r y nil, r x 1";
    // Whichever of 1 and 2 came first, one who updated it missed the other; nobody read both.
    let lost = "p0 ok: w x 1\n p1 ok: r x 1, w x 2\n p2 ok: r x 1, w x 3";
    // 2 comes between what p1 read and what it wrote, as who reads 2 has seen 1 by way of y, and 3 has seen 2.
    let cursor = "
        p0 ok: w x 1, w y 1
        | p1 invoke: r x 1, r z 1, w x 3
        p2 ok: r y 1, w x 2, w z 1
        | p1 ok: r x 1, r z 1, w x 3
    ";
    for (asked, lines, expected) in [
        ("update-serializable", skew, &["G-update"][..]),
        ("consistent-view", skew, &[]),
        ("update-serializable", fork, &[]),
        ("serializable", fork, &["G-nonadjacent-item"]),
        ("consistent-view", fractured, &["G-single-item"]),
        ("forward-consistent-view", fractured, &["G-single-item"]),
        ("monotonic-view", fractured, &["G-monotonic"]),
        ("cursor-stability", fractured, &[]),
        ("consistent-view", back, &["G-single-item"]),
        ("monotonic-view", back, &[]),
        ("cursor-stability", lost, &["lost-update"]),
        ("cursor-stability", cursor, &["G-cursor"]),
        ("monotonic-view", cursor, &[]),
        ("read-committed", cursor, &[]),
        ("parallel-snapshot-isolation", fork, &[]),
    ] {
        let report = judge_registers(asked, lines);
        assert_eq!(report.forbidden(), expected, "{asked} of\n{lines}: {report:?}");
        assert_eq!(report.unknown, Vec::<String>::new(), "{asked} of\n{lines}");
    }
}

fn judge_registers(asked: &str, lines: &str) -> isolation::Report {
    let txns = isolation::transactions(&history(lines), Data::Registers).expect("they are transactions");
    isolation::check(&txns, &Question::of(asked.parse().expect("known")), &Context::default())
}

/// Each session has an order of all writes of its own.
#[test]
fn sessions_see_all_writes_in_the_order_of_their_sessions() {
    // By way of another's session, or of another's read.
    let missed = "p0 ok: append x 1\n p0 ok: append y 1\n p1 ok: r y [1]\n p1 ok: r x []";
    check("PRAM", missed, &["non-PRAM"]);
    check("monotonic-reads", missed, &[]);
    check("read-your-writes", missed, &[]);
    let by_cause = "p0 ok: append x 1\n p1 ok: r x [1]\n p1 ok: append y 1\n p2 ok: r y [1]\n p2 ok: r x []";
    check("PRAM", by_cause, &[]);
    check("causal", by_cause, &["session-missed-cause"]);
    // Two sessions see two writes of a key in different orders, which one order of versions can't be.
    let apart = "p0 ok: w x 1\n p1 ok: w x 2\n p2 ok: r x 1\n p2 ok: r x 2\n p3 ok: r x 2\n p3 ok: r x 1";
    let again = "p0 ok: w x 1\n p1 ok: w x 2\n p2 ok: r x 1\n p2 ok: r x 2\n p2 ok: r x 1";
    let registers = missed.replace("append", "w").replace("[1]", "1").replace("[]", "nil");
    for (lines, expected) in [(apart, &[][..]), (again, &["non-PRAM"]), (&registers, &["non-PRAM"])] {
        let report = judge_registers("PRAM", lines);
        assert_eq!(report.forbidden(), expected, "{lines}");
        assert_eq!(report.unknown, Vec::<String>::new(), "{lines}");
    }
    assert_eq!(judge_registers("causal", apart).holds(), Some(false));
    let report = judge_registers("PRAM", &registers);
    assert_eq!(
        report.anomalies[0].witness.text,
        "T0 (p0, index 0 to 1): write 1 to x. T1 (p0, index 2 to 3): write 1 to y. T2 (p1, index 4 to 5): read y as 1. \
         T3 (p1, index 6 to 7): read x as nil. No order of all writes, each session's in its own, explains what session p1 read."
    );
}

#[test]
fn an_order_of_transactions_that_explains_reads_need_not_be_that_of_versions() {
    let stale = "p0 ok: w x 1\n p1 ok: w x 2, w y 1\n p2 ok: r y 1, r x 1";
    for (asked, lines, expected) in [
        ("view-serializable", stale, &[][..]),
        ("1SR", stale, &[]),
        (
            "view-serializable",
            "p0 ok: r x nil, w y 1\n p1 ok: r y nil, w x 1",
            &["non-view-serializable"],
        ),
        ("1SR", "p0 ok: w x 1\n p0 ok: r x nil", &[]),
        (
            "session-serializable",
            "p0 ok: w x 1\n p0 ok: r x nil",
            &["non-session-serializable"],
        ),
        ("session-serializable", "p0 ok: w x 1\n p1 ok: r x nil", &[]),
    ] {
        let report = judge_registers(asked, lines);
        assert_eq!(report.forbidden(), expected, "{asked} of\n{lines}: {report:?}");
        assert_eq!(report.unknown, Vec::<String>::new(), "{asked} of\n{lines}");
    }
}

#[test]
fn reported_versions_are_the_order_where_clients_could_believe_them() {
    let judge = |asked: &str, lines: &str| {
        let txns = isolation::transactions(&history(lines), Data::Registers).expect("they are transactions");
        let question = Question {
            keys: isolation::Keys {
                reported: true,
                ..isolation::Keys::default()
            },
            ..Question::of(asked.parse().expect("known"))
        };
        isolation::check(&txns, &question, &Context::default())
    };
    let told = "
        | p0 invoke: w x 1
        | p1 invoke: w x 2, w y 1
        | p0 ok: w x 1 10
        | p1 ok: w x 2 20, w y 1 20
        p2 ok: r y 1 20, r x 1 10
    ";
    assert_eq!(judge_registers("serializable", told).holds(), Some(true));
    assert_eq!(judge("serializable", told).forbidden(), ["G-single-item"]);
    assert_eq!(judge("view-serializable", told).holds(), Some(true));
    for (lines, doubt) in [
        (
            "p0 ok: w x 1 2\n p1 ok: w x 2 1\n p2 ok: r x 2",
            "T0's write of 1 (version 2) had ended before T1's write of 2 (version 1) began",
        ),
        ("p0 ok: w x 1 1\n p2 ok: r x 1 2", "1 has two of them"),
        ("p0 ok: w x 1 1\n p1 ok: w x 2 1\n p2 ok: r x 2", "2 has that of 1"),
        (
            "| p0 invoke: w x 1\n p1 ok: r x 1 2\n p1 ok: w x 2 1\n | p0 ok: w x 1\n p2 ok: r x 2",
            "T2's write of 2 (version 1) came after the session had met T0's write of 1 (version 2)",
        ),
        ("p0 ok: w x 1\n p1 ok: r x 1", "no version"),
    ] {
        let report = judge("serializable", lines);
        assert_eq!(report.holds(), None, "{lines}");
        assert!(report.unknown[0].contains(doubt), "{:?}", report.unknown);
    }
}

#[test]
fn sessions_keep_their_guarantees_key_by_key() {
    check(
        "read-your-writes",
        "p0 ok: append x 1\n p0 ok: r x []\n p1 ok: r x [1]",
        &["own-write-missed"],
    );
    check("read-your-writes", "p0 ok: append x 1\n p1 ok: r x []", &[]);
    check(
        "monotonic-reads",
        "p0 ok: append x 1\n p1 ok: r x [1]\n p1 ok: r x []",
        &["non-monotonic-read"],
    );
    check(
        "monotonic-reads",
        "p0 ok: append x 1\n p1 ok: r x [1]\n p2 ok: r x []",
        &[],
    );
    let writes = "p0 ok: append x 1\n p0 ok: append x 2\n p1 ok: r x [2 1]";
    check("monotonic-writes", writes, &["non-monotonic-write"]);
    check(
        "monotonic-writes",
        "p0 ok: append x 1\n p1 ok: append x 2\n p1 ok: r x [2 1]",
        &[],
    );
    let follows = "| p0 invoke: append x 1\n p1 ok: r x [2]\n p1 ok: append x 3\n| p0 ok: append x 1\n p2 ok: append x 2\n p3 ok: r x [2 3 1]";
    check("writes-follow-reads", follows, &[]);
    let before = "p0 ok: append x 1\n p1 ok: r x [1]\n p1 ok: append x 2\n p3 ok: r x [1]";
    check("writes-follow-reads", before, &[]);
    check(
        "PRAM",
        "p0 ok: append x 1\n p1 ok: r x [1]\n p1 ok: r x []",
        &["non-PRAM", "non-monotonic-read"],
    );
}

/// Of registers no order of versions may keep them; that of writes shows only to who reads.
#[test]
fn sessions_keep_their_guarantees_of_registers_if_some_order_does() {
    let judge = |asked, lines| judge(Data::Registers, asked, lines);
    let own = "p0 ok: w x 1, w y 1\n p0 ok: r y 1, r x nil";
    let turns = "p0 ok: w x 1\n p1 ok: w x 2\n p2 ok: r x 1\n p2 ok: r x 2\n p3 ok: r x 2, r y nil\n p3 ok: r x 1";
    let swapped = "p0 ok: w x 1\n p0 ok: w x 2\n p1 ok: r x 2\n p1 ok: r x 1";
    let before = "p0 ok: w x 1\n p1 ok: r x 1\n p1 ok: w x 2\n p2 ok: r x 2\n p2 ok: r x 1";
    for (asked, lines, expected) in [
        ("read-your-writes", own, &["own-write-missed"][..]),
        ("read-your-writes", turns, &[]),
        ("monotonic-reads", turns, &["non-monotonic-read"]),
        ("monotonic-reads", own, &[]),
        ("monotonic-reads", swapped, &[]),
        ("monotonic-writes", swapped, &["non-monotonic-write"]),
        ("monotonic-writes", before, &[]),
        ("writes-follow-reads", before, &["write-before-read"]),
        ("writes-follow-reads", swapped, &[]),
    ] {
        let report = judge(asked, lines);
        assert_eq!(report.forbidden(), expected, "{asked} of\n{lines}");
        assert_eq!(report.unknown, Vec::<String>::new(), "{asked} of\n{lines}");
    }
    let report = judge("monotonic-reads", turns);
    let text = &report.anomalies[0].witness.text;
    assert_eq!(
        text,
        "In session p0, T0 (p0, index 0 to 1) wrote 1 to x. In session p1, T1 (p1, index 2 to 3) wrote 2 to x. \
         In session p2, T2 (p2, index 4 to 5) read x as 1, and then T3 (p2, index 6 to 7) read x as 2. \
         In session p3, T4 (p3, index 8 to 9) read x as 2, and then T5 (p3, index 10 to 11) read x as 1. \
         Whatever the order in which x was written, some session went back from what it had read."
    );
}

#[test]
fn what_is_between_a_read_and_a_write_is_seen() {
    let cursor = "
        | p0 invoke: r x [], append x 1
        p1 ok: append x 2
        | p0 ok: r x [], append x 1
        p2 ok: r x [2 1]
    ";
    check("cursor-stability", cursor, &["G-cursor"]);
    check("read-committed", cursor, &[]);
    let view = "p0 ok: append x 1, append y 1\n p1 ok: r x [1], r y []";
    check("monotonic-view", view, &["G-monotonic"]);
    // The other way round, what came later was read later.
    check(
        "monotonic-view",
        "p0 ok: append x 1, append y 1\n p1 ok: r y [], r x [1]",
        &[],
    );
}

#[test]
fn single_steps_are_linearizable_or_sequential() {
    let stale = "p0 ok: append x 1\n p1 ok: r x []\n p2 ok: r x [1]";
    check("linearizable", stale, &["non-linearizable"]);
    check("sequential", stale, &[]);
    let crossed = "p0 ok: append x 1\n p0 ok: r y []\n p1 ok: append y 1\n p1 ok: r x []";
    check("sequential", crossed, &["non-sequential"]);
    check("causal", crossed, &[]);
    // Within a transaction each step is one of its own: that none comes between is asked of transactions.
    let skewed = "
        | p0 invoke: r x [], append y 1
        | p1 invoke: r y [], append x 1
        | p0 ok: r x [], append y 1
        | p1 ok: r y [], append x 1
    ";
    check("linearizable", skewed, &[]);
}

#[test]
fn stores_keep_what_is_weaker_than_what_they_keep() {
    let kept = [
        (
            Isolation::Serializable,
            [
                "linearizable",
                "sequential",
                "causal",
                "update-serializable",
                "monotonic-snapshot-read",
            ],
        ),
        (
            Isolation::Snapshot,
            [
                "parallel-snapshot-isolation",
                "causal",
                "prefix",
                "monotonic-view",
                "PRAM",
            ],
        ),
        (
            Isolation::OldSnapshot,
            [
                "parallel-snapshot-isolation",
                "prefix",
                "monotonic-snapshot-read",
                "monotonic-view",
                "cursor-stability",
            ],
        ),
        (
            Isolation::ReadCommitted,
            [
                "linearizable",
                "sequential",
                "monotonic-reads",
                "read-your-writes",
                "read-committed",
            ],
        ),
    ];
    for (isolation, models) in kept {
        for seed in 0..20 {
            let shape = Shape {
                data: Data::Lists,
                txn_count: 50,
                client_count: 4,
                key_count: 4,
                step_count_max: 4,
                fail_percent: 5,
                info_percent: 5,
            };
            let transcript = stores::history(seed, isolation, shape);
            let txns = isolation::transactions(&transcript, Data::Lists).expect("they are transactions");
            for asked in models {
                let question = Question::of(asked.parse().expect("known"));
                let report = isolation::check(&txns, &question, &Context::default());
                assert_eq!(
                    report.forbidden(),
                    Vec::<&str>::new(),
                    "{isolation:?}, seed {seed}, {asked}: {report:?}"
                );
            }
        }
    }
}
