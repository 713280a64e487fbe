//! `quorate check` on histories of any store: what it says, how it ends, and that what it finds can be taken out again.

use std::fs;

use serde_json::Value;

use crate::command::{Ended, Quorate, verdict_of};

/// Writes `text` as a file of this name and judges it.
fn check(quorate: &Quorate, name: &str, text: &str, arguments: &str) -> (i32, Value) {
    fs::write(quorate.path().join(name), text).expect("a file can be written");
    quorate.json(&format!("check {name} {arguments}"))
}

/// One line of EDN for each of `ops`: process, type, function and value.
fn edn(ops: &[&str]) -> String {
    let line = |op: &&str| {
        let mut words = op.splitn(4, ' ');
        let mut word = || words.next().unwrap_or("nil").to_owned();
        let (process, kind, function, value) = (word(), word(), word(), word());
        format!("{{:process {process}, :type :{kind}, :f :{function}, :value {value}}}\n")
    };
    ops.iter().map(line).collect()
}

const CAS: [&str; 6] = [
    "0 invoke write 1",
    "0 ok write 1",
    "1 invoke cas [1 2]",
    "1 ok cas [1 2]",
    "2 invoke read nil",
    "2 ok read 1",
];

#[test]
fn a_history_is_judged_by_what_it_is_of() {
    let quorate = Quorate::new();
    let of = |ops: &[&str], expected: (&str, &str, i32)| {
        let (model, verdict, code) = expected;
        fs::write(quorate.path().join("history"), edn(ops)).expect("a file can be written");
        let ended = quorate.run("check history");
        assert_eq!(ended.code, code, "{model}: {}{}", ended.stdout, ended.stderr);
        assert!(
            ended
                .stdout
                .contains(&format!("model    {model}, as its functions are")),
            "{}",
            ended.stdout
        );
        assert!(
            ended.stdout.contains(&format!("verdict  {verdict}")),
            "{}",
            ended.stdout
        );
    };
    of(&CAS, ("cas-register", "invalid", 1));
    of(
        &["0 invoke acquire", "0 ok acquire", "1 invoke acquire", "1 ok acquire"],
        ("mutex", "invalid", 1),
    );
    of(
        &[
            "0 invoke enqueue 1",
            "0 ok enqueue 1",
            "1 invoke dequeue",
            "1 ok dequeue 1",
        ],
        ("queue", "valid", 0),
    );
    of(
        &["0 invoke push 1", "0 ok push 1", "1 invoke pop", "1 ok pop 2"],
        ("stack", "invalid", 1),
    );
    of(
        &["0 invoke add 1", "0 ok add 1", "1 invoke read", "1 ok read #{}"],
        ("set", "invalid", 1),
    );
    of(
        &["0 invoke add 2", "0 ok add 2", "1 invoke read", "1 ok read 3"],
        ("counter", "invalid", 1),
    );
    of(
        &[
            "0 invoke generate",
            "0 ok generate 7",
            "1 invoke generate",
            "1 ok generate 7",
        ],
        ("unique-ids", "invalid", 1),
    );
    of(
        &["0 invoke write 1", "0 ok write 1", "1 invoke read", "1 ok read 1"],
        ("register", "valid", 0),
    );
    of(
        &[
            "0 invoke txn [[:w 1 1]]",
            "0 ok txn [[:w 1 1]]",
            "1 invoke txn [[:r 1 nil]]",
            "1 ok txn [[:r 1 2]]",
        ],
        ("rw-register", "invalid", 1),
    );
}

#[test]
fn what_is_of_nothing_known_asks_for_a_model() {
    let quorate = Quorate::new();
    fs::write(quorate.path().join("odd"), edn(&["0 invoke sing 1", "0 ok sing 1"])).expect("a file can be written");
    let ended = quorate.run("check odd");
    assert_eq!(ended.code, 64);
    assert!(ended.stderr.contains("its functions are sing"), "{}", ended.stderr);
    assert!(ended.stderr.contains("--model"), "{}", ended.stderr);
    let ended = quorate.run("check odd --model register");
    assert_eq!(ended.code, 65);
    assert!(
        ended.stderr.contains("\"sing\" is no function of a register"),
        "{}",
        ended.stderr
    );
}

/// A level that is broken is told with the weaker ones that it implies, as far as they are broken too.
#[test]
fn a_broken_level_says_how_far_it_fell() {
    let quorate = Quorate::new();
    let new_then_old = [
        "0 invoke write 1",
        "0 ok write 1",
        "0 invoke write 2",
        "1 invoke read nil",
        "1 ok read 2",
        "2 invoke read nil",
        "2 ok read 1",
        "0 ok write 2",
    ];
    let (code, report) = check(&quorate, "h.edn", &edn(&new_then_old), "--model register");
    assert_eq!(code, 1);
    assert_eq!(verdict_of(&report, "linearizable"), "violated");
    for held in ["regular", "safe", "sequential", "k-atomic:2"] {
        assert_eq!(verdict_of(&report, held), "held", "{held}");
    }
    assert_eq!(report["not"], serde_json::json!(["linearizable"]));
    for (level, verdict, code) in [
        ("regular", "valid", 0),
        ("k-atomic:2", "valid", 0),
        ("k-atomic:1", "invalid", 1),
    ] {
        let (ended, report) = check(
            &quorate,
            "h.edn",
            &edn(&new_then_old),
            &format!("--consistency {level}"),
        );
        assert_eq!((ended, report["verdict"].as_str()), (code, Some(verdict)), "{level}");
    }
    let stale = [
        "0 invoke write 1",
        "0 ok write 1",
        "0 invoke write 2",
        "0 ok write 2",
        "1 invoke read nil",
        "1 ok read 1",
    ];
    let (_, report) = check(&quorate, "h.edn", &edn(&stale), "--model register");
    assert_eq!(report["not"], serde_json::json!(["safe"]));
    assert_eq!(report["also_not"], serde_json::json!(["linearizable", "regular"]));
    assert_eq!(report["figures"][0]["value"]["stale"], 1);
}

/// Without versions it takes an observer to see that writes came in the wrong order.
#[test]
fn sessions_are_judged_from_values_alone() {
    let quorate = Quorate::new();
    let writes = ["0 invoke write 1", "0 ok write 1", "0 invoke write 2", "0 ok write 2"];
    let reads = |first: &str, then: &str| {
        let ops = [
            "1 invoke read nil",
            &format!("1 ok read {first}"),
            "1 invoke read nil",
            &format!("1 ok read {then}"),
        ];
        let all: Vec<&str> = writes.into_iter().chain(ops).collect();
        edn(&all)
    };
    let (code, report) = check(&quorate, "h.edn", &reads("1", "2"), "--model sessions");
    assert_eq!(code, 0, "{report}");
    let (code, report) = check(&quorate, "h.edn", &reads("2", "1"), "--model sessions");
    assert_eq!(code, 1);
    assert_eq!(verdict_of(&report, "monotonic-reads"), "violated");
    assert_eq!(verdict_of(&report, "read-your-writes"), "held");
}

#[test]
fn options_change_what_is_asked() {
    let quorate = Quorate::new();
    let nil_after_write = edn(&["0 invoke write 1", "0 ok write 1", "1 invoke read nil", "1 ok read nil"]);
    for (arguments, code) in [("", 0), ("--nil any", 0), ("--nil absent", 1)] {
        assert_eq!(
            check(&quorate, "nil.edn", &nil_after_write, arguments).0,
            code,
            "{arguments}"
        );
    }
    let reads_zero = edn(&["1 invoke read nil", "1 ok read 0", "0 invoke write 1", "0 ok write 1"]);
    for model in ["register", "cas-register"] {
        for (arguments, code) in [("", 1), ("--init 0", 0)] {
            let arguments = format!("--model {model} {arguments}");
            assert_eq!(
                check(&quorate, "init.edn", &reads_zero, &arguments).0,
                code,
                "{arguments}"
            );
        }
    }
    let keyed = edn(&[
        "0 invoke write [x 1]",
        "0 ok write [x 1]",
        "1 invoke read [y nil]",
        "1 ok read [y nil]",
    ]);
    let (code, report) = check(&quorate, "keyed.edn", &keyed, "--nil absent");
    assert_eq!(
        (code, report["keys"].as_u64()),
        (0, Some(2)),
        "pairs are taken for keys where reads are pairs with nil"
    );
    let negative = edn(&["0 invoke read", "0 ok read {0 -1, 1 11}"]);
    assert_eq!(check(&quorate, "bank.edn", &negative, "--model bank").0, 1);
    assert_eq!(
        check(&quorate, "bank.edn", &negative, "--model bank --negative-balances").0,
        0
    );
    assert_eq!(
        check(
            &quorate,
            "bank.edn",
            &negative,
            "--model bank --negative-balances --total 12"
        )
        .0,
        1
    );
    for (arguments, message) in [
        ("--model poker", "poker"),
        ("--model cas-register --consistency safe", "linearizable"),
        ("--consistency k-atomic:0", "k-atomic"),
        ("--total 5", "--model bank"),
        ("--budget soon", "soon"),
        ("--jobs 0", "0"),
        ("--input-format doc", "doc"),
        ("--init (", "EDN"),
    ] {
        let ended = quorate.run(&format!("check init.edn {arguments}"));
        assert_eq!(ended.code, 64, "{arguments}: {}", ended.stderr);
        assert!(ended.stderr.contains(message), "{arguments}: {}", ended.stderr);
    }
}

/// A search that may cost too little ends in unknown and says why; with enough it decides.
#[test]
fn a_budget_ends_in_unknown() {
    let quorate = Quorate::new();
    let swaps = (0..20).flat_map(|n| {
        [
            format!("0 invoke cas [{n} {}]", n + 1),
            format!("0 ok cas [{n} {}]", n + 1),
        ]
    });
    let swaps: Vec<String> = swaps.collect();
    let swaps: Vec<&str> = swaps.iter().map(String::as_str).collect();
    let history = edn(&swaps);
    let (code, report) = check(&quorate, "swaps.edn", &history, "--init 0 --budget 5");
    assert_eq!((code, report["verdict"].as_str()), (2, Some("unknown")));
    let why = report["claims"][0]["unknown"].as_str().expect("why");
    assert!(why.contains("steps"), "{why}");
    assert_eq!(check(&quorate, "swaps.edn", &history, "--init 0").0, 0);
    assert_eq!(check(&quorate, "swaps.edn", &history, "--init 0 --budget 10s").0, 0);
    assert_eq!(check(&quorate, "swaps.edn", &history, "--init 1").0, 1);
}

/// Values that are written again can't be judged by zones: a search does it.
#[test]
fn registers_with_repeated_values_are_searched() {
    let quorate = Quorate::new();
    let again = [
        "0 invoke write 1",
        "0 ok write 1",
        "0 invoke write 2",
        "0 ok write 2",
        "0 invoke write 1",
        "0 ok write 1",
    ];
    for (read, code) in [("1", 0), ("2", 1)] {
        let mut ops = again.to_vec();
        let last = format!("1 ok read {read}");
        ops.extend(["1 invoke read nil", &last]);
        let (ended, report) = check(&quorate, "again.edn", &edn(&ops), "--model register");
        assert_eq!(ended, code, "{report}");
    }
}

/// A file of our own lines is read at once where its beginning is of registers. What is piped can't be begun again, and is read call by
/// call: both tell the same, whatever comes later.
#[test]
fn our_own_lines_of_registers_are_judged_as_their_calls_are() {
    let quorate = Quorate::new();
    let write = r#"{"index":0,"time":1,"process":0,"type":"invoke","f":"write","key":"k","value":1}
{"index":1,"time":2,"process":0,"type":"ok","f":"write","key":"k","value":1}
"#;
    let read = |value: &str| {
        let lines = r#"{"index":2,"time":3,"process":1,"type":"invoke","f":"read","key":"k","value":null}
{"index":3,"time":4,"process":1,"type":"ok","f":"read","key":"k","value":VALUE}
"#;
        write.to_owned() + &lines.replace("VALUE", value)
    };
    let more = |lines: &str| read("1") + lines;
    let histories = [
        (read("1"), [0, 0]),
        (read("null"), [1, 1]),
        (read("\"x\""), [1, 1]),
        (read("[1,2]"), [64, 64]),
        (read("{\"0\":10}"), [64, 64]),
        // A last line that is torn, one of another function, and one whose process had crashed.
        (more(r#"{"index":4,"time":5,"process":2"#), [0, 0]),
        (
            more(
                r#"{"index":4,"time":5,"process":2,"type":"invoke","f":"cas","key":"k","value":[1,2]}
{"index":5,"time":6,"process":2,"type":"ok","f":"cas","key":"k","value":[1,2]}
"#,
            ),
            [0, 64],
        ),
        (
            more(
                r#"{"index":4,"time":5,"process":2,"type":"info","f":"read","key":"k","value":null}
{"index":5,"time":6,"process":2,"type":"invoke","f":"read","key":"k","value":null}
{"index":6,"time":7,"process":2,"type":"info","f":"read","key":"k","value":null}
{"index":7,"time":8,"process":2,"type":"invoke","f":"read","key":"k","value":null}
"#,
            ),
            [0, 0],
        ),
    ];
    for (text, codes) in histories {
        let path = quorate.path().join("history.jsonl");
        fs::write(&path, &text).expect("a file can be written");
        for (level, code) in ["linearizable", "regular"].into_iter().zip(codes) {
            let arguments = format!("check history.jsonl --consistency {level}");
            let read = quorate.run(&arguments);
            let mut piped = quorate.command(&arguments.replace("history.jsonl", "-"));
            let file = fs::File::open(&path).expect("it was written");
            let piped = Ended::of(&piped.stdin(file).output().expect("it runs"));
            let named = |text: &str| {
                text.replace("standard input", "history.jsonl")
                    .replace("read -:", "read history.jsonl:")
            };
            assert_eq!(read.stdout, named(&piped.stdout), "{text}");
            assert_eq!((read.stderr, read.code), (named(&piped.stderr), piped.code), "{text}");
            assert_eq!(piped.code, code, "{text}{}{}", piped.stdout, piped.stderr);
        }
    }
}

/// What is written as evidence is a history that breaks the same, and a picture that is one.
#[test]
fn evidence_can_be_judged_again() {
    let quorate = Quorate::new();
    let mut noisy: Vec<String> = (0..40)
        .flat_map(|n| [format!("9 invoke write {}", 100 + n), format!("9 ok write {}", 100 + n)])
        .collect();
    noisy.extend(CAS.map(str::to_owned));
    let noisy: Vec<&str> = noisy.iter().map(String::as_str).collect();
    let (code, report) = check(
        &quorate,
        "noisy.edn",
        &edn(&noisy),
        "--model cas-register --evidence why",
    );
    assert_eq!(code, 1);
    let folder = quorate.path().join("why/anomalies/01-non-linearizable");
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("it was written");
    let words = report["claims"][0]["witness"]["text"]
        .as_str()
        .expect("words")
        .to_owned();
    assert!(read("explain.md").contains(&words));
    assert!(read("graph.svg").starts_with("<svg"), "{}", &read("graph.svg")[..40]);
    assert!(read("minimal.jsonl").lines().count() <= 8, "{}", read("minimal.jsonl"));
    assert!(
        read("ops.jsonl")
            .lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok())
    );
    let (code, again) = quorate.json("check why/anomalies/01-non-linearizable/minimal.jsonl --model cas-register");
    assert_eq!((code, again["anomalies"][0].as_str()), (1, Some("non-linearizable")));
}

#[test]
fn several_files_are_a_line_each_and_a_broken_one_stops_no_other() {
    let quorate = Quorate::new();
    fs::write(quorate.path().join("bad.edn"), edn(&CAS)).expect("a file can be written");
    fs::write(quorate.path().join("good.edn"), edn(&CAS[..4])).expect("a file can be written");
    fs::write(quorate.path().join("torn.json"), "[{\"type\":").expect("a file can be written");
    let ended = quorate.run("check bad.edn torn.json good.edn");
    assert_eq!(ended.code, 1, "the violation is the gravest");
    assert_eq!(ended.stdout, "bad.edn\tinvalid\ngood.edn\tvalid\n");
    assert!(ended.stderr.contains("torn.json: line 1"), "{}", ended.stderr);
    assert_eq!(quorate.run("check torn.json good.edn").code, 65);
}

#[test]
fn a_history_is_converted_there_and_back() {
    let quorate = Quorate::new();
    fs::write(quorate.path().join("h.edn"), edn(&CAS)).expect("a file can be written");
    assert_eq!(quorate.run("convert h.edn --to jsonl --output h.jsonl").code, 0);
    let ended = quorate.run("convert h.edn --to jsonl --output h.jsonl");
    assert_eq!(ended.code, 70, "nothing is written over");
    assert!(ended.stderr.contains("h.jsonl"), "{}", ended.stderr);
    let back = quorate.run("convert h.jsonl --to edn");
    assert_eq!((back.code, back.stdout.lines().count()), (0, CAS.len()));
    assert_eq!(quorate.json("check h.jsonl").1["verdict"], "invalid");
}
