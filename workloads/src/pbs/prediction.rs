//! What trials amount to, each figure with how sure it is.

use super::{
    Quorum, Trials,
    trials::{Freshness, Latencies},
    versions::within_versions,
};

/// A figure, and the bounds that it is between with 95 % confidence, as far as the number of trials goes. That the model is right is
/// another matter.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// What it is most likely.
    pub value: f64,
    /// It is at least this.
    pub low: f64,
    /// It is at most this; `None` if nothing is known of that.
    pub high: Option<f64>,
}

/// How many standard deviations around the mean hold 95 % of a normal distribution.
const Z: f64 = 1.959_964;

impl Estimate {
    /// A share: what was seen in `seen` of `times`, by the score interval (Wilson, *Probable inference, the law of succession, and
    /// statistical inference*, Journal of the American Statistical Association 22, 1927). Of no times at all it is anything.
    pub fn share(seen: u64, times: u64) -> Estimate {
        if times == 0 {
            return Estimate {
                value: 0.0,
                low: 0.0,
                high: Some(1.0),
            };
        }
        let n = times as f64;
        let p = seen as f64 / n;
        let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
        let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt() / (1.0 + Z * Z / n);
        Estimate {
            value: p,
            low: if seen == 0 { 0.0 } else { middle - half },
            high: Some(if seen == times { 1.0 } else { middle + half }),
        }
    }

    /// The quantile `p` of sorted figures, by the ranks between which it lies: whatever the distribution, as many of them are below
    /// it as of a coin's throws come up heads.
    ///
    /// # Panics
    /// If there are none.
    pub fn quantile(sorted: &[f32], p: f64) -> Estimate {
        let n = sorted.len() as f64;
        let at = |rank: f64| f64::from(sorted[(rank.ceil().max(1.0) as usize).min(sorted.len()) - 1]);
        let spread = Z * (n * p * (1.0 - p)).sqrt();
        let high = n * p + spread + 1.0;
        Estimate {
            value: at(n * p),
            low: at(n * p - spread),
            high: (high <= n).then(|| at(high)),
        }
    }
}

/// How long operations take.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Quantiles {
    /// Half of them take at most this many milliseconds.
    pub p50_ms: Estimate,
    /// Nine in ten.
    pub p90_ms: Estimate,
    /// 99 in a hundred.
    pub p99_ms: Estimate,
    /// 999 in a thousand.
    pub p999_ms: Estimate,
}

impl Quantiles {
    /// Of figures in any order; `None` of none.
    pub fn of(mut ms: Vec<f32>) -> Option<Quantiles> {
        if ms.is_empty() {
            return None;
        }
        sort(&mut ms);
        let [p50_ms, p90_ms, p99_ms, p999_ms] = [0.5, 0.9, 0.99, 0.999].map(|p| Estimate::quantile(&ms, p));
        Some(Quantiles {
            p50_ms,
            p90_ms,
            p99_ms,
            p999_ms,
        })
    }
}

/// How many bits a digit has by which figures are sorted.
const DIGIT_BITS: u32 = 11;

/// Fewer figures than this are sorted by comparing them.
const DIGITS_MIN: usize = 1 << DIGIT_BITS;

/// Sorts figures of which none is below 0: then their bits have their order. By three digits, the lowest first, which takes a third of
/// what it takes to compare a million of them.
fn sort(ms: &mut Vec<f32>) {
    if ms.len() < DIGITS_MIN {
        ms.sort_unstable_by(f32::total_cmp);
        return;
    }
    const DIGITS: [u32; 3] = [0, DIGIT_BITS, 2 * DIGIT_BITS];
    let digit = |bits: u32, shift: u32| (bits >> shift) as usize & (DIGITS_MIN - 1);
    // A zero of the other sign is the same zero.
    let mut from: Vec<u32> = ms.iter().map(|ms| (ms + 0.0).to_bits()).collect();
    let mut counts = [[0usize; DIGITS_MIN]; 3];
    for bits in &from {
        for (count, shift) in counts.iter_mut().zip(DIGITS) {
            count[digit(*bits, shift)] += 1;
        }
    }
    let mut to = vec![0; from.len()];
    for (count, shift) in counts.iter_mut().zip(DIGITS) {
        let mut before = 0;
        for place in count.iter_mut() {
            before += std::mem::replace(place, before);
        }
        for bits in &from {
            let place = &mut count[digit(*bits, shift)];
            to[*place] = *bits;
            *place += 1;
        }
        std::mem::swap(&mut from, &mut to);
    }
    ms.clear();
    ms.extend(from.into_iter().map(f32::from_bits));
}

/// What the model says of one R and W.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// How many replicas.
    pub n: u8,
    /// R and W.
    pub quorum: Quorum,
    /// Trials.
    pub trials: u64,
    /// The share of trials of which the write or the read did not get its answers, because messages were lost. They count for
    /// nothing else.
    pub unanswered: f64,
    /// How long reads take; `None` if none was answered.
    pub read: Option<Quantiles>,
    /// How long writes take; `None` if none was acknowledged.
    pub write: Option<Quantiles>,
    answered: u64,
    /// When trials that were not fresh at once became so, the last first.
    needs_ms: Vec<f32>,
}

impl Prediction {
    /// One for each R and W of the trials, in their order.
    pub fn of(trials: Trials) -> Vec<Prediction> {
        let Trials {
            n,
            count,
            reads,
            writes,
            pairs,
        } = trials;
        let quantiles = |side: Latencies| (side.answers, Quantiles::of(side.ms));
        let reads: Vec<_> = reads.into_iter().map(quantiles).collect();
        let writes: Vec<_> = writes.into_iter().map(quantiles).collect();
        let of = |side: &[(u8, Option<Quantiles>)], answers: u8| {
            let found = side.iter().find(|(known, _)| *known == answers);
            found.and_then(|(_, quantiles)| quantiles.clone())
        };
        let prediction = |pair: Freshness| {
            let mut needs_ms = pair.needs_ms;
            sort(&mut needs_ms);
            needs_ms.reverse();
            Prediction {
                n,
                quorum: pair.quorum,
                trials: count,
                unanswered: (count - pair.answered) as f64 / count.max(1) as f64,
                read: of(&reads, pair.quorum.r),
                write: of(&writes, pair.quorum.w),
                answered: pair.answered,
                needs_ms,
            }
        };
        pairs.into_iter().map(prediction).collect()
    }

    /// The share of reads that are stale, of those that begin so many milliseconds after a write was acknowledged. Where quorums meet
    /// (R + W > N) it is none for sure, however few trials there were.
    pub fn stale_at(&self, t_ms: f64) -> Estimate {
        if self.quorum.r + self.quorum.w > self.n && self.answered > 0 && self.needs_ms.is_empty() {
            return Estimate {
                value: 0.0,
                low: 0.0,
                high: Some(0.0),
            };
        }
        let stale = self.needs_ms.partition_point(|need| f64::from(*need) > t_ms);
        Estimate::share(stale as u64, self.answered)
    }

    /// How long after a write's acknowledgement a read has to begin to be fresh with this chance, in milliseconds; `None` if what was
    /// lost keeps it from ever being so, or if there are too few trials to tell.
    pub fn fresh_by(&self, share: f64) -> Option<Estimate> {
        let n = self.answered as f64;
        // The time at which this many trials are still stale.
        let at = |stale: f64| match self.needs_ms.get(stale.max(0.0) as usize) {
            Some(need) => f64::from(*need),
            None => 0.0,
        };
        let (allowed, spread) = (n * (1.0 - share), Z * (n * share * (1.0 - share)).sqrt());
        let value = at(allowed);
        // Below one trial there is nothing to go by.
        let is_known = allowed >= 1.0 && value.is_finite();
        is_known.then(|| Estimate {
            value,
            low: at(allowed + spread),
            high: Some(at(allowed - spread - 1.0)).filter(|high| allowed > spread && high.is_finite()),
        })
    }

    /// The share of reads that return one of the last `k` versions, at least, however soon after the write they begin.
    pub fn within_versions(&self, k: f64) -> f64 {
        within_versions(self.n, self.quorum.r, self.quorum.w, k)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_bounded_as_wilson_has_it() {
        for (seen, times, low, high) in [
            (0, 10, 0.0, 0.2775),
            (1, 10, 0.0179, 0.4042),
            (5, 10, 0.2366, 0.7634),
            (10, 10, 0.7225, 1.0),
            (0, 0, 0.0, 1.0),
        ] {
            let is = Estimate::share(seen, times);
            let high_is = is.high.expect("shares have one");
            assert!(
                (is.low - low).abs() < 1e-4 && (high_is - high).abs() < 1e-4,
                "{seen}/{times}: {is:?}"
            );
        }
    }

    #[test]
    fn figures_are_sorted_by_digits_as_by_comparing() {
        for count in [0, 1, 2047, 2048, 5000] {
            let figure = |i: u32| match i % 7 {
                0 => 0.0,
                1 => f32::INFINITY,
                2 => -0.0,
                _ => f32::from_bits(i.wrapping_mul(2_654_435_761) % f32::INFINITY.to_bits()),
            };
            let mut figures: Vec<f32> = (0..count).map(figure).collect();
            let mut compared: Vec<f32> = figures.iter().map(|ms| ms + 0.0).collect();
            compared.sort_unstable_by(f32::total_cmp);
            sort(&mut figures);
            assert_eq!(figures, compared, "{count}");
        }
    }

    #[test]
    fn quantiles_are_figures_that_occur_with_those_around_them() {
        let sorted: Vec<f32> = (1..=1000u16).map(f32::from).collect();
        let median = Estimate::quantile(&sorted, 0.5);
        assert_eq!((median.value, median.low, median.high), (500.0, 470.0, Some(532.0)));
        let last = Estimate::quantile(&sorted, 0.999);
        assert_eq!(
            (last.value, last.high),
            (999.0, None),
            "of so few nothing is known above"
        );
        assert_eq!(Quantiles::of(Vec::new()), None);
    }
}
