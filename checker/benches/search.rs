//! What the search for linearizations costs: models, lengths, concurrency, crashed calls.
//!
//! `cargo bench -p quorate-checker --bench search` measures; with `MODEL CALLS CLIENTS CRASHED [KEYS [SEED]]` after `--` one case,
//! CRASHED in thousandths. `cargo test` only runs through it. The histories are valid, and valid but for one answer in a thousand.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement reads the clock and prints; the library does neither"
)]

use std::{env, time::Instant};

use quorate_checker::{
    Context, Transcript,
    linear::{ModelKind, Options, check_kind},
};

#[path = "../tests/it/linear/objects.rs"]
mod objects;

use objects::Load;

/// A history in as many keys, each of which is judged apart.
#[derive(Clone, Copy)]
struct Case {
    kind: ModelKind,
    call_count: usize,
    client_count: usize,
    crashed: u32,
    key_count: usize,
    seed: u64,
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let is_measured = arguments.iter().any(|it| it == "--bench");
    let own: Vec<&String> = arguments.iter().filter(|it| !it.starts_with("--")).collect();
    println!(
        "model           calls  clients  crashed   keys |    valid  calls/s  verdict | one answer in a thousand wrong"
    );
    if let [kind, counts @ ..] = &own[..]
        && let Some(kind) = ModelKind::of_name(kind)
    {
        let number = |place: usize, default: u64| {
            let given = counts.get(place).map(|it| it.parse().expect("counts are numbers"));
            given.unwrap_or(default)
        };
        measure(Case {
            kind,
            call_count: number(0, 1_000) as usize,
            client_count: number(1, 10) as usize,
            crashed: number(2, 0) as u32,
            key_count: number(3, 1) as usize,
            seed: number(4, 1),
        });
        return;
    }
    let sizes: &[usize] = if is_measured {
        &[1_000, 10_000, 100_000, 1_000_000]
    } else {
        &[100]
    };
    for kind in [ModelKind::CasRegister, ModelKind::Kv, ModelKind::Queue] {
        for call_count in sizes {
            for (client_count, crashed, key_count) in [
                (5, 0, 1),
                (10, 0, 1),
                (10, 10, 1),
                (10, 100, 1),
                (20, 0, 1),
                (100, 0, 1),
                (10, 10, 100),
            ] {
                measure(Case {
                    kind,
                    call_count: *call_count,
                    client_count,
                    crashed,
                    key_count,
                    seed: 1,
                });
            }
        }
    }
}

fn measure(case: Case) {
    let transcripts: Vec<Transcript> = (0..case.key_count as u64).map(|key| transcript(case, key, 0)).collect();
    let (valid_s, verdict) = judge(&transcripts, case.kind);
    drop(transcripts);
    let wrong = [transcript(case, 0, 1)];
    let (wrong_s, wrong_verdict) = judge(&wrong, case.kind);
    let Case {
        call_count,
        client_count,
        crashed,
        key_count,
        ..
    } = case;
    println!(
        "{:<14} {call_count:>6}  {client_count:>7}  {:>6.1}%  {key_count:>5} | {valid_s:>6.3} s {:>8.0}  {verdict:<7} | {wrong_s:.3} s {wrong_verdict}",
        case.kind.name(),
        f64::from(crashed) / 10.0,
        call_count as f64 / valid_s,
    );
}

/// Returns the history of one key; of a thousand answers `lies` are wrong.
fn transcript(case: Case, key: u64, lies: u32) -> Transcript {
    objects::transcript(Load {
        kind: case.kind,
        seed: case.seed + key,
        call_count: case.call_count / case.key_count,
        client_count: case.client_count,
        value_count: 5,
        crashed: case.crashed,
        lies,
    })
}

fn judge(transcripts: &[Transcript], kind: ModelKind) -> (f64, &'static str) {
    let options = Options::default();
    let start = Instant::now();
    let findings = transcripts
        .iter()
        .map(|it| check_kind(it, kind, &options, &Context::default()));
    let (mut count, mut is_unknown) = (0, false);
    for finding in findings {
        count += finding.count;
        is_unknown |= finding.unknown.is_some();
    }
    let verdict = match (count, is_unknown) {
        (0, false) => "valid",
        (0, true) => "unknown",
        _ => "invalid",
    };
    (start.elapsed().as_secs_f64(), verdict)
}
