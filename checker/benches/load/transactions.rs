//! Histories of transactions on lists or registers, as a store of some isolation answers them, written as they are drawn.
//!
//! Each transaction has some steps on ten keys at a time, half of them writes; a key that was written so often is replaced by a new one.
//! It takes effect in one moment, or with snapshots reads what there was when it began, and of two that write a key at once one fails.

use std::io::{self, Write};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// What clients do, and how it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// How many transactions there are.
    pub(crate) count: usize,
    /// How many clients, each with one open nearly always.
    pub(crate) clients: usize,
    /// How often a key is written.
    pub(crate) writes: u32,
    /// How many steps a transaction has at least and at most.
    pub(crate) steps: (usize, usize),
    pub(crate) is_jsonl: bool,
    pub(crate) has_registers: bool,
    pub(crate) store: Store,
}

/// How a store keeps transactions apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// Each takes effect in one moment.
    Serial,
    /// Each reads what there was when it began, and of two that write a key at once one fails.
    Snapshots,
    /// All are open at once, and each misses what the one before it appends, round to the first, and sees what some earlier one did: one
    /// component, however many they are. Whatever else of the load is drawn is left out.
    Ring,
}

struct Open {
    steps: Vec<(usize, Option<u32>)>,
    /// How long the list of each step's key was then.
    seen: Vec<usize>,
    is_done: bool,
    fails: bool,
}

/// Writes a history, a line an event.
///
/// # Errors
/// If `out` takes no more.
pub(crate) fn write(load: &Load, out: &mut impl Write) -> io::Result<()> {
    if load.store == Store::Ring {
        return ring(load, out);
    }
    let mut rng = Pcg64Mcg::seed_from_u64(7);
    // By key, its elements; which keys are in use, and how many elements were asked to be written to each.
    let mut keys: Vec<Vec<u32>> = vec![Vec::new(); 10];
    let mut active: Vec<usize> = (0..10).collect();
    let mut asked: Vec<u32> = vec![0; 10];
    let mut open: Vec<Option<Open>> = (0..load.clients).map(|_| None).collect();
    let (mut begun, mut index) = (0, 0u64);
    while begun < load.count || open.iter().any(Option::is_some) {
        let client = rng.random_range(0..load.clients);
        match open[client].take() {
            None if begun == load.count => {}
            None => {
                begun += 1;
                let mut steps = Vec::new();
                for _ in 0..rng.random_range(load.steps.0..=load.steps.1) {
                    let slot = rng.random_range(0..10usize).min(rng.random_range(0..10));
                    if asked[active[slot]] == load.writes {
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
                line(out, load, (index, client, "invoke"), &txn, &keys)?;
                index += 1;
                open[client] = Some(txn);
            }
            Some(mut txn) if !txn.is_done => {
                take_effect(&mut txn, &mut keys, load.store == Store::Snapshots);
                open[client] = Some(txn);
            }
            Some(txn) => {
                let kind = if txn.fails { "fail" } else { "ok" };
                line(out, load, (index, client, kind), &txn, &keys)?;
                index += 1;
            }
        }
    }
    out.flush()
}

fn ring(load: &Load, out: &mut impl Write) -> io::Result<()> {
    let mut rng = Pcg64Mcg::seed_from_u64(7);
    let keys = vec![vec![1]; load.count];
    let txns = (0..load.count).map(|number| {
        let next = (number + 1) % load.count;
        // Of what those wrote that are before the one before it.
        let other = (number > 2).then(|| rng.random_range(1..number));
        Open {
            steps: [(number, None), (next, Some(1))]
                .into_iter()
                .chain(other.map(|key| (key, None)))
                .collect(),
            seen: vec![0, 0, 1],
            is_done: true,
            fails: false,
        }
    });
    let txns: Vec<Open> = txns.collect();
    let mut index = 0;
    for kind in ["invoke", "ok"] {
        for (client, txn) in txns.iter().enumerate() {
            line(out, load, (index, client, kind), txn, &keys)?;
            index += 1;
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
    load: &Load,
    (index, client, kind): (u64, usize, &str),
    txn: &Open,
    keys: &[Vec<u32>],
) -> io::Result<()> {
    let time = index * 1_000 + 137;
    let (between, nil) = if load.is_jsonl { (",", "null") } else { (" ", "nil") };
    match load.is_jsonl {
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
        let name = match (write, load.has_registers) {
            (None, _) => "r",
            (_, true) => "w",
            (_, false) => "append",
        };
        match load.is_jsonl {
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
                match load.has_registers {
                    true => write!(out, "{}", words.last().map_or(nil, String::as_str))?,
                    false => write!(out, "[{}]", words.join(between))?,
                }
            }
        }
        write!(out, "]")?;
    }
    writeln!(out, "]}}")
}
