//! `quorate predict` and `quorate matrix`, as a script would use them.

use std::fs;

use serde_json::Value;

use crate::command::Quorate;

/// The cell of that name.
fn cell<'a>(report: &'a Value, name: &str) -> &'a Value {
    let cells = report["cells"].as_array().expect("cells");
    let found = cells.iter().find(|cell| cell["name"] == name);
    found.unwrap_or_else(|| panic!("no cell {name} in {report:#}"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is a number"))
}

#[test]
fn what_is_stale_what_it_costs_and_which_will_do() {
    let quorate = Quorate::new();
    let arguments = "matrix --r 1,2 --w 1,2 --time 4s --keys 10 --repeat 3 --predict --legs legs --quiet";
    let needs = "--max-stale 0.5% --after 0ms --unbroken linearizable --tolerate 1";
    let (code, report) = quorate.json(&format!("{arguments} {needs}"));
    assert_eq!(code, 0, "{report:#}");
    let figure = |name: &str, figure: &str| number(&cell(&report, name)["figures"][figure]["value"]);
    let stale = ["N3 R1 W1 lww none", "N3 R2 W2 lww none"].map(|name| figure(name, "stale_share"));
    assert!(stale[0] > 0.01 && stale[1] == 0.0, "{stale:?}");
    let writes = ["N3 R1 W1 lww none", "N3 R1 W2 lww none"].map(|name| figure(name, "write_p50_ms"));
    assert!(writes[0] < writes[1], "waiting for more takes longer: {writes:?}");
    assert_eq!(report["advice"]["recommended"]["name"], "N3 R2 W2 lww");
    assert_eq!(report["advice"]["ruled_out"].as_array().map(Vec::len), Some(3));

    let predicted = &cell(&report, "N3 R1 W1 lww none")["predicted"];
    let error = number(&predicted["stale_share"]) - number(&predicted["measured_stale_share"]);
    assert!(error.abs() < 0.01, "{predicted:#}");
    let legs = fs::read_to_string(quorate.path().join("legs/N3-R1-W1-lww-none.csv")).expect("it was asked for");
    assert!(legs.starts_with("up_to_ms,w,a,r,s,apply,client\n"), "{legs}");
    let (code, again) =
        quorate.json("predict --histogram legs/N3-R1-W1-lww-none.csv --local 60% --r 1 --w 1 --trials 50000");
    assert_eq!(code, 0, "{again:#}");
    let p99 = number(&again["cells"][0]["read"]["p99_ms"]["value"]);
    let was = number(&predicted["read_p99_ms"]);
    assert!(
        (p99 - was).abs() < 0.1 * was,
        "from the file as from the run: {p99} {was}"
    );

    // The same once more is the same, and differs in nothing from itself.
    let text = report.to_string();
    fs::write(quorate.path().join("before.json"), text).expect("a folder of our own");
    let ended = quorate.run("matrix --from before.json --unbroken bliss");
    assert!(
        ended.code == 64 && ended.stderr.contains("is none of converges,"),
        "{}",
        ended.stderr
    );
    let (code, _) = quorate.json("matrix --from before.json --max-stale 0.01% --after 1s");
    assert_eq!(code, 3, "too few reads came so late to be so sure");
    let (_, again) =
        quorate.json("matrix --r 1,2 --w 1,2 --time 4s --keys 10 --repeat 3 --jobs 1 --baseline before.json --quiet");
    assert_eq!(again["differences"], Value::Array(Vec::new()));
    assert_eq!(again["cells"][0]["figures"], report["cells"][0]["figures"]);
}

#[test]
fn none_that_will_do_is_an_exit_code_and_a_planted_bug_is_a_violation() {
    let quorate = Quorate::new();
    let (code, report) = quorate.json("predict lnkd-disk --trials 20000 --max-stale 0.1% --tolerate 2");
    assert_eq!((code, &report["advice"]["recommended"]), (3, &Value::Null));
    let (code, _) = quorate.json("predict lnkd-disk --trials 20000 --max-stale 0.1% --tolerate 1");
    assert_eq!(code, 0, "R=2 and W=2 meet");
    fs::write(
        quorate.path().join("own.toml"),
        "r = [2]\nw = [2]\nfaults = [\"partition\"]\n[scenario]\ntime = \"3s\"\nplant = \"reply-before-acks\"\n",
    )
    .expect("a folder of our own");
    let (code, report) = quorate.json("matrix own.toml --repeat 2 --quiet --max-stale 0.1%");
    assert_eq!(
        (code, &report["exit"]),
        (1, &1.into()),
        "a violation is graver than a need that is not met: {report:#}"
    );
    let cell = cell(&report, "N3 R2 W2 lww partition");
    assert!(number(&cell["figures"]["available_faults"]["value"]) < 1.0, "{cell:#}");
    assert!(!cell["availability"].as_array().expect("a list").is_empty());
}

#[test]
fn every_format_is_written() {
    let quorate = Quorate::new();
    let of = |format: &str| {
        let ended = quorate.run(&format!(
            "matrix --r 1 --w 1 --time 1s --repeat 1 --quiet --format {format}"
        ));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.stdout
    };
    assert!(of("csv").starts_with("cell,n,r,w,write_path,faults,runs,operations,exit,stale_share,"));
    assert!(of("markdown").contains("| N3 R1 W1 lww none | 1 |"));
    assert!(of("text").contains("\nexit code 0\n"));
    let html = of("html");
    assert!(html.starts_with("<!doctype html>") && html.contains("</svg>"));
    assert!(!html.contains("http"), "nothing is loaded from anywhere");
    for format in ["csv", "markdown", "text"] {
        let ended = quorate.run(&format!("predict ymmr --trials 2000 --format {format}"));
        assert!(ended.code == 0 && ended.stdout.len() > 500, "{}", ended.stdout);
    }
}

#[test]
fn what_can_not_be_is_said_before_anything_runs() {
    let quorate = Quorate::new();
    fs::write(quorate.path().join("odd.toml"), "r = \"one\"").expect("a folder of our own");
    fs::write(quorate.path().join("odd.csv"), "up_to_ms,w\n1,x\n").expect("a folder of our own");
    for (arguments, code, said) in [
        ("matrix --r 4", 64, "no cell is left"),
        ("matrix --r 1..", 64, "no list of numbers"),
        ("matrix --faults rain", 64, "rain"),
        ("matrix --set r=2", 64, "cells say what their r is"),
        ("matrix --from odd.toml", 65, "odd.toml"),
        ("matrix --from odd.toml --r 1", 64, "cannot be used with"),
        ("matrix --baseline nowhere.json", 65, "nowhere.json"),
        ("matrix odd.toml", 65, "odd.toml"),
        ("predict", 64, "name one of the fits"),
        ("predict lnkd-ssd --n 0", 64, "n is 0"),
        ("predict --leg w=exp(0)", 64, "can't be"),
        ("predict --histogram odd.csv", 65, "line 2"),
        ("predict lnkd-ssd --after 10ms", 64, "--max-stale"),
    ] {
        let ended = quorate.run(arguments);
        assert_eq!(ended.code, code, "{arguments}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{arguments}: {}", ended.stderr);
    }
}
