//! `quorate gossip`.

use std::time::Duration;

use anyhow::{Context, anyhow};
use quorate_sim::GossipOptions;
use serde_json::{Value, json};

use super::{
    Format, answer_json,
    table::{Side, Table},
};
use crate::{
    duration,
    exit::Exit,
    gossip::{
        DETECTION_MAX, GossipFindings, Model, Spans, measure,
        processes::{self, ProcessFindings, ProcessMeasurement},
    },
};

/// Measures how fast gossip gets around simulated clusters, beside what a model of it does.
///
/// In each cluster a node comes, nodes change their names, and one dies. Measured is the time until all others know, each by its own
/// account. Where it takes half as long again as the model's slowest of a hundred, or a dead node is not missed in 30 s, the exit
/// code is 1.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// How many nodes the clusters have.
    #[arg(long, value_delimiter = ',', default_value = "3,5,10", value_parser = clap::value_parser!(u16).range(2..=5000))]
    nodes: Vec<u16>,
    /// With how many that are up a node gossips in a round.
    #[arg(long, value_delimiter = ',', default_value = "3", value_parser = clap::value_parser!(u8).range(1..=3))]
    fan_out: Vec<u8>,
    /// How many clusters of each size, each with a seed of its own from --seed on.
    #[arg(long, default_value = "100", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "processes")]
    seeds: u64,
    /// Measure one cluster of each size of real processes: each node in turn is killed and started again, so often. A death takes
    /// some twenty seconds to be missed.
    #[arg(long, value_name = "DEATHS", value_parser = clap::value_parser!(u16).range(1..), conflicts_with_all = ["fan_out", "changes", "jobs"])]
    processes: Option<u16>,
    /// Time between two rounds of gossip of processes.
    #[arg(long, value_name = "SPAN", default_value = "1s", value_parser = duration::parse, requires = "processes")]
    interval: Duration,
    /// The first seed.
    #[arg(long, default_value = "1")]
    seed: u64,
    /// How many changes there are in each cluster.
    #[arg(long, default_value = "10", value_parser = clap::value_parser!(u16).range(1..))]
    changes: u16,
    /// How many clusters at a time. The answer is the same.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  quorate gossip --nodes 3,5,10 --fan-out 3,1
  quorate gossip --nodes 1000 --seeds 1 --format json
  quorate gossip --nodes 3,5,10 --processes 3";

fn run_processes(args: &Args, deaths: usize) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut all = Vec::new();
    for nodes in &args.nodes {
        let folder = tempfile::Builder::new().prefix("quorate-").tempdir();
        let folder = folder.context("make a folder for the nodes")?;
        let measurement = ProcessMeasurement {
            nodes: usize::from(*nodes),
            deaths,
            interval: args.interval,
            seed: args.seed,
            folder: folder.path(),
        };
        let found = runtime.block_on(processes::measure(&measurement));
        let found = found.with_context(|| format!("measure {nodes} processes"))?;
        if args.format == Format::Json {
            answer_json(&processes_json(*nodes, args, &found));
        }
        all.push((*nodes, found));
    }
    if args.format == Format::Text {
        super::answer(&processes_text(&all, args.interval));
    }
    let is_well = all.iter().all(|(_, found)| is_missed_in_time(found, args.interval));
    Ok(if is_well { Exit::Valid } else { Exit::Invalid })
}

/// Whether every death was missed in as many rounds as there are seconds in the bound, which is for a round a second.
fn is_missed_in_time(found: &ProcessFindings, interval: Duration) -> bool {
    let bound = DETECTION_MAX.as_secs_f64() * interval.as_secs_f64();
    found.detection.percentile(100).as_secs_f64() <= bound
}

fn processes_text(all: &[(u16, ProcessFindings)], interval: Duration) -> String {
    let mut table = Table::new([
        ("NODES", Side::Right),
        ("DEATHS", Side::Right),
        ("DOWN p50", Side::Right),
        ("ALL", Side::Right),
        ("ARRIVAL p50", Side::Right),
        ("MOST", Side::Right),
        ("PEERS", Side::Right),
        ("WITHIN", Side::Left),
    ]);
    for (nodes, found) in all {
        table.row([
            nodes.to_string(),
            found.arrival.count().to_string(),
            seconds(found.detection.percentile(50)),
            seconds(found.detection.percentile(100)),
            seconds(found.arrival.percentile(50)),
            seconds(found.arrival.percentile(100)),
            found.peers_per_round_max.to_string(),
            if is_missed_in_time(found, interval) {
                "yes"
            } else {
                "no"
            }
            .to_owned(),
        ]);
    }
    format!(
        "{table}\nSeconds, of real processes with a round each {}. DOWN: from a death to when one of the others misses the node, and to \
         when ALL do.\nARRIVAL: from when a node that was started again listens to when all others know of it, and hold it to be up. \
         PEERS: contacted in a round,\nat most. WITHIN: a death missed within 30 rounds.\n",
        duration::format(interval)
    )
}

fn processes_json(nodes: u16, args: &Args, found: &ProcessFindings) -> Value {
    json!({
        "format": 1,
        "backend": "processes",
        "nodes": nodes,
        "seed": args.seed,
        "interval_s": args.interval.as_secs_f64(),
        "arrival": spans_json(&found.arrival),
        "down": spans_json(&found.detection),
        "peers_per_round_max": found.peers_per_round_max,
        "within_bounds": is_missed_in_time(found, args.interval),
    })
}

fn spans_json(spans: &Spans) -> Value {
    json!({
        "count": spans.count(),
        "p50_s": spans.percentile(50).as_secs_f64(),
        "p99_s": spans.percentile(99).as_secs_f64(),
        "max_s": spans.percentile(100).as_secs_f64(),
    })
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    if let Some(deaths) = args.processes {
        return run_processes(args, deaths.into());
    }
    let mut all = Vec::new();
    for nodes in &args.nodes {
        for fan_out in &args.fan_out {
            let options = GossipOptions {
                changes: args.changes.into(),
                ..GossipOptions::new(args.seed, usize::from(*nodes), usize::from(*fan_out))
            };
            let found = measure(&options, args.seeds, args.jobs.into());
            let found = found.map_err(|why| anyhow!("measure clusters of {nodes} nodes: {why}"))?;
            if args.format == Format::Json {
                answer_json(&json(&options, args.seeds, &found));
            }
            all.push((options, found));
        }
    }
    if args.format == Format::Text {
        super::answer(&text(&all));
    }
    let is_well = all.iter().all(|(_, found)| found.is_within_bounds());
    Ok(if is_well { Exit::Valid } else { Exit::Invalid })
}

fn text(all: &[(GossipOptions, GossipFindings)]) -> String {
    let mut table = Table::new([
        ("NODES", Side::Right),
        ("FAN-OUT", Side::Right),
        ("CHANGES", Side::Right),
        ("KNOWN p50", Side::Right),
        ("p99", Side::Right),
        ("ROUNDS", Side::Right),
        ("MODEL p50", Side::Right),
        ("p99", Side::Right),
        ("ARRIVAL p50", Side::Right),
        ("DOWN p50", Side::Right),
        ("ALL", Side::Right),
        ("PEERS", Side::Right),
        ("WITHIN", Side::Left),
    ]);
    for (options, found) in all {
        let model = Model::of(found.fan_out, found.nodes);
        let modelled = |of: fn(Model) -> std::time::Duration| model.map_or("-".to_owned(), |model| seconds(of(model)));
        table.row([
            found.nodes.to_string(),
            found.fan_out.to_string(),
            found.spread.count().to_string(),
            seconds(found.spread.percentile(50)),
            seconds(found.spread.percentile(99)),
            found.rounds_p99(options.interval).to_string(),
            modelled(|model| model.p50),
            modelled(|model| model.p99),
            seconds(found.arrival.percentile(50)),
            seconds(found.detection.percentile(50)),
            seconds(found.detection.percentile(100)),
            found.peers_per_round_max.to_string(),
            if found.is_within_bounds() { "yes" } else { "no" }.to_owned(),
        ]);
    }
    format!(
        "{table}\nSeconds, with a round a second. KNOWN: from a change to when all know. ROUNDS: of each node until then, at p99. ARRIVAL: from \
         the start of\na node to when all others know it. DOWN: from a death to when one of the others misses the node, and to when ALL do. \
         PEERS: contacted in a\nround, at most. WITHIN: at most half as long again as the model's p99, and a death missed within 30 s.\n"
    )
}

fn json(options: &GossipOptions, seeds: u64, found: &GossipFindings) -> Value {
    let model = Model::of(found.fan_out, found.nodes);
    let spans = spans_json;
    json!({
        "format": 1,
        "nodes": found.nodes,
        "fan_out": found.fan_out,
        "seed": options.seed,
        "seeds": seeds,
        "known": spans(&found.spread),
        "rounds_p99": found.rounds_p99(options.interval) as u64,
        "model_p50_s": model.map(|model| model.p50.as_secs_f64()),
        "model_p99_s": model.map(|model| model.p99.as_secs_f64()),
        "arrival": spans(&found.arrival),
        "down": spans(&found.detection),
        "peers_per_round_max": found.peers_per_round_max,
        "within_bounds": found.is_within_bounds(),
    })
}

fn seconds(span: std::time::Duration) -> String {
    format!("{:.2}", span.as_secs_f64())
}
