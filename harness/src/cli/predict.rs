//! `quorate predict`.

mod model;
mod tables;

use quorate_workloads::pbs::{Candidate, Model, Prediction, Quorum, recommend};
use serde_json::{Value, json};

use self::model::ModelArgs;
use super::{
    TableFormat, answer, answer_json,
    needs::{Advice, NeedsArgs},
    numbers::{Numbers, parse_numbers, parse_rate},
};
use crate::{
    exit::Exit,
    predict::{Effort, predict},
    workers::jobs,
};

/// Predicts, from what messages take, how stale reads are and how long reads and writes take, for each R and W (probabilistically
/// bounded staleness: Bailis et al., VLDB 2012).
///
/// A read is fresh if one of the R replicas that answer it first had the last write by then. The model knows no hints, anti-entropy,
/// failures or queues: what it says of staleness some time after a write is an upper bound.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// Replicas that answer a read: one number, or several as in 1..3 or 1,3; all from 1 to N unless told otherwise.
    #[arg(long, value_name = "NUMBERS", value_parser = parse_numbers)]
    r: Option<Numbers>,
    /// Replicas that acknowledge a write.
    #[arg(long, value_name = "NUMBERS", value_parser = parse_numbers)]
    w: Option<Numbers>,
    /// How many milliseconds after a write the share of stale reads is told.
    #[arg(long, value_name = "MS", value_delimiter = ',', default_value = "0,1,10,100")]
    at: Vec<f64>,
    /// Writes of a key in a second: with --client-reads, how often a client reads less than it had read before.
    #[arg(long, value_name = "PER_SECOND", value_parser = parse_rate, requires = "client_reads")]
    writes: Option<f64>,
    /// Reads of that key by one client in a second.
    #[arg(long, value_name = "PER_SECOND", value_parser = parse_rate, requires = "writes")]
    client_reads: Option<f64>,
    /// How many trials.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    trials: u64,
    /// Decides what is drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// On how many threads; as many as there are processors unless told otherwise. The answer is the same.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    #[command(flatten)]
    needs: NeedsArgs,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: TableFormat,
}

const EXAMPLES: &str = "\
Examples:
  quorate predict lnkd-disk
  quorate predict --leg all='exp(0.2)' --leg w='38%*pareto(1.05,1.51) + 62%*exp(0.183)' --n 5 --r 1,3 --w 1..3
  quorate predict --histogram legs.csv --drop 0.1% --repair-reads 20
  quorate predict lnkd-ssd --delays regions.toml --n 3
  quorate predict ymmr --max-stale 1% --after 10ms --read-p99 10ms --write-p99 200ms --tolerate 1

A histogram is comma-separated: `up_to_ms,w,a,r,s`, then lines of a bound and how many delays of each leg were at most that long and
longer than the bound before; `all` stands for legs without a column, `apply` is what a replica takes from a write's arrival on,
`client` what lies between clients and coordinators. `quorate matrix --legs DIR` leaves such files.

Delays of data centers are TOML: dcs = [\"eu\", \"us\"], delays = [[0, 40], [\"normal(42,2)\", 0]], from the row's to the column's.

Exit codes: 0, or 3 if no R and W meets the needs.";

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let model = args.model.resolve()?;
    let quorums = args.quorums(&model);
    let effort = Effort {
        seed: args.seed,
        trials: args.trials,
        jobs: jobs(args.jobs),
    };
    let predictions = predict(&model, &quorums, effort)?;
    let told = Told {
        args,
        advice: args.advise(&predictions),
        predictions: &predictions,
    };
    match args.format {
        TableFormat::Json => answer_json(&told.json()),
        TableFormat::Csv => answer(&tables::wide(&told).csv()),
        TableFormat::Text => answer(&tables::text(&told)),
        TableFormat::Markdown => answer(&tables::markdown(&told)),
    }
    Ok(told.advice.as_ref().map_or(Exit::Valid, Advice::exit))
}

impl Args {
    fn quorums(&self, model: &Model) -> Vec<Quorum> {
        let all = |numbers: &Option<Numbers>| match numbers {
            Some(numbers) => numbers.0.clone(),
            None => (1..=model.n).collect(),
        };
        let ws = all(&self.w);
        let with_each_w = |r: u8| ws.iter().map(move |w| Quorum { r, w: *w });
        all(&self.r).into_iter().flat_map(with_each_w).collect()
    }

    fn advise(&self, predictions: &[Prediction]) -> Option<Advice> {
        let needs = self.needs.needs()?;
        let candidate = |prediction: &Prediction| Candidate {
            name: name(prediction),
            under: String::new(),
            n: prediction.n,
            r: prediction.quorum.r,
            w: prediction.quorum.w,
            write_rounds: 1,
            stale: Some(prediction.stale_at(self.needs.after_ms())),
            read_p99_ms: prediction.read.as_ref().map(|read| read.p99_ms),
            write_p99_ms: prediction.write.as_ref().map(|write| write.p99_ms),
            available: None,
            lost: None,
            broken: None,
        };
        let candidates: Vec<_> = predictions.iter().map(candidate).collect();
        let rulings = recommend(&needs, &candidates);
        Some(Advice { candidates, rulings })
    }
}

fn name(prediction: &Prediction) -> String {
    format!("R{} W{}", prediction.quorum.r, prediction.quorum.w)
}

/// What is told.
struct Told<'a> {
    args: &'a Args,
    predictions: &'a [Prediction],
    advice: Option<Advice>,
}

/// From how many versions on, and by which time, it is told how fresh reads are.
const VERSIONS: [u32; 4] = [1, 2, 3, 5];
const SHARES: [f64; 3] = [0.99, 0.999, 0.9999];

impl Told<'_> {
    /// The exponent of reads that are not monotonic, where it is asked for.
    fn exponent(&self) -> Option<f64> {
        let (writes, reads) = self.args.writes.zip(self.args.client_reads)?;
        Some(quorate_workloads::pbs::monotonic_reads_exponent(writes, reads))
    }

    fn json(&self) -> Value {
        let cell = |prediction: &Prediction| {
            let stale = self
                .args
                .at
                .iter()
                .map(|t_ms| json!({ "t_ms": t_ms, "stale": prediction.stale_at(*t_ms) }));
            let fresh = SHARES.map(|share| json!({ "share": share, "t_ms": prediction.fresh_by(share) }));
            let versions = VERSIONS.map(|k| {
                let share = prediction.within_versions(k.into());
                json!({ "versions": k, "share": share })
            });
            json!({
                "n": prediction.n,
                "r": prediction.quorum.r,
                "w": prediction.quorum.w,
                "stale": stale.collect::<Vec<_>>(),
                "fresh_by": fresh,
                "read": prediction.read,
                "write": prediction.write,
                "within_versions": versions,
                "non_monotonic_reads": self.exponent().map(|exponent| 1.0 - prediction.within_versions(exponent)),
                "unanswered": prediction.unanswered,
            })
        };
        json!({
            "format": 1,
            "model": self.args.model.words(),
            "trials": self.args.trials,
            "seed": self.args.seed,
            "confidence": 0.95,
            "monotonic_reads_exponent": self.exponent(),
            "cells": self.predictions.iter().map(cell).collect::<Vec<_>>(),
            "advice": self.advice.as_ref().map(Advice::json),
        })
    }
}
