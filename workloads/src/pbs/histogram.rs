//! Delays as they were measured, in a file of counts.
//!
//! Comma-separated lines. The first names the columns: `up_to_ms`, then any of the legs `w`, `a`, `r`, `s`, `apply` and `client`, or
//! `all` for those of `w`, `a`, `r` and `s` that have no column of their own. Each further line has a bound and, for each leg, how many
//! delays were at most that long and longer than the bound of the line before. Empty lines, and those that begin with `#`, say
//! nothing.
//!
//! ```text
//! up_to_ms,w,a,r,s
//! 0.25,0,10,12,11
//! 0.5,40,80,78,79
//! 1,60,10,10,10
//! ```

use std::fmt::Write;

use super::{Distribution, Legs, Model, Shape};

/// A text that is no such file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HistogramError {
    /// It has no line of names.
    #[error("there is no line that names the columns, as in up_to_ms,w,a,r,s")]
    NoHeader,
    /// A column that is none.
    #[error("line {line}: column {name:?} is none of up_to_ms, w, a, r, s, apply, client, all, or comes twice")]
    Column {
        /// Where.
        line: usize,
        /// What it says.
        name: String,
    },
    /// A line with other fields than the first.
    #[error("line {line}: {has} fields, and there are {wants} columns")]
    Fields {
        /// Where.
        line: usize,
        /// How many.
        has: usize,
        /// How many there have to be.
        wants: usize,
    },
    /// A field that is no number, or a bound that is not above the one before.
    #[error("line {line}: {text:?} is {what}")]
    Number {
        /// Where.
        line: usize,
        /// What it says.
        text: String,
        /// What it is not.
        what: &'static str,
    },
    /// A leg without any delays.
    #[error("there is no delay of leg {0}")]
    Empty(&'static str),
}

/// The legs that a file may have, and what stands for all that it does not have.
const COLUMNS: [&str; 7] = ["w", "a", "r", "s", "apply", "client", "all"];

/// Delays of each leg, in milliseconds, as they were measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LegSamples {
    /// Requests to write.
    pub w: Vec<f64>,
    /// Their acknowledgements.
    pub a: Vec<f64>,
    /// Requests to read.
    pub r: Vec<f64>,
    /// Their answers.
    pub s: Vec<f64>,
    /// From a request to write until what it brought can be read, at its replica.
    pub apply: Vec<f64>,
    /// Between clients and coordinators, one way.
    pub client: Vec<f64>,
}

/// How many bounds there are between a time and its double: each is 9 % above the one before.
const BOUNDS_PER_DOUBLING: f64 = 8.0;

impl LegSamples {
    /// All of these and all of those.
    pub fn extend(&mut self, other: &LegSamples) {
        let LegSamples {
            w,
            a,
            r,
            s,
            apply,
            client,
        } = other;
        self.w.extend_from_slice(w);
        self.a.extend_from_slice(a);
        self.r.extend_from_slice(r);
        self.s.extend_from_slice(s);
        self.apply.extend_from_slice(apply);
        self.client.extend_from_slice(client);
    }

    fn columns(&self) -> [(&'static str, &[f64]); 6] {
        [
            (COLUMNS[0], &self.w),
            (COLUMNS[1], &self.a),
            (COLUMNS[2], &self.r),
            (COLUMNS[3], &self.s),
            (COLUMNS[4], &self.apply),
            (COLUMNS[5], &self.client),
        ]
    }

    /// The text of their file: legs without any delays have no column.
    pub fn to_csv(&self) -> String {
        let columns = self.columns();
        let columns: Vec<_> = columns.iter().filter(|(_, delays)| !delays.is_empty()).collect();
        // Bounds are powers, so that one number says which one a delay is below; 0 has one of its own.
        let place = |ms: f64| (ms.max(1e-6).log2() * BOUNDS_PER_DOUBLING).ceil() as i64;
        let mut counts = std::collections::BTreeMap::new();
        for (column, (_, delays)) in columns.iter().enumerate() {
            for delay in delays.iter() {
                counts.entry(place(*delay)).or_insert_with(|| vec![0u64; columns.len()])[column] += 1;
            }
        }
        let mut out = "up_to_ms".to_owned();
        columns.iter().for_each(|(name, _)| out += &format!(",{name}"));
        out.push('\n');
        let mut last = None;
        for (place, counts) in &counts {
            let bound = |place: i64| (place as f64 / BOUNDS_PER_DOUBLING).exp2();
            if last.is_some_and(|last| last + 1 < *place) || last.is_none() {
                let nothing = ",0".repeat(columns.len());
                let _ = writeln!(out, "{:.9}{nothing}", bound(place - 1));
            }
            let counts: String = counts.iter().map(|count| format!(",{count}")).collect();
            let _ = writeln!(out, "{:.9}{counts}", bound(*place));
            last = Some(*place);
        }
        out
    }
}

impl Model {
    /// A model of N replicas with the delays of such a file.
    ///
    /// # Errors
    /// [`HistogramError`] with the first thing that can't be.
    pub fn from_histogram(n: u8, text: &str) -> Result<Model, HistogramError> {
        let columns = parse(text)?;
        let of = |name: &str| {
            columns
                .iter()
                .find(|(column, _)| *column == name)
                .map(|(_, d)| d.clone())
        };
        let leg = |name: &'static str| of(name).or_else(|| of("all")).ok_or(HistogramError::Empty(name));
        let legs = Legs {
            w: leg("w")?,
            a: leg("a")?,
            r: leg("r")?,
            s: leg("s")?,
        };
        Ok(Model {
            apply: of("apply"),
            client: of("client"),
            ..Model::new(n, legs)
        })
    }
}

/// The distribution of each column.
fn parse(text: &str) -> Result<Vec<(&'static str, Distribution)>, HistogramError> {
    let says = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| says(line));
    let (line, header) = lines.next().ok_or(HistogramError::NoHeader)?;
    let mut names = header.split(',').map(str::trim);
    if names.next() != Some("up_to_ms") {
        return Err(HistogramError::NoHeader);
    }
    let mut columns: Vec<(&'static str, Vec<(f64, u64)>)> = Vec::new();
    for name in names {
        let known = COLUMNS.into_iter().find(|known| *known == name);
        let known = known.filter(|known| columns.iter().all(|(column, _)| column != known));
        let name = name.to_owned();
        columns.push((known.ok_or(HistogramError::Column { line, name })?, Vec::new()));
    }
    let mut last = 0.0;
    for (line, row) in lines {
        let fields: Vec<_> = row.split(',').map(str::trim).collect();
        let (has, wants) = (fields.len(), columns.len() + 1);
        if has != wants {
            return Err(HistogramError::Fields { line, has, wants });
        }
        let number = |text: &str, what| HistogramError::Number {
            line,
            text: text.to_owned(),
            what,
        };
        let bound = fields[0].parse::<f64>().ok().filter(|bound| bound.is_finite());
        let bound = bound.filter(|bound| *bound > last || (*bound >= 0.0 && last == 0.0));
        last = bound.ok_or_else(|| number(fields[0], "no time in milliseconds above that of the line before"))?;
        for ((_, counts), text) in columns.iter_mut().zip(&fields[1..]) {
            let count = text.parse().map_err(|_| number(text, "no count"))?;
            counts.push((last, count));
        }
    }
    columns
        .into_iter()
        .map(|(name, counts)| Ok((name, distribution(&counts).ok_or(HistogramError::Empty(name))?)))
        .collect()
}

/// Delays spread evenly between each bound and the one before; `None` of none.
fn distribution(counts: &[(f64, u64)]) -> Option<Distribution> {
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    let (mut below, mut from, mut steps) = (0, 0.0, Vec::new());
    for (bound, count) in counts {
        below += count;
        if below == 0 {
            from = *bound;
        } else {
            steps.push((below as f64 / all as f64, *bound));
        }
    }
    (all > 0).then(|| Distribution::of(Shape::Steps { from, steps }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantile(distribution: &Distribution, p: f64) -> f64 {
        distribution.parts().next().expect("one part").shape.quantile(p)
    }

    #[test]
    fn what_was_measured_is_written_and_read_back() {
        let samples = LegSamples {
            w: (1..=1000).map(|n| f64::from(n) / 100.0).collect(),
            a: vec![0.5; 10],
            r: vec![0.25, 4.0, 4.0, 4.0],
            s: vec![0.0; 3],
            ..LegSamples::default()
        };
        let model = Model::from_histogram(3, &samples.to_csv()).expect("its own text");
        for p in [0.1, 0.5, 0.9] {
            let (is, was) = (quantile(&model.legs.w, p), 10.0 * p);
            assert!((is - was).abs() < 0.02 * was + 0.01, "{p}: {is} {was}");
        }
        for (leg, was) in [(&model.legs.a, 0.5), (&model.legs.s, 0.0)] {
            let is = quantile(leg, 0.5);
            assert!((is - was).abs() <= 0.1 * was + 1e-6, "{is} {was}");
        }
        let gap = quantile(&model.legs.r, 0.3);
        assert!((3.6..=4.0).contains(&gap), "nothing between 0.25 and 4: {gap}");
        assert_eq!((model.apply, model.client), (None, None));
    }

    #[test]
    fn all_stands_for_legs_without_a_column() {
        let text = "# by hand\nup_to_ms,w,all,apply\n1,0,8,1\n\n3,2,0,1\n";
        let model = Model::from_histogram(3, text).expect("a file");
        assert_eq!(quantile(&model.legs.w, 0.5), 2.0);
        assert_eq!(quantile(&model.legs.s, 0.5), 0.5);
        assert!(model.apply.is_some());
    }

    #[test]
    fn what_can_not_be_is_said_with_its_line() {
        for (text, expected) in [
            ("", "no line that names"),
            ("ms,w\n1,2\n", "no line that names"),
            ("up_to_ms,w,q\n", "line 1: column \"q\""),
            ("up_to_ms,w,w\n", "line 1: column \"w\""),
            ("up_to_ms,all\n1\n", "line 2: 1 fields"),
            ("up_to_ms,all\n\nx,1\n", "line 3: \"x\" is no time"),
            ("up_to_ms,all\n2,1\n2,1\n", "line 3: \"2\" is no time"),
            ("up_to_ms,all\n2,-1\n", "line 2: \"-1\" is no count"),
            ("up_to_ms,all\n2,0\n", "no delay of leg all"),
            ("up_to_ms,w,a\n2,1,1\n", "no delay of leg r"),
        ] {
            let error = Model::from_histogram(3, text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
