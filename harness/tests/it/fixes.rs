//! `quorate verify-fix`: a bug that is there, a bug that is gone, and too little time to tell.

use std::fs;

use serde_json::Value;

use crate::command::Quorate;

/// A run in which a bug shows. What its replays have shown is set: how often it comes back depends on all that nodes do.
fn run_with_rate(quorate: &Quorate, times: u64, came_back: u64) -> String {
    let (_, report) = quorate.json("sim --seed 3 --time 5s --plant reply-before-acks");
    let run = report["run"].as_str().expect("a folder").to_owned();
    assert_eq!(quorate.json(&format!("replay {run} --times 2")).0, 1);
    set_rate(quorate, &run, times, came_back);
    run
}

fn set_rate(quorate: &Quorate, run: &str, times: u64, came_back: u64) {
    let log = quorate.path().join(run).join("replays.jsonl");
    let text = fs::read_to_string(&log).expect("what replays have shown");
    let mut line: Value = serde_json::from_str(&text).expect("one line");
    (line["times"], line["came_back"]) = (times.into(), came_back.into());
    fs::write(&log, format!("{line}\n")).expect("written");
}

fn numbers(object: &Value, names: [&str; 3]) -> [u64; 3] {
    names.map(|name| object[name].as_u64().expect("a number"))
}

#[test]
fn a_bug_is_gone_when_it_is_taken_out_and_not_before() {
    let quorate = Quorate::new();
    let run = run_with_rate(&quorate, 6, 6);
    let (code, fix) = quorate.json(&format!("verify-fix {run} --plant none --budget 2m"));
    assert_eq!(code, 0, "{fix}");
    // Of five other schedules five showed it: in 47.8 % at the least; 0.522^5 < 0.05 < 0.522^4.
    assert_eq!(numbers(&fix["rate"], ["n", "came_back", "n"]), [5, 5, 5]);
    assert!(
        (fix["rate"]["low"].as_f64().expect("a rate") - 0.4782).abs() < 1e-4,
        "{fix}"
    );
    assert_eq!(numbers(&fix, ["needed", "clean", "came_back"]), [5, 5, 0]);
    let reached = fix["confidence_reached"].as_f64().expect("a share");
    assert!((0.95..1.0).contains(&reached), "{reached}");

    let (code, back) = quorate.json(&format!("verify-fix {run}"));
    assert_eq!(
        (code, &back["done"], &back["came_back"]),
        (1, &1.into(), &1.into()),
        "{back}"
    );
    // The run that shows it is there to be looked at.
    let shown = back["report"]["run"].as_str().expect("a folder");
    assert_eq!(quorate.run(&format!("check {shown}")).code, 1);

    let ended = quorate.run(&format!("verify-fix {run} --plant none --confidence 90"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for expected in [
        "came back under other schedules in 5 of 5 runs",
        "clean runs would come with a chance below 10 %",
    ] {
        assert!(ended.stdout.contains(expected), "{}", ended.stdout);
    }
    assert!(
        ended.stderr.contains("clean runs make it 90 % sure"),
        "before it begins: {}",
        ended.stderr
    );
}

#[test]
fn a_budget_that_ends_too_early_leaves_it_unknown() {
    let quorate = Quorate::new();
    let run = run_with_rate(&quorate, 6, 6);
    let (code, fix) = quorate.json(&format!("verify-fix {run} --plant none --budget 1ms"));
    assert_eq!(
        (code, numbers(&fix, ["done", "clean", "came_back"])),
        (2, [1, 1, 0]),
        "{fix}"
    );
    assert!(
        (fix["confidence_reached"].as_f64().expect("a share") - 0.4782).abs() < 1e-4,
        "{fix}"
    );
    let ended = quorate.run(&format!("verify-fix {run} --plant none --budget 1ms"));
    assert!(
        ended.stdout.contains("1 of 5 clean runs, which make it 47 % sure"),
        "{}",
        ended.stdout
    );
}

/// The faults of the run that showed it are taken out of its plan: no run can tell anything then.
#[test]
fn a_run_that_could_not_have_shown_it_does_not_count() {
    let quorate = Quorate::new();
    let run = run_with_rate(&quorate, 6, 6);
    let tape = quorate.path().join(run).join("tape.jsonl");
    let text = fs::read_to_string(&tape).expect("a tape");
    let (header, rest) = text.split_once('\n').expect("a header");
    let mut header: Value = serde_json::from_str(header).expect("JSON");
    header["scenario"]["plan"] = Value::Array(Vec::new());
    header["scenario"]["faults"] = Value::Array(Vec::new());
    fs::write(&tape, format!("{header}\n{rest}")).expect("written");
    let run = tape.parent().expect("a folder").display().to_string();
    let (code, fix) = quorate.json(&format!("verify-fix {run} --plant none --budget 1ms"));
    assert_eq!(
        (code, numbers(&fix, ["done", "clean", "not_counted"])),
        (2, [1, 0, 1]),
        "{fix}"
    );
    assert!(fix["not_counted_why"]["no fault took effect"].is_number(), "{fix}");
}

#[test]
fn an_archive_has_its_rate_in_it_or_beside_it() {
    let quorate = Quorate::new();
    let run = run_with_rate(&quorate, 6, 6);
    quorate.run(&format!("runs export {run} -o with.tar.gz"));
    fs::remove_file(quorate.path().join(&run).join("replays.jsonl")).expect("it was there");
    quorate.run(&format!("runs export {run} -o without.tar.gz"));
    let ended = quorate.run("verify-fix without.tar.gz");
    assert_eq!(ended.code, 64);
    assert!(
        ended.stderr.contains("quorate replay without.tar.gz --times 20"),
        "{}",
        ended.stderr
    );
    let (_, replayed) = quorate.json("replay without.tar.gz --times 6");
    let others = replayed["replay"]["came_back"].as_u64().expect("a number") - 1;
    for (archive, came_back) in [("with.tar.gz", 5), ("without.tar.gz", others)] {
        let (code, fix) = quorate.json(&format!("verify-fix {archive} --plant none --budget 2m"));
        let rate = numbers(&fix["rate"], ["n", "came_back", "n"]);
        assert_eq!((code, rate), (0, [5, came_back, 5]), "{archive}: {fix}");
    }
}

/// A tape that was shrunk to one operation and one fault: a run of it has no reads that race, and can show the bug.
#[test]
fn a_shrunk_tape_is_enough() {
    let quorate = Quorate::new();
    let tape = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../results/regressions/hint-dropped-missed-handoff.invalid.tape.jsonl"
    );
    fs::copy(tape, quorate.path().join("bug.tape.jsonl")).expect("copied");
    quorate.run("replay bug.tape.jsonl --times 10");
    let (code, fix) = quorate.json("verify-fix bug.tape.jsonl --plant none --budget 2m");
    assert_eq!(
        (code, &fix["claim"], &fix["not_counted"]),
        (0, &"handoff".into(), &0.into()),
        "{fix}"
    );
    assert_eq!(quorate.run("verify-fix bug.tape.jsonl").code, 1);
}

#[test]
fn what_can_not_be_verified_is_said() {
    let quorate = Quorate::new();
    let run = run_with_rate(&quorate, 20, 1);
    let (_, clean) = quorate.json("sim --seed 3 --time 5s");
    let clean = clean["run"].as_str().expect("a folder");
    for (command, code, expected) in [
        (format!("verify-fix {run} --claim converged"), 64, "converged"),
        (format!("verify-fix {run} --node-bin x"), 64, "--node-bin"),
        (format!("verify-fix {run} --confidence 100"), 64, "between 0 and 100"),
        (format!("verify-fix {clean}"), 64, "nothing was broken"),
        ("verify-fix nowhere".to_owned(), 65, "nowhere"),
    ] {
        let ended = quorate.run(&command);
        assert_eq!(ended.code, code, "{command}: {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{command}: {}", ended.stderr);
    }
    // Once, under the schedule that is known to show it.
    let ended = quorate.run(&format!("verify-fix {run}"));
    assert!(
        ended.code == 64 && ended.stderr.contains("--times 200"),
        "{}",
        ended.stderr
    );
    set_rate(&quorate, &run, 2, 3);
    let ended = quorate.run(&format!("verify-fix {run}"));
    assert!(ended.code == 65 && ended.stderr.contains("line 1"), "{}", ended.stderr);
}
