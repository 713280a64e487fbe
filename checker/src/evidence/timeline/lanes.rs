//! Lanes: who acted, each under the others, and in each as many rows as it takes for nothing to cover anything.

use super::{axis::Axis, text};
use crate::evidence::witness::WitnessOp;

/// The height of one row: a label and its bar below.
pub(super) const ROW_HEIGHT: f64 = 38.0;

/// How much room there is around a lane's rows.
const LANE_PADDING: f64 = 6.0;

/// How far apart things in a row are at least.
const DISTANCE: f64 = 10.0;

/// How many characters of a name are shown.
const NAME_LENGTH_MAX: usize = 14;

/// How many characters of a value are shown.
const VALUE_LENGTH_MAX: usize = 26;

/// How many characters of a label are shown.
const LABEL_LENGTH_MAX: usize = 48;

/// The narrowest that a bar is drawn.
const BAR_WIDTH_MIN: f64 = 5.0;

/// Who acted: a process, or a replica that was looked at.
pub(super) struct Lane<'w> {
    /// Who it is, whole.
    full_name: String,
    pub(super) name: String,
    pub(super) bars: Vec<Bar<'w>>,
    pub(super) top: f64,
    pub(super) height: f64,
}

/// An op as it is drawn.
pub(super) struct Bar<'w> {
    pub(super) op: &'w WitnessOp,
    pub(super) label: String,
    pub(super) left: f64,
    /// Where it ends; nowhere for one that may yet take effect.
    pub(super) right: Option<f64>,
    row: usize,
    pub(super) top: f64,
}

/// Returns the lanes of `ops` in order of first appearance, those of replicas last, from `top` down.
pub(super) fn lanes<'w>(ops: &[&'w WitnessOp], axis: &Axis, top: f64) -> Vec<Lane<'w>> {
    let has_many_keys = ops.windows(2).any(|pair| pair[0].key != pair[1].key);
    let mut lanes: Vec<Lane<'w>> = Vec::new();
    for op in ops {
        let full_name = full_name(op);
        let bar = Bar::new(op, axis, has_many_keys);
        match lanes.iter_mut().find(|lane| lane.full_name == full_name) {
            Some(lane) => lane.bars.push(bar),
            None => lanes.push(Lane {
                full_name,
                name: name(op),
                bars: vec![bar],
                top: 0.0,
                height: 0.0,
            }),
        }
    }
    lanes.sort_by_key(|lane| is_look(lane.bars[0].op));
    let mut y = top;
    for lane in &mut lanes {
        lane.arrange(y);
        y += lane.height;
    }
    lanes
}

/// Returns how wide the names of the lanes of `ops` are.
pub(super) fn names_width(ops: &[&WitnessOp]) -> f64 {
    ops.iter().map(|op| text::width(&name(op))).fold(0.0, f64::max)
}

pub(super) fn is_look(op: &WitnessOp) -> bool {
    op.phase.is_some()
}

/// Whether it returns something, rather than changes something.
pub(super) fn is_read(op: &WitnessOp) -> bool {
    op.function.starts_with("read")
}

fn name(op: &WitnessOp) -> String {
    text::cut(&full_name(op), NAME_LENGTH_MAX)
}

fn full_name(op: &WitnessOp) -> String {
    match &op.node {
        Some(node) if is_look(op) => format!("at {node}"),
        _ => op.process.to_string(),
    }
}

impl Lane<'_> {
    /// Puts each bar into the first row in which it covers nothing.
    fn arrange(&mut self, top: f64) {
        let mut row_ends: Vec<f64> = Vec::new();
        for bar in &mut self.bars {
            let row = row_ends.iter().position(|end| end + DISTANCE <= bar.left);
            bar.row = row.unwrap_or(row_ends.len());
            if bar.row == row_ends.len() {
                row_ends.push(bar.extent());
            }
            row_ends[bar.row] = bar.extent();
            bar.top = top + LANE_PADDING + bar.row as f64 * ROW_HEIGHT;
        }
        self.top = top;
        self.height = row_ends.len() as f64 * ROW_HEIGHT + 2.0 * LANE_PADDING;
    }
}

impl<'w> Bar<'w> {
    fn new(op: &'w WitnessOp, axis: &Axis, has_key: bool) -> Self {
        let left = axis.x(op.start_ns);
        let is_over = op.outcome != "info" && op.end_ns.is_some();
        let end_ns = op.end_ns.unwrap_or(op.start_ns).max(op.start_ns);
        Self {
            op,
            label: label(op, has_key),
            left,
            right: is_over.then(|| axis.x(end_ns).max(left + BAR_WIDTH_MIN)),
            row: 0,
            top: 0.0,
        }
    }

    /// Returns up to where nothing else has room; for one without an end that is everywhere.
    fn extent(&self) -> f64 {
        self.right.map_or(f64::INFINITY, |right| right.max(self.label_end()))
    }

    /// Returns where its label ends.
    pub(super) fn label_end(&self) -> f64 {
        self.left + text::width(&self.label)
    }
}

/// As in `write 57`, `read -> 41 @n2`, or `k17 read -> nothing` where there are several keys.
fn label(op: &WitnessOp, has_key: bool) -> String {
    let mut label = String::new();
    if has_key {
        label.push_str(&text::cut(&op.key, NAME_LENGTH_MAX));
        label.push(' ');
    }
    let function = if is_look(op) { "look" } else { &*op.function };
    label.push_str(&text::cut(function, NAME_LENGTH_MAX));
    let value = match &op.value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text::cut(text, VALUE_LENGTH_MAX)),
        value => Some(text::cut(&value.to_string(), VALUE_LENGTH_MAX)),
    };
    match value {
        _ if is_read(op) && op.outcome != "ok" => {}
        Some(value) if is_read(op) => label.push_str(&format!(" -> {value}")),
        Some(value) => label.push_str(&format!(" {value}")),
        None if is_read(op) => label.push_str(" -> nothing"),
        None => {}
    }
    match &op.node {
        Some(node) if !is_look(op) => label.push_str(&format!(" @{}", text::cut(node, NAME_LENGTH_MAX))),
        _ => {}
    }
    if let Some(phase) = op.phase {
        label.push_str(&format!(" ({})", phase.name()));
    }
    text::cut(&label, LABEL_LENGTH_MAX)
}
