//! Distributions as text, as in `0.38*pareto(1.05,1.51) + 0.62*exp(0.183)`, and those of published fits by name.

use super::{Distribution, Legs, Model, Part, Placement, Shape, delays::DataCenters};

/// A text that is not a distribution.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ExpressionError {
    /// A term that is neither a number nor a shape.
    #[error(
        "{0:?} is no distribution: write a number, constant(MS), uniform(FROM,TO), exp(RATE), pareto(SCALE,SHAPE), \
         normal(MEAN,DEVIATION) or lognormal(MEDIAN,SIGMA)"
    )]
    Shape(String),
    /// Another number of parameters than the shape has.
    #[error("{shape} takes {wants} numbers, and {text:?} has {has}")]
    Parameters {
        /// Which.
        shape: &'static str,
        /// The term.
        text: String,
        /// How many it takes.
        wants: usize,
        /// How many there are.
        has: usize,
    },
    /// A parameter that can't be.
    #[error("{0:?} can't be: delays are finite and not below 0, rates, scales and shapes above 0")]
    Range(String),
    /// A weight that can't be.
    #[error("{0:?} is no weight: write a number above 0, as in 0.38*exp(0.183) or 38%*exp(0.183)")]
    Weight(String),
    /// Weights that do not add up.
    #[error("the weights add up to {0}, and not to 1")]
    Sum(f64),
}

/// How far from 1 weights may add up to: published ones are rounded.
const SUM_SLACK: f64 = 1e-6;

impl std::str::FromStr for Distribution {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Distribution, ExpressionError> {
        let terms = text.split('+').map(term).collect::<Result<Vec<_>, _>>()?;
        let sum: f64 = terms.iter().map(|part| part.weight).sum();
        if (sum - 1.0).abs() > SUM_SLACK {
            return Err(ExpressionError::Sum(sum));
        }
        Ok(Distribution::mixture(terms))
    }
}

/// A shape with its weight, or one alone.
fn term(text: &str) -> Result<Part, ExpressionError> {
    let text = text.trim();
    let (weight, shape_text) = match text.split_once('*') {
        Some((weight, rest)) => (weight_of(weight.trim())?, rest.trim()),
        None => (1.0, text),
    };
    Ok(Part {
        weight,
        shape: shape(shape_text)?,
    })
}

fn weight_of(text: &str) -> Result<f64, ExpressionError> {
    let (number, unit) = match text.strip_suffix('%') {
        Some(percent) => (percent, 100.0),
        None => (text, 1.0),
    };
    let weight = number.trim().parse().map(|number: f64| number / unit);
    let weight = weight.ok().filter(|weight| *weight > 0.0 && weight.is_finite());
    weight.ok_or_else(|| ExpressionError::Weight(text.to_owned()))
}

fn shape(text: &str) -> Result<Shape, ExpressionError> {
    let unknown = || ExpressionError::Shape(text.to_owned());
    let can_be = |is_so: bool, shape: Shape| match is_so {
        true => Ok(shape),
        false => Err(ExpressionError::Range(text.to_owned())),
    };
    if let Ok(ms) = text.parse::<f64>() {
        return can_be(ms >= 0.0 && ms.is_finite(), Shape::Constant(ms));
    }
    let (name, rest) = text.split_once('(').ok_or_else(unknown)?;
    let inner = rest.strip_suffix(')').ok_or_else(unknown)?;
    let numbers = inner.split(',').map(|number| number.trim().parse::<f64>());
    let numbers: Vec<f64> = numbers.collect::<Result<_, _>>().map_err(|_| unknown())?;
    let wants = |shape, wants| ExpressionError::Parameters {
        shape,
        text: text.to_owned(),
        wants,
        has: numbers.len(),
    };
    if numbers.iter().any(|number| !number.is_finite() || *number < 0.0) {
        return Err(ExpressionError::Range(text.to_owned()));
    }
    match (name.trim(), numbers[..].as_ref()) {
        ("constant", [ms]) => Ok(Shape::Constant(*ms)),
        ("constant", _) => Err(wants("constant", 1)),
        ("uniform", [from, to]) => can_be(from <= to, Shape::Uniform { from: *from, to: *to }),
        ("uniform", _) => Err(wants("uniform", 2)),
        ("exp", [rate]) => can_be(*rate > 0.0, Shape::Exponential { rate: *rate }),
        ("exp", _) => Err(wants("exp", 1)),
        ("pareto", [scale, shape]) => can_be(
            *scale > 0.0 && *shape > 0.0,
            Shape::Pareto {
                scale: *scale,
                shape: *shape,
            },
        ),
        ("pareto", _) => Err(wants("pareto", 2)),
        ("normal", [mean, deviation]) => Ok(Shape::Normal {
            mean: *mean,
            deviation: *deviation,
        }),
        ("normal", _) => Err(wants("normal", 2)),
        ("lognormal", [median, sigma]) => can_be(
            *median > 0.0,
            Shape::LogNormal {
                median: *median,
                sigma: *sigma,
            },
        ),
        ("lognormal", _) => Err(wants("lognormal", 2)),
        _ => Err(unknown()),
    }
}

/// The fits that were published, by Bailis et al., section 5.3: LinkedIn's Voldemort on solid-state disks and on spinning ones,
/// Yammer's Riak, and three data centers 75 ms apart.
const FITS: [(&str, &str, &str); 4] = [
    ("lnkd-ssd", SSD, SSD),
    ("lnkd-disk", DISK, SSD),
    (
        "ymmr",
        "93.9%*pareto(3,3.35) + 6.1%*exp(0.0028)",
        "98.2%*pareto(1.5,3.8) + 1.8%*exp(0.0217)",
    ),
    ("wan", DISK, SSD),
];

const SSD: &str = "91.22%*pareto(0.235,10) + 8.78%*exp(1.66)";
const DISK: &str = "38%*pareto(1.05,1.51) + 62%*exp(0.183)";

/// How far apart the three data centers of the fit `wan` are, one way.
const WAN_MS: f64 = 75.0;

impl Model {
    /// The names of the published fits.
    pub const FITS: [&str; 4] = [FITS[0].0, FITS[1].0, FITS[2].0, FITS[3].0];

    /// The published fit of that name, with N replicas; of `wan`, N data centers with one each.
    pub fn fit(name: &str, n: u8) -> Option<Model> {
        let (name, write, rest) = FITS.iter().find(|(known, ..)| *known == name)?;
        let parsed = |text: &str| {
            text.parse::<Distribution>()
                .expect("the published fits are distributions")
        };
        let legs = Legs {
            w: parsed(write),
            ..Legs::all(&parsed(rest))
        };
        let placement = match *name {
            "wan" => Placement::DataCenters(DataCenters::apart(usize::from(n), WAN_MS)),
            _ => Placement::Apart,
        };
        Some(Model {
            placement,
            ..Model::new(n, legs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_drawn() {
        let parsed: Distribution = "38%*pareto(1.05, 1.51) + 0.62 * exp(0.183)".parse().expect("a mixture");
        let expected = [
            Part {
                weight: 0.38,
                shape: Shape::Pareto {
                    scale: 1.05,
                    shape: 1.51,
                },
            },
            Part {
                weight: 0.62,
                shape: Shape::Exponential { rate: 0.183 },
            },
        ];
        assert!(parsed.parts().eq(expected.iter()), "{parsed:?}");
        assert_eq!("75".parse(), Ok(Distribution::constant(75.0)));
        for name in Model::FITS {
            assert_eq!(Model::fit(name, 3).map(|model| model.n), Some(3));
        }
        assert_eq!(Model::fit("ssd", 3), None);
    }

    #[test]
    fn what_can_not_be_is_said() {
        for (text, expected) in [
            ("", "is no distribution"),
            ("gauss(1,2)", "is no distribution"),
            ("exp(1", "is no distribution"),
            ("exp(one)", "is no distribution"),
            ("exp(1,2)", "exp takes 1 numbers"),
            ("exp(0)", "can't be"),
            ("-1", "can't be"),
            ("uniform(3,1)", "can't be"),
            ("normal(-5,1)", "can't be"),
            ("x*exp(1)", "is no weight"),
            ("0.5*exp(1) + 0.4*3", "add up to 0.9"),
            ("exp(1)+exp(2)", "add up to 2"),
        ] {
            let error = text.parse::<Distribution>().expect_err(text).to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
