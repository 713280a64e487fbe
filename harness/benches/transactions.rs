//! How long histories of transactions take from their file to the verdict, in what memory, and beside what serde_json takes to parse
//! the same as JSON lines.
//!
//! Each figure is a process of its own, so that its peak of memory is its own too, and the least of several runs; processor seconds are
//! told beside those of the clock, as they are what can be compared on a machine that does other work. All of it is on one core but for the
//! last figure, of the clock, which is on two, read and judged as `quorate check` does it. `cargo bench -p quorate --bench transactions`
//! measures, with `-- 10000000` also a history of so many; `cargo test` only runs through it with small ones.

#[path = "../../checker/benches/load/transactions.rs"]
mod load;
#[path = "check/peak.rs"]
mod peak;

use std::{
    env, fmt,
    fs::{self, File},
    io::{BufRead, BufReader, BufWriter},
    path::Path,
    process::Command,
    time::Instant,
};

use load::{Load, Store};
use peak::peak_mb;
use quorate_checker::{
    Context,
    isolation::{self, Data, Question},
};
use quorate_harness::{txns_file, workers::Workers};
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};

/// A history, and what is asked of it.
#[derive(Clone, Copy)]
struct Row {
    data: Data,
    count: usize,
    clients: usize,
    steps: (usize, usize),
    store: Store,
    asked: &'static str,
    /// The anomaly that is to be found, if one is.
    expected: Option<&'static str>,
}

const LISTS: Row = Row {
    data: Data::Lists,
    count: 10_000,
    clients: 20,
    steps: (1, 4),
    store: Store::Serial,
    asked: "strict-serializable",
    expected: None,
};

/// All in one component.
const RING: Row = Row {
    count: 100_000,
    store: Store::Ring,
    asked: "serializable",
    expected: Some("G2-item"),
    ..LISTS
};

const REGISTERS: Row = Row {
    data: Data::Registers,
    count: 100_000,
    ..LISTS
};

const EIGHT: Row = Row {
    count: 10_000,
    steps: (8, 8),
    ..REGISTERS
};

const ROWS: [Row; 16] = [
    LISTS,
    Row {
        count: 100_000,
        ..LISTS
    },
    Row {
        count: 1_000_000,
        ..LISTS
    },
    Row {
        count: 100_000,
        asked: "serializable",
        ..LISTS
    },
    Row {
        count: 100_000,
        asked: "snapshot-isolation",
        ..LISTS
    },
    Row {
        count: 100_000,
        asked: "snapshot-isolation",
        store: Store::Snapshots,
        ..LISTS
    },
    Row {
        count: 100_000,
        asked: "serializable",
        store: Store::Snapshots,
        expected: Some("G2-item"),
        ..LISTS
    },
    Row {
        count: 1_000_000,
        asked: "serializable",
        store: Store::Snapshots,
        expected: Some("G2-item"),
        ..LISTS
    },
    RING,
    REGISTERS,
    Row {
        asked: "serializable",
        ..REGISTERS
    },
    Row {
        count: 1_000_000,
        ..REGISTERS
    },
    Row {
        count: 1_000_000,
        asked: "serializable",
        ..REGISTERS
    },
    EIGHT,
    Row {
        asked: "serializable",
        ..EIGHT
    },
    Row {
        asked: "snapshot-isolation",
        ..EIGHT
    },
];

/// How often each figure is taken.
const RUNS: usize = 3;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let [_, task, file, rest @ ..] = &arguments[..]
        && let Some(seconds) = run(task, Path::new(file), rest)
    {
        println!("{seconds} {} {}", processor_seconds(), peak_mb());
        return;
    }
    let is_measured = arguments.iter().any(|argument| argument == "--bench");
    let (scale, runs) = if is_measured { (1, RUNS) } else { (1_000, 1) };
    println!("transactions from file to verdict, on one processor; the least of {runs}");
    println!(
        "{:>9} {:>9} {:>5} {:>7}  {:<20} {:<9} | {:>16} | {:>25} {:>8} {:>9} {:>6} | {:>9}",
        "data",
        "txns",
        "steps",
        "store",
        "asked",
        "verdict",
        "serde_json, cpu",
        "EDN, cpu",
        "peak",
        "txns/s",
        "ratio",
        "on two"
    );
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let more = arguments.iter().filter_map(|argument| argument.parse().ok());
    let rows = ROWS.into_iter().chain(more.map(|count| Row { count, ..LISTS }));
    for row in rows {
        print_row(
            Row {
                count: (row.count / scale).max(20),
                ..row
            },
            folder,
            (runs, is_measured),
        );
    }
}

/// Does one task, in this process; nothing if there is no such task.
fn run(task: &str, file: &Path, rest: &[String]) -> Option<f64> {
    let start = Instant::now();
    match (task, rest) {
        ("parse", []) => parse(file),
        ("verdict", [data, asked, expected, threads]) => {
            let data = if data == "lists" { Data::Lists } else { Data::Registers };
            verdict(file, data, (asked, expected), threads.parse().expect("a number"));
        }
        _ => return None,
    }
    Some(start.elapsed().as_secs_f64())
}

fn parse(file: &Path) {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(file).expect("it was written"));
    let (mut line, mut count) = (String::new(), 0);
    while reader.read_line(&mut line).expect("it can be read") > 0 {
        count += serde_json::from_str::<Line<'_>>(&line)
            .expect("a line is an event")
            .value
            .len();
        line.clear();
    }
    assert!(count > 0, "there are steps");
}

/// A line as a program would declare it that wants all of it.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing of them is measured")]
struct Line<'a> {
    index: u64,
    time: u64,
    process: i64,
    #[serde(rename = "type")]
    kind: &'a str,
    f: &'a str,
    #[serde(borrow)]
    value: Vec<(&'a str, u64, Seen)>,
}

/// What a step wrote or read.
#[expect(dead_code, reason = "only the parsing of them is measured")]
enum Seen {
    One(u64),
    List(Vec<u64>),
    Nothing,
}

/// By hand: what serde makes of an enum without tags keeps each value until it knows which it is, and takes twice as long.
impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Seen;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a number, a list of numbers or null")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Seen, E> {
                Ok(Seen::One(number))
            }

            fn visit_unit<E>(self) -> Result<Seen, E> {
                Ok(Seen::Nothing)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Seen, A::Error> {
                let mut numbers = Vec::new();
                while let Some(number) = items.next_element()? {
                    numbers.push(number);
                }
                Ok(Seen::List(numbers))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

fn verdict(file: &Path, data: Data, (asked, expected): (&str, &str), jobs: usize) {
    let file = File::open(file).expect("it was written");
    let txns = txns_file::read(file, data, jobs).expect("it is usual");
    let question = Question::of(asked.parse().expect("known"));
    let workers = Workers::new(jobs).expect("threads");
    let report = isolation::check_on(&txns, &question, &Context::default(), &workers);
    assert_eq!(report.unknown, Vec::<String>::new(), "{asked}");
    let found = report.forbidden();
    match expected {
        "" => assert_eq!(found, Vec::<&str>::new(), "{asked}"),
        // A small history may have none yet.
        _ => assert!(found.iter().all(|name| *name == expected), "{asked}: {found:?}"),
    }
}

fn print_row(row: Row, folder: &Path, (runs, is_measured): (usize, bool)) {
    let load = |is_jsonl: bool| Load {
        count: row.count,
        clients: row.clients,
        writes: 80,
        steps: row.steps,
        is_jsonl,
        has_registers: row.data == Data::Registers,
        store: row.store,
    };
    let [edn, jsonl] = [false, true].map(|is_jsonl| {
        let path = folder.join(if is_jsonl { "history.jsonl" } else { "history.edn" });
        let file = File::create(&path).expect("there is room for a file");
        load::write(&load(is_jsonl), &mut BufWriter::with_capacity(1 << 20, file)).expect("there is room for it");
        path
    });
    let data = if row.data == Data::Lists { "lists" } else { "registers" };
    let store = match row.store {
        Store::Serial => "serial",
        Store::Snapshots => "SI",
        Store::Ring => "ring",
    };
    let parsed = measure(&["parse"], &jsonl, runs);
    let expected = row.expected.unwrap_or_default();
    for (name, path) in [("EDN", &edn), ("JSONL", &jsonl)] {
        let figure = measure(&["verdict", data, row.asked, expected, "1"], path, runs);
        let on_two = measure(&["verdict", data, row.asked, expected, "2"], path, runs);
        assert!(!is_measured || figure.seconds > 0.0, "it takes time");
        println!(
            "{data:>9} {:>9} {:>5} {:>7}  {:<20} {:<9} | {:>7.3} {:>6.2} s | {name:>5} {:>8.3} s {:>7.2} s {:>5} MB {:>7.2} M {:>6.2} | {:>7.3} s",
            row.count,
            row.steps.1,
            store,
            row.asked,
            row.expected.unwrap_or("valid"),
            parsed.seconds,
            parsed.processor_seconds,
            figure.seconds,
            figure.processor_seconds,
            figure.peak_mb,
            row.count as f64 / figure.seconds / 1e6,
            figure.seconds / parsed.seconds,
            on_two.seconds,
        );
    }
}

/// What a task took.
#[derive(Clone, Copy)]
struct Figure {
    seconds: f64,
    processor_seconds: f64,
    peak_mb: u64,
}

/// Runs a task in processes of its own and returns the least of what they took.
fn measure(task: &[&str], file: &Path, runs: usize) -> Figure {
    let own = env::current_exe().expect("the bench is a file");
    let figures = (0..runs).map(|_| {
        let output = Command::new(&own)
            .arg(task[0])
            .arg(file)
            .args(&task[1..])
            .output()
            .expect("the bench runs itself");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout);
        let numbers: Vec<f64> = text
            .split_whitespace()
            .map(|it| it.parse().expect("a number"))
            .collect();
        Figure {
            seconds: numbers[0],
            processor_seconds: numbers[1],
            peak_mb: numbers[2] as u64,
        }
    });
    let least = |a: Figure, b: Figure| Figure {
        seconds: a.seconds.min(b.seconds),
        processor_seconds: a.processor_seconds.min(b.processor_seconds),
        peak_mb: a.peak_mb.min(b.peak_mb),
    };
    figures.reduce(least).expect("it ran once at least")
}

/// What all threads of this process have used; 0 where the system does not tell.
fn processor_seconds() -> f64 {
    /// The kernel's unit, on every machine that Linux runs on.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_SECOND
}
