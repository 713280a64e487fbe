//! `quorate suite`: that a cell which is not as it has to be is told, and fails.

use std::fs;

use serde_json::Value;

use crate::command::Quorate;

/// Runs a suite of these cells.
fn suite(cells: &str, flags: &str) -> (i32, Value) {
    let quorate = Quorate::new();
    let text = format!("about = \"a test\"\nseeds = 2\n{cells}");
    fs::write(quorate.path().join("own.toml"), text).expect("a folder of our own");
    quorate.json(&format!("suite own.toml {flags}"))
}

const CAUGHT: &str = r#"
[[cell]]
name = "caught"
caught-by = "fresh-reads"
in-seeds = 2
[cell.settings]
time = "2s"
plan = [{ at = "300ms", lasts = "700ms", fault = "isolate", node = "n3" }]
plant = "reply-before-acks"
"#;

#[test]
fn a_bug_that_escapes_and_a_claim_that_stays_whole_fail_a_suite() {
    let (code, report) = suite(CAUGHT, "");
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(
        (&report["caught"][0], &report["cells"][0]["caught_in"]),
        (&"caught".into(), &2.into())
    );
    assert_eq!(report["cells"][0]["claim"], "fresh-reads");
    // Of two faults the one that lets the bug show is left.
    let two = CAUGHT.replace(
        "plan = [",
        "plan = [{ at = \"1500ms\", lasts = \"100ms\", fault = \"pause\", nodes = [\"n1\"] }, ",
    );
    let (_, report) = suite(&two, "");
    let cell = &report["cells"][0];
    assert_eq!(cell["least_faults"], serde_json::json!([]), "{cell:#}");
    assert!(cell["simulated_seconds"].as_f64() > Some(2.0), "{cell:#}");

    let (code, report) = suite(&CAUGHT.replace("fresh-reads", "no-value-from-nowhere"), "");
    assert_eq!((code, &report["escaped"][0]), (1, &"caught".into()), "{report:#}");

    let whole = "[[cell]]\nname = \"whole\"\nobserved = [\"fresh-reads\"]\n[cell.settings]\ntime = \"2s\"";
    let (code, report) = suite(whole, "");
    assert_eq!(
        (code, &report["cells"][0]["unbroken"][0]),
        (1, &"fresh-reads".into()),
        "{report:#}"
    );
}

#[test]
fn what_nobody_planted_is_a_false_alarm() {
    let (code, report) = suite(&CAUGHT.replace("caught-by = \"fresh-reads\"\nin-seeds = 2\n", ""), "");
    assert_eq!((code, &report["false_alarms"]), (1, &2.into()), "{report:#}");
}

/// At R + W <= N a read misses what was written: it is not claimed, and what has to be held all the same was not.
#[test]
fn what_has_to_be_held_is_asked_for_whether_it_is_claimed_or_not() {
    let cell =
        "[[cell]]\nname = \"cell\"\nheld = [\"fresh-reads\"]\n[cell.settings]\ntime = \"2s\"\nrate = 1000\nkeys = 4\n";
    let (code, report) = suite(cell, "");
    assert_eq!((code, &report["cells"][0]["not_held"]), (0, &Value::Array(Vec::new())));
    let (code, report) = suite(&format!("{cell}r = 1\nw = 1\n"), "");
    assert_eq!(
        (code, &report["cells"][0]["not_held"][0], &report["false_alarms"]),
        (1, &"fresh-reads".into(), &0.into()),
        "{report:#}"
    );
    // A script that asks for nothing of the sort has tested nothing.
    let script = "script = [{ at = \"100ms\", through = \"n1\", f = \"write\", key = 0, value = 1 }]\n";
    let (code, report) = suite(&format!("{cell}{script}"), "");
    assert_eq!(
        (code, &report["cells"][0]["not_held"][0]),
        (1, &"fresh-reads".into()),
        "{report:#}"
    );
}

#[test]
fn cells_that_are_left_make_it_unknown_and_slices_and_names_choose() {
    let second = "[[cell]]\nname = \"valid\"\n[cell.settings]\ntime = \"2s\"\n";
    let both = format!("{CAUGHT}{second}");
    let (code, report) = suite(&both, "--budget 0s");
    assert_eq!(
        (code, report["left"].as_array().expect("a list").len()),
        (2, 2),
        "{report:#}"
    );
    for flags in ["--partition slice:2/2", "--cell valid"] {
        let (code, report) = suite(&both, flags);
        let cells = report["cells"].as_array().expect("a list");
        assert_eq!(
            (code, cells.len(), &cells[0]["name"]),
            (0, 1, &"valid".into()),
            "{flags}: {report:#}"
        );
    }
}

#[test]
fn what_is_no_suite_is_refused() {
    let quorate = Quorate::new();
    fs::write(
        quorate.path().join("bad.toml"),
        "about = \"a\"\n[[cell]]\nname = \"c\"\nin-seeds = 1\n",
    )
    .expect("a folder of our own");
    for (asked, code, why) in [
        (
            "suite nothing",
            64,
            "neither a file nor one of mutants, exhibits, sequences, schedules",
        ),
        ("suite bad.toml", 65, "cell \"c\": in-seeds goes with caught-by"),
        ("suite mutants --cell nothing", 64, "none of that name"),
        ("suite mutants --partition 1/2", 64, "is no slice"),
    ] {
        let ended = quorate.run(asked);
        assert_eq!(ended.code, code, "{asked}: {}", ended.stderr);
        assert!(ended.stderr.contains(why), "{asked}: {}", ended.stderr);
    }
}
