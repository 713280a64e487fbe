//! How long operations took.

use std::time::Duration;

use serde::Serialize;

/// Quantiles of latencies, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// How many there are.
    pub count: usize,
    /// The median.
    pub p50_ms: f64,
    /// All but one in a hundred are at most this.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Latency {
    /// The quantiles of `latencies`; `None` of none. By nearest rank: each figure is a latency that occurred.
    pub fn of(latencies: &[Duration]) -> Option<Latency> {
        let max = latencies.iter().max()?;
        let rank = |percent: usize| (latencies.len() * percent).div_ceil(100).max(1) - 1;
        let ms = |span: &Duration| span.as_secs_f64() * 1000.0;
        // In order only as far as it takes: each simulated run asks.
        let mut parted = latencies.to_vec();
        let (shorter, p99, _) = parted.select_nth_unstable(rank(99));
        let p99_ms = ms(p99);
        let p50_ms = match rank(50) {
            median if median < shorter.len() => ms(shorter.select_nth_unstable(median).1),
            _ => p99_ms,
        };
        Some(Latency {
            count: latencies.len(),
            p50_ms,
            p99_ms,
            max_ms: ms(max),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_latencies_that_occurred() {
        let ms = |range: std::ops::RangeInclusive<u64>| range.map(Duration::from_millis).collect::<Vec<_>>();
        let of_hundred = Latency::of(&ms(1..=100)).expect("some");
        assert_eq!(
            (of_hundred.p50_ms, of_hundred.p99_ms, of_hundred.max_ms),
            (50.0, 99.0, 100.0)
        );
        let of_one = Latency::of(&ms(7..=7)).expect("some");
        assert_eq!((of_one.p50_ms, of_one.p99_ms, of_one.max_ms), (7.0, 7.0, 7.0));
        assert_eq!(Latency::of(&[]), None);
    }
}
