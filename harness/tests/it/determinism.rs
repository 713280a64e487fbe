//! One seed, one trace: in two processes, event by event, and where it is another the first event that differs is named.
//! Everything else that is simulated rests on this; `.ci/run` begins with it.

use std::fs;

use crate::command::Quorate;

/// What is asked for here is short, and has something of everything: all that keys hold, partitions and kills.
const SETTINGS: [&str; 8] = [
    "--workload register",
    "--workload deletes --tombstones collect:500ms",
    "--workload siblings --sloppy",
    "--workload set --fsync periodic:1s",
    "--workload counter",
    "--workload append",
    "--workload txn --txn-length 3",
    "--workload register --write-path abd --clock-skew 50ms --read-repair async --dcs 2 --nodes 6",
];

#[test]
fn a_run_is_the_same_in_another_process_event_by_event() {
    let quorate = Quorate::new();
    for settings in SETTINGS {
        let (_, report) = quorate.json(&format!("sim --seed 5 --time 5s {settings}"));
        let (run, hash) = (report["run"].as_str().expect("a folder"), &report["trace_hash"]);
        // Those who look on change nothing.
        let (_, again) = quorate.json(&format!("sim --seed 5 --time 5s --progress bar {settings}"));
        assert_eq!(&again["trace_hash"], hash, "{settings}: drawn again from the same seed");
        // From the tape, and held against each event of the first process.
        let (_, replayed) = quorate.json(&format!("replay {run}"));
        assert_eq!(replayed["replay"]["same"], true, "{settings}: {}", replayed["replay"]);
        assert_eq!(&replayed["trace_hash"], hash, "{settings}");
        let (_, other) = quorate.json(&format!("sim --seed 6 --time 5s {settings}"));
        assert_ne!(&other["trace_hash"], hash, "{settings}: another seed is another run");
    }
}

#[test]
fn the_first_event_that_differs_is_named() {
    let quorate = Quorate::new();
    let (_, report) = quorate.json("sim --seed 5 --time 5s");
    let run = report["run"].as_str().expect("a folder");
    let tape = quorate.path().join(run).join("tape.jsonl");
    let text = fs::read_to_string(&tape).expect("a tape");
    let ask = text.lines().nth(1000).expect("more than a thousand lines").to_owned();
    let at_ns = serde_json::from_str::<serde_json::Value>(&ask).expect("JSON")["at_ns"].clone();
    fs::write(&tape, text.replace(&format!("{ask}\n"), "")).expect("written");

    let (code, replayed) = quorate.json(&format!("replay {run}"));
    assert_eq!(code, 5, "{replayed}");
    let divergence = &replayed["replay"]["divergence"];
    let (was, is) = (divergence["was"].as_str(), divergence["is"].as_str());
    let (was, is) = (was.expect("an event"), is.expect("another event"));
    assert!(was.starts_with("a request arrives") && was != is, "{divergence}");
    // The request arrives within a millisecond after it was asked for, which the tape counts from the begin of the load.
    let seconds = |text: &str| -> f64 {
        let number = text.rsplit(", ").next().and_then(|last| last.strip_suffix(" s"));
        number.expect("a time").parse().expect("a number")
    };
    assert!(seconds(was) > at_ns.as_f64().expect("a number") / 1e9, "{was}");
    assert!(divergence["event"].as_u64().expect("a number") > 1000, "{divergence}");

    // Without the events, it is still known that it was another run.
    fs::remove_file(quorate.path().join(run).join("trace.bin")).expect("it was there");
    let (code, replayed) = quorate.json(&format!("replay {run}"));
    assert_eq!((code, &replayed["replay"]["same"]), (5, &false.into()));
}
