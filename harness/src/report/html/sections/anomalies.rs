//! What was seen broken: words, a picture, the operations, the logs.

use std::fmt::Write;

use quorate_checker::{Witness, WitnessOp, timeline};
use quorate_workloads::ClaimReport;

use super::Sections;
use crate::{
    report::html::{
        data::short,
        logs::{self, LINES_MAX},
        markup::{command, escaped, row, table},
    },
    shell::quoted,
};

/// How long before an anomaly and after it the logs are shown.
const LOG_MARGIN_NS: i64 = 250_000_000;

impl Sections<'_> {
    pub(super) fn anomalies(&self) -> String {
        let mut out = "<section id=\"anomalies\"><h2>Anomalies</h2>\n".to_owned();
        let report = self.page.report;
        if report.broken().next().is_none() {
            out += "<p>None was found. That is no proof that there is none: it says what the operations tested.</p>\n";
            return out + "</section>\n";
        }
        let lines = self.log_lines();
        for (number, claim) in report.broken().enumerate() {
            out += &self.anomaly(number + 1, claim, &lines);
        }
        out + "</section>\n"
    }

    fn log_lines(&self) -> Vec<logs::Line> {
        let manifest = self.left.manifest.as_ref();
        let zero = manifest.and_then(|manifest| manifest.zero_unix_ns);
        match (self.page.folder, zero) {
            (Some(folder), Some(zero)) => logs::lines(&folder.file("nodes"), zero.into()),
            _ => Vec::new(),
        }
    }

    fn anomaly(&self, number: usize, claim: &ClaimReport, lines: &[logs::Line]) -> String {
        let claimed = if claim.claimed { "claimed" } else { "not claimed" };
        let mut out = format!(
            "<article id=\"anomaly-{number}\" class=\"{}\"><h3>{number}. {} <small>({}, {claimed})</small></h3>\n",
            claim.verdict.name(),
            escaped(claim.claim.anomaly),
            escaped(&claim.claim.name),
        );
        let Some(witness) = &claim.witness else {
            return out + "</article>\n";
        };
        let _ = writeln!(out, "<p class=\"words\">{}</p>", escaped(&witness.text));
        let has_ops = !witness.ops.is_empty();
        let picture = witness.picture.clone();
        if let Some(picture) = picture.or_else(|| has_ops.then(|| timeline(witness, self.page.context))) {
            let _ = writeln!(
                out,
                "<figure class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Picture\">{picture}</figure>"
            );
        }
        // What nodes told of themselves is broken by no operation.
        if has_ops {
            out += &self.operations(witness);
            let _ = writeln!(
                out,
                "<details class=\"around\" data-anomaly=\"{}\"><summary>The operations around it</summary></details>",
                number - 1
            );
            out += &log_part(&witness.ops, lines);
            let _ = writeln!(
                out,
                "<p><button type=\"button\" class=\"show\" data-anomaly=\"{}\">Show in the timeline</button></p>",
                number - 1
            );
        }
        if let (Some(run), true) = (&self.page.report.run, self.left.manifest.is_some()) {
            out += &command(&format!(
                "quorate explain {} --anomaly {number}",
                quoted(&run.display().to_string())
            ));
        }
        out + "</article>\n"
    }

    fn operations(&self, witness: &Witness) -> String {
        let mut rows = String::new();
        for op in &witness.ops {
            rows += &row(&[
                &op.index,
                &op.process,
                &op.function,
                &op.key,
                &short(&op.value),
                &op.outcome,
                &op.node.as_deref().unwrap_or("-"),
                &self.time(op.start_ns),
                &op.end_ns.map_or("never".to_owned(), |ns| self.time(ns)),
            ]);
        }
        let headings = ["#", "Who", "Did", "Key", "Value", "Ended", "Node", "Began", "Ended at"];
        format!(
            "<details><summary>Its {} operations</summary>{}</details>\n",
            witness.ops.len(),
            table("Operations", &headings, &rows)
        )
    }
}

/// What the nodes said while one of the operations went on, a little before and after.
fn log_part(ops: &[WitnessOp], lines: &[logs::Line]) -> String {
    let ns = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
    let is_near = |line: &&logs::Line| {
        let mut ops = ops.iter();
        ops.any(|op| {
            let end = ns(op.end_ns.unwrap_or(op.start_ns)).saturating_add(LOG_MARGIN_NS);
            (ns(op.start_ns) - LOG_MARGIN_NS..=end).contains(&line.time_ns)
        })
    };
    let near: Vec<_> = lines.iter().filter(is_near).collect();
    if near.is_empty() {
        return String::new();
    }
    let mut text = String::new();
    for line in near.iter().take(LINES_MAX) {
        let _ = writeln!(
            text,
            "{:>10.3} s  {:<6} {}",
            line.time_ns as f64 / 1e9,
            line.node,
            line.text
        );
    }
    if near.len() > LINES_MAX {
        let _ = writeln!(text, "and {} more lines: see nodes/", near.len() - LINES_MAX);
    }
    format!(
        "<details><summary>{} lines of the nodes' logs around it</summary><pre>{}</pre></details>\n",
        near.len(),
        escaped(&text)
    )
}
