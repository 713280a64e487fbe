//! The picture itself: an SVG that needs nothing else, and that speaks by shapes, so that it can be read without
//! colours.
//!
//! Changes are filled, reads hollow, failed ops crossed, and those of unknown outcome fade out to the right; faults
//! are bands behind. It has no script, no reference and no id, so that many fit into one page, and says in words what
//! it shows.

use std::fmt::Write;

use super::{
    axis::{Axis, Unit},
    lanes::{self, Bar, Lane},
    text,
};
use crate::evidence::{
    context::{Context, FaultSpan},
    witness::{Witness, WitnessOp},
    words::seconds,
};

/// How many ops are drawn at most; of more, the first and the last.
const OP_COUNT_MAX: usize = 40;

/// How many faults are drawn at most; of more, the last to begin.
const FAULT_COUNT_MAX: usize = 6;

/// How many characters of a fault's label are shown.
const FAULT_LENGTH_MAX: usize = 40;

/// How many characters of a witness's words a reader of screens is told.
const WORDS_LENGTH_MAX: usize = 4_000;

const MARGIN: f64 = 12.0;

const LINE_HEIGHT: f64 = 17.0;

const BAR_HEIGHT: f64 = 14.0;

/// How far beyond the last time those of unknown outcome fade.
const FADE_WIDTH: f64 = 72.0;

/// How wide a cross through a failed op is, of several side by side.
const CROSS_WIDTH: f64 = 36.0;

/// How many crosses there are at most.
const CROSS_COUNT_MAX: f64 = 64.0;

/// In how many pieces they fade.
const FADE_PIECES: usize = 16;

/// What every picture looks like. The classes are their own, as a style holds for the whole page that a picture is
/// put in.
const STYLE: &str = "\
.qtl{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}\
.qtl text{fill:#1b1b1b;direction:ltr;unicode-bidi:isolate}\
.qtl text{stroke:#fff;stroke-opacity:.7;stroke-width:3;paint-order:stroke}\
.qtl .qtl-dim{fill:#5c5c5c}\
.qtl-page{fill:#fff}\
.qtl-lane{fill:#808080;fill-opacity:.09}\
.qtl-line{stroke:#8a8a8a;fill:none}\
.qtl-guide{stroke:#8a8a8a;stroke-opacity:.35;fill:none}\
.qtl-fault{fill:#d9480f;fill-opacity:.12}\
.qtl-edge{stroke:#b23c0c;stroke-dasharray:3 3;fill:none}\
.qtl-change{fill:#24589e;stroke:#24589e;stroke-width:1.5}\
.qtl-read{fill:#fff;stroke:#1b1b1b;stroke-width:1.5}\
.qtl-cross{stroke:#1b1b1b;stroke-width:1.5;fill:none}\
@media(prefers-color-scheme:dark){\
.qtl text{fill:#ececec;stroke:#17181a}\
.qtl .qtl-dim{fill:#a8a8a8}\
.qtl-page{fill:#17181a}\
.qtl-fault{fill:#ff8a4c;fill-opacity:.16}\
.qtl-edge{stroke:#ff9e69}\
.qtl-change{fill:#7db1f5;stroke:#7db1f5}\
.qtl-read{fill:#17181a;stroke:#ececec}\
.qtl-cross{stroke:#ececec}\
}";

/// Draws a witness as an SVG: a lane for each process, and for each replica that was looked at; a bar for each op
/// from its start to its end; the faults that were on. Times are since the first op; what lies close together is
/// drawn wider, and a long wait shorter, which is marked. It holds for any witness, whatever its times and texts; of
/// very many ops it draws the first and the last, and says how many are left out.
pub fn timeline(witness: &Witness, context: &Context) -> String {
    let ops = drawn(&witness.ops);
    let left = MARGIN + lanes::names_width(&ops) + MARGIN;
    let axis = Axis::new(times(&ops), left + MARGIN);
    let faults = Faults::of(context, &axis);
    let lanes = lanes::lanes(&ops, &axis, MARGIN + faults.height());
    let bottom = lanes
        .last()
        .map_or(MARGIN + faults.height(), |lane| lane.top + lane.height);
    let notes = notes(&ops, witness.ops.len() - ops.len(), &axis);
    let bars = || lanes.iter().flat_map(|lane| &lane.bars);
    let right = bars().map(Bar::label_end).fold(axis.end() + FADE_WIDTH, f64::max);
    let right = faults.label_ends().fold(right, f64::max);
    let notes_end = notes
        .iter()
        .map(|note| MARGIN + text::width(note))
        .fold(right, f64::max);
    let picture = Picture {
        out: String::new(),
        axis: &axis,
        left,
        right,
        top: MARGIN + faults.height(),
        bottom,
        width: notes_end.max(right) + MARGIN,
        height: bottom + 2.0 * LINE_HEIGHT + notes.len() as f64 * LINE_HEIGHT + MARGIN / 2.0,
    };
    picture.draw(witness, &faults, &lanes, &notes, unit(&ops))
}

/// Returns the ops that are drawn.
fn drawn(ops: &[WitnessOp]) -> Vec<&WitnessOp> {
    let half = OP_COUNT_MAX / 2;
    if ops.len() <= OP_COUNT_MAX {
        ops.iter().collect()
    } else {
        ops[..half].iter().chain(&ops[ops.len() - half..]).collect()
    }
}

fn times(ops: &[&WitnessOp]) -> Vec<u64> {
    let ends = ops.iter().filter(|op| op.outcome != "info").filter_map(|op| op.end_ns);
    ops.iter().map(|op| op.start_ns).chain(ends).collect()
}

/// Where no times are known, witnesses have places in the record for them.
fn unit(ops: &[&WitnessOp]) -> Unit {
    if !ops.is_empty()
        && ops
            .iter()
            .all(|op| op.start_ns == op.index && op.end_ns == op.completion_index)
    {
        Unit::Places
    } else {
        Unit::Time
    }
}

/// Returns what is said below the axis.
fn notes(ops: &[&WitnessOp], left_out: usize, axis: &Axis) -> Vec<String> {
    let mut notes = Vec::new();
    if left_out > 0 {
        notes.push(format!("{left_out} more ops, between these, are left out"));
    }
    let mut first = match unit(ops) {
        Unit::Places => "places in the record, which tells no times".to_owned(),
        _ => format!("0 is {} into the run", seconds(axis.first_ns())),
    };
    first.push_str("; not to scale");
    if !axis.breaks.is_empty() {
        first.push_str(", // is a longer wait");
    }
    notes.push(first);
    let kinds: [(&str, bool); 4] = [
        ("filled: changes", ops.iter().any(|op| !lanes::is_read(op))),
        ("hollow: reads", ops.iter().any(|op| lanes::is_read(op))),
        ("crossed: failed", ops.iter().any(|op| op.outcome == "fail")),
        ("fading: outcome unknown", ops.iter().any(|op| op.outcome == "info")),
    ];
    let shown: Vec<&str> = kinds
        .iter()
        .filter(|(_, is_shown)| *is_shown)
        .map(|(name, _)| *name)
        .collect();
    notes.push(shown.join("; "));
    notes
}

/// The faults that were on, as bands.
struct Faults {
    bands: Vec<Band>,
    row_count: usize,
}

struct Band {
    label: String,
    left: f64,
    right: f64,
    is_over: bool,
    row: usize,
}

impl Faults {
    fn of(context: &Context, axis: &Axis) -> Self {
        let is_on = |fault: &&FaultSpan| {
            fault.start_ns <= axis.last_ns() && fault.end_ns.is_none_or(|end_ns| end_ns >= axis.first_ns())
        };
        let mut on: Vec<&FaultSpan> = context.faults.iter().filter(is_on).collect();
        on.sort_by_key(|fault| (fault.start_ns, fault.end_ns));
        let mut row_ends: Vec<f64> = Vec::new();
        let bands = on.iter().skip(on.len().saturating_sub(FAULT_COUNT_MAX)).map(|fault| {
            let left = axis.x(fault.start_ns) - if fault.start_ns < axis.first_ns() { MARGIN } else { 0.0 };
            let is_over = fault.end_ns.is_some_and(|end_ns| end_ns <= axis.last_ns());
            let end_ns = fault.end_ns.unwrap_or(u64::MAX).max(fault.start_ns);
            let label = text::cut(&fault.label, FAULT_LENGTH_MAX);
            let right = axis.x(end_ns).max(left + 2.0);
            let end = if is_over {
                right.max(left + text::width(&label)) + MARGIN
            } else {
                f64::INFINITY
            };
            let row = row_ends
                .iter()
                .position(|row_end| *row_end <= left)
                .unwrap_or(row_ends.len());
            if row == row_ends.len() {
                row_ends.push(end);
            }
            row_ends[row] = end;
            Band {
                label,
                left,
                right,
                is_over,
                row,
            }
        });
        Self {
            bands: bands.collect(),
            row_count: row_ends.len(),
        }
    }

    /// Returns how much room their labels take.
    fn height(&self) -> f64 {
        self.row_count as f64 * LINE_HEIGHT
    }

    fn label_ends(&self) -> impl Iterator<Item = f64> {
        self.bands.iter().map(|band| band.left + 4.0 + text::width(&band.label))
    }
}

struct Picture<'a> {
    out: String,
    axis: &'a Axis,
    /// Where the lanes begin, beside their names, and where they end.
    left: f64,
    right: f64,
    /// Where the lanes begin, and where the axis is.
    top: f64,
    bottom: f64,
    width: f64,
    height: f64,
}

impl Picture<'_> {
    fn draw(mut self, witness: &Witness, faults: &Faults, lanes: &[Lane<'_>], notes: &[String], unit: Unit) -> String {
        let (width, height) = (self.width.ceil(), self.height.ceil());
        let count = witness.ops.len();
        let key = if witness.key.is_empty() {
            String::new()
        } else {
            format!(" of {}", text::cut(&witness.key, 60))
        };
        let plural = if count == 1 { "" } else { "s" };
        self.put(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"qtl\" role=\"img\" width=\"{width}\" \
             height=\"{height}\" viewBox=\"0 0 {width} {height}\">"
        ));
        self.put(format_args!(
            "<title>{}</title>",
            text::escape(&format!("Timeline of {count} op{plural}{key}"))
        ));
        let words = text::escape(&text::cut(&witness.text, WORDS_LENGTH_MAX));
        self.put(format_args!("<desc>{words}</desc>"));
        self.put(format_args!("<style>{STYLE}</style>"));
        self.put(format_args!(
            "<rect class=\"qtl-page\" width=\"{width}\" height=\"{height}\"/>"
        ));
        for (number, lane) in lanes.iter().enumerate() {
            self.lane(lane, number % 2 == 0);
        }
        self.faults(faults);
        self.time(unit);
        for bar in lanes.iter().flat_map(|lane| &lane.bars) {
            self.bar(bar);
        }
        for (number, note) in notes.iter().enumerate() {
            let y = self.bottom + (number + 3) as f64 * LINE_HEIGHT - 4.0;
            self.text(MARGIN, y, "qtl-dim", note);
        }
        self.out.push_str("</svg>\n");
        self.out
    }

    /// Writes an element on a line of its own.
    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        writeln!(self.out, "{element}").expect("a String takes all that is written to it");
    }

    fn text(&mut self, x: f64, y: f64, class: &str, text: &str) {
        let class = if class.is_empty() {
            String::new()
        } else {
            format!(" class=\"{class}\"")
        };
        self.put(format_args!(
            "<text{class} x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
            text::escape(text)
        ));
    }

    fn path(&mut self, class: &str, path: &str) {
        self.put(format_args!("<path class=\"{class}\" d=\"{path}\"/>"));
    }

    fn lane(&mut self, lane: &Lane<'_>, is_shaded: bool) {
        if is_shaded {
            let (top, height, width) = (lane.top, lane.height, self.right);
            self.put(format_args!(
                "<rect class=\"qtl-lane\" x=\"0\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
            ));
        }
        self.text(MARGIN, lane.top + lane.height / 2.0 + 4.0, "", &lane.name);
    }

    fn faults(&mut self, faults: &Faults) {
        for band in &faults.bands {
            let (left, right) = (band.left, if band.is_over { band.right } else { self.right });
            let (top, bottom) = (MARGIN / 2.0 + band.row as f64 * LINE_HEIGHT, self.bottom);
            let (width, height) = (right - left, bottom - top);
            self.put(format_args!(
                "<rect class=\"qtl-fault\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
            ));
            let mut edges = format!("M{left:.1} {top:.1}V{bottom:.1}");
            if band.is_over {
                edges.push_str(&format!("M{right:.1} {top:.1}V{bottom:.1}"));
            }
            self.path("qtl-edge", &edges);
        }
        // Above the lanes each has a line of its own, in which it is told apart from others at the same time.
        for band in &faults.bands {
            let (left, top) = (band.left, MARGIN / 2.0 + band.row as f64 * LINE_HEIGHT);
            let (width, height) = (
                if band.is_over { band.right } else { self.right } - left,
                LINE_HEIGHT - 3.0,
            );
            self.put(format_args!(
                "<rect class=\"qtl-fault\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
            ));
            self.text(left + 4.0, top + LINE_HEIGHT - 6.0, "qtl-dim", &band.label);
        }
    }

    fn time(&mut self, unit: Unit) {
        let (left, right, bottom, axis) = (self.left, self.right, self.bottom, self.axis);
        self.path("qtl-line", &format!("M{left:.1} {bottom:.1}H{right:.1}"));
        for x in &axis.breaks {
            let (x, y) = (x - 4.0, bottom + 5.0);
            self.path("qtl-line", &format!("M{x:.1} {y:.1}l4 -10m4 0l-4 10"));
        }
        for tick in axis.ticks(unit) {
            let (x, below) = (tick.x, bottom + 5.0);
            let top = self.top;
            self.path("qtl-guide", &format!("M{x:.1} {top:.1}V{bottom:.1}"));
            self.path("qtl-line", &format!("M{x:.1} {bottom:.1}V{below:.1}"));
            self.text(x - 2.0, bottom + LINE_HEIGHT + 2.0, "qtl-dim", &tick.label);
        }
    }

    fn bar(&mut self, bar: &Bar<'_>) {
        let class = if lanes::is_read(bar.op) {
            "qtl-read"
        } else {
            "qtl-change"
        };
        let (left, top) = (bar.left, bar.top + lanes::ROW_HEIGHT - BAR_HEIGHT - 6.0);
        self.text(left, top - 5.0, "", &bar.label);
        let Some(right) = bar.right else {
            return self.fading(class, left, top);
        };
        let width = right - left;
        if bar.op.outcome == "fail" {
            // Hollow, as nothing happened.
            self.rect("qtl-read", left, top, width);
            let crosses = (width / CROSS_WIDTH).ceil().clamp(1.0, CROSS_COUNT_MAX);
            let (step, bottom) = (width / crosses, top + BAR_HEIGHT);
            let mut path = String::new();
            for number in 0..crosses as usize {
                let x = left + number as f64 * step;
                let end = x + step;
                path.push_str(&format!(
                    "M{x:.1} {top:.1}L{end:.1} {bottom:.1}M{x:.1} {bottom:.1}L{end:.1} {top:.1}"
                ));
            }
            self.path("qtl-cross", &path);
        } else {
            self.rect(class, left, top, width);
        }
    }

    fn rect(&mut self, class: &str, left: f64, top: f64, width: f64) {
        self.put(format_args!(
            "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{BAR_HEIGHT:.1}\"/>"
        ));
    }

    /// Draws a bar without an end, in pieces of which each is fainter than the one before.
    fn fading(&mut self, class: &str, left: f64, top: f64) {
        let piece = (self.right - left) / FADE_PIECES as f64;
        let bottom = top + BAR_HEIGHT;
        for number in 0..FADE_PIECES {
            let (x, end) = (left + number as f64 * piece, left + (number + 1) as f64 * piece);
            let opacity = 1.0 - number as f64 / FADE_PIECES as f64;
            if class == "qtl-read" {
                let edges = format!("M{x:.1} {top:.1}H{end:.1}M{x:.1} {bottom:.1}H{end:.1}");
                self.put(format_args!(
                    "<path class=\"qtl-cross\" opacity=\"{opacity:.2}\" d=\"{edges}\"/>"
                ));
            } else {
                self.put(format_args!(
                    "<rect class=\"{class}\" stroke-opacity=\"0\" opacity=\"{opacity:.2}\" x=\"{x:.1}\" y=\"{top:.1}\" \
                     width=\"{piece:.1}\" height=\"{BAR_HEIGHT:.1}\"/>"
                ));
            }
        }
        self.path("qtl-cross", &format!("M{left:.1} {top:.1}V{bottom:.1}"));
    }
}
