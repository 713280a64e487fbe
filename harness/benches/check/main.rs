//! How long a register history takes from its file to the verdict, in what memory, and what share of that is the reading.
//!
//! Each row is a file and each figure a process of its own, so that its peak of memory is its own too; figures are the best of
//! several runs. Beside them stands what serde_json takes, on one core, to parse the same lines into a typed struct that
//! borrows its texts: the measure that travels between machines. `cargo bench -p quorate --bench check` measures, `cargo
//! test` only runs through it with small histories.

mod load;
mod peak;

use std::{
    env,
    fs::File,
    io::{BufRead, BufReader, BufWriter},
    path::Path,
    process::Command,
    sync::OnceLock,
    time::Instant,
};

use quorate_checker::{Context, Finding, History, checks};
use quorate_harness::{
    history_file,
    scenario::Scenario,
    workers::{Workers, processors},
};
use quorate_workloads::{Execute, RunFacts, Verdict, judge};
use serde::Deserialize;

use load::Load;
use peak::peak_mb;

/// Operations, keys, clients, the percentage of operations that crash, and whether nodes and versions are told.
const ROWS: [(usize, usize, usize, usize, bool); 14] = [
    (10_000, 1, 20, 0, false),
    (100_000, 1, 5, 0, false),
    (100_000, 1, 20, 0, false),
    (100_000, 1, 100, 10, false),
    (1_000_000, 1, 20, 0, false),
    (1_000_000, 1, 100, 10, false),
    (1_000_000, 10, 20, 1, false),
    (1_000_000, 100, 20, 1, false),
    (1_000_000, 1_000, 5, 0, false),
    (1_000_000, 1_000, 20, 1, false),
    (1_000_000, 1_000, 20, 1, true),
    (1_000_000, 1_000, 100, 10, false),
    (10_000_000, 1_000, 20, 1, false),
    (10_000_000, 1, 20, 1, false),
];

/// How often each figure is taken.
const RUNS: usize = 5;

/// What a process of its own does with a history file.
#[derive(Clone, Copy)]
struct Task {
    name: &'static str,
    run: fn(&Path) -> f64,
}

/// Each returns its seconds.
const TASKS: [Task; 4] = [
    Task {
        name: "parse",
        run: parse,
    },
    Task {
        name: "linearizable",
        run: linearizable,
    },
    Task {
        name: "linearizable-alone",
        run: linearizable_alone,
    },
    Task {
        name: "verdict",
        run: verdict,
    },
];

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let [_, name, file] = &arguments[..]
        && let Some(task) = TASKS.iter().find(|task| task.name == *name)
    {
        let seconds = (task.run)(Path::new(file));
        println!("{seconds} {}", peak_mb());
        return;
    }
    let is_measured = arguments.iter().any(|argument| argument == "--bench");
    let (scale, runs) = if is_measured { (1, RUNS) } else { (1_000, 1) };
    println!(
        "registers from file to verdict, on {} processors; best of {runs}",
        processors()
    );
    println!(
        "{:>9} {:>5} {:>7} {:>8} {:>5} | {:>10} | {:>12} {:>9} {:>6} {:>7} | {:>13} {:>7} | {:>10}",
        "ops",
        "keys",
        "clients",
        "crashed",
        "told",
        "serde_json",
        "linearizable",
        "peak",
        "ratio",
        "ops/s",
        "check alone",
        "ops/s",
        "all claims"
    );
    let folder = tempfile::tempdir().expect("there is room for a folder");
    for (ops, keys, clients, crashed_percent, is_told) in ROWS {
        let load = Load {
            ops: ops / scale,
            keys,
            clients,
            crashed_percent,
            is_told,
        };
        let file = folder.path().join("history.jsonl");
        write(load, &file);
        print_row(load, &file, runs);
    }
}

fn write(load: Load, path: &Path) {
    let file = File::create(path).expect("there is room for a file");
    load::write(load, &mut BufWriter::with_capacity(1 << 20, file)).expect("there is room for a history");
}

fn print_row(load: Load, file: &Path, runs: usize) {
    let [parsed, linearizable, alone, verdict] = TASKS.map(|task| measure(task, file, runs));
    let rate = |seconds: f64| format!("{:.1} M", load.ops as f64 / seconds / 1e6);
    println!(
        "{:>9} {:>5} {:>7} {:>7}% {:>5} | {:>8.3} s | {:>10.3} s {:>6} MB {:>6.2} {:>7} | {:>11.4} s {:>7} | {:>8.3} s",
        load.ops,
        load.keys,
        load.clients,
        load.crashed_percent,
        if load.is_told { "yes" } else { "no" },
        parsed.seconds,
        linearizable.seconds,
        linearizable.peak_mb,
        linearizable.seconds / parsed.seconds,
        rate(linearizable.seconds),
        alone.seconds,
        rate(alone.seconds),
        verdict.seconds,
    );
}

/// What a task took.
#[derive(Clone, Copy)]
struct Figure {
    seconds: f64,
    peak_mb: u64,
}

/// Runs a task in processes of its own and returns the quickest.
fn measure(task: Task, file: &Path, runs: usize) -> Figure {
    let own = env::current_exe().expect("the bench is a file");
    let figures = (0..runs).map(|_| {
        let output = Command::new(&own)
            .arg(task.name)
            .arg(file)
            .output()
            .expect("the bench runs itself");
        let text = String::from_utf8_lossy(&output.stdout);
        let (seconds, peak_mb) = text
            .trim()
            .split_once(' ')
            .expect("a task tells its seconds and its peak");
        Figure {
            seconds: seconds.parse().expect("seconds are a number"),
            peak_mb: peak_mb.parse().expect("the peak is a number"),
        }
    });
    let quickest = figures.min_by(|a, b| a.seconds.total_cmp(&b.seconds));
    quickest.expect("it ran once at least")
}

/// A line as a program would declare it that wants these fields and no others.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing of them is measured")]
struct Line<'a> {
    index: u64,
    time: u64,
    process: i64,
    #[serde(rename = "type")]
    kind: &'a str,
    f: &'a str,
    key: &'a str,
    value: Option<i64>,
    node: Option<&'a str>,
    version: Option<&'a str>,
}

fn parse(file: &Path) -> f64 {
    let start = Instant::now();
    let mut reader = BufReader::with_capacity(1 << 20, File::open(file).expect("it was written"));
    let (mut line, mut last) = (String::new(), None);
    while reader.read_line(&mut line).expect("it can be read") > 0 {
        last = Some(
            serde_json::from_str::<Line<'_>>(&line)
                .expect("a line is an event")
                .index,
        );
        line.clear();
    }
    assert!(last.is_some(), "there is an event");
    start.elapsed().as_secs_f64()
}

fn linearizable(file: &Path) -> f64 {
    let start = Instant::now();
    let history = read(file);
    let workers = Workers::of_machine().expect("threads");
    let parts = history.parts(workers.part_count());
    let findings: Vec<OnceLock<Finding>> = parts.iter().map(|_| OnceLock::new()).collect();
    let ends = workers.execute(parts.len(), &|part| {
        let finding = checks::linearizable(&parts[part], &Context::default());
        findings[part].set(finding).expect("each part is judged once");
    });
    assert!(ends.iter().all(Result::is_ok), "no check fails");
    let findings = findings.into_iter().filter_map(OnceLock::into_inner);
    let finding = findings.reduce(Finding::merge).expect("there are keys");
    require_linearizable(&finding, &history);
    start.elapsed().as_secs_f64()
}

fn linearizable_alone(file: &Path) -> f64 {
    let history = read(file);
    let start = Instant::now();
    let finding = checks::linearizable(&history, &Context::default());
    let seconds = start.elapsed().as_secs_f64();
    require_linearizable(&finding, &history);
    seconds
}

fn require_linearizable(finding: &Finding, history: &History) {
    assert!(
        finding.count == 0 && finding.unknown.is_none(),
        "it is linearizable by construction"
    );
    assert!(
        finding.tested as usize > history.op_count() / 2,
        "most of it was tested"
    );
}

/// All that `quorate check` asks of a register: a dozen claims.
fn verdict(file: &Path) -> f64 {
    let start = Instant::now();
    let history = read(file);
    let scenario = Scenario::quickstart();
    let judgement = judge(
        scenario.workload,
        &history,
        scenario.settings(),
        &RunFacts::default(),
        &Workers::of_machine().expect("threads"),
    );
    assert_ne!(judgement.verdict, Verdict::Invalid, "nothing that is claimed is broken");
    start.elapsed().as_secs_f64()
}

fn read(file: &Path) -> History {
    history_file::read(file).expect("it is a history")
}
