//! From times to places: an axis on which things that happened almost at once can still be told apart.
//!
//! Its steps are the times at which something began or ended. A step is as wide as it is long, but not narrower than
//! can be seen, and not wider than it deserves; where it was cut, the axis is marked as broken. So the order of all
//! that happened is kept, and lengths are roughly.

use super::text;

/// The width of a step of median length.
const STEP_WIDTH: f64 = 48.0;

const STEP_WIDTH_MIN: f64 = 18.0;

const STEP_WIDTH_MAX: f64 = 150.0;

/// How wide the axis is at most, as long as no step is narrower than [`STEP_WIDTH_LEAST`].
const WIDTH_MAX: f64 = 1_200.0;

/// The width of a step where there are very many.
const STEP_WIDTH_LEAST: f64 = 6.0;

/// How far apart the ticks are at least.
const TICK_DISTANCE: f64 = 96.0;

/// Places of times.
pub(super) struct Axis {
    /// Times and their places, both rising; at least one.
    steps: Vec<(u64, f64)>,
    /// In the middle of what steps that were cut.
    pub(super) breaks: Vec<f64>,
}

/// A mark on the axis.
pub(super) struct Tick {
    pub(super) x: f64,
    /// The time since the first, in words.
    pub(super) label: String,
}

impl Axis {
    /// Returns the axis of these times, which begins at `left`.
    pub(super) fn new(mut times: Vec<u64>, left: f64) -> Self {
        times.sort_unstable();
        times.dedup();
        let mut lengths: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let each = lengths.clone();
        lengths.sort_unstable();
        let median = lengths.get(lengths.len() / 2).copied().unwrap_or(1) as f64;
        let raw = |length: u64| STEP_WIDTH * length as f64 / median;
        let fit = |length: &u64| raw(*length).clamp(STEP_WIDTH_MIN, STEP_WIDTH_MAX);
        let scale = (WIDTH_MAX / each.iter().map(fit).sum::<f64>()).min(1.0);
        let mut x = left;
        let mut axis = Self {
            steps: vec![(times.first().copied().unwrap_or(0), left)],
            breaks: Vec::new(),
        };
        for (time_ns, length) in times.into_iter().skip(1).zip(each) {
            let width = (fit(&length) * scale).max(STEP_WIDTH_LEAST);
            if raw(length) > STEP_WIDTH_MAX {
                axis.breaks.push(x + width / 2.0);
            }
            x += width;
            axis.steps.push((time_ns, x));
        }
        axis
    }

    /// Returns the first time.
    pub(super) fn first_ns(&self) -> u64 {
        self.steps[0].0
    }

    /// Returns the last time.
    pub(super) fn last_ns(&self) -> u64 {
        self.steps[self.steps.len() - 1].0
    }

    /// Returns where the last time is.
    pub(super) fn end(&self) -> f64 {
        self.steps[self.steps.len() - 1].1
    }

    /// Returns where `time_ns` is: between the steps in proportion, and beyond them at the ends.
    pub(super) fn x(&self, time_ns: u64) -> f64 {
        let after = self.steps.partition_point(|(at_ns, _)| *at_ns <= time_ns);
        let before = self.steps[after.saturating_sub(1)];
        match self.steps.get(after) {
            Some(after) if before.0 <= time_ns => {
                let share = (time_ns - before.0) as f64 / (after.0 - before.0) as f64;
                before.1 + (after.1 - before.1) * share
            }
            _ => before.1,
        }
    }

    /// Returns a few ticks, at times when something happened, each with another label.
    pub(super) fn ticks(&self, unit: Unit) -> Vec<Tick> {
        let mut ticks: Vec<Tick> = Vec::new();
        for (time_ns, x) in &self.steps {
            let label = unit.text(*time_ns - self.first_ns());
            let room = |last: &Tick| TICK_DISTANCE.max(text::width(&last.label) + 16.0);
            let is_apart = |last: &Tick| *x >= last.x + room(last) && last.label != label;
            if ticks.last().is_none_or(is_apart) {
                ticks.push(Tick { x: *x, label });
            }
        }
        ticks
    }
}

/// What the axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Places in the record, where no times are known.
    Places,
    Time,
}

impl Unit {
    fn text(self, ns: u64) -> String {
        match ns {
            0 => "0".to_owned(),
            _ if self == Self::Places => ns.to_string(),
            1..1_000 => format!("{ns} ns"),
            1_000..1_000_000 => format!("{} µs", ns / 1_000),
            1_000_000..10_000_000 => format!("{}.{} ms", ns / 1_000_000, ns % 1_000_000 / 100_000),
            10_000_000..10_000_000_000 => format!("{} ms", ns / 1_000_000),
            _ => format!("{}.{} s", ns / 1_000_000_000, ns % 1_000_000_000 / 100_000_000),
        }
    }
}
