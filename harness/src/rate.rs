//! How often something comes back, and how many runs without it make it sure that it is gone.
//!
//! Of `n` runs in which it came back `k` times the true rate is not known, only bounded: by the exact interval of Clopper and
//! Pearson (*The use of confidence or fiducial limits illustrated in the case of the binomial*, Biometrika 26, 1934).

use serde::{Deserialize, Serialize};

/// In how many of so many runs something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Runs.
    pub times: u64,
    /// Those in which it was seen.
    pub came_back: u64,
}

/// How finely a bound is looked for: halvings of the interval from 0 to 1.
const HALVINGS: usize = 60;

impl Rate {
    /// The least and the greatest rate at which what was seen is not too unlikely: outside of both lies a share of
    /// `1 - confidence` altogether.
    pub fn interval(self, confidence: f64) -> (f64, f64) {
        let tail = (1.0 - confidence) / 2.0;
        (self.at_least(1.0 - tail), self.at_most(1.0 - tail))
    }

    /// The rate is at least this, with so much confidence.
    pub fn at_least(self, confidence: f64) -> f64 {
        if self.came_back == 0 {
            return 0.0;
        }
        // The rate at which so many or more would be seen in a share of 1 - confidence.
        bisect(|rate| self.chance_of_fewer(self.came_back, rate) < confidence)
    }

    /// The rate is at most this, with so much confidence.
    pub fn at_most(self, confidence: f64) -> f64 {
        if self.came_back == self.times {
            return 1.0;
        }
        bisect(|rate| self.chance_of_fewer(self.came_back + 1, rate) < 1.0 - confidence)
    }

    /// The chance to see it fewer than `count` times in as many runs.
    fn chance_of_fewer(self, count: u64, rate: f64) -> f64 {
        let (mut chance, mut choose_ln) = (0.0, 0.0);
        for seen in 0..count {
            let missed = self.times - seen;
            let term: f64 = choose_ln + seen as f64 * rate.ln() + missed as f64 * (-rate).ln_1p();
            chance += term.exp();
            choose_ln += (missed as f64).ln() - ((seen + 1) as f64).ln();
        }
        chance
    }
}

/// The greatest rate for which `is_below` does not hold yet, or the least for which it does.
fn bisect(is_below: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if is_below(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    f64::midpoint(low, high)
}

/// How many runs in a row without it make it `confidence` sure that something does not come back at this rate or more: the
/// least `m` with `(1 - rate)^m <= 1 - confidence`. `None` if no number does, as at a rate of 0.
pub fn clean_runs(rate: f64, confidence: f64) -> Option<u64> {
    let runs = (1.0 - confidence).ln() / (-rate).ln_1p();
    // A bound that was found by halving is a hair off.
    let runs = (runs - 1e-9).ceil();
    (rate > 0.0 && runs < 1e15).then(|| (runs as u64).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_near(is: f64, expected: f64) -> bool {
        (is - expected).abs() < 5e-5
    }

    /// Values of the exact interval as tables of it have them.
    #[test]
    fn bounds_are_those_of_the_tables() {
        for (came_back, times, low, high) in [
            (0, 10, 0.0, 0.3085),
            (1, 10, 0.0025, 0.4450),
            (5, 10, 0.1871, 0.8129),
            (10, 10, 0.6915, 1.0),
            (12, 20, 0.3605, 0.8088),
            (1, 100, 0.0003, 0.0545),
        ] {
            let (is_low, is_high) = Rate { times, came_back }.interval(0.95);
            assert!(
                is_near(is_low, low) && is_near(is_high, high),
                "{came_back}/{times}: {is_low} {is_high}"
            );
        }
    }

    #[test]
    fn the_rule_of_three_and_its_like() {
        // At a rate of 1 in 100, 299 clean runs are 95 % sure; half the time a run shows it, 5 are.
        assert_eq!(clean_runs(0.01, 0.95), Some(299));
        assert_eq!(clean_runs(0.5, 0.95), Some(5));
        assert_eq!(clean_runs(1.0, 0.95), Some(1));
        assert_eq!(clean_runs(0.0, 0.95), None);
        // As many clean runs as showed it, when each did.
        let always = Rate {
            times: 20,
            came_back: 20,
        };
        assert_eq!(clean_runs(always.at_least(0.95), 0.95), Some(2));
    }
}
