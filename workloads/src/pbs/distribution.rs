//! How a delay is distributed: a mixture of shapes, each by its quantile function, so that one random number makes one delay.

use rand::Rng;

use super::elementary::{exp, ln};

/// One of the shapes that delays are said to have. All times are in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Always the same.
    Constant(f64),
    /// Anything between two bounds, evenly.
    Uniform {
        /// The least.
        from: f64,
        /// The most.
        to: f64,
    },
    /// Exponential, with so many events a millisecond: its mean is the inverse.
    Exponential {
        /// Events a millisecond.
        rate: f64,
    },
    /// Pareto: at least `scale`, with a tail that thins out as the power `shape`.
    Pareto {
        /// The least.
        scale: f64,
        /// The exponent.
        shape: f64,
    },
    /// Normal; what would be below 0 is 0.
    Normal {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        deviation: f64,
    },
    /// Log-normal.
    LogNormal {
        /// The median.
        median: f64,
        /// The standard deviation of the logarithm.
        sigma: f64,
    },
    /// As counted: by the share of delays up to each bound, evenly spread between two bounds. Both rise, and the shares end with 1.
    Steps {
        /// The lower bound of the first.
        from: f64,
        /// The share of delays up to a bound, and the bound.
        steps: Vec<(f64, f64)>,
    },
}

impl Shape {
    /// The delay that a share `p` of all is below, for `p` from 0 up to but not including 1.
    pub fn quantile(&self, p: f64) -> f64 {
        match self {
            Shape::Constant(ms) => *ms,
            Shape::Uniform { from, to } => from + (to - from) * p,
            Shape::Exponential { rate } => waited(p) / rate,
            // As a power it takes twice the time.
            Shape::Pareto { scale, shape } => scale * exp(waited(p) / shape),
            Shape::Normal { mean, deviation } => (mean + deviation * normal_quantile(p)).max(0.0),
            Shape::LogNormal { median, sigma } => median * (sigma * normal_quantile(p)).exp(),
            Shape::Steps { from, steps } => {
                let at = steps.partition_point(|(share, _)| *share <= p).min(steps.len() - 1);
                let (share, bound) = steps[at];
                let (below, least) = at.checked_sub(1).map_or((0.0, *from), |at| steps[at]);
                least + (bound - least) * ((p - below) / (share - below)).clamp(0.0, 1.0)
            }
        }
    }
}

/// The delay of which a share `p` of all is below, where one event a millisecond ends it. Of what is rounded to 1 there is none: the most
/// that is drawn of 53 bits stands for it.
#[inline]
fn waited(p: f64) -> f64 {
    let left = 1.0 - p;
    let least = f64::EPSILON / 2.0;
    -ln(if left > least { left } else { least })
}

/// A shape and how often a delay has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// From 0 to 1.
    pub weight: f64,
    /// Which.
    pub shape: Shape,
}

/// By how many quantiles a measured distribution is known at most: enough for its 99.9th percentile.
const MEASURED_STEPS_MAX: usize = 10_000;

/// How a delay is distributed.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// Those of which it is a mixture, with the weights of all up to each.
    parts: Vec<(f64, Part)>,
    /// The same, where all are such: most fits of delays are.
    tails: Option<Vec<Tail>>,
}

/// An exponential or a Pareto distribution as a part of a mixture, such that many can be drawn without a branch: with `e` exponential,
/// `scale exp(e by_shape) + e by_rate`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tail {
    /// The weight of all before it, and one by its own.
    below: f64,
    by_weight: f64,
    scale: f64,
    by_shape: f64,
    by_rate: f64,
}

impl Tail {
    fn of(below: f64, part: &Part) -> Option<Tail> {
        let (scale, by_shape, by_rate) = match part.shape {
            Shape::Exponential { rate } => (0.0, 0.0, 1.0 / rate),
            Shape::Pareto { scale, shape } => (scale, 1.0 / shape, 0.0),
            _ => return None,
        };
        Some(Tail {
            below,
            by_weight: 1.0 / part.weight,
            scale,
            by_shape,
            by_rate,
        })
    }

    /// Puts delays in the place of numbers from 0 up to but not including 1.
    #[inline]
    fn draw<const COUNT: usize>(tails: [Tail; COUNT], ps: &mut [f64]) {
        for p in ps {
            let mut tail = tails[0];
            for other in &tails[1..] {
                tail = if *p >= other.below { *other } else { tail };
            }
            let e = waited((*p - tail.below) * tail.by_weight);
            *p = tail.scale * exp(e * tail.by_shape) + e * tail.by_rate;
        }
    }
}

impl Distribution {
    /// A mixture. Only what weights are to each other counts.
    ///
    /// # Panics
    /// If there are no parts, or a weight is not above 0.
    pub fn mixture(parts: Vec<Part>) -> Distribution {
        let all: f64 = parts.iter().map(|part| part.weight).sum();
        assert!(
            !parts.is_empty() && parts.iter().all(|part| part.weight > 0.0),
            "a mixture has parts"
        );
        let mut below = 0.0;
        let mut up_to = |part: Part| {
            let weight = part.weight / all;
            below += weight;
            (below, Part { weight, ..part })
        };
        let mut parts: Vec<_> = parts.into_iter().map(&mut up_to).collect();
        // Whatever sums of weights are rounded to: every random number is below the last.
        parts.last_mut().expect("there are parts").0 = 1.0;
        let below = std::iter::once(0.0).chain(parts.iter().map(|(up_to, _)| *up_to));
        let tails = below
            .zip(&parts)
            .map(|(below, (_, part))| Tail::of(below, part))
            .collect();
        Distribution { parts, tails }
    }

    /// One shape alone.
    pub fn of(shape: Shape) -> Distribution {
        Distribution::mixture(vec![Part { weight: 1.0, shape }])
    }

    /// Always the same.
    pub fn constant(ms: f64) -> Distribution {
        Distribution::of(Shape::Constant(ms))
    }

    /// As it was measured: by quantiles, between which delays are spread evenly. `None` of no delays.
    pub fn measured(mut delays: Vec<f64>) -> Option<Distribution> {
        delays.sort_unstable_by(f64::total_cmp);
        let from = *delays.first()?;
        let count = delays.len().min(MEASURED_STEPS_MAX);
        let step = |number: usize| {
            let share = number as f64 / count as f64;
            let at = (number * delays.len()).div_ceil(count) - 1;
            (share, delays[at])
        };
        let steps = (1..=count).map(step).collect();
        Some(Distribution::of(Shape::Steps { from, steps }))
    }

    /// What it is a mixture of.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().map(|(_, part)| part)
    }

    /// Draws a delay.
    #[inline]
    pub fn sample(&self, rng: &mut impl Rng) -> f64 {
        let p = unit(rng);
        let mut below = 0.0;
        for (up_to, part) in &self.parts {
            if p < *up_to {
                return part.shape.quantile((p - below) / part.weight);
            }
            below = *up_to;
        }
        unreachable!("the last part goes up to 1")
    }

    /// What it always is, if it is always the same.
    #[inline]
    pub(super) fn always(&self) -> Option<f64> {
        match self.parts.as_slice() {
            [
                (
                    _,
                    Part {
                        shape: Shape::Constant(ms),
                        ..
                    },
                ),
            ] => Some(*ms),
            _ => None,
        }
    }

    /// Draws as many delays as there is room for.
    #[inline]
    pub(super) fn fill(&self, rng: &mut impl Rng, room: &mut [f64]) {
        let uniform = |rng: &mut _, room: &mut [f64]| room.iter_mut().for_each(|p| *p = unit(rng));
        match (self.tails.as_deref(), self.always()) {
            (Some([one]), _) => {
                uniform(rng, room);
                Tail::draw([*one], room);
            }
            (Some([one, other]), _) => {
                uniform(rng, room);
                Tail::draw([*one, *other], room);
            }
            (_, Some(ms)) => room.fill(ms),
            _ => room.iter_mut().for_each(|ms| *ms = self.sample(rng)),
        }
    }
}

/// A number from 0 up to but not including 1, of 53 random bits.
#[inline]
pub(super) fn unit(rng: &mut impl Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// The quantile function of the normal distribution with mean 0 and deviation 1, by Acklam's rational approximation (2003): off by
/// one in 10^9 of its value.
fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -39.696_830_286_653_76,
        220.946_098_424_520_5,
        -275.928_510_446_968_7,
        138.357_751_867_269,
        -30.664_798_066_147_16,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -54.476_098_798_224_06,
        161.585_836_858_040_9,
        -155.698_979_859_886_6,
        66.801_311_887_719_72,
        -13.280_681_552_885_72,
        1.0,
    ];
    const C: [f64; 6] = [
        -0.007_784_894_002_430_293,
        -0.322_396_458_041_136_5,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        0.007_784_695_709_041_462,
        0.322_467_129_070_039_8,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    /// From here to its mirror image the middle's approximation is the better one.
    const TAIL: f64 = 0.02425;
    let polynomial = |of: &[f64], x: f64| of.iter().fold(0.0, |sum, factor| sum * x + factor);
    // Of 0 there is no quantile: the least that is drawn of 53 bits stands for it.
    let p = p.max(f64::EPSILON / 2.0);
    if p < TAIL {
        let q = (-2.0 * p.ln()).sqrt();
        polynomial(&C, q) / polynomial(&D, q)
    } else if p > 1.0 - TAIL {
        -normal_quantile(1.0 - p)
    } else {
        let q = p - 0.5;
        q * polynomial(&A, q * q) / polynomial(&B, q * q)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_pcg::Pcg64Mcg;

    use super::*;

    #[test]
    fn quantiles_are_those_of_the_textbooks() {
        let near = |shape: Shape, p: f64, expected: f64| {
            let is = shape.quantile(p);
            assert!((is - expected).abs() < 1e-6 * expected.abs().max(1.0), "{shape:?} {is}");
        };
        near(Shape::Constant(3.0), 0.9, 3.0);
        near(Shape::Uniform { from: 1.0, to: 5.0 }, 0.25, 2.0);
        near(Shape::Exponential { rate: 0.5 }, 0.5, 2.0 * 2f64.ln());
        let pareto = || Shape::Pareto { scale: 3.0, shape: 2.0 };
        near(pareto(), 0.0, 3.0);
        near(pareto(), 0.75, 6.0);
        let normal = |deviation| Shape::Normal { mean: 10.0, deviation };
        near(normal(2.0), 0.5, 10.0);
        near(normal(2.0), 0.975, 10.0 + 2.0 * 1.959_963_985);
        near(normal(2.0), 0.001, 10.0 - 2.0 * 3.090_232_306);
        near(normal(20.0), 0.001, 0.0);
        near(
            Shape::LogNormal {
                median: 4.0,
                sigma: 1.0,
            },
            0.841_344_746,
            4.0 * 1f64.exp(),
        );
        let steps = || Shape::Steps {
            from: 0.0,
            steps: vec![(0.5, 1.0), (1.0, 3.0)],
        };
        near(steps(), 0.25, 0.5);
        near(steps(), 0.75, 2.0);
    }

    #[test]
    fn what_was_measured_has_its_quantiles() {
        let delays: Vec<_> = (0..50_000).rev().map(f64::from).collect();
        let measured = Distribution::measured(delays).expect("there are some");
        for p in [0.0, 0.1, 0.5, 0.999] {
            let is = measured.parts().next().expect("one part").shape.quantile(p);
            assert!((is - p * 50_000.0).abs() < 10.0, "{p}: {is}");
        }
        assert_eq!(Distribution::measured(Vec::new()), None);
    }

    #[test]
    fn many_at_once_are_those_that_are_drawn_one_by_one() {
        let part = |weight, shape| Part { weight, shape };
        let exponential = || Shape::Exponential { rate: 0.003 };
        let pareto = || Shape::Pareto {
            scale: 1.05,
            shape: 1.51,
        };
        let even = Shape::Uniform { from: 1.0, to: 2.0 };
        for parts in [
            vec![part(1.0, exponential())],
            vec![part(1.0, pareto())],
            vec![part(0.38, pareto()), part(0.62, exponential())],
            vec![part(0.2, pareto()), part(0.3, exponential()), part(0.5, pareto())],
            vec![part(0.5, pareto()), part(0.5, even)],
        ] {
            let mixture = Distribution::mixture(parts);
            let rng = || Pcg64Mcg::seed_from_u64(7);
            let mut many = [0.0; 1000];
            mixture.fill(&mut rng(), &mut many);
            let mut one = rng();
            for is in many {
                let was = mixture.sample(&mut one);
                assert!((is - was).abs() <= 1e-9 * was, "{mixture:?}: {is} {was}");
            }
        }
    }

    #[test]
    fn a_mixture_has_the_mean_of_its_parts() {
        let mixture = Distribution::mixture(vec![
            Part {
                weight: 3.0,
                shape: Shape::Constant(1.0),
            },
            Part {
                weight: 1.0,
                shape: Shape::Exponential { rate: 0.1 },
            },
        ]);
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let mean = (0..200_000).map(|_| mixture.sample(&mut rng)).sum::<f64>() / 200_000.0;
        assert!((mean - 3.25).abs() < 0.05, "{mean}");
    }
}
