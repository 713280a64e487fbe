//! Metrics as Prometheus scrapes them: its text format, version 0.0.4.
//!
//! What only rises ends in `_total`; times are in seconds. Quantiles are of the last few spans and not of all, so they
//! are gauges, and not a summary, whose count and sum there would have to be.

use std::fmt::Write;

use quorate_core::{Latency, Metrics, RequestMetrics};

use super::{Sample, at_present, operation, since_start};
use crate::cli::node::names::Names;

pub(super) fn text(metrics: &Metrics, names: Names<'_>) -> String {
    let mut out = String::new();
    let samples = at_present(metrics).into_iter().chain(since_start(&metrics.counters));
    for Sample {
        name,
        value,
        says,
        is_total,
    } in samples
    {
        let (suffix, kind) = if is_total { ("_total", "counter") } else { ("", "gauge") };
        family(&mut out, &format!("{name}{suffix}"), kind, says);
        let _ = writeln!(out, "quorate_{name}{suffix} {value}");
    }
    requests(&mut out, metrics);
    let peers = metrics.peers.iter().map(|peer| {
        let (node, name) = (peer.node, escaped(names.name(peer.node)));
        (format!("node=\"{node}\",name=\"{name}\""), peer.latency)
    });
    let says = "time that a node took to answer reads, of the last few";
    latencies(&mut out, "peer_round_trip_seconds", says, peers);
    out
}

fn requests(out: &mut String, metrics: &Metrics) {
    family(out, "requests_total", "counter", "client requests that ended, by how");
    for entry in &metrics.requests {
        for (outcome, count) in [("ok", entry.ok), ("failed", entry.failed), ("refused", entry.refused)] {
            let labels = labels(entry);
            let _ = writeln!(out, "quorate_requests_total{{{labels},outcome=\"{outcome}\"}} {count}");
        }
    }
    let entries = metrics.requests.iter().map(|entry| (labels(entry), entry.latency));
    let says = "time that client requests took, of the last few that were answered";
    latencies(out, "request_seconds", says, entries);
}

fn labels(entry: &RequestMetrics) -> String {
    format!("operation=\"{}\",level=\"{}\"", operation(entry.operation), entry.level)
}

fn family(out: &mut String, name: &str, kind: &str, says: &str) {
    let _ = writeln!(out, "# HELP quorate_{name} {says}");
    let _ = writeln!(out, "# TYPE quorate_{name} {kind}");
}

/// What is not known yet is left out.
fn latencies(out: &mut String, name: &str, says: &str, of: impl Iterator<Item = (String, Latency)>) {
    family(out, name, "gauge", says);
    for (labels, latency) in of {
        for (quantile, span) in [("0.5", latency.p50), ("0.99", latency.p99)] {
            if let Some(span) = span {
                let seconds = span.as_secs_f64();
                let _ = writeln!(out, "quorate_{name}{{{labels},quantile=\"{quantile}\"}} {seconds}");
            }
        }
    }
}

/// A label's value, in which a backslash, a quotation mark and the end of a line are not themselves.
fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_can_not_end_its_line() {
        assert_eq!(escaped("a\"b\\c\nd"), r#"a\"b\\c\nd"#);
    }
}
