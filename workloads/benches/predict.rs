//! How many trials of the model of staleness are drawn and evaluated in a second, on one thread.
//!
//! `cargo bench -p quorate-workloads --bench predict` measures; `cargo test` only runs through it. A trial is one write and one read
//! at one R and W; those that differ in R and W alone share what is drawn. With sorting, which the whole curve takes once. Seconds are
//! those that the thread had a processor, where the system tells, so that what else the machine does has no share in them.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement reads the clock and prints; the library does neither"
)]

use std::{env, fs, sync::LazyLock, time::Instant};

use quorate_workloads::pbs::{BLOCK_TRIALS, Model, Prediction, Quorum, Trials};

fn main() {
    let is_measured = env::args().any(|argument| argument == "--bench");
    let blocks = if is_measured { 32 } else { 1 };
    let all: Vec<_> = (1..=3).flat_map(|r| (1..=3).map(move |w| Quorum { r, w })).collect();
    println!("fit         R and W   draws/s (10^6)   trials/s (10^6)   fresh at once, first");
    for fit in Model::FITS {
        let model = Model::fit(fit, 3).expect("a published fit");
        for quorums in [&all[..1], &all[..]] {
            measure(fit, &model, quorums, blocks);
        }
    }
}

fn measure(fit: &str, model: &Model, quorums: &[Quorum], blocks: u64) {
    let none = Trials::none(model, quorums).expect("they can be");
    let began = seconds();
    let mut trials = none.clone();
    for block in 0..blocks {
        trials.extend(model.trials(1, block, BLOCK_TRIALS, &none));
    }
    let predictions = Prediction::of(trials);
    let seconds = seconds() - began;
    let draws = (blocks * u64::from(BLOCK_TRIALS)) as f64 / seconds / 1e6;
    println!(
        "{fit:<12}{:>7}   {draws:>14.2}   {:>15.2}   {:.4}",
        quorums.len(),
        draws * quorums.len() as f64,
        1.0 - predictions[0].stale_at(0.0).value
    );
}

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// How long this thread has had a processor; where the system does not say, since it first asked.
fn seconds() -> f64 {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    nanos.map_or_else(|| START.elapsed().as_secs_f64(), |nanos| nanos as f64 / 1e9)
}
