//! How long a peer took to answer of late: what tells a coordinator when to ask another one (Dean and Barroso, *The
//! Tail at Scale*, CACM 2013: hedged requests).
//!
//! It keeps the last spans that were measured, and no average: the tail is what is asked for. It judges nobody: a peer
//! that is slow is no peer that is down.

use std::time::Duration;

/// Spans kept. Enough that the 99th percentile is not the slowest one, and soon over a slow spell.
const SAMPLES_MAX: usize = 128;

/// With fewer, a quantile would be a guess.
const SAMPLES_MIN: usize = 8;

/// The last 128 round trips to one peer.
#[derive(Clone, Debug, Default)]
pub struct LatencyWindow {
    /// In order of arrival, from `oldest` around.
    samples: Vec<Duration>,
    /// Where the next one goes, once the window is full.
    oldest: usize,
    /// The samples in order of length, or empty where one came since.
    sorted: Vec<Duration>,
}

impl LatencyWindow {
    /// A window without samples, which costs no memory until there is one.
    pub fn new() -> LatencyWindow {
        LatencyWindow::default()
    }

    /// Takes in a round trip; the oldest one leaves a full window.
    ///
    /// A request that was given up is one too, of as long as it was waited for: without it a peer that leaves every
    /// other request unanswered looks fast.
    pub fn record(&mut self, round_trip: Duration) {
        self.sorted.clear();
        if self.samples.len() < SAMPLES_MAX {
            self.samples.push(round_trip);
        } else {
            self.samples[self.oldest] = round_trip;
            self.oldest = (self.oldest + 1) % SAMPLES_MAX;
        }
        assert!(self.samples.len() <= SAMPLES_MAX, "a window has a bound");
    }

    /// The shortest span in the window that a share `q` of all are no longer than; `None` with fewer than 8 samples.
    /// Sorts, unless nothing was recorded since it was last asked.
    ///
    /// # Panics
    /// If `q` is not from 0 to 1.
    pub fn quantile(&mut self, q: f64) -> Option<Duration> {
        assert!((0.0..=1.0).contains(&q), "a share of {q}");
        if self.samples.len() < SAMPLES_MIN {
            return None;
        }
        if self.sorted.is_empty() {
            self.sorted.extend_from_slice(&self.samples);
            self.sorted.sort_unstable();
        }
        let rank = (q * self.sorted.len() as f64).ceil() as usize;
        Some(self.sorted[rank.max(1) - 1])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    fn window(millis: impl IntoIterator<Item = u64>) -> LatencyWindow {
        let mut window = LatencyWindow::new();
        for span in millis {
            window.record(Duration::from_millis(span));
        }
        window
    }

    #[test]
    fn a_few_samples_are_no_quantile() {
        let mut window = window(1..8);
        assert_eq!(window.quantile(0.5), None);
        window.record(Duration::from_millis(8));
        assert_eq!(window.quantile(0.5), Some(Duration::from_millis(4)));
    }

    #[test]
    fn a_quantile_is_the_sample_of_its_rank() {
        let mut window = window((1..=100).rev());
        for (q, millis) in [
            (0.0, 1),
            (0.001, 1),
            (0.01, 1),
            (0.5, 50),
            (0.95, 95),
            (0.991, 100),
            (1.0, 100),
        ] {
            assert_eq!(window.quantile(q), Some(Duration::from_millis(millis)), "{q}");
        }
    }

    #[test]
    fn only_the_last_samples_count() {
        let mut window = window([1_000_000; SAMPLES_MAX].into_iter().chain(1..=128));
        assert_eq!(window.quantile(1.0), Some(Duration::from_millis(128)));
        window.record(Duration::ZERO);
        let ends = [window.quantile(0.0), window.quantile(1.0)];
        assert_eq!(ends, [Some(Duration::ZERO), Some(Duration::from_millis(128))]);
    }

    /// Against sorting the last samples anew each time.
    #[test]
    fn a_window_is_its_last_samples() {
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let (mut window, mut last) = (LatencyWindow::new(), VecDeque::new());
        for step in 0..1000 {
            let span = Duration::from_nanos(rng.random_range(0..50));
            window.record(span);
            last.push_back(span);
            if last.len() > SAMPLES_MAX {
                last.pop_front();
            }
            let q: f64 = rng.random();
            let mut sorted = Vec::from(last.clone());
            sorted.sort();
            let naive = sorted.iter().position(|span| {
                let count = sorted.iter().filter(|other| *other <= span).count();
                count as f64 >= q * sorted.len() as f64
            });
            let naive = naive.map(|at| sorted[at]).filter(|_| sorted.len() >= SAMPLES_MIN);
            assert_eq!(window.quantile(q), naive, "step {step}, {q}");
        }
    }
}
