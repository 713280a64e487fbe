//! Thresholds: what a run has to reach besides its claims, as a service's goals are put.
//!
//! A missed one is no violation: the verdict stays what it is, and the process ends with a code of its own.

use std::{fmt, str::FromStr, time::Duration};

use quorate_checker::Counts;
use serde::Serialize;

use crate::duration;

/// A goal, as in `availability=99.9%`, `p99=50ms` or `recovery=5s`.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// What is measured.
    pub measure: Measure,
    /// At least this, of availability in percent; at most this, of all others in milliseconds.
    limit: f64,
    /// As it was typed.
    text: String,
}

/// What is measured of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// Of operations that clients began, the share that is known to have succeeded.
    Availability,
    /// The latency that this percentage of the successful operations did not exceed.
    Quantile(f64),
    /// The longest latency of a successful operation.
    Max,
    /// How long after the heal, when every fault is undone, nothing was under way any more and no hint was pending.
    Recovery,
}

/// What there is to measure.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// What clients did.
    pub counts: &'a Counts,
    /// How long each successful operation took.
    pub latencies: &'a [Duration],
    /// From the heal to rest; `None` if it did not come in time.
    pub recovery: Option<Duration>,
}

/// How a threshold fared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reached {
    /// As it was asked.
    pub threshold: String,
    /// Whether it was met. What could not be measured is missed.
    pub met: bool,
    /// The limit: percent of availability, milliseconds of all others.
    pub limit: f64,
    /// What was measured, in the same unit.
    pub measured: Option<f64>,
    /// The same in words, with how many operations that is of.
    pub words: String,
}

impl Threshold {
    /// Measures it.
    pub fn of(&self, measured: &Measured<'_>) -> Reached {
        let counts = measured.counts;
        let ok = counts.reads.ok + counts.writes.ok;
        let (value, sample) = match self.measure {
            Measure::Availability => {
                let share = ok as f64 * 100.0 / counts.ops as f64;
                (share.is_finite().then_some(share), of(counts.ops, "operations"))
            }
            Measure::Quantile(percent) => (
                ms(quantile(measured.latencies, percent)),
                of(ok, "successful operations"),
            ),
            Measure::Max => (
                ms(measured.latencies.iter().max().copied()),
                of(ok, "successful operations"),
            ),
            Measure::Recovery => (ms(measured.recovery), "from the heal to rest".to_owned()),
        };
        let is_availability = self.measure == Measure::Availability;
        let met = value.is_some_and(|value| match is_availability {
            true => value >= self.limit,
            false => value <= self.limit,
        });
        let words = match (value, self.measure) {
            (Some(value), Measure::Availability) => format!("{value:.3} % {sample}"),
            (Some(value), _) => format!("{value:.1} ms {sample}"),
            (None, Measure::Recovery) => "not at rest before the time for it was over".to_owned(),
            (None, _) => "no operation to measure".to_owned(),
        };
        Reached {
            threshold: self.text.clone(),
            met,
            limit: self.limit,
            measured: value,
            words,
        }
    }
}

fn of(count: u64, what: &str) -> String {
    format!("of {count} {what}")
}

fn ms(span: Option<Duration>) -> Option<f64> {
    span.map(|span| span.as_secs_f64() * 1000.0)
}

/// By nearest rank: a latency that occurred.
fn quantile(latencies: &[Duration], percent: f64) -> Option<Duration> {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    // Not by a division: 99.9 / 100 of 1,000 would be a little more than 999.
    let rank = (sorted.len() as f64 * percent / 100.0).ceil();
    sorted.get((rank as usize).clamp(1, sorted.len().max(1)) - 1).copied()
}

/// Why a text is no threshold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ThresholdError(String);

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Threshold, ThresholdError> {
        let error = |why: &str| ThresholdError(why.to_owned());
        let (name, limit) = text
            .split_once('=')
            .ok_or_else(|| error("write a name and a limit, as p99=50ms"))?;
        let measure = Measure::from_name(name).ok_or_else(|| {
            error("there is availability, as in availability=99.9%; p50, p99, p99.9 and so on, and max, as in p99=50ms; recovery")
        })?;
        let limit = match measure {
            Measure::Availability => limit
                .strip_suffix('%')
                .and_then(|share| share.parse().ok())
                .filter(|share| (0.0..=100.0).contains(share))
                .ok_or_else(|| error("write a share of 0% to 100%, as availability=99.9%"))?,
            _ => {
                let span = duration::parse(limit).map_err(|why| ThresholdError(why.to_string()))?;
                span.as_secs_f64() * 1000.0
            }
        };
        Ok(Threshold {
            measure,
            limit,
            text: text.to_owned(),
        })
    }
}

impl Measure {
    fn from_name(name: &str) -> Option<Measure> {
        match name {
            "availability" => Some(Measure::Availability),
            "max" => Some(Measure::Max),
            "recovery" => Some(Measure::Recovery),
            _ => {
                let digits = name.strip_prefix('p')?;
                let is_number = digits.starts_with(|first: char| first.is_ascii_digit());
                let percent = digits.parse().ok().filter(|_| is_number)?;
                (percent > 0.0 && percent < 100.0).then_some(Measure::Quantile(percent))
            }
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use quorate_checker::OutcomeCounts;

    use super::*;

    fn reached(text: &str) -> Reached {
        let counts = Counts {
            ops: 1000,
            reads: OutcomeCounts {
                ok: 600,
                fail: 1,
                info: 0,
            },
            writes: OutcomeCounts {
                ok: 399,
                fail: 0,
                info: 0,
            },
            ..Counts::default()
        };
        let latencies: Vec<_> = (1..=1000).map(Duration::from_millis).rev().collect();
        let measured = Measured {
            counts: &counts,
            latencies: &latencies,
            recovery: Some(Duration::from_secs(5)),
        };
        text.parse::<Threshold>().expect(text).of(&measured)
    }

    #[test]
    fn a_limit_is_met_by_what_equals_it_and_missed_by_the_next() {
        for (text, met, measured) in [
            ("availability=99.9%", true, 99.9),
            ("availability=99.91%", false, 99.9),
            ("p50=500ms", true, 500.0),
            ("p50=499ms", false, 500.0),
            ("p99.9=999ms", true, 999.0),
            ("p99.9=998ms", false, 999.0),
            ("max=1s", true, 1000.0),
            ("max=999ms", false, 1000.0),
            ("recovery=5s", true, 5000.0),
            ("recovery=4999ms", false, 5000.0),
        ] {
            let reached = reached(text);
            assert_eq!(
                (reached.met, reached.measured),
                (met, Some(measured)),
                "{text}: {}",
                reached.words
            );
        }
    }

    #[test]
    fn what_was_not_measured_is_missed() {
        let none = Measured {
            counts: &Counts::default(),
            latencies: &[],
            recovery: None,
        };
        for text in ["availability=0%", "p99=1h", "max=1h", "recovery=1h"] {
            let reached = text.parse::<Threshold>().expect(text).of(&none);
            assert_eq!((reached.met, reached.measured), (false, None), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_there_is() {
        for (text, why) in [
            ("p99", "a name and a limit"),
            ("speed=5s", "there is availability"),
            ("p=5s", "there is availability"),
            ("p100=5s", "there is availability"),
            ("pinf=5s", "there is availability"),
            ("availability=99.9", "as availability=99.9%"),
            ("availability=101%", "0% to 100%"),
            ("availability=NaN%", "0% to 100%"),
            ("p99=50", "50"),
        ] {
            let said = text.parse::<Threshold>().expect_err(text).to_string();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
