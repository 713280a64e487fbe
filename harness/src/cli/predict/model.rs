//! What is predicted from: published fits, expressions, histograms, data centers.

use std::path::PathBuf;

use quorate_workloads::pbs::{DataCenters, Distribution, Legs, Model, Placement, Repair};
use serde::Deserialize;

use crate::{
    cli::numbers::{parse_rate, parse_share},
    exit::ExitError,
    input::bad_input,
    run_folder::read_input,
};

/// Where the delays of messages come from.
#[derive(Debug, clap::Args)]
pub(super) struct ModelArgs {
    /// A published fit: lnkd-ssd, lnkd-disk, ymmr or wan.
    #[arg(value_parser = Model::FITS)]
    fit: Option<String>,
    /// Delays as they were counted, in a file; see below.
    #[arg(long, value_name = "FILE", conflicts_with = "fit")]
    histogram: Option<PathBuf>,
    /// A leg's delays in milliseconds: w and a of writes, r and s of reads, all of these, apply, or client. A number, constant(MS),
    /// uniform(FROM,TO), exp(RATE), pareto(SCALE,SHAPE), normal(MEAN,DEVIATION), lognormal(MEDIAN,SIGMA), or a mixture of these.
    #[arg(long, value_name = "LEG=EXPRESSION", value_parser = parse_leg)]
    leg: Vec<(LegName, Distribution, String)>,
    /// How far data centers are apart, in a file; replicas are dealt to them in turn, and each adds to every leg. See below.
    #[arg(long, value_name = "FILE")]
    delays: Option<PathBuf>,
    /// The share of requests that go to a node that is a replica of their key, and so asks itself.
    #[arg(long, value_name = "SHARE", value_parser = parse_share, conflicts_with = "delays")]
    local: Option<f64>,
    /// Replicas of each key (N).
    #[arg(long, default_value_t = 3)]
    n: u8,
    /// The share of messages that are lost.
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    drop: Option<f64>,
    /// Let reads repair, with so many reads of a key in a second: the first after a write brings replicas up to date.
    #[arg(long, value_name = "PER_SECOND", value_parser = parse_rate)]
    repair_reads: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LegName {
    W,
    A,
    R,
    S,
    All,
    Apply,
    Client,
}

fn parse_leg(text: &str) -> Result<(LegName, Distribution, String), String> {
    let (name, expression) = text.split_once('=').ok_or("write LEG=EXPRESSION, as in w=exp(0.183)")?;
    let leg = match name.trim() {
        "w" => LegName::W,
        "a" => LegName::A,
        "r" => LegName::R,
        "s" => LegName::S,
        "all" => LegName::All,
        "apply" => LegName::Apply,
        "client" => LegName::Client,
        other => return Err(format!("leg {other:?} is none of w, a, r, s, all, apply, client")),
    };
    let distribution = expression.parse().map_err(|error| format!("{error}"))?;
    Ok((leg, distribution, text.to_owned()))
}

/// A file of data centers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DelaysFile {
    dcs: Vec<String>,
    delays: Vec<Vec<Delay>>,
}

/// What a message takes: so many milliseconds, or an expression.
#[derive(Deserialize)]
#[serde(untagged)]
enum Delay {
    Integer(u32),
    Number(f64),
    Expression(String),
}

impl ModelArgs {
    /// The model that the arguments ask for.
    pub(super) fn resolve(&self) -> anyhow::Result<Model> {
        let mut model = self.base()?;
        for (leg, distribution, _) in &self.leg {
            let distribution = distribution.clone();
            match leg {
                LegName::W => model.legs.w = distribution,
                LegName::A => model.legs.a = distribution,
                LegName::R => model.legs.r = distribution,
                LegName::S => model.legs.s = distribution,
                LegName::All => {} // The base of the others.
                LegName::Apply => model.apply = Some(distribution),
                LegName::Client => model.client = Some(distribution),
            }
        }
        if let Some(path) = &self.delays {
            model.placement = Placement::DataCenters(read_delays(path)?);
        }
        if let Some(share) = self.local {
            model.placement = Placement::Among(share);
        }
        model.drop = self.drop.unwrap_or_default();
        model.repair = self.repair_reads.map(|reads_per_second| Repair { reads_per_second });
        model
            .validate()
            .map_err(|error| ExitError::usage(format!("predict: {error}")))?;
        Ok(model)
    }

    /// The delays of each leg, but for those that have an expression of their own.
    fn base(&self) -> anyhow::Result<Model> {
        let of_all = self.leg.iter().rev().find(|(leg, ..)| *leg == LegName::All);
        let all = of_all.map(|(_, distribution, _)| Legs::all(distribution));
        if let Some(path) = &self.histogram {
            let model = Model::from_histogram(self.n, &read_input(path)?);
            return model.map_err(|error| bad_input(path, &error));
        }
        if let Some(fit) = &self.fit {
            let mut model = Model::fit(fit, self.n).expect("the parser lets no other name through");
            model.legs = all.unwrap_or(model.legs);
            return Ok(model);
        }
        let has = |name: LegName| self.leg.iter().any(|(leg, ..)| *leg == name);
        let is_whole = [LegName::W, LegName::A, LegName::R, LegName::S].into_iter().all(has);
        let nothing = Legs::all(&Distribution::constant(0.0));
        match all.or(is_whole.then_some(nothing)) {
            Some(legs) => Ok(Model::new(self.n, legs)),
            None => Err(ExitError::usage(format!(
                "find delays to predict from: name one of the fits {}, or give --histogram, --leg all=..., or --leg for each of w, a, \
                 r and s",
                Model::FITS.join(", ")
            ))
            .into()),
        }
    }

    /// What is predicted from, in words.
    pub(super) fn words(&self) -> String {
        let mut words = vec![format!("N={}", self.n)];
        words.extend(self.fit.clone());
        words.extend(
            self.histogram
                .as_ref()
                .map(|path| format!("histogram {}", path.display())),
        );
        words.extend(self.leg.iter().map(|(.., text)| text.clone()));
        words.extend(
            self.delays
                .as_ref()
                .map(|path| format!("data centers {}", path.display())),
        );
        let percent = |share: f64| format!("{} %", share * 100.0);
        words.extend(
            self.local
                .map(|share| format!("{} of requests at a replica", percent(share))),
        );
        words.extend(self.drop.map(|share| format!("{} of messages lost", percent(share))));
        words.extend(
            self.repair_reads
                .map(|rate| format!("repaired by {rate} reads a second")),
        );
        words.join(", ")
    }
}

fn read_delays(path: &std::path::Path) -> anyhow::Result<DataCenters> {
    let file: DelaysFile = toml::from_str(&read_input(path)?).map_err(|error| bad_input(path, &error))?;
    let text = |delay: &Delay| match delay {
        Delay::Integer(ms) => ms.to_string(),
        Delay::Number(ms) => ms.to_string(),
        Delay::Expression(text) => text.clone(),
    };
    let rows: Vec<Vec<_>> = file.delays.iter().map(|row| row.iter().map(text).collect()).collect();
    DataCenters::parse(&file.dcs, &rows).map_err(|error| bad_input(path, &error))
}
