//! What the page's scripts draw from.

use quorate_checker::WitnessOp;
use serde::Serialize;
use serde_json::Value;

use super::{
    Left, Page,
    columns::{Columns, UNTIMED_NS, cut},
    markup::json_in_page,
    members,
};
use crate::fault_log::Stage;

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Data<'a> {
    ops: Columns,
    faults: Vec<FaultShown<'a>>,
    members: Vec<members::Lane>,
    anomalies: Vec<AnomalyShown<'a>>,
}

/// A fault: a band over the charts.
#[derive(Debug, Serialize)]
struct FaultShown<'a> {
    label: &'a str,
    start_ns: u64,
    end_ns: Option<u64>,
    effective: Option<bool>,
}

/// Where an anomaly is among the operations.
#[derive(Debug, Serialize)]
struct AnomalyShown<'a> {
    claim: &'a str,
    key: &'a str,
    start_ns: u64,
    end_ns: u64,
    ops: Vec<u64>,
}

impl<'a> Data<'a> {
    pub(super) fn of(page: &'a Page<'_>, left: &'a Left) -> Data<'a> {
        let ops = Columns::of(page.record);
        // Where no times are known, witnesses have an entry's place for nanoseconds.
        let scale = if ops.untimed { UNTIMED_NS } else { 1 };
        Data {
            faults: faults(page, left),
            members: members::lanes(left),
            anomalies: page.report.broken().map(|claim| anomaly(claim, scale)).collect(),
            ops,
        }
    }

    /// Whether no times are known.
    pub(super) fn is_untimed(&self) -> bool {
        self.ops.untimed
    }

    pub(super) fn to_json(&self) -> String {
        json_in_page(&serde_json::to_string(self).expect("numbers and texts"))
    }
}

fn faults<'a>(page: &'a Page<'_>, left: &'a Left) -> Vec<FaultShown<'a>> {
    let Some(faults) = &left.faults else {
        let spans = page.context.faults.iter();
        let shown = spans.map(|span| FaultShown {
            label: &span.label,
            start_ns: span.start_ns,
            end_ns: span.end_ns,
            effective: None,
        });
        return shown.collect();
    };
    let entries = faults.entries();
    let of = |id, stage: Stage| entries.iter().find(move |entry| entry.id == id && entry.stage == stage);
    let asked = entries.iter().filter(|entry| entry.stage == Stage::Asked);
    let shown = asked.map(|asked| FaultShown {
        label: &asked.label,
        start_ns: of(asked.id, Stage::Applied).map_or(asked.time_ns, |applied| applied.time_ns),
        end_ns: of(asked.id, Stage::Undone).map(|undone| undone.time_ns),
        effective: of(asked.id, Stage::Observed).and_then(|observed| observed.effective),
    });
    shown.collect()
}

fn anomaly(claim: &quorate_workloads::ClaimReport, scale: u64) -> AnomalyShown<'_> {
    let ops: &[WitnessOp] = claim.witness.as_ref().map_or(&[], |witness| &witness.ops);
    let (start_ns, end_ns) = span(ops);
    AnomalyShown {
        claim: &claim.claim.name,
        key: claim.witness.as_ref().map_or("", |witness| &witness.key),
        start_ns: start_ns * scale,
        end_ns: end_ns * scale,
        ops: ops.iter().map(|op| op.index).collect(),
    }
}

/// From the first start to the last end.
fn span(ops: &[WitnessOp]) -> (u64, u64) {
    let start = ops.iter().map(|op| op.start_ns).min().unwrap_or(0);
    let end = ops.iter().map(|op| op.end_ns.unwrap_or(op.start_ns)).max();
    (start, end.unwrap_or(start))
}

/// A value in few letters.
pub(super) fn short(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        value => cut(value.to_string()),
    }
}
