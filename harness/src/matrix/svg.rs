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

/// One row for each value: a dot, and a line from bound to bound; a ring for the other value. Rows are as wide as there is room, with
/// the label above where there is little.
pub(super) fn dots(rows: &[Dot], scale: Scale, unit: &str) -> String {
    let axis = Axis::of(
        rows.iter()
            .flat_map(|dot| [dot.value, dot.low, dot.high, dot.other.unwrap_or(dot.value)]),
        scale,
    );
    let marks = axis.marks();
    let grid: String = marks.iter().map(|mark| vertical(axis.share(*mark))).collect();
    let mut out = "<div class=\"plot\">".to_owned();
    for dot in rows {
        let told = format!(
            "{}: {} ({} to {})",
            dot.label,
            number(dot.value),
            number(dot.low),
            number(dot.high)
        );
        let of = |value: f64| percent(axis.share(value));
        let _ = write!(
            out,
            "<div class=\"row s{}\"><span class=\"label\">{}</span><svg role=\"img\"><title>{}</title>{grid}\
             <line x1=\"{}\" x2=\"{}\" y1=\"11\" y2=\"11\"/><circle cx=\"{}\" cy=\"11\" r=\"4\"/>",
            dot.series,
            escaped(&dot.label),
            escaped(&told),
            of(dot.low),
            of(dot.high),
            of(dot.value),
        );
        if let Some(other) = dot.other {
            let _ = write!(out, "<circle cx=\"{}\" cy=\"11\" r=\"6\" class=\"ring\"/>", of(other));
        }
        let _ = write!(out, "</svg><span class=\"value\">{}</span></div>", number(dot.value));
    }
    out += "<div class=\"row\"><span class=\"label\"></span><svg aria-hidden=\"true\">";
    for mark in marks {
        let at = percent(axis.share(mark));
        let _ = write!(out, "<text x=\"{at}\" y=\"14\" class=\"mark\">{}</text>", number(mark));
    }
    let _ = write!(out, "</svg><span class=\"value\">{}</span></div></div>", escaped(unit));
    out
}

fn vertical(share: f64) -> String {
    let at = percent(share);
    format!("<line x1=\"{at}\" x2=\"{at}\" y1=\"0\" y2=\"22\" class=\"grid\"/>")
}

/// A place between left and right.
fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

/// Lines through points, each with its name and colour.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
    pub(super) series: usize,
    pub(super) is_dashed: bool,
}

/// The measures of a plot of lines: so small that it can be read on a phone.
const TALL: f64 = 240.0;
const LEFT: f64 = 52.0;
const WIDTH: f64 = 460.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 28.0;

/// Lines over time, as shares; each begins with its number, by which it is told from the others without its colour.
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
    let x = |value: f64| LEFT + xs.share(value) * (WIDTH - LEFT - RIGHT);
    let y = |share: f64| TALL - BOTTOM - (TALL - BOTTOM - TOP) * share / most;
    let mut out = format!("<svg viewBox=\"0 0 {WIDTH} {TALL}\" class=\"lines\" role=\"img\">");
    for mark in xs.marks() {
        let x = x(mark);
        let _ = write!(
            out,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\" class=\"grid\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" class=\"mark\">{} {}</text>",
            TALL - BOTTOM,
            TALL - BOTTOM + 16.0,
            number(mark),
            escaped(x_unit),
        );
    }
    for step in 0..=4 {
        let share = most * f64::from(step) / 4.0;
        let y = y(share);
        let _ = write!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" class=\"grid\"/>\
             <text x=\"{}\" y=\"{:.1}\" class=\"label\">{} %</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y + 4.0,
            number(share * 100.0),
        );
    }
    for line in lines {
        out += &curve(line, x, y);
    }
    out + "</svg>"
}

fn curve(line: &Line, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let points = line.points.iter();
    let points: Vec<_> = points
        .map(|point| format!("{:.1},{:.1}", x(point.0), y(point.1)))
        .collect();
    let dashed = if line.is_dashed { " dashed" } else { "" };
    let mut out = format!(
        "<g class=\"s{}\"><title>{}</title><polyline points=\"{}\" class=\"curve{dashed}\"/>",
        line.series,
        escaped(&line.name),
        points.join(" "),
    );
    if !line.is_dashed {
        for point in &line.points {
            let _ = write!(
                out,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>",
                x(point.0),
                y(point.1)
            );
        }
        if let Some(first) = line.points.first() {
            let (x, y) = (x(first.0) - 8.0, y(first.1) + 4.0);
            let _ = write!(
                out,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"mark\">{}</text>",
                line.series
            );
        }
    }
    out + "</g>"
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

    /// Where a value stands, from 0 at the left to 1.
    fn share(&self, value: f64) -> f64 {
        let on_scale = match self.scale {
            Scale::Linear => value,
            Scale::Logarithmic if value > 0.0 => value.log10(),
            Scale::Logarithmic => self.least,
        };
        ((on_scale - self.least) / (self.most - self.least)).clamp(0.0, 1.0)
    }

    /// The values that are marked.
    fn marks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => (0..=4).map(|step| self.most * f64::from(step) / 4.0).collect(),
            Scale::Logarithmic => {
                let powers = (self.least as i32..=self.most as i32).map(|power| 10f64.powi(power));
                // Where there are few powers of ten, what is between them is marked as well.
                let steps: &[f64] = if self.most - self.least < 2.5 {
                    &[1.0, 2.0, 5.0]
                } else {
                    &[1.0]
                };
                let all = powers.flat_map(|power| steps.iter().map(move |step| step * power));
                all.filter(|mark| mark.log10() < self.most + 1e-9).collect()
            }
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
