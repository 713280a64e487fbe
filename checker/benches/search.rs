//! What the search for linearizations costs.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement reads the clock and prints; the library does neither"
)]

use std::{env, time::Instant};

use quorate_checker::{
    Context,
    linear::{Budget, ModelKind, Nil, Options, Strategy, check_kind},
};

#[path = "../tests/it/linear/objects.rs"]
mod objects;

use objects::Load;

fn main() {
    let args: Vec<String> = env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let n = |i: usize, d: u64| args.get(i).map_or(d, |it| it.parse().expect("number"));
    let load = Load {
        kind: ModelKind::of_name(args.first().map_or("cas-register", |it| it)).expect("model"),
        seed: n(6, 1),
        call_count: n(1, 1000) as usize,
        client_count: n(2, 10) as usize,
        crashed: n(3, 10) as u32,
        value_count: n(4, 5) as i64,
        lies: 0,
    };
    let strategy = [Strategy::Both, Strategy::Dive, Strategy::Sweep][n(5, 0) as usize];
    let transcript = objects::transcript(load);
    let start = Instant::now();
    let options = Options {
        nil: Nil::Absent,
        budget: Budget {
            strategy,
            ..Budget::default()
        },
        ..Options::default()
    };
    let finding = check_kind(&transcript, load.kind, &options, &Context::default());
    println!(
        "{load:?} {strategy:?}: {:.3} s, {} {:?}",
        start.elapsed().as_secs_f64(),
        finding.count,
        finding.unknown
    );
}
