//! Writes a history of transactions on lists or registers, as a store of some isolation answers them, for measuring:
//! `cargo run --release --example transactions -- COUNT [--clients 20] [--writes 80] [--steps 4] [--jsonl] [--registers] [--snapshot|--ring]`

#![expect(clippy::disallowed_methods, reason = "a tool to measure with, not the library")]

use std::io::{self, BufWriter};

#[path = "../benches/load/transactions.rs"]
mod load;

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| args.iter().any(|arg| arg == name);
    let number = |name: &str, default: usize| {
        let place = args.iter().position(|arg| arg == name);
        place
            .and_then(|place| args.get(place + 1)?.parse().ok())
            .unwrap_or(default)
    };
    let load = load::Load {
        count: args.first().and_then(|arg| arg.parse().ok()).unwrap_or(1_000_000),
        clients: number("--clients", 20),
        writes: number("--writes", 80) as u32,
        steps: (1, number("--steps", 4)),
        is_jsonl: has("--jsonl"),
        has_registers: has("--registers"),
        store: match (has("--snapshot"), has("--ring")) {
            (true, _) => load::Store::Snapshots,
            (_, true) => load::Store::Ring,
            _ => load::Store::Serial,
        },
    };
    load::write(&load, &mut BufWriter::with_capacity(1 << 20, io::stdout().lock()))
}
