//! `quorate matrix`.

mod tables;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use quorate_core::Plant;
use quorate_workloads::pbs::{Candidate, recommend};
use serde_json::{Value, json};
use toml::Table;

use super::{
    answer, answer_json,
    needs::{Advice, NeedsArgs},
    numbers::{Numbers, parse_numbers, parse_share},
    output::OUT,
    overrides::{PlantArg, parse_file, parse_plant, parse_setting},
    progress::{Display, Style},
};
use crate::{
    duration,
    exit::{Exit, ExitError},
    input::bad_input,
    interrupt::Interrupted,
    matrix::{
        Cell, CellReport, Difference, Far, MatrixReport, Plan, Processes, RunMeasure, Runner, Simulated, Spec, compare,
        html, run as run_matrix,
    },
    run_folder::{Backend, read_input},
    shell::quoted,
    workers::jobs,
};

/// Runs N x R x W x write path x faults, each cell several times in virtual time or on real processes, and says in one table what each
/// choice costs and what it breaks: stale reads, lost writes, latencies, availability, messages, every claim.
///
/// Load is an open loop: operations come at their rate whatever became of those before, and latencies count from when they came. Every
/// figure has bounds of 95 % confidence, by drawing whole runs again.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A matrix, as TOML: n, r, w, write-path and faults as lists, and [scenario] with settings for every cell.
    file: Option<PathBuf>,
    /// Replicas of each key: one number, or several as in 3,5. 3 unless told otherwise.
    #[arg(long, value_name = "NUMBERS", value_parser = parse_numbers)]
    n: Option<Numbers>,
    /// Replicas that answer a read, as in 1..3; those above N are left out. 1..3 unless told otherwise.
    #[arg(long, value_name = "NUMBERS", value_parser = parse_numbers)]
    r: Option<Numbers>,
    /// Replicas that acknowledge a write.
    #[arg(long, value_name = "NUMBERS", value_parser = parse_numbers)]
    w: Option<Numbers>,
    /// How writes are ordered: lww, abd or both with a comma.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    write_path: Vec<String>,
    /// Families of faults, each for cells of its own, as in none,partition; several at once with a + between them. none unless told
    /// otherwise.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    faults: Vec<String>,
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    real: RealArgs,
    #[command(flatten)]
    effort: EffortArgs,
    /// Predict each cell too (see `quorate predict`), from what messages took in its own runs, and say how far off that is.
    #[arg(long)]
    predict: bool,
    /// Leave what messages took in each cell's runs in this folder, a file for each, for `quorate predict --histogram`.
    #[arg(long, value_name = "DIR")]
    legs: Option<PathBuf>,
    /// Run nothing, and tell of an earlier matrix that was written with --format json: in another format, beside a baseline, by other
    /// needs.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "n", "r", "w", "write_path", "faults", "predict", "legs", "budget"])]
    from: Option<PathBuf>,
    /// An earlier matrix, written with --format json: say what differs from it beyond the bounds of both.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    #[command(flatten)]
    needs: NeedsArgs,
    #[command(flatten)]
    measured_needs: MeasuredNeedsArgs,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: MatrixFormat,
}

/// What every cell's clients do.
#[derive(Debug, clap::Args)]
struct LoadArgs {
    /// How many nodes; 5 unless told otherwise.
    #[arg(long)]
    nodes: Option<usize>,
    /// How long the load of each run lasts; 10 s unless told otherwise.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    time: Option<Duration>,
    /// Operations a second, of all clients together; 500 unless told otherwise.
    #[arg(long, value_name = "OPS/S")]
    rate: Option<u32>,
    /// How many clients: what comes while all are busy waits, and its latency counts. 100 unless told otherwise.
    #[arg(long)]
    concurrency: Option<usize>,
    /// How many keys.
    #[arg(long)]
    keys: Option<usize>,
    /// What reads do for replicas that are behind; blocking unless told otherwise.
    #[arg(long, value_parser = ["off", "async", "blocking"])]
    read_repair: Option<String>,
    /// A bug to plant in every node.
    #[arg(long, value_name = "BUG|none", value_parser = parse_plant)]
    plant: Option<PlantArg>,
    /// Any setting of a scenario, as in --set gossip-interval=1s.
    #[arg(long, value_name = "SETTING=VALUE")]
    set: Vec<String>,
}

/// What cells are run on.
#[derive(Debug, clap::Args)]
struct RealArgs {
    /// Run cells on real processes, as `quorate run` does, one run after the other. In place of the messages of an operation, which are
    /// encrypted, it tells all datagrams that pass between nodes.
    #[arg(long, conflicts_with_all = ["predict", "legs", "jobs", "from"])]
    real: bool,
    /// With --real: another build of the node, called with the arguments of `quorate node`.
    #[arg(long, value_name = "PATH", requires = "real")]
    node_bin: Option<PathBuf>,
    /// With --real: where the runs are kept that failed, or broke a claim that was made; results/runs unless told otherwise.
    #[arg(long, value_name = "DIR", requires = "real")]
    out: Option<PathBuf>,
}

/// How much is run. Ctrl-C ends it, and the cells that were run are told.
#[derive(Debug, clap::Args)]
struct EffortArgs {
    /// How many runs each cell has, each with another seed.
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=200))]
    repeat: u64,
    /// Until this time is over, run those cells again that can't be told from a neighbour by their stale reads, and begin no others
    /// after it. In virtual time each cell is run once in any case; with --real those that no time is left for make the answer unknown.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    budget: Option<Duration>,
    /// The seed of each cell's first run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many runs at a time; as many as there are processors unless told otherwise. The answer is the same.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// How to show progress.
    #[arg(long, value_enum, default_value = "auto")]
    progress: Style,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
}

/// Needs that only what was measured can meet.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Needs: with any of these, the cheapest R and W that meet all are recommended")]
struct MeasuredNeedsArgs {
    /// At least this share of operations succeeds during faults, of cells that have any.
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    min_available: Option<f64>,
    /// At most so many acknowledged writes are lost.
    #[arg(long, value_name = "COUNT")]
    max_lost: Option<u64>,
    /// Claims that were not seen broken, as in linearizable,monotonic-reads.
    #[arg(long, value_name = "CLAIMS", value_delimiter = ',')]
    unbroken: Vec<String>,
}

/// How a matrix is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum MatrixFormat {
    /// For people.
    Text,
    /// For machines, and for --baseline: one object.
    Json,
    /// For spreadsheets: one row for each cell.
    Csv,
    /// For documents.
    Markdown,
    /// One page with plots.
    Html,
}

const EXAMPLES: &str = "\
Examples:
  quorate matrix --n 3 --r 1..3 --w 1..3
  quorate matrix --r 1..3 --w 1..3 --write-path lww,abd --faults none,partition --budget 2m
  quorate matrix --read-repair off --predict --format html > matrix.html
  quorate matrix --format json > before.json
  quorate matrix --from before.json --max-stale 0.1% --after 10ms
  quorate matrix --baseline before.json
  quorate matrix --real --r 1,2 --w 1,2 --repeat 3 --budget 5m
  quorate matrix --faults none,partition --max-stale 0.1% --after 10ms --read-p99 5ms --tolerate 1 --unbroken monotonic-reads

A file of a matrix:
  n = [3]
  r = [1, 2]
  w = [1, 2]
  write-path = [\"lww\"]
  faults = [\"none\", \"kill+partition\"]
  [scenario]
  time = \"20s\"

Ctrl-C ends it, and the cells that were run by then are told; a second one gives it up.

Exit codes: 1 if a claim was violated, 70 if a run failed, 130 if it was interrupted, 4 if nothing tested a claim in any run of a
cell, 2 if a cell was not run or could not be judged, 3 if no cell meets the needs, else 0.";

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let baseline = args.baseline.as_deref().map(read_matrix).transpose()?;
    let report = match &args.from {
        Some(path) => read_matrix(path)?,
        None => make(args)?,
    };
    args.check_claims(&report)?;
    let advice = args.advise(&report);
    let told = Told {
        differences: baseline.as_ref().map(|baseline| compare(baseline, &report)),
        exit: Exit::gravest([report.exit()].into_iter().chain(advice.as_ref().map(Advice::exit))),
        advice,
        report: &report,
    };
    told.answer(args.format);
    Ok(told.exit)
}

/// Runs every cell.
fn make(args: &Args) -> anyhow::Result<MatrixReport> {
    let cells = args.spec()?.cells();
    let cells = cells.map_err(|error| ExitError::usage(format!("make the matrix: {error}")))?;
    let mut runner = args.runner(&cells)?;
    let began = Instant::now();
    let plan = Plan {
        seed: args.effort.seed,
        repeat: args.effort.repeat,
        deadline: args.effort.budget.map(|budget| began + budget),
        jobs: jobs(args.effort.jobs),
        predict: args.predict,
    };
    let mut display = Display::new(if args.effort.quiet {
        Style::None
    } else {
        args.effort.progress
    });
    let (report, runs) = run_matrix(&cells, plan, &mut *runner, &mut |Far { done, to_be, now }| {
        display.show_work(began.elapsed(), || {
            let now = now.map_or_else(String::new, |(cell, phase)| format!("; {cell}: {phase}"));
            format!("{done} of {to_be} runs, {} cells{now}", cells.len())
        });
    })?;
    drop(display);
    if let Some(folder) = &args.legs {
        write_legs(folder, &cells, &runs)?;
    }
    Ok(MatrixReport {
        command: command(),
        ..report
    })
}

/// What is told.
struct Told<'a> {
    report: &'a MatrixReport,
    differences: Option<Vec<Difference>>,
    advice: Option<Advice>,
    exit: Exit,
}

impl Told<'_> {
    fn answer(&self, format: MatrixFormat) {
        match format {
            MatrixFormat::Text => answer(&tables::text(self)),
            MatrixFormat::Json => answer_json(&self.json()),
            MatrixFormat::Csv => answer(&tables::wide(self.report).csv()),
            MatrixFormat::Markdown => answer(&tables::markdown(self)),
            MatrixFormat::Html => answer(&html(self.report, &tables::notes(self, false))),
        }
    }

    fn json(&self) -> Value {
        let mut object = serde_json::to_value(self.report).expect("a report is an object");
        object["exit"] = self.exit.code().into();
        if let Some(advice) = &self.advice {
            object["advice"] = advice.json();
        }
        if let Some(differences) = &self.differences {
            object["differences"] = differences.iter().map(difference_json).collect();
        }
        object
    }
}

fn difference_json(difference: &Difference) -> Value {
    match difference {
        Difference::Figure { cell, meaning, was, is } => {
            json!({ "cell": cell, "figure": meaning.key, "was": was, "is": is })
        }
        Difference::Claim { cell, claim, was, is } => json!({ "cell": cell, "claim": claim, "was": was, "is": is }),
        Difference::Cell { cell, is_new } => json!({ "cell": cell, "is_new": is_new }),
    }
}

/// The command as it was typed, ready for a shell; the program by its name.
fn command() -> String {
    let arguments = std::env::args().skip(1).map(|argument| quoted(&argument));
    std::iter::once("quorate".to_owned())
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

fn read_matrix(path: &Path) -> anyhow::Result<MatrixReport> {
    let read = MatrixReport::from_json(&read_input(path)?);
    read.map_err(|why| bad_input(path, &why))
}

fn write_legs(folder: &Path, cells: &[Cell], runs: &[Vec<RunMeasure>]) -> anyhow::Result<()> {
    use anyhow::Context;
    std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    for (cell, runs) in cells.iter().zip(runs) {
        let mut all = quorate_workloads::pbs::LegSamples::default();
        runs.iter().for_each(|run| all.extend(&run.legs));
        let path = folder.join(format!("{}.csv", cell.name.replace(' ', "-")));
        std::fs::write(&path, all.to_csv()).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

impl Args {
    /// Who runs the cells.
    fn runner(&self, cells: &[Cell]) -> anyhow::Result<Box<dyn Runner>> {
        if !self.real.real {
            return Ok(Box::new(Simulated {
                jobs: jobs(self.effort.jobs),
                interrupted: Interrupted::listen()?,
            }));
        }
        for cell in cells {
            let checked = cell.scenario.check_backend(Backend::Processes);
            checked.map_err(|error| ExitError::usage(format!("run cell {}: {error}", cell.name)))?;
        }
        let RealArgs { node_bin, out, .. } = &self.real;
        let out = out.clone().unwrap_or_else(|| PathBuf::from(OUT));
        Ok(Box::new(Processes::new(node_bin.clone(), out)?))
    }

    fn spec(&self) -> anyhow::Result<Spec> {
        let mut spec = match &self.file {
            Some(path) => parse_file(path, &read_input(path)?)?,
            None => Spec::default(),
        };
        let set = |own: &mut Vec<u8>, given: &Option<Numbers>, otherwise: &[u8]| {
            if let Some(given) = given {
                own.clone_from(&given.0);
            } else if own.is_empty() {
                *own = otherwise.to_vec();
            }
        };
        set(&mut spec.n, &self.n, &[3]);
        set(&mut spec.r, &self.r, &[1, 2, 3]);
        set(&mut spec.w, &self.w, &[1, 2, 3]);
        let set = |own: &mut Vec<String>, given: &[String], otherwise: &str| {
            if !given.is_empty() {
                *own = given.to_vec();
            } else if own.is_empty() {
                *own = vec![otherwise.to_owned()];
            }
        };
        set(&mut spec.write_path, &self.write_path, "lww");
        set(&mut spec.faults, &self.faults, "none");
        let mut scenario = defaults();
        scenario.extend(std::mem::take(&mut spec.scenario));
        scenario.extend(self.load.table()?);
        spec.scenario = scenario;
        Ok(spec)
    }

    /// Refuses the names of claims that nobody judged: what is never seen broken would otherwise be met.
    fn check_claims(&self, report: &MatrixReport) -> anyhow::Result<()> {
        let mut known = report.claim_names();
        known.sort_unstable();
        match self
            .measured_needs
            .unbroken
            .iter()
            .find(|name| !known.contains(&name.as_str()))
        {
            Some(unknown) => {
                let known = known.join(", ");
                Err(ExitError::usage(format!("read --unbroken: claim {unknown:?} is none of {known}")).into())
            }
            None => Ok(()),
        }
    }

    fn advise(&self, report: &MatrixReport) -> Option<Advice> {
        let needs = self.needs.needs();
        let of_measured = &self.measured_needs;
        let is_asked =
            of_measured.min_available.is_some() || of_measured.max_lost.is_some() || !of_measured.unbroken.is_empty();
        if needs.is_none() && !is_asked {
            return None;
        }
        let mut needs = needs.unwrap_or_default();
        needs.available_min = of_measured.min_available;
        needs.lost_max = of_measured.max_lost;
        needs.unbroken.clone_from(&of_measured.unbroken);
        let candidate = |cell| candidate(cell, self.needs.after_ms());
        let candidates: Vec<_> = report.cells.iter().map(candidate).collect();
        let rulings = recommend(&needs, &candidates);
        Some(Advice { candidates, rulings })
    }
}

/// What there is to know of a cell. A cell without faults has to be available all the time.
fn candidate(cell: &CellReport, after_ms: f64) -> Candidate {
    // Of all reads the bounds know that those of one run are alike.
    let stale = match after_ms > 0.0 {
        true => Some(cell.stale_after(after_ms)),
        false => cell.figure("stale_share").estimate(),
    };
    let broken = cell.claims.iter().filter(|claim| claim.broken_runs > 0);
    let available = match cell.faults.as_str() {
        "none" => cell.figure("available_otherwise").estimate(),
        _ => cell.figure("available_faults").estimate(),
    };
    let lost = cell.figure("lost_share");
    Candidate {
        name: format!("N{} R{} W{} {}", cell.n, cell.r, cell.w, cell.write_path),
        under: match cell.faults.as_str() {
            "none" => "without faults".to_owned(),
            faults => format!("under {faults}"),
        },
        n: cell.n,
        r: cell.r,
        w: cell.w,
        write_rounds: if cell.write_path == "lww" { 1 } else { 2 },
        stale,
        read_p99_ms: cell.figure("read_p99_ms").estimate(),
        write_p99_ms: cell.figure("write_p99_ms").estimate(),
        available,
        lost: lost.value.map(|share| (share * lost.n as f64).round() as u64),
        // Of a cell that was not run nothing is known, nor that it breaks nothing.
        broken: (cell.ops > 0).then(|| broken.map(|claim| claim.claim.clone()).collect()),
    }
}

/// What every cell is, unless it is told otherwise.
fn defaults() -> Table {
    let mut table = Table::new();
    table.insert("name".to_owned(), "matrix".into());
    table.insert("purpose".to_owned(), "what N, R and W cost and break".into());
    table.insert("open-loop".to_owned(), true.into());
    table.insert("time".to_owned(), "10s".into());
    table.insert("concurrency".to_owned(), 100.into());
    table
}

impl LoadArgs {
    fn table(&self) -> anyhow::Result<Table> {
        let mut table = Table::new();
        let integer = |value: usize| toml::Value::Integer(value.try_into().unwrap_or(i64::MAX));
        let numbers = [
            ("nodes", self.nodes),
            ("concurrency", self.concurrency),
            ("keys", self.keys),
        ];
        for (name, value) in numbers {
            table.extend(value.map(|value| (name.to_owned(), integer(value))));
        }
        table.extend(
            self.rate
                .map(|rate| ("rate".to_owned(), toml::Value::Integer(rate.into()))),
        );
        table.extend(self.time.map(|time| ("time".to_owned(), duration::format(time).into())));
        table.extend(
            self.read_repair
                .clone()
                .map(|repair| ("read-repair".to_owned(), repair.into())),
        );
        let plant = self.plant.and_then(|plant| plant.0).map(Plant::name);
        table.extend(plant.map(|plant| ("plant".to_owned(), plant.into())));
        for setting in &self.set {
            let (name, value) = parse_setting(setting)?;
            if ["n", "r", "w", "write-path", "faults", "plan"].contains(&name.as_str()) {
                let message = format!("read --set {setting}: cells say what their {name} is");
                return Err(ExitError::usage(message).into());
            }
            table.insert(name, value);
        }
        Ok(table)
    }
}
