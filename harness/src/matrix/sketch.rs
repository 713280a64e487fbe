//! Many figures in little room: how many there are of each size, to one percent.

use std::collections::BTreeMap;

/// How many buckets a doubling is cut into: each is 1 % wide.
const BUCKETS_PER_DOUBLING: f64 = 70.0;

/// Counts of figures by their size. Two are merged by adding them, so that runs can be put together in any way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sketch {
    /// By the number of the bucket; figures of 0 and below have the least.
    counts: BTreeMap<i32, u64>,
    count: u64,
    max: f64,
}

impl Sketch {
    /// Of these figures.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Sketch {
        let mut sketch = Sketch::default();
        figures.into_iter().for_each(|figure| sketch.add(figure));
        sketch
    }

    /// Adds a figure.
    pub fn add(&mut self, figure: f64) {
        let bucket = match figure > 0.0 {
            true => (figure.log2() * BUCKETS_PER_DOUBLING).ceil() as i32,
            false => i32::MIN,
        };
        *self.counts.entry(bucket).or_default() += 1;
        self.count += 1;
        self.max = self.max.max(figure);
    }

    /// Adds all of another.
    pub fn extend(&mut self, other: &Sketch) {
        for (bucket, count) in &other.counts {
            *self.counts.entry(*bucket).or_default() += count;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    /// How many figures there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The greatest; 0 of none.
    pub fn max(&self) -> f64 {
        self.max
    }

    /// The figure that a share `p` of all does not exceed, at most 1 % too great; `None` of none.
    pub fn quantile(&self, p: f64) -> Option<f64> {
        let rank = ((self.count as f64 * p).ceil() as u64).max(1);
        let mut below = 0;
        let bucket = self.counts.iter().find(|(_, count)| {
            below += **count;
            below >= rank
        });
        bucket.map(|(bucket, _)| match *bucket {
            i32::MIN => 0.0,
            bucket => (f64::from(bucket) / BUCKETS_PER_DOUBLING).exp2().min(self.max),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_one_percent_however_it_is_put_together() {
        let mut sketch = Sketch::of((1..=500).map(f64::from));
        sketch.extend(&Sketch::of((501..=1000).map(f64::from)));
        for (p, is) in [(0.001, 1.0), (0.5, 500.0), (0.99, 990.0), (1.0, 1000.0)] {
            let quantile = sketch.quantile(p).expect("there are some");
            assert!((is..=is * 1.0101).contains(&quantile), "{p}: {quantile}");
        }
        assert_eq!((sketch.count(), sketch.max()), (1000, 1000.0));
        assert_eq!(Sketch::of([0.0, 0.0, 5.0]).quantile(0.5), Some(0.0));
        assert_eq!(Sketch::default().quantile(0.5), None);
    }
}
