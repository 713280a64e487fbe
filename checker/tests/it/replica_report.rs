//! Replicas side by side: what they lack, and when they came to agree.

use quorate_checker::{Context, FaultSpan, checks, text};

use crate::{
    scatter,
    store::{self, Load},
};

const MS: u64 = 1_000_000;

fn context(heal_ms: Option<u64>) -> Context {
    Context {
        replica_count: Some(2),
        faults: vec![FaultSpan {
            label: "n2 isolated".into(),
            start_ns: 5 * MS,
            end_ns: heal_ms.map(|heal_ms| heal_ms * MS),
        }],
        ..Context::default()
    }
}

/// Each case: what happened, when the faults were healed, and what the report says.
#[track_caller]
fn check(story: &str, heal_ms: Option<u64>, lines: &[&str]) {
    let history = text::parse(story).expect("the story is well-formed");
    let report = checks::replicas(&history, &context(heal_ms));
    let told = report.tell();
    assert_eq!(told.lines().collect::<Vec<_>>(), lines, "{told}");
    let json = serde_json::to_value(&report).expect("a report has a JSON form");
    assert_eq!(json["replicas"][0]["node"], "n1", "{json}");
}

#[test]
fn a_replica_that_lags_until_anti_entropy() {
    check(
        "n2 has the old value at handoff, and the new one in the end.

            0..10     p1  write k 1      version=1
            20..30    p1  write k 2      version=2
            60..61    o  read-replica k -> 2    node=n1 phase=handoff version=2
            62..63    o  read-replica k -> 1    node=n2 phase=handoff version=1
            90..91    o  read-replica k -> 2    node=n1 phase=final version=2
            92..93    o  read-replica k -> 2    node=n2 phase=final version=2
        ",
        Some(50),
        &[
            "n1 holds the newest of 1 of 1 key in the end.",
            "n2 holds the newest of 1 of 1 key in the end.",
            "The replicas of 1 key were seen to agree within 0.043 s after the heal; 0.012 s after it some still \
             differed.",
        ],
    );
}

#[test]
fn replicas_that_lack_and_lag_in_the_end() {
    check(
        "n2 never hears of j, and of k only the first of three.

            0..10     p1  write k 1      version=1
            12..14    p1  write k 2      version=2
            20..30    p1  write k 3      version=3
            32..34    p1  write j 9      version=4
            90..91    o  read-replica k -> 3    node=n1 phase=final version=3
            92..93    o  read-replica k -> 1    node=n2 phase=final version=1
            94..95    o  read-replica j -> 9    node=n1 phase=final version=4
            96..97    o  read-replica j -> nil  node=n2 phase=final
        ",
        Some(50),
        &[
            "n1 holds the newest of 2 of 2 keys in the end.",
            "n2 holds the newest of 0 of 2 keys in the end, something older of 1, nothing of 1, 3 versions behind in \
             all and at most 2 on one key: k with 1 instead of 3 (2 versions behind), j with nothing instead of 9 (1 \
             version behind).",
            "Of no key it is known when its replicas came to agree; 0.046 s after it some still differed; it is \
             unknown of 2 keys: k (n1 and n2 differ in the end), j (n1 and n2 differ in the end).",
        ],
    );
}

#[test]
fn without_versions_real_time_says_what_is_newest() {
    check(
        "Of two concurrent writes nobody can tell; of two in a row the last is the newest.

            0..10     p1  write k 1
            20..30    p1  write k 2
            0..30     p2  write j 1
            0..30     p3  write j 2
            90..91    o  read-replica k -> 1    node=n1 phase=final
            92..93    o  read-replica j -> 1    node=n1 phase=final
        ",
        None,
        &[
            "n1 holds the newest of 0 of 2 keys in the end, something older of 1, what is not clear to be the newest \
             of 1: k with 1 instead of 2.",
            "Of no key it is known when its replicas came to agree; it is unknown of 2 keys: k (a fault was never \
             undone), j (a fault was never undone).",
        ],
    );
}

#[test]
fn agreement_is_counted_from_the_last_write_if_that_came_after_the_heal() {
    check(
        "The key is written once more, 20 ms after the heal; one replica is not looked at after that.

            0..10     p1  write k 1      version=1
            60..70    p1  write k 2      version=2
            80..81    o  read-replica k -> 2    node=n1 phase=final version=2
            82..83    o  read-replica k -> 2    node=n2 phase=final version=2
            0..10     p5  write j 1      version=1
            12..13    o  read-replica j -> 1    node=n1 phase=final version=1
            82..83    p4  read j -> 1
            84..85    o  read-replica j -> 1    node=n2 phase=final version=1
        ",
        Some(50),
        &[
            "n1 holds the newest of 2 of 2 keys in the end.",
            "n2 holds the newest of 2 of 2 keys in the end.",
            "The replicas of 1 key were seen to agree within 0.013 s after the heal; it is unknown of 1 key: j (not \
             all of its replicas were looked at after the heal and its last write).",
        ],
    );
}

#[test]
fn a_store_that_converged_lacks_nothing() {
    for seed in 0..4 {
        let load = Load {
            op_count: 2_000,
            client_count: 8,
            key_count: 5,
            seed,
            has_deletes: seed % 2 == 1,
        };
        let history = scatter::history(&store::run(load));
        let report = checks::replicas(&history, &context(Some(1)));
        assert_eq!(report.replicas.len(), store::REPLICAS.len());
        for replica in &report.replicas {
            assert_eq!((replica.looked, replica.newest), (5, 5), "seed {seed}: {replica:#?}");
        }
        assert_eq!(
            (report.agreement.agreed, report.agreement.differed_ns),
            (5, None),
            "seed {seed}"
        );
    }
}
