//! Writes a large linearizable history of registers, to check it: `cargo run --release -p quorate --example
//! register_history FILE [OPS [KEYS [CLIENTS [CRASHED_PERCENT [told]]]]]`, with `told` for nodes and versions.

#[path = "../benches/check/load.rs"]
mod load;

use std::{env, fs::File, io::BufWriter};

use anyhow::Context;

fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    let path = arguments.next().context("name the file to write")?;
    let mut is_told = false;
    let mut numbers = Vec::new();
    for argument in arguments {
        match argument.parse::<usize>() {
            Ok(number) => numbers.push(number),
            Err(_) if argument == "told" => is_told = true,
            Err(error) => return Err(error).context(format!("read {argument}")),
        }
    }
    let number = |place: usize, default| numbers.get(place).copied().unwrap_or(default);
    let load = load::Load {
        ops: number(0, 1_000_000),
        keys: number(1, 1_000).max(1),
        clients: number(2, 20).max(1),
        crashed_percent: number(3, 0).min(100),
        is_told,
    };
    let file = File::create(&path).with_context(|| format!("create {path}"))?;
    load::write(load, &mut BufWriter::with_capacity(1 << 20, file)).with_context(|| format!("write {path}"))
}
