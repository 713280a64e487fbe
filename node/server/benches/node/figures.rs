//! Rates, latencies and what they cost; a row of them is a line of the table.

use std::time::{Duration, Instant};

use crate::Effort;

/// The times that operations took, over a span, and the processor time that each took.
pub(crate) struct Figures {
    pub(crate) ops_per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// Of those that serve, an operation; `None` where it can't be known.
    served: Option<Duration>,
    /// Of those that ask.
    asked: Option<Duration>,
}

/// Processor time over a window: of those that serve, and of those that ask.
#[derive(Clone, Copy)]
pub(crate) struct Used {
    pub(crate) serving: Option<Duration>,
    pub(crate) asking: Option<Duration>,
}

impl Figures {
    pub(crate) fn of(mut latencies: Vec<Duration>, span: Duration, used: Used) -> Figures {
        latencies.sort_unstable();
        let of_one = |used: Option<Duration>| used?.checked_div(latencies.len() as u32);
        Figures {
            ops_per_second: latencies.len() as f64 / span.as_secs_f64(),
            p50: quantile(&latencies, 0.5),
            p99: quantile(&latencies, 0.99),
            served: of_one(used.serving),
            asked: of_one(used.asking),
        }
    }

    /// The median of each figure over rounds.
    pub(crate) fn median(rounds: &[Figures]) -> Figures {
        fn middle<T: PartialOrd + Copy>(rounds: &[Figures], figure: impl Fn(&Figures) -> T) -> T {
            let mut all: Vec<T> = rounds.iter().map(figure).collect();
            all.sort_by(|a, b| a.partial_cmp(b).expect("figures are numbers"));
            all[all.len() / 2]
        }
        Figures {
            ops_per_second: middle(rounds, |f| f.ops_per_second),
            p50: middle(rounds, |f| f.p50),
            p99: middle(rounds, |f| f.p99),
            served: middle(rounds, |f| f.served),
            asked: middle(rounds, |f| f.asked),
        }
    }

    pub(crate) fn print_head() {
        let [ops, share, p50, p99] = ["ops/s", "of echo", "p50", "p99"];
        let [served, asked] = ["CPU/op", "of load"];
        println!(
            "{:<68} {ops:>9} {share:>7} {p50:>9} {p99:>9} {served:>8} {asked:>8}",
            ""
        );
    }

    /// Prints a line. `limit` is what the echo does in a second.
    pub(crate) fn print(&self, what: &str, limit: Option<f64>) {
        let share = limit.map_or("-".to_owned(), |limit| {
            format!("{:.1} %", 100.0 * self.ops_per_second / limit)
        });
        let cpu =
            |used: Option<Duration>| used.map_or("-".to_owned(), |used| format!("{:.1} us", used.as_secs_f64() * 1e6));
        let (p50, p99) = (self.p50.as_micros(), self.p99.as_micros());
        let (ops, served, asked) = (self.ops_per_second, cpu(self.served), cpu(self.asked));
        println!("{what:<68} {ops:>9.0} {share:>7} {p50:>6} us {p99:>6} us {served:>8} {asked:>8}");
    }
}

/// The shortest that a share `q` of all, which are sorted, are no longer than; 0 of none.
pub(crate) fn quantile(sorted: &[Duration], q: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * q) as usize).copied().unwrap_or_default()
}

/// Whether an operation that started then counts, and when there is to be no more.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub(crate) from: Instant,
    pub(crate) until: Instant,
}

impl Window {
    pub(crate) fn open(effort: &Effort) -> Window {
        let from = Instant::now() + effort.span / 5;
        Window {
            from,
            until: from + effort.span,
        }
    }

    pub(crate) fn counts(&self, started: Instant, ended: Instant) -> bool {
        started >= self.from && ended <= self.until
    }
}
