//! The report as one JSON object, as CLI.md fixes it.

use quorate_workloads::Judgement;
use serde_json::{Value, json};

use super::{Measured, Report};

/// The version of the object's form.
const FORMAT: u32 = 1;

/// The report as one object.
pub fn json(report: &Report) -> Value {
    let judgement = &report.judgement;
    let broken: Vec<_> = report.broken().map(|claim| &claim.claim).collect();
    let (not, also_not) = judgement.broken_levels();
    let mut object = json!({
        "format": FORMAT,
        "verdict": judgement.verdict.name(),
        "exit": report.exit.code(),
        "ops": judgement.counts.ops,
        "keys": judgement.counts.keys,
        "seconds": report.seconds,
        "claims": judgement.claims,
        "anomalies": broken.iter().map(|claim| claim.anomaly).collect::<Vec<_>>(),
        "not": not,
        "also_not": also_not,
        "run": report.run,
        "seed": report.seed,
        "counts": judgement.counts,
        "figures": judgement.figures,
        "vacuous": judgement.vacuous,
        "tests": tests(judgement),
    });
    if !report.thresholds.is_empty() {
        object["thresholds"] = json!(report.thresholds);
    }
    if let Some(measured) = &report.measured {
        let fields = object.as_object_mut().expect("made as an object");
        fields.extend(measurements(report, measured));
    }
    object
}

/// What tested the claims: counted, how often at least, and for which of them.
fn tests(judgement: &Judgement) -> Vec<Value> {
    let tests = judgement.tests().into_iter();
    tests.map(|(tested, claims)| json!({ "by": tested.by, "what": tested.by.words(), "count": tested.count, "least": tested.least, "claims": claims })).collect()
}

fn measurements(report: &Report, measured: &Measured) -> serde_json::Map<String, Value> {
    let seconds = measured.load_time.as_secs_f64();
    let fields = json!({
        "load_seconds": seconds,
        "ops_per_second": report.judgement.counts.ops as f64 / seconds.max(f64::MIN_POSITIVE),
        "latency": measured.latency,
        "faults": { "asked": measured.faults, "effective": measured.faults_effective },
        "quiet_after_seconds": measured.quiet_after.map(|span| span.as_secs_f64()),
        "interrupted": measured.interrupted,
        "trace_hash": measured.simulated,
    });
    match fields {
        Value::Object(fields) => fields,
        _ => unreachable!("made as an object"),
    }
}
