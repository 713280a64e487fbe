//! What a cluster of three serves on this machine, beside what its transport alone would.
//!
//! First a bare echo over QUIC, with the node's transport parameters and framing and nothing else, server and client a
//! thread each. Then three nodes as processes, and one process of load, through the client library. `cargo bench`
//! measures, `cargo test` only runs through it. The figures depend on how many cores there are, and on the disk.

#![expect(clippy::unwrap_used, reason = "what fails here ends the measurement, and says where")]

mod echo;
mod load;

use std::{
    env,
    time::{Duration, Instant},
};

/// Bytes of a request's payload, or of a value.
const PAYLOAD_BYTES: usize = 100;

/// What is measured, and how much.
#[derive(Clone)]
struct Effort {
    /// Only figures with this in their name; given as an argument.
    only: String,
    /// How long each figure is measured; a fifth as long goes before, unmeasured.
    span: Duration,
    rounds: usize,
    keys: u64,
}

impl Effort {
    fn full(only: String) -> Effort {
        Effort {
            only,
            span: Duration::from_secs(3),
            rounds: 3,
            keys: 10_000,
        }
    }

    fn quick(only: String) -> Effort {
        Effort {
            only,
            span: Duration::from_millis(30),
            rounds: 1,
            keys: 100,
        }
    }
}

fn main() {
    let measured = env::args().any(|argument| argument == "--bench");
    let only = env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'))
        .unwrap_or_default();
    let effort = if measured {
        Effort::full(only)
    } else {
        Effort::quick(only)
    };
    println!(
        "{PAYLOAD_BYTES}-byte payloads, {:?} a figure, medians of {} rounds",
        effort.span, effort.rounds
    );
    println!("{:<44} {:>9} {:>9} {:>9}", "", "ops/s", "p50", "p99");
    echo::measure(&effort);
    load::measure(&effort);
}

/// The times that operations took, over a span.
struct Figures {
    ops_per_second: f64,
    p50: Duration,
    p99: Duration,
}

impl Figures {
    fn of(mut latencies: Vec<Duration>, span: Duration) -> Figures {
        latencies.sort_unstable();
        let quantile = |q: f64| {
            let last = latencies.len().saturating_sub(1);
            latencies.get((last as f64 * q) as usize).copied().unwrap_or_default()
        };
        Figures {
            ops_per_second: latencies.len() as f64 / span.as_secs_f64(),
            p50: quantile(0.5),
            p99: quantile(0.99),
        }
    }

    /// The median of each figure over rounds.
    fn median(rounds: &[Figures]) -> Figures {
        fn middle<T: PartialOrd + Copy>(rounds: &[Figures], figure: impl Fn(&Figures) -> T) -> T {
            let mut all: Vec<T> = rounds.iter().map(figure).collect();
            all.sort_by(|a, b| a.partial_cmp(b).expect("figures are numbers"));
            all[all.len() / 2]
        }
        Figures {
            ops_per_second: middle(rounds, |f| f.ops_per_second),
            p50: middle(rounds, |f| f.p50),
            p99: middle(rounds, |f| f.p99),
        }
    }

    fn print(&self, what: &str) {
        let (p50, p99) = (self.p50.as_micros(), self.p99.as_micros());
        println!("{what:<44} {:>9.0} {p50:>6} us {p99:>6} us", self.ops_per_second);
    }
}

/// Whether an operation that started then counts, and when there is to be no more.
#[derive(Clone, Copy)]
struct Window {
    from: Instant,
    until: Instant,
}

impl Window {
    fn open(effort: &Effort) -> Window {
        let from = Instant::now() + effort.span / 5;
        Window {
            from,
            until: from + effort.span,
        }
    }

    fn counts(&self, started: Instant, ended: Instant) -> bool {
        started >= self.from && ended <= self.until
    }
}
