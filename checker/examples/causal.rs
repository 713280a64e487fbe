//! How long the levels take on a large valid history of transactions: `cargo run --release -p quorate-checker --example
//! causal [TXNS [SESSIONS [REPLICAS [KEYS [SIZE [FILE]]]]]]`. FILE is written in Plume's format. A measurement to look
//! at, not a test.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement reads the clock and files, and prints; the library does neither"
)]

#[path = "../tests/it/causal_store.rs"]
mod causal_store;

use std::time::Instant;

use quorate_checker::causal::{self, Access, Level, Sessions};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |nth: usize, otherwise: usize| arguments.get(nth).and_then(|it| it.parse().ok()).unwrap_or(otherwise);
    let load = causal_store::Load {
        txn_count: number(0, 1_000_000),
        session_count: number(1, 20),
        replica_count: number(2, 1),
        key_count: number(3, 1_000) as u64,
        size_max: number(4, 8),
        seed: 1,
    };
    let txns = causal_store::run(load);
    if let Some(file) = arguments.get(5) {
        std::fs::write(file, text(&txns)).expect("the file can be written");
    }
    let sessions = time("push", || {
        let mut sessions = Sessions::new();
        for (session, accesses) in &txns {
            sessions.push(*session, accesses);
        }
        sessions
    });
    for level in Level::ALL {
        let verdict = time(&format!("{level:?}"), || causal::check(&sessions, level));
        println!(
            "    {} read, {} broken, {:?}",
            verdict.tested, verdict.count, verdict.unknown
        );
        if let Some(violation) = verdict.violation {
            println!("    {}: {}", violation.name(), violation.tell(&sessions));
        }
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!(
        "{}",
        status
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap_or("memory unknown")
    );
}

/// In Plume's format; what nobody wrote is 0, which the first session wrote.
fn text(txns: &[(u64, Vec<Access>)]) -> String {
    let mut text = String::new();
    let mut keys: Vec<u64> = Vec::new();
    for (_, accesses) in txns {
        keys.extend(accesses.iter().map(|access| match access {
            Access::Read { key, .. } | Access::Write { key, .. } => *key,
        }));
    }
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        text.push_str(&format!("w({key},0,0,0)\n"));
    }
    for (number, (session, accesses)) in (1..).zip(txns) {
        for access in accesses {
            let (function, key, value) = match *access {
                Access::Read { key, value } => ('r', key, value.unwrap_or(0)),
                Access::Write { key, value } => ('w', key, value),
            };
            text.push_str(&format!("{function}({key},{value},{},{number})\n", session + 1));
        }
    }
    text
}

fn time<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = run();
    println!("{what:<16} {:>8.1} ms", start.elapsed().as_secs_f64() * 1e3);
    result
}
