//! Writes a history of transactions on lists or registers, as a store of some isolation answers them, for measuring:
//! `cargo run --release --example transactions -- COUNT [--clients 20] [--writes 80] [--jsonl] [--registers] [--snapshot]`
//!
//! Transactions have one to four steps on ten keys at a time; a key that was written so often is replaced by a new one. Each takes
//! effect in one moment, or with `--snapshot` reads what there was when it began, and of two that write a key at once one fails.

#![expect(clippy::disallowed_methods, reason = "a tool to measure with, not the library")]

use std::io::{self, BufWriter, Write};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

struct Options {
    count: usize,
    clients: usize,
    writes: u32,
    is_jsonl: bool,
    has_registers: bool,
    has_snapshots: bool,
}

struct Open {
    steps: Vec<(usize, Option<u32>)>,
    /// How long the list of each step's key was then.
    seen: Vec<usize>,
    is_done: bool,
    fails: bool,
}

fn options() -> Options {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| args.iter().any(|arg| arg == name);
    let number = |name: &str, default: usize| {
        let place = args.iter().position(|arg| arg == name);
        place
            .and_then(|place| args.get(place + 1)?.parse().ok())
            .unwrap_or(default)
    };
    Options {
        count: args.first().and_then(|arg| arg.parse().ok()).unwrap_or(1_000_000),
        clients: number("--clients", 20),
        writes: number("--writes", 80) as u32,
        is_jsonl: has("--jsonl"),
        has_registers: has("--registers"),
        has_snapshots: has("--snapshot"),
    }
}

fn main() -> io::Result<()> {
    let options = options();
    let mut rng = Pcg64Mcg::seed_from_u64(7);
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    // By key, its elements; which keys are in use, and how many elements were asked to be written to each.
    let mut keys: Vec<Vec<u32>> = vec![Vec::new(); 10];
    let mut active: Vec<usize> = (0..10).collect();
    let mut asked: Vec<u32> = vec![0; 10];
    let mut open: Vec<Option<Open>> = (0..options.clients).map(|_| None).collect();
    let (mut begun, mut index) = (0, 0u64);
    while begun < options.count || open.iter().any(Option::is_some) {
        let client = rng.random_range(0..options.clients);
        match open[client].take() {
            None if begun == options.count => {}
            None => {
                begun += 1;
                let mut steps = Vec::new();
                for _ in 0..rng.random_range(1..=4) {
                    let slot = rng.random_range(0..10usize).min(rng.random_range(0..10));
                    if asked[active[slot]] == options.writes {
                        active[slot] = keys.len();
                        keys.push(Vec::new());
                        asked.push(0);
                    }
                    let key = active[slot];
                    let write = rng.random_bool(0.5).then(|| {
                        asked[key] += 1;
                        asked[key]
                    });
                    steps.push((key, write));
                }
                let seen = steps.iter().map(|(key, _)| keys[*key].len()).collect();
                let txn = Open {
                    steps,
                    seen,
                    is_done: false,
                    fails: false,
                };
                line(&mut out, &options, (index, client, "invoke"), &txn, &keys)?;
                index += 1;
                open[client] = Some(txn);
            }
            Some(mut txn) if !txn.is_done => {
                take_effect(&mut txn, &mut keys, options.has_snapshots);
                open[client] = Some(txn);
            }
            Some(txn) => {
                let kind = if txn.fails { "fail" } else { "ok" };
                line(&mut out, &options, (index, client, kind), &txn, &keys)?;
                index += 1;
            }
        }
    }
    out.flush()
}

fn take_effect(txn: &mut Open, keys: &mut [Vec<u32>], has_snapshots: bool) {
    txn.is_done = true;
    if has_snapshots {
        let mut steps = txn.steps.iter().zip(&txn.seen);
        txn.fails = steps.any(|((key, write), seen)| write.is_some() && keys[*key].len() != *seen);
    } else {
        txn.seen = txn.steps.iter().map(|(key, _)| keys[*key].len()).collect();
    }
    if !txn.fails {
        txn.steps.iter().for_each(|(key, write)| keys[*key].extend(write));
    }
}

fn line(
    out: &mut impl Write,
    options: &Options,
    (index, client, kind): (u64, usize, &str),
    txn: &Open,
    keys: &[Vec<u32>],
) -> io::Result<()> {
    let time = index * 1_000 + 137;
    let (between, nil) = if options.is_jsonl { (",", "null") } else { (" ", "nil") };
    match options.is_jsonl {
        true => write!(
            out,
            r#"{{"index":{index},"time":{time},"process":{client},"type":"{kind}","f":"txn","value":["#
        )?,
        false => write!(
            out,
            "{{:index {index}, :time {time}, :type :{kind}, :process {client}, :f :txn, :value ["
        )?,
    }
    for (number, (key, write)) in txn.steps.iter().enumerate() {
        if number > 0 {
            write!(out, "{between}")?;
        }
        let name = match (write, options.has_registers) {
            (None, _) => "r",
            (_, true) => "w",
            (_, false) => "append",
        };
        match options.is_jsonl {
            true => write!(out, r#"["{name}",{key},"#)?,
            false => write!(out, "[:{name} {key} ")?,
        }
        match write {
            Some(value) => write!(out, "{value}")?,
            None if kind != "ok" => write!(out, "{nil}")?,
            None => {
                let own = txn.steps[..number]
                    .iter()
                    .filter(|(of, _)| of == key)
                    .filter_map(|(_, write)| *write);
                let values: Vec<u32> = keys[*key][..txn.seen[number]].iter().copied().chain(own).collect();
                let words: Vec<String> = values.iter().map(ToString::to_string).collect();
                match options.has_registers {
                    true => write!(out, "{}", words.last().map_or(nil, String::as_str))?,
                    false => write!(out, "[{}]", words.join(between))?,
                }
            }
        }
        write!(out, "]")?;
    }
    writeln!(out, "]}}")
}
