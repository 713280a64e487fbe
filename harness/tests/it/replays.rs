//! `quorate replay`: how often what was seen comes back.

use std::fs;

use quorate_harness::{
    fault::{Fault, Place},
    replay::save_under,
    tape::Tape,
};

use crate::command::{Quorate, verdict_of};

#[test]
fn a_bug_comes_back_under_other_schedules_and_is_gone_when_it_is_taken_out() {
    let quorate = Quorate::new();
    let (_, report) = quorate.json("sim --seed 3 --time 5s --plant reply-before-acks");
    let run = report["run"].as_str().expect("a folder");
    let (code, replayed) = quorate.json(&format!("replay {run} --times 5"));
    let replay = &replayed["replay"];
    assert_eq!((code, &replay["same"]), (1, &true.into()), "{replay}");
    assert_eq!(
        (replay["times"].as_u64(), replay["came_back"].as_u64()),
        (Some(5), Some(5))
    );
    assert_eq!(replay["claim"], "fresh-reads");

    let (code, fixed) = quorate.json(&format!("replay {run} --times 5 --plant none"));
    assert_eq!(
        (code, fixed["replay"]["came_back"].as_u64()),
        (0, Some(0)),
        "{}",
        fixed["replay"]
    );
    let log = fs::read_to_string(quorate.path().join(run).join("replays.jsonl")).expect("what replays have shown");
    assert_eq!(log.lines().count(), 2, "{log}");
}

/// Faults aimed at roles: the log says whom each befell, and a replay under any schedule befalls the same.
#[test]
fn a_replay_befalls_whom_the_run_befell() {
    let quorate = Quorate::new();
    let plan = r#"plan = [
        { at = "200ms", lasts = "500ms", fault = "isolate", node = "owner:hottest" },
        { at = "800ms", lasts = "300ms", fault = "kill", nodes = ["coordinator:0", "stranger:k1"] },
        { at = "1200ms", lasts = "300ms", fault = "pause", nodes = ["leaving"] },
    ]"#;
    fs::write(quorate.path().join("aims.toml"), plan).expect("a folder of our own");
    let (_, report) = quorate.json("sim --config aims.toml --seed 3 --time 2s --plant reply-before-acks");
    let run = report["run"].as_str().expect("a folder").to_owned();
    let log = |run: &str| {
        let log = fs::read_to_string(quorate.path().join(run).join("faults.jsonl")).expect("a log");
        let lines = log.lines().map(|line| serde_json::from_str(line).expect("JSON"));
        lines.collect::<Vec<serde_json::Value>>()
    };
    let of_stage = |run: &str, stage: &str, field: &str| {
        let entries = log(run).into_iter().filter(|entry| entry["stage"] == stage);
        entries.map(|entry| entry[field].to_string()).collect::<Vec<_>>()
    };
    let asked = of_stage(&run, "asked", "roles");
    assert_eq!(
        asked,
        [
            r#"["owner:hottest"]"#,
            r#"["coordinator:0","stranger:k1"]"#,
            r#"["leaving"]"#
        ]
    );
    let befell = of_stage(&run, "applied", "nodes");
    assert_eq!(befell.len(), 2, "nobody leaves, and so nobody is paused: {befell:?}");
    assert!(befell.iter().all(|nodes| nodes.starts_with(r#"["n"#)), "{befell:?}");

    let (code, exact) = quorate.json(&format!("replay {run}"));
    assert_eq!(
        (code, &exact["replay"]["same"]),
        (1, &true.into()),
        "{}",
        exact["replay"]
    );
    let tape = Tape::read(&quorate.path().join(&run).join("tape.jsonl")).expect("its tape");
    assert_eq!(tape.aimed_at_nodes().scenario().plan.len(), 2);
    let befallen_under = |tape: &Tape, out: &str| {
        let again = save_under(tape, 99, &quorate.path().join(out), 1).expect("it runs");
        let run = again.run.expect("a folder").display().to_string();
        of_stage(&run, "applied", "nodes")
    };
    assert_eq!(befallen_under(&tape, "others"), befell);
    // Not whoever has the role by then, but whom the tape names.
    let mut told = tape;
    let other = Place::all(5).find(|place| !befell[0].contains(&place.to_string()));
    let node = other.expect("four of five");
    told.header.scenario.plan[0].hit = Some(Fault::Isolate { node });
    assert_eq!(befallen_under(&told, "told")[0], format!("[\"{node}\"]"));
}

#[test]
fn a_tape_alone_is_replayed() {
    let quorate = Quorate::new();
    let (_, report) = quorate.json("sim --seed 3 --time 5s --plant repair-writes-older");
    let run = report["run"].as_str().expect("a folder");
    fs::copy(
        quorate.path().join(run).join("tape.jsonl"),
        quorate.path().join("bug.jsonl"),
    )
    .expect("copied");
    let (code, replayed) = quorate.json("replay --tape bug.jsonl");
    assert_eq!(
        (code, &replayed["replay"]["same"]),
        (1, &true.into()),
        "{}",
        replayed["replay"]
    );
    assert_eq!(replayed["claims"], report["claims"]);
}

/// A run of real processes: the same nodes on the same ring, the same requests, the same faults; and in the simulator, where
/// the schedule that shows it is kept as a run of its own.
#[test]
fn a_real_run_is_repeated_and_its_anomaly_found_in_the_simulator() {
    let quorate = Quorate::new();
    let (code, report) = quorate.json("run --seed 3 --time 4s --faults partition --plant reply-before-acks");
    assert_eq!(code, 1, "{report}");
    let run = report["run"].as_str().expect("a folder").to_owned();
    let (code, replayed) = quorate.json(&format!("replay {run} --claim fresh-reads"));
    let replay = &replayed["replay"];
    assert_eq!((code, replay["came_back"].as_u64()), (1, Some(1)), "{replay}");
    let nodes = |run: &str| {
        let tape = fs::read_to_string(quorate.path().join(run).join("tape.jsonl")).expect("a tape");
        let header: serde_json::Value = serde_json::from_str(tape.lines().next().expect("a header")).expect("JSON");
        header["identities"].clone()
    };
    let again = replayed["run"].as_str().expect("a folder");
    assert_ne!(again, run);
    assert_eq!(nodes(again), nodes(&run), "who owns which key");

    let (code, found) = quorate.json(&format!("replay {run} --claim fresh-reads --simulated"));
    assert_eq!((code, verdict_of(&found, "fresh-reads").as_str()), (1, "violated"));
    let simulated = found["run"].as_str().expect("a folder");
    let (code, exact) = quorate.json(&format!("replay {simulated}"));
    assert_eq!(
        (code, &exact["replay"]["same"]),
        (1, &true.into()),
        "{}",
        exact["replay"]
    );
}

#[test]
fn what_can_not_be_replayed_is_said() {
    let quorate = Quorate::new();
    let (_, report) = quorate.json("sim --seed 3 --time 5s");
    let run = report["run"].as_str().expect("a folder");
    let cases = [
        (
            format!("replay {run} --claim fresh-reads"),
            64,
            "broken in this run was nothing",
        ),
        (format!("replay {run} --simulated"), 64, "nothing was broken"),
        (format!("replay {run} --node-bin x"), 64, "--node-bin"),
        (format!("replay {run} --plant bad"), 64, "unknown bug"),
        (format!("replay {run} --times 0"), 64, "--times"),
        ("replay".to_owned(), 64, "RUN"),
        ("replay nowhere".to_owned(), 65, "nowhere"),
        (format!("replay {run}/history.jsonl"), 65, "line 1"),
    ];
    for (command, code, expected) in cases {
        let ended = quorate.run(&command);
        assert_eq!(ended.code, code, "{command}: {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{command}: {}", ended.stderr);
    }
    fs::write(quorate.path().join(run).join("trace.bin"), "something else").expect("written");
    let ended = quorate.run(&format!("replay {run}"));
    assert!(
        ended.code == 65 && ended.stderr.contains("trace.bin"),
        "{}",
        ended.stderr
    );
}
