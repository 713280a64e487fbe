//! `quorate node metrics`.

mod prometheus;

use clap::ValueEnum;
use quorate_core::{Counters, Latency, Metrics, Operation, Status};
use serde_json::{Value, json};

use super::{
    connect::{ConnectArgs, QUICK},
    names::Names,
    table::{Side, Table},
};
use crate::{
    cli::{answer, answer_json},
    exit::Exit,
};

/// Says what a node has done since its start, and how long it took.
///
/// Quantiles are of the last few requests at each level, and of the last few round trips of reads to each node.
///
/// Examples: quorate node metrics --connect 127.0.0.1:4501 --identity cluster/ops;
/// quorate node metrics --format prometheus
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    connect: ConnectArgs,
    /// How to answer
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For machines: one object.
    Json,
    /// The text format that Prometheus scrapes.
    Prometheus,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let (metrics, status) = args
        .connect
        .talk(QUICK, async |node| Ok((node.metrics().await?, node.status().await?)))?;
    match args.format {
        Format::Text => answer(&text(&metrics, Names(&status))),
        Format::Json => answer_json(&json(&metrics, &status)),
        Format::Prometheus => answer(&prometheus::text(&metrics, Names(&status))),
    }
    Ok(Exit::Valid)
}

/// One number, under the name that it has in every format.
struct Sample {
    name: &'static str,
    value: u64,
    says: &'static str,
    /// Whether it only rises while the node runs.
    is_total: bool,
}

fn total(name: &'static str, value: u64, says: &'static str) -> Sample {
    Sample {
        name,
        value,
        says,
        is_total: true,
    }
}

fn level(name: &'static str, value: u64, says: &'static str) -> Sample {
    Sample {
        name,
        value,
        says,
        is_total: false,
    }
}

/// What has been counted since the start. All fields are named here, so that a new one is not forgotten.
fn since_start(counters: &Counters) -> Vec<Sample> {
    let Counters {
        gossip_rounds,
        gossip_peers_per_round_max,
        gossip_refused,
        gossip_facts_ignored,
        reads,
        writes,
        refusals,
        timeouts,
        read_repairs,
        hints_stored,
        hints_delivered,
        hints_expired,
        hints_refused,
        anti_entropy_records,
        hedges,
        damaged_records,
        mended_records,
        tombstones_collected,
    } = *counters;
    vec![
        total("reads", reads, "reads answered"),
        total("writes", writes, "writes acknowledged"),
        total("refusals", refusals, "requests refused before anything was sent"),
        total("timeouts", timeouts, "requests that ran out of time or of replicas"),
        total("hedges", hedges, "replicas asked because another was late"),
        total(
            "read_repairs",
            read_repairs,
            "records sent to replicas that a read found behind",
        ),
        total("hints_stored", hints_stored, "hints kept"),
        total("hints_delivered", hints_delivered, "hints delivered"),
        total("hints_expired", hints_expired, "hints thrown away as too old"),
        total(
            "hints_refused",
            hints_refused,
            "hints not kept, because there were too many",
        ),
        total(
            "anti_entropy_records",
            anti_entropy_records,
            "records taken in or given away by anti-entropy",
        ),
        total("damaged_records", damaged_records, "records found damaged"),
        total(
            "mended_records",
            mended_records,
            "damaged records mended from other owners",
        ),
        total("tombstones_collected", tombstones_collected, "tombstones forgotten"),
        total("gossip_rounds", gossip_rounds, "rounds of gossip"),
        level(
            "gossip_peers_per_round_max",
            gossip_peers_per_round_max,
            "the most peers contacted in one round",
        ),
        total(
            "gossip_refused",
            gossip_refused,
            "accounts of nodes not taken in: spoilt, or absurd",
        ),
        total(
            "gossip_facts_ignored",
            gossip_facts_ignored,
            "facts not taken in: no node may say them",
        ),
    ]
}

/// How things are at the moment.
fn at_present(metrics: &Metrics) -> Vec<Sample> {
    vec![
        level(
            "coordinating",
            metrics.coordinating,
            "client requests being coordinated",
        ),
        level("persisting", metrics.persisting, "batches on their way to the disk"),
        level("persisting_bytes", metrics.persisting_bytes, "bytes in them, about"),
        level("hints_pending", metrics.hints_pending, "hints kept"),
        level(
            "writes_remembered",
            metrics.writes_remembered,
            "writes remembered by their ids",
        ),
        level("tombstones", metrics.tombstones, "tombstones held"),
        level(
            "records_damaged",
            metrics.records_damaged,
            "records damaged and not yet mended",
        ),
    ]
}

fn operation(operation: Operation) -> &'static str {
    match operation {
        Operation::Read => "read",
        Operation::Write => "write",
    }
}

fn text(metrics: &Metrics, names: Names<'_>) -> String {
    let mut out = String::new();
    for (section, samples) in [
        ("now", at_present(metrics)),
        ("since the start", since_start(&metrics.counters)),
    ] {
        out += &format!("{section}\n");
        for Sample { name, value, says, .. } in samples {
            out += &format!("  {name:<27}{value:>12}  {says}\n");
        }
        out.push('\n');
    }
    out += "requests\n";
    let mut requests = Table::new([
        ("  OPERATION", Side::Left),
        ("LEVEL", Side::Left),
        ("OK", Side::Right),
        ("FAILED", Side::Right),
        ("REFUSED", Side::Right),
        ("P50 MS", Side::Right),
        ("P99 MS", Side::Right),
    ]);
    for entry in &metrics.requests {
        let [p50, p99] = milliseconds(entry.latency);
        requests.row([
            format!("  {}", operation(entry.operation)),
            entry.level.to_string(),
            entry.ok.to_string(),
            entry.failed.to_string(),
            entry.refused.to_string(),
            p50,
            p99,
        ]);
    }
    out += &format!("{requests}\nround trips of reads\n");
    let mut peers = Table::new([
        ("  NODE", Side::Left),
        ("NAME", Side::Left),
        ("P50 MS", Side::Right),
        ("P99 MS", Side::Right),
    ]);
    for peer in &metrics.peers {
        let [p50, p99] = milliseconds(peer.latency);
        peers.row([format!("  {}", peer.node), names.name(peer.node).to_owned(), p50, p99]);
    }
    out + &peers.to_string()
}

/// The quantiles, and `-` for those of too few spans.
fn milliseconds(latency: Latency) -> [String; 2] {
    [latency.p50, latency.p99]
        .map(|span| span.map_or_else(|| "-".to_owned(), |span| format!("{:.1}", span.as_secs_f64() * 1e3)))
}

fn json(metrics: &Metrics, status: &Status) -> Value {
    let object = |samples: Vec<Sample>| -> Value {
        let pairs = samples
            .into_iter()
            .map(|sample| (sample.name.to_owned(), json!(sample.value)));
        Value::Object(pairs.collect())
    };
    let latency = |latency: Latency| {
        let ms = |span: std::time::Duration| span.as_secs_f64() * 1e3;
        json!({ "p50_ms": latency.p50.map(ms), "p99_ms": latency.p99.map(ms) })
    };
    let requests = metrics.requests.iter().map(|entry| {
        json!({
            "operation": operation(entry.operation),
            "level": entry.level.to_string(),
            "ok": entry.ok,
            "failed": entry.failed,
            "refused": entry.refused,
            "latency": latency(entry.latency),
        })
    });
    let peers = metrics.peers.iter().map(|peer| {
        json!({
            "node": peer.node.to_string(),
            "name": Names(status).member(peer.node).and_then(|member| member.name.clone()),
            "latency": latency(peer.latency),
        })
    });
    json!({
        "format": 1,
        "node": status.node.to_string(),
        "name": status.name,
        "generation": status.generation.0,
        "now": object(at_present(metrics)),
        "since_start": object(since_start(&metrics.counters)),
        "requests": requests.collect::<Vec<_>>(),
        "peers": peers.collect::<Vec<_>>(),
    })
}
