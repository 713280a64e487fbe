//! `quorate shrink`: few operations that break the same claim in the same way, kept whole at any time, and to be judged again by
//! what it says.

use std::{fs, path::Path};

use quorate_checker::{
    Datum, Transcript,
    linear::{Budget, Grounds, ModelKind, Options},
};
use quorate_harness::{
    checking::{CheckOptions, Checker, SearchBudget},
    shrink::{ShrinkBudget, Shrunk, shrink_history},
};
use quorate_workloads::{Model, Record};
use serde_json::Value;

use crate::command::Quorate;

/// Shrinks, and judges the result by the arguments that it comes with: it has to break the same claim.
fn shrink(quorate: &Quorate, arguments: &str) -> Value {
    let (code, shrunk) = quorate.json(&format!("shrink {arguments} --progress none"));
    assert_eq!(code, 0, "{arguments}: {shrunk}");
    let again = text(&shrunk["again"])
        .strip_prefix("quorate ")
        .expect("a command of ours")
        .to_owned();
    let (_, report) = quorate.json(&again);
    let claims = report["claims"].as_array().expect("claims");
    let is_broken = |claim: &&Value| matches!(claim["verdict"].as_str(), Some("violated" | "observed"));
    let names: Vec<&Value> = claims.iter().filter(is_broken).map(|claim| &claim["claim"]).collect();
    let known = shrunk["besides"].as_array().expect("names");
    // Of a set's last read the elements stay that it shows, and nobody may be left who added them.
    let is_known = |name: &&Value| **name == shrunk["claim"] || known.contains(name) || **name == "unexpected";
    assert!(
        names.iter().all(is_known),
        "{names:?} of {shrunk}: something is broken for want of what was left out"
    );
    assert!(
        names.contains(&&shrunk["claim"]),
        "{} of {names:?} after {arguments}",
        shrunk["claim"]
    );
    shrunk
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn file(quorate: &Quorate, shrunk: &Value, name: &str) -> String {
    let path = quorate.path().join(text(&shrunk["out"])).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A line of history.txt for each of `ops`.
fn lines(ops: &[&str]) -> String {
    ops.iter()
        .map(|op| op.replacen(' ', "\t:", 2).replacen(' ', "\t", 1) + "\n")
        .collect()
}

/// A register that loses a write: three operations of thirteen show it.
const LOST: [&str; 26] = [
    "0 invoke write 1",
    "0 ok write 1",
    "1 invoke cas [1 2]",
    "1 ok cas [1 2]",
    "2 invoke read nil",
    "2 ok read 2",
    "0 invoke write 3",
    "0 info write 3",
    "1 invoke read nil",
    "1 ok read 2",
    "2 invoke write 4",
    "2 ok write 4",
    "1 invoke read nil",
    "1 ok read 4",
    "2 invoke write 5",
    "2 ok write 5",
    "1 invoke cas [5 6]",
    "1 ok cas [5 6]",
    "2 invoke read nil",
    "2 ok read 6",
    "1 invoke read nil",
    "1 ok read 4",
    "2 invoke write 7",
    "2 ok write 7",
    "1 invoke read nil",
    "1 ok read 7",
];

#[test]
fn what_is_left_breaks_the_same_claim() {
    let quorate = Quorate::new();
    fs::write(quorate.path().join("h.txt"), lines(&LOST)).expect("a file can be written");
    let shrunk = shrink(&quorate, "h.txt --model cas-register");
    assert_eq!(
        (shrunk["claim"].as_str(), shrunk["ops_before"].as_u64()),
        (Some("linearizable"), Some(13))
    );
    assert_eq!(
        (shrunk["ops"].as_u64(), shrunk["keys"].as_u64()),
        (Some(3), Some(1)),
        "{shrunk}"
    );
    assert_eq!(
        (shrunk["one_minimal"].as_bool(), shrunk["stopped"].as_bool()),
        (Some(true), Some(false))
    );
    assert_eq!(shrunk["out"], "h.shrunk");
    // Whole operations, as they were.
    let minimal = file(&quorate, &shrunk, "minimal.jsonl");
    assert_eq!(minimal.lines().count(), 6, "{minimal}");
    quorate.run("convert h.txt --to jsonl --output whole.jsonl");
    let whole = fs::read_to_string(quorate.path().join("whole.jsonl")).expect("it was written");
    let plain = |line: &str| {
        let mut entry: Value = serde_json::from_str(line).expect("a line is an object");
        let entry = entry.as_object_mut().expect("an object");
        entry.remove("index");
        Value::Object(entry.clone())
    };
    let whole: Vec<Value> = whole.lines().map(plain).collect();
    assert!(minimal.lines().all(|line| whole.contains(&plain(line))), "{minimal}");
    assert!(file(&quorate, &shrunk, "explain.md").contains(text(&shrunk["witness"]["text"])));
    assert!(file(&quorate, &shrunk, "graph.svg").starts_with("<svg"));
    let regression = file(&quorate, &shrunk, "h-non-linearizable.invalid.toml");
    assert!(
        regression.contains(r#"arguments = ["--model", "cas-register""#),
        "{regression}"
    );
    assert_eq!(file(&quorate, &shrunk, "h-non-linearizable.invalid.jsonl"), minimal);
    // A second time nothing can be left out, and what was there is written over.
    let again = shrink(&quorate, "h.shrunk/minimal.jsonl --model cas-register --out h.shrunk");
    assert_eq!(
        (again["ops_before"].as_u64(), again["ops"].as_u64()),
        (Some(3), Some(3))
    );
}

#[test]
fn levels_and_other_claims_are_asked_for_by_name() {
    let quorate = Quorate::new();
    let stale = [
        "0 invoke write 1",
        "0 ok write 1",
        "0 invoke write 2",
        "0 ok write 2",
        "1 invoke read nil",
        "1 ok read 2",
        "1 invoke read nil",
        "1 ok read 1",
    ];
    fs::write(quorate.path().join("h.txt"), lines(&stale)).expect("a file can be written");
    for (arguments, claim, ops) in [
        ("--model register", "linearizable", 3),
        ("--model register --claim safe", "safe", 3),
        ("--model register --claim regular", "regular", 3),
        ("--model register --consistency sequential", "sequential", 4),
        ("--model sessions", "monotonic-reads", 4),
    ] {
        let shrunk = shrink(&quorate, &format!("h.txt {arguments}"));
        assert_eq!(
            (shrunk["claim"].as_str(), shrunk["ops"].as_u64()),
            (Some(claim), Some(ops)),
            "{arguments}: {shrunk}"
        );
    }
    for (name, ops, arguments, left) in [
        (
            "mutex",
            &[
                "0 invoke acquire nil",
                "0 ok acquire nil",
                "1 invoke acquire nil",
                "1 ok acquire nil",
            ][..],
            "",
            2,
        ),
        (
            "lost",
            &[
                "0 invoke add 1",
                "0 ok add 1",
                "0 invoke add 2",
                "0 ok add 2",
                "1 invoke read nil",
                "1 ok read #{2}",
            ],
            "--model set",
            2,
        ),
        (
            "ids",
            &[
                "0 invoke generate nil",
                "0 ok generate 7",
                "0 invoke generate nil",
                "0 ok generate 8",
                "1 invoke generate nil",
                "1 ok generate 7",
            ],
            "",
            2,
        ),
        (
            "init",
            &["1 invoke read nil", "1 ok read 0", "1 invoke read nil", "1 ok read 2"],
            "--model cas-register --init 0",
            1,
        ),
    ] {
        fs::write(quorate.path().join(name), lines(ops)).expect("a file can be written");
        let shrunk = shrink(&quorate, &format!("{name} {arguments} --out out"));
        assert_eq!(shrunk["ops"].as_u64(), Some(left), "{name}: {shrunk}");
    }
}

/// Saved histories of our own store, and a run of it with a bug planted, by its folder.
#[test]
fn claims_of_our_own_store_are_shrunk() {
    let quorate = Quorate::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/regressions");
    for entry in fs::read_dir(&folder).expect("it is part of the repository") {
        let path = entry.expect("an entry").path();
        let is_plain = !path.with_extension("toml").exists();
        if is_plain && path.to_string_lossy().ends_with(".invalid.jsonl") {
            let shrunk = shrink(&quorate, &format!("{} --out out", path.display()));
            assert!(shrunk["ops"].as_u64() <= Some(5), "{shrunk}");
        }
    }
    let older = folder.join("repair-writes-older-non-monotonic-reads.invalid.jsonl");
    let shrunk = shrink(
        &quorate,
        &format!("{} --claim monotonic-reads --out out", older.display()),
    );
    assert_eq!(
        (shrunk["claim"].as_str(), shrunk["ops"].as_u64()),
        (Some("monotonic-reads"), Some(4)),
        "{shrunk}"
    );
    let ended = quorate.run("sim --plant hint-dropped --seed 7 --time 6s --out runs --progress none");
    assert_eq!(ended.code, 1, "{}", ended.stdout);
    let run = fs::read_dir(quorate.path().join("runs/quickstart"))
        .expect("a run")
        .next()
        .expect("one");
    let run = format!(
        "runs/quickstart/{}",
        run.expect("an entry").file_name().to_string_lossy()
    );
    let shrunk = shrink(&quorate, &format!("{run} --history --budget 200"));
    assert!(shrunk["ops_before"].as_u64() > Some(1000), "{shrunk}");
    assert!(
        shrunk["ops"].as_u64() <= Some(5) && text(&shrunk["out"]).ends_with("/shrunk"),
        "{shrunk}"
    );
    // Its settings go with it wherever it goes.
    let weak = shrink(
        &quorate,
        &format!("{run} --r 1 --claim handoff --budget 200 --out elsewhere"),
    );
    assert!(text(&weak["again"]).contains("--r 1"), "{weak}");
}

#[test]
fn what_cannot_be_shrunk_says_why() {
    let quorate = Quorate::new();
    fs::write(quorate.path().join("good.txt"), lines(&LOST[..16])).expect("a file can be written");
    fs::write(quorate.path().join("bad.txt"), lines(&LOST)).expect("a file can be written");
    fs::write(quorate.path().join("torn.json"), "[{\"type\":").expect("a file can be written");
    for (arguments, code, message) in [
        ("good.txt", 64, "it is valid"),
        (
            "good.txt --claim linearizable",
            64,
            "linearizable is not broken in it: nothing is",
        ),
        ("bad.txt --claim safe", 64, "safe is not broken in it: linearizable"),
        ("bad.txt --total 5", 64, "--model bank"),
        ("bad.txt --budget soon", 64, "soon"),
        ("torn.json", 65, "torn.json: line 1"),
        ("missing.edn", 65, "missing.edn"),
        ("bad.txt --out torn.json", 70, "torn.json"),
    ] {
        let ended = quorate.run(&format!("shrink {arguments}"));
        assert_eq!(ended.code, code, "{arguments}: {}", ended.stderr);
        assert!(ended.stderr.contains(message), "{arguments}: {}", ended.stderr);
    }
    assert!(
        !quorate.path().join("good.shrunk").exists(),
        "nothing is left where nothing is shrunk"
    );
}

/// However little it may cost, the result breaks the claim, and says that there may be smaller.
#[test]
fn any_budget_leaves_a_history_that_breaks_the_claim() {
    let quorate = Quorate::new();
    fs::write(quorate.path().join("h.txt"), lines(&LOST)).expect("a file can be written");
    let mut last = u64::MAX;
    for budget in ["0", "1", "2", "20", "1000"] {
        let shrunk = shrink(&quorate, &format!("h.txt --model cas-register --budget {budget}"));
        let ops = shrunk["ops"].as_u64().expect("a count");
        assert!(
            ops <= last && shrunk["tried"].as_u64() <= budget.parse().ok(),
            "{shrunk}"
        );
        assert_eq!(shrunk["stopped"].as_bool(), Some(budget != "1000"), "{shrunk}");
        last = ops;
    }
    assert_eq!(last, 3);
}

/// Numbers that look drawn.
fn mixed(seed: u64) -> u64 {
    let x = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

/// A register's history of so many calls, of three clients and three values, of which one answer in four is drawn.
fn drawn(seed: u64, count: usize) -> String {
    let mut draws = 0;
    let mut draw = |below: u64| {
        draws += 1;
        mixed(seed * 10_000 + draws) % below
    };
    let (mut held, mut out) = (0, String::new());
    let mut open: [Option<String>; 3] = [None, None, None];
    let mut begun = 0;
    while begun < count || open.iter().any(Option::is_some) {
        let client = draw(3) as usize;
        if let Some(line) = open[client].take() {
            out += &line;
        } else if begun < count {
            begun += 1;
            let (value, is_lie) = (1 + draw(3), draw(4) == 0);
            let (function, asked, answer) = match draw(3) {
                0 => ("read", "nil".to_owned(), if is_lie { value } else { held }.to_string()),
                1 => ("cas", format!("[{held} {value}]"), format!("[{held} {value}]")),
                _ => ("write", value.to_string(), value.to_string()),
            };
            if function != "read" && !is_lie {
                held = value;
            }
            let kind = if draw(8) == 0 && function != "read" {
                "info"
            } else {
                "ok"
            };
            out += &format!("{client}\t:invoke\t:{function}\t{asked}\n");
            open[client] = Some(format!("{client}\t:{kind}\t:{function}\t{answer}\n"));
        }
    }
    out
}

/// The least count of calls that are grounds by themselves.
fn smallest(transcript: &Transcript) -> usize {
    let options = Options {
        init: Datum::Int(0),
        ..Options::default()
    };
    let grounds = Grounds::new(transcript, ModelKind::CasRegister, &options).expect("calls of a register");
    let count = transcript.calls().len();
    let are_grounds = |part: &u32| {
        let places: Vec<usize> = (0..count).filter(|place| part >> place & 1 == 1).collect();
        grounds
            .within(&places, &Budget::default())
            .is_some_and(|within| within.len() == places.len())
    };
    let sizes = (0..1_u32 << count).filter(are_grounds).map(u32::count_ones);
    sizes.min().expect("the whole has grounds") as usize
}

/// Against every part of small histories: the result is never larger than by a rare chance, breaks the claim at every stage, and
/// nothing can be left out.
#[test]
fn results_are_most_often_the_smallest_there_are() {
    let quorate = Quorate::new();
    let options = CheckOptions {
        model: Some(Model::CasRegister),
        consistency: None,
        format: None,
        keyed: false,
        initial: Datum::Int(0),
        nil: None,
        budget: SearchBudget::default(),
        bank: Default::default(),
        long_fork: Default::default(),
        set_full: Default::default(),
        keys: Default::default(),
        jobs: 1,
    };
    let checker = Checker::new(options).expect("the options agree");
    let (mut equal, mut count) = (0, 0);
    for seed in 0..400 {
        let path = quorate.path().join("drawn.txt");
        fs::write(&path, drawn(seed, 4 + seed as usize % 8)).expect("a file can be written");
        let opened = checker.open(&path, &|base| Ok(base.clone())).expect("it can be read");
        let judgement = checker.judge(&opened.asked, &opened.record, checker.workers(), None);
        let Some(broken) = judgement.claims.into_iter().find(|claim| claim.count > 0) else {
            continue;
        };
        let Record::Calls(transcripts) = &opened.record else {
            panic!("registers with compare-and-set are judged as calls");
        };
        let mut last = usize::MAX;
        let budget = ShrinkBudget {
            tries: 10_000,
            until: None,
        };
        let shrunk = shrink_history(&checker, &opened.asked, &opened.record, &broken, budget, &mut |best| {
            assert!(best.ops < last, "seed {seed}: {} after {last}", best.ops);
            last = best.ops;
            fs::write(quorate.path().join("best.jsonl"), &best.lines)?;
            let best = checker.open(&quorate.path().join("best.jsonl"), &|base| Ok(base.clone()))?;
            let judgement = checker.judge(&best.asked, &best.record, checker.workers(), None);
            assert!(judgement.claims[0].count > 0, "seed {seed}");
            Ok(())
        });
        let Shrunk {
            best,
            is_one_minimal,
            is_stopped,
            ..
        } = shrunk.expect("it can be kept");
        assert!(is_one_minimal && !is_stopped, "seed {seed}");
        let smallest = smallest(&transcripts[0]);
        assert!(
            best.ops >= smallest,
            "seed {seed}: {} cannot be below {smallest}",
            best.ops
        );
        count += 1;
        equal += u64::from(best.ops == smallest);
    }
    eprintln!("{equal} of {count} results are the smallest there are");
    assert!(count >= 100 && equal * 100 >= count * 98, "{equal} of {count}");
}
