//! A run that is interrupted, in whichever phase: it leaves no process, and a folder that can be judged.

use std::fs;

use crate::{
    command::Quorate,
    processes::{Running, assert_nothing_left, nodes_of, turn, wait_until},
};

/// Small and short; messages that may be late by a second keep it healing for as long.
const SMALL: &str = r#"
nodes = 3
partitions = 16
keys = 5
rate = 100
time = "300ms"
gossip-interval = "100ms"
plan = [{ at = "50ms", lasts = "200ms", fault = "odd-messages", from = ["n1"], to = ["n2"], late-percent = 10, by = "700ms" }]
"#;

/// What interrupts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Once,
    Twice,
    Killed,
}

fn interrupt(phase: &str, how: How) {
    let quorate = Quorate::new();
    fs::write(quorate.path().join("small.toml"), SMALL).expect("a file can be written");
    let mut run = Running::start(&quorate, "run --config small.toml --seed 1");
    run.wait_for(&format!("- {phase}"));
    match how {
        How::Once => run.signal("-INT"),
        How::Twice => {
            run.signal("-INT");
            // It may have ended meanwhile, and then there is nobody to be told.
            run.signal_if_there("-INT");
        }
        How::Killed => run.signal("-KILL"),
    }
    let (code, _, said) = run.end();
    let word = format!("{phase}, {how:?}: {said}");
    match how {
        // It may have come to its end before it was told, and have shown too little.
        How::Once | How::Twice => assert!([Some(130), Some(0), Some(4)].contains(&code), "{code:?} {word}"),
        How::Killed => assert_eq!(code, None, "{word}"),
    }
    if how == How::Killed {
        wait_until("the nodes to stop", || nodes_of(quorate.path()).is_empty());
    } else {
        assert_nothing_left(&quorate);
    }
    let judged = quorate.run("check results/runs/quickstart/latest");
    // Held, unknown, or nothing to judge; but no folder that can't be read.
    assert!(
        [0, 2, 4].contains(&judged.code),
        "{word}\n{}{}",
        judged.stdout,
        judged.stderr
    );
}

#[test]
fn a_run_that_is_interrupted_leaves_no_process_and_a_folder_that_can_be_judged() {
    let _turn = turn();
    for (phase, how) in [
        ("settling", How::Once),
        ("settling", How::Twice),
        ("settling", How::Killed),
        ("load", How::Twice),
        ("healing", How::Once),
        ("healing", How::Twice),
        ("healing", How::Killed),
        ("waiting for quiet", How::Killed),
        ("looking at every replica", How::Once),
        ("looking at every replica", How::Killed),
        ("anti-entropy", How::Twice),
        ("checking", How::Twice),
        ("checking", How::Killed),
    ] {
        interrupt(phase, how);
    }
}
