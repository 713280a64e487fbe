//! How long the near-linear ways take on large valid histories: `cargo run --release -p quorate-checker --example fast
//! [CALLS [REACH]]`. A measurement to look at, not a test.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement reads the clock and prints; the library does neither"
)]

#[path = "../tests/it/fast/scatter.rs"]
#[expect(dead_code, reason = "tests also change what is drawn here")]
mod scatter;
#[path = "../tests/it/fast/trial.rs"]
#[expect(dead_code, reason = "tests also ask for words and kinds")]
mod trial;

use std::time::Instant;

use trial::Object;

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|it| it.parse().expect("arguments are numbers"));
    let call_count = arguments.next().unwrap_or(1_000_000);
    let reach = arguments.next().unwrap_or(50);
    println!("{call_count} calls, about {reach} at a time, 2% of unknown outcome (of a stack only pushes)");
    for object in Object::ALL {
        let shape = scatter::Shape {
            object,
            call_count_max: call_count,
            info_percent: 2,
            has_info_takes: object != Object::Stack,
            has_drains: false,
            reach: reach as u64,
        };
        let trials = scatter::simulate(&mut scatter::rng(1), shape, call_count);
        let transcript = trial::transcript(&trials);
        drop(trials);
        let start = Instant::now();
        let finding = trial::finding(object.decide(&transcript)).expect("it is decided");
        println!("{object:?}: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
        assert_eq!(finding.count, 0, "{finding:#?}");
    }
}
