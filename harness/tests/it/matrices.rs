//! `quorate predict` and `quorate matrix`, as a script would use them.

use std::fs;

use serde_json::Value;

use crate::{
    command::Quorate,
    processes::{Running, nodes_of, turn, wait_until},
};

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
        ended.code == 64 && ended.stderr.contains(", available, converges,"),
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

/// Three real nodes whose links are slow: an answer of another node takes 40 ms at least.
const SLOW_LINKS: &str = r#"
[scenario]
nodes = 3
partitions = 16
keys = 5
time = "1s"
rate = 400
concurrency = 20
gossip-interval = "100ms"
read-repair = "off"
plan = [{ at = "0ms", lasts = "2s", fault = "slow-links", from = ["n1", "n2", "n3"], to = ["n1", "n2", "n3"], delay = "20ms" }]
"#;

/// What a matrix on real processes has left of them and of their runs.
fn assert_no_trace(quorate: &Quorate) {
    assert_eq!(nodes_of(quorate.path()), Vec::<u32>::new(), "processes are left");
    let left = fs::read_dir(quorate.path().join("results/runs/matrix")).expect("runs were made below it");
    assert_eq!(left.count(), 0, "a run that nobody will look at is removed");
}

#[test]
fn real_processes_show_what_their_settings_cost_and_break() {
    let _turn = turn();
    let quorate = Quorate::new();
    fs::write(quorate.path().join("slow.toml"), SLOW_LINKS).expect("a folder of our own");
    let (code, weak) = quorate.json("matrix slow.toml --real --r 1 --w 1 --repeat 1 --quiet");
    assert_eq!((code, &weak["backend"]), (0, &"processes".into()), "{weak:#}");
    let (code, strong) = quorate.json("matrix slow.toml --real --r 2 --w 2 --repeat 1 --quiet");
    assert_eq!(code, 0, "{strong:#}");
    let (weak, strong) = (cell(&weak, "N3 R1 W1 lww none"), cell(&strong, "N3 R2 W2 lww none"));
    let fresh_reads = |cell: &Value| {
        let claims = cell["claims"].as_array().expect("claims");
        let fresh = claims.iter().find(|claim| claim["claim"] == "fresh-reads");
        let fresh = fresh.expect("every claim is judged");
        (fresh["claimed"] == true, fresh["verdict"].clone())
    };
    // Whether a stale read is surely so by real time is a matter of chance.
    assert!(!fresh_reads(weak).0, "{weak:#}");
    assert_eq!(fresh_reads(strong), (true, "held".into()), "{strong:#}");
    let figure = |cell: &Value, name: &str| cell["figures"][name]["value"].clone();
    assert!(number(&figure(weak, "stale_share")) > 0.0 && figure(strong, "stale_share") == 0.0);
    for latency in ["read_p50_ms", "write_p50_ms"] {
        let (quick, slow) = (number(&figure(weak, latency)), number(&figure(strong, latency)));
        assert!(
            0.0 < quick && quick < slow && slow >= 40.0,
            "another node takes longer: {latency} {quick} {slow}"
        );
    }
    assert!(number(&figure(strong, "datagrams_per_op")) > 1.0, "{strong:#}");
    assert!(number(&figure(strong, "datagram_bytes_per_op")) > 100.0, "{strong:#}");
    assert_eq!(figure(strong, "messages_per_op"), Value::Null, "nobody can count them");
    assert_no_trace(&quorate);
}

#[test]
fn a_real_matrix_that_is_interrupted_tells_the_cells_that_were_run() {
    let _turn = turn();
    let quorate = Quorate::new();
    fs::write(quorate.path().join("slow.toml"), SLOW_LINKS).expect("a folder of our own");
    let arguments = "matrix slow.toml --real --r 1 --w 1,2,3 --repeat 1 --quiet --format json";
    let run = Running::start(&quorate, arguments);
    let link = quorate.path().join("results/runs/matrix/latest");
    let mut first = None;
    wait_until("the second cell", || {
        let latest = fs::read_link(&link).ok();
        first = first.take().or_else(|| latest.clone());
        latest.is_some() && latest != first
    });
    run.signal("-INT");
    let (code, stdout, said) = run.end();
    let report: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout} {said}"));
    assert_eq!((code, &report["exit"]), (Some(130), &130.into()), "{report:#}");
    assert_eq!(report["interrupted"], true);
    assert!(number(&cell(&report, "N3 R1 W1 lww none")["ops"]) > 100.0, "{report:#}");
    let left: Vec<_> = report["left"].as_array().expect("a list").iter().collect();
    assert_eq!(left, ["N3 R1 W2 lww none", "N3 R1 W3 lww none"]);
    let unknown = cell(&report, "N3 R1 W3 lww none");
    assert_eq!(
        (&unknown["runs"], &unknown["exit"]),
        (&0.into(), &2.into()),
        "{unknown:#}"
    );
    assert_no_trace(&quorate);
}

#[test]
fn a_simulated_matrix_that_is_interrupted_tells_the_cells_that_were_run() {
    let quorate = Quorate::new();
    let cells = "matrix --n 1..5 --r 1..5 --w 1..5 --faults none,kill --time 1s --repeat 1 --jobs 1";
    for format in ["json", "text"] {
        let mut run = Running::start(&quorate, &format!("{cells} --progress bar --format {format}"));
        run.wait_for_live(" of 110 runs");
        run.signal("-INT");
        let (code, stdout, said) = run.end();
        assert_eq!(code, Some(130), "{stdout} {said}");
        if format == "text" {
            let row = stdout
                .lines()
                .find_map(|line| line.strip_prefix("N1 R1 W1 lww none "))
                .expect("a row");
            assert!(row.trim_start().starts_with("1 "), "{row}");
            assert!(
                stdout.contains("\ninterrupted: what was run until then is told\n"),
                "{stdout}"
            );
            assert!(stdout.contains("  left     N5 R5 W5 lww kill\n"), "{stdout}");
            continue;
        }
        let report: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout} {said}"));
        assert_eq!((&report["exit"], &report["interrupted"]), (&130.into(), &true.into()));
        assert!(number(&cell(&report, "N1 R1 W1 lww none")["ops"]) > 100.0, "{report:#}");
        let (ran, left) = (
            |cell: &&Value| cell["runs"] == 1,
            report["left"].as_array().expect("a list"),
        );
        let ran = report["cells"].as_array().expect("cells").iter().filter(ran).count();
        assert!(
            ran > 0 && !left.is_empty() && ran + left.len() == 110,
            "{ran} run, left {left:?}"
        );
    }
}

#[test]
fn none_that_will_do_is_an_exit_code_and_a_planted_bug_is_a_violation() {
    let quorate = Quorate::new();
    let (code, report) = quorate.json("predict lnkd-disk --trials 20000 --max-stale 0.1% --tolerate 2");
    assert_eq!((code, &report["advice"]["recommended"]), (3, &Value::Null));
    let (code, _) = quorate.json("predict lnkd-disk --trials 20000 --max-stale 0.1% --tolerate 1");
    assert_eq!(code, 0, "R=2 and W=2 meet");
    let few = "predict lnkd-disk --trials 2000 --max-stale 0.0001% --tolerate 1";
    let (code, report) = quorate.json(few);
    assert_eq!(
        (code, &report["advice"]["recommended"]["name"]),
        (0, &"R2 W2".into()),
        "quorums that meet take no trials: {report:#}"
    );
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
    assert!(
        !html.contains("http:") && !html.contains("https:"),
        "nothing is loaded from anywhere"
    );
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
        ("matrix --real --predict", 64, "cannot be used with"),
        ("matrix --r 1 --out elsewhere", 64, "--real"),
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
