//! Small plots as SVG that stands in a page: colours are the page's, so that they can be read on light ground and on dark.

use std::fmt::Write;

use crate::report::html::escaped;

/// A value, its bounds, and what is said when somebody points at it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dot {
    /// What stands on the left.
    pub(super) label: String,
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    /// A second value, as of a prediction.
    pub(super) other: Option<f64>,
    /// Which colour of the page, from 1.
    pub(super) series: usize,
}

/// How values are laid along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    /// By powers of ten; what is below the least power that is shown stands at the left.
    Logarithmic,
}

const ROW: f64 = 22.0;
const LEFT: f64 = 210.0;
const WIDTH: f64 = 720.0;
const RIGHT: f64 = 90.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 28.0;

/// One row for each value: a dot, and a line from bound to bound; a ring for the other value.
pub(super) fn dots(rows: &[Dot], scale: Scale, unit: &str) -> String {
    let axis = Axis::of(
        rows.iter()
            .flat_map(|dot| [dot.value, dot.low, dot.high, dot.other.unwrap_or(dot.value)]),
        scale,
    );
    let height = TOP + ROW * rows.len() as f64 + BOTTOM;
    let mut out = format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">");
    axis.draw(&mut out, height, unit);
    for (at, dot) in rows.iter().enumerate() {
        let y = TOP + ROW * (at as f64 + 0.5);
        let (low, x, high) = (axis.at(dot.low), axis.at(dot.value), axis.at(dot.high));
        let series = dot.series;
        let told = format!(
            "{}: {} ({} to {})",
            dot.label,
            number(dot.value),
            number(dot.low),
            number(dot.high)
        );
        let _ = write!(
            out,
            "<g class=\"s{series}\"><title>{}</title><text x=\"{}\" y=\"{:.1}\" class=\"label\">{}</text>\
             <line x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>",
            escaped(&told),
            LEFT - 10.0,
            y + 4.0,
            escaped(&dot.label),
        );
        if let Some(other) = dot.other {
            let _ = write!(
                out,
                "<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"6\" class=\"ring\"/>",
                axis.at(other)
            );
        }
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" class=\"value\">{}</text></g>",
            WIDTH - RIGHT + 10.0,
            y + 4.0,
            number(dot.value)
        );
    }
    out + "</svg>"
}

/// Lines through points, each with its name and colour.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
    pub(super) series: usize,
    pub(super) is_dashed: bool,
}

/// How tall a plot of lines is.
const TALL: f64 = 260.0;

/// Lines over time, as shares.
pub(super) fn lines(lines: &[Line], x_unit: &str) -> String {
    let xs = Axis::of(
        lines.iter().flat_map(|line| line.points.iter().map(|point| point.0)),
        Scale::Logarithmic,
    );
    let most = lines
        .iter()
        .flat_map(|line| line.points.iter().map(|point| point.1))
        .fold(0.0, f64::max);
    let most = nice(most.max(1e-6));
    let y = |share: f64| TALL - BOTTOM - (TALL - BOTTOM - TOP) * share / most;
    let mut out = format!("<svg viewBox=\"0 0 {WIDTH} {TALL}\" role=\"img\">");
    xs.draw(&mut out, TALL, x_unit);
    for step in 0..=4 {
        let share = most * f64::from(step) / 4.0;
        let y = y(share);
        let _ = write!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" class=\"grid\"/>\
             <text x=\"{}\" y=\"{:.1}\" class=\"label\">{} %</text>",
            WIDTH - RIGHT,
            LEFT - 10.0,
            y + 4.0,
            number(share * 100.0),
        );
    }
    for line in lines {
        let points: Vec<_> = line
            .points
            .iter()
            .map(|(x, share)| format!("{:.1},{:.1}", xs.at(*x), y(*share)))
            .collect();
        let dashed = if line.is_dashed { " dashed" } else { "" };
        let _ = write!(
            out,
            "<g class=\"s{}\"><title>{}</title><polyline points=\"{}\" class=\"curve{dashed}\"/>",
            line.series,
            escaped(&line.name),
            points.join(" "),
        );
        for (x, share) in line.points.iter().filter(|_| !line.is_dashed) {
            let _ = write!(out, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>", xs.at(*x), y(*share));
        }
        out += "</g>";
    }
    out + "</svg>"
}

/// Where values stand from left to right.
struct Axis {
    scale: Scale,
    least: f64,
    most: f64,
}

/// How many powers of ten are shown below the greatest value, at most.
const DECADES_MAX: f64 = 5.0;

impl Axis {
    fn of(values: impl Iterator<Item = f64>, scale: Scale) -> Axis {
        let values: Vec<_> = values.filter(|value| value.is_finite()).collect();
        let most = values.iter().copied().fold(0.0, f64::max).max(1e-9);
        match scale {
            Scale::Linear => Axis {
                scale,
                least: 0.0,
                most: nice(most),
            },
            Scale::Logarithmic => {
                let above = values.iter().copied().filter(|value| *value > 0.0);
                let least = above.fold(most, f64::min).log10().floor();
                let most = most.log10().ceil().max(least + 1.0);
                Axis {
                    scale,
                    least: least.max(most - DECADES_MAX),
                    most,
                }
            }
        }
    }

    fn at(&self, value: f64) -> f64 {
        let on_scale = match self.scale {
            Scale::Linear => value,
            Scale::Logarithmic if value > 0.0 => value.log10(),
            Scale::Logarithmic => self.least,
        };
        let share = ((on_scale - self.least) / (self.most - self.least)).clamp(0.0, 1.0);
        LEFT + share * (WIDTH - LEFT - RIGHT)
    }

    /// Marks with their values, and lines upwards.
    fn draw(&self, out: &mut String, height: f64, unit: &str) {
        let marks: Vec<f64> = match self.scale {
            Scale::Linear => (0..=4).map(|step| self.most * f64::from(step) / 4.0).collect(),
            Scale::Logarithmic => (self.least as i32..=self.most as i32)
                .map(|power| 10f64.powi(power))
                .collect(),
        };
        for mark in marks {
            let x = self.at(mark);
            let _ = write!(
                out,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\" class=\"grid\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" class=\"mark\">{} {}</text>",
                height - BOTTOM,
                height - BOTTOM + 16.0,
                number(mark),
                escaped(unit),
            );
        }
    }
}

/// The least round number that is not below.
fn nice(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0, 10.0];
    let step = steps.into_iter().find(|step| step * power >= value * (1.0 - 1e-9));
    step.unwrap_or(10.0) * power
}

/// With three digits, and none that say nothing.
pub(super) fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || size == 0.0 => 0,
        size => (2 - size.log10().floor() as i32).clamp(0, 6) as usize,
    };
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let texts = [0.0, 0.00123456, 0.5, 3.25678, 42.0, 99.96, 1234.5].map(number);
        assert_eq!(
            texts,
            ["0", "0.00123", "0.5", "3.26", "42", "100", "1234"].map(str::to_owned)
        );
        assert_eq!(
            [0.3, 7.0, 10.0, 11.0].map(nice).map(number),
            ["0.32", "8", "10", "12"].map(str::to_owned)
        );
    }

    #[test]
    fn what_is_named_can_not_end_the_page() {
        let dot = Dot {
            label: "<script>&\"'".to_owned(),
            value: 2.0,
            low: 1.0,
            high: 4.0,
            other: Some(3.0),
            series: 1,
        };
        for scale in [Scale::Linear, Scale::Logarithmic] {
            let svg = dots(std::slice::from_ref(&dot), scale, "ms");
            assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;"), "{svg}");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
        let zero = Dot {
            value: 0.0,
            low: 0.0,
            high: 0.0,
            other: None,
            ..dot
        };
        let svg = dots(&[zero], Scale::Logarithmic, "");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
