//! `quorate suite`.

use std::{
    fmt::Write,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use toml::Table;

use super::{Format, ci::CiArgs, output::TellingArgs, overrides::to_table};
use crate::{
    ci::{self, Case, End, Outcome},
    duration,
    exit::{Exit, ExitError},
    run_folder::read_input,
    scenario::Scenario,
    shell::quoted,
    suite::{self, CellReport, Expected, Slice, Suite, SuiteOptions, SuiteReport},
    workers::jobs,
};

/// Runs a list of scenarios of which it is known what has to come: whether each planted bug is caught by the claim that must name
/// it, whether each claim that is false at some settings is seen to break, and whether nothing else is found.
///
/// Without a suite it lists those that there are. A suite of one's own is a TOML file: `about`, `seeds`, and for each `[[cell]]`
/// a `name`, `[cell.settings]` of a scenario, and `caught-by` and `in-seeds`, or `observed`, or neither where all has to be valid;
/// `held` then names claims that something has to test and nothing may break, claimed or not. A cell that is `like` an earlier one
/// has its settings, but for the bug and for those that it says itself.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// mutants, exhibits, sequences, schedules, or a file.
    suite: Option<String>,
    /// Begin no cell after this time; cells that are left make the answer unknown.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    budget: Option<Duration>,
    /// Run only some of the cells, as in slice:1/4: the first of four slices, for as many machines.
    #[arg(long, value_name = "slice:K/N")]
    partition: Option<Slice>,
    /// Run only this cell, or these.
    #[arg(long, value_name = "NAME")]
    cell: Vec<String>,
    /// How many seeds at a time; as many as there are processors unless told otherwise. The answer is the same.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Don't look for how few of its faults each bug needs to be caught, which takes a run for each fault.
    #[arg(long)]
    faults_as_planned: bool,
    #[command(flatten)]
    ci: CiArgs,
    #[command(flatten)]
    telling: TellingArgs,
}

const EXAMPLES: &str = "\
Examples:
  quorate suite mutants
  quorate suite exhibits --partition slice:1/2 --budget 10m
  quorate suite mutants --cell hint-dropped --format json";

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let Some(name) = &args.suite else {
        if args.ci.is_asked() {
            return Err(ExitError::usage("read --junit and --github: name the suite that is to be run").into());
        }
        list(args.telling.format);
        return Ok(Exit::Valid);
    };
    let suite = chosen(args, open(name)?)?;
    let began = Instant::now();
    let deadline = args.budget.map(|budget| began + budget);
    args.ci.begin(&suite.name)?;
    let mut display = args.telling.display();
    let options = SuiteOptions {
        jobs: jobs(args.jobs),
        deadline,
        finds_least: !args.faults_as_planned,
    };
    let report = suite::run(&suite, options, &mut |cell| {
        display.say(&line(&suite, cell));
    });
    let report = report.map_err(|error| args.ci.fail(&suite.name, error))?;
    drop(display);
    let format = args.telling.format;
    format.answer(|| text(&suite, &report, began.elapsed()), || json_of(&suite, &report));
    Ok(args.ci.end(report.exit(), &outcome(&suite, &report)))
}

/// A suite for each cell, a case for each claim that has to be broken in it, and one for all else.
fn outcome(suite: &Suite, report: &SuiteReport) -> Outcome {
    let cells = report.cells.iter().map(|cell| cell_outcome(suite, cell));
    let left = report.left.iter().map(|name| {
        let end = End::error("no-time", "no time was left for it", "");
        ci::Suite {
            name: format!("{}/{name}", suite.name),
            words: "not run".to_owned(),
            cases: vec![Case::new("was run", end)],
            ..ci::Suite::default()
        }
    });
    Outcome {
        title: format!("suite {}", suite.name),
        suites: cells.chain(left).collect(),
    }
}

fn cell_outcome(suite: &Suite, report: &CellReport) -> ci::Suite {
    let words = line(suite, report);
    let seen = |claim: &String| {
        let end = match report.unbroken.contains(claim) {
            true => End::failed(
                "not-broken",
                format!("{claim} was not seen broken as it had to be"),
                &*words,
            ),
            false => End::Passed("seen broken as it has to be".to_owned()),
        };
        Case::new(claim.clone(), end)
    };
    let held = |claim: &String| {
        let end = match report.not_held.contains(claim) {
            true => End::failed("not-held", format!("{claim} was broken, or nothing tested it"), &*words),
            false => End::Passed("held as it has to".to_owned()),
        };
        Case::new(claim.clone(), end)
    };
    let mut cases: Vec<_> = match &report.cell.expected {
        Expected::Caught { claim, .. } => vec![seen(claim)],
        Expected::Observed(claims) => claims.iter().map(seen).collect(),
        Expected::Valid => report.cell.held.iter().map(held).collect(),
    };
    let end = match report.false_alarms.is_empty() {
        true => End::Passed(format!("{} seeds", report.seeds)),
        false => End::failed("false-alarm", "something was found that nobody planted", &*words),
    };
    cases.push(Case::new("nothing else", end));
    ci::Suite {
        name: format!("{}/{}", suite.name, report.cell.name),
        words: words.lines().next().unwrap_or_default().to_owned(),
        seconds: report.took.as_secs_f64(),
        cases,
        again: Vec::new(),
    }
}

fn list(format: Format) {
    let suites: Vec<_> = Suite::NAMES.into_iter().filter_map(Suite::from_name).collect();
    let json_of = |suite: &Suite| json!({ "suite": suite.name, "about": suite.about, "cells": suite.cells.len() });
    format.answer(
        || {
            let mut out = String::new();
            for suite in &suites {
                let _ = writeln!(out, "{:<10}{} cells: {}", suite.name, suite.cells.len(), suite.about);
            }
            out
        },
        || json!({ "format": 1, "suites": suites.iter().map(json_of).collect::<Vec<_>>() }),
    );
}

fn open(name: &str) -> anyhow::Result<Suite> {
    if let Some(suite) = Suite::from_name(name) {
        return Ok(suite);
    }
    let path = Path::new(name);
    if !path.exists() {
        let names = Suite::NAMES.join(", ");
        return Err(ExitError::usage(format!("find suite {name:?}: it is neither a file nor one of {names}")).into());
    }
    let stem = path
        .file_stem()
        .map_or_else(|| name.to_owned(), |stem| stem.to_string_lossy().into_owned());
    let suite = Suite::parse(&stem, &read_input(path)?);
    suite.map_err(|error| ExitError::input(format!("read suite {name}: {error}")).into())
}

/// The cells that are asked for.
fn chosen(args: &Args, mut suite: Suite) -> anyhow::Result<Suite> {
    if let Some(unknown) = args
        .cell
        .iter()
        .find(|name| suite.cells.iter().all(|cell| cell.name != **name))
    {
        return Err(ExitError::usage(format!(
            "find cell {unknown:?}: suite {} has none of that name",
            suite.name
        ))
        .into());
    }
    suite
        .cells
        .retain(|cell| args.cell.is_empty() || args.cell.contains(&cell.name));
    Ok(match args.partition {
        Some(slice) => suite.sliced(slice),
        None => suite,
    })
}

/// A cell in a line, and what is wrong with it below.
fn line(suite: &Suite, report: &CellReport) -> String {
    let cell = &report.cell;
    let (word, what) = match &cell.expected {
        Expected::Caught { claim, .. } if report.unbroken.is_empty() => (
            "caught",
            format!(
                "{claim} in {} of {} seeds{}",
                report.caught_in,
                cell.seeds,
                caught(report)
            ),
        ),
        Expected::Caught { claim, in_seeds } => (
            "ESCAPED",
            format!(
                "{claim} in {} of {} seeds, and not in {in_seeds}",
                report.caught_in, cell.seeds
            ),
        ),
        Expected::Observed(_) if !report.unbroken.is_empty() => (
            "UNSEEN",
            format!("{} in {} seeds", report.unbroken.join(", "), report.seeds),
        ),
        Expected::Observed(claims) if !claims.is_empty() => {
            let seen = report.broken.iter().map(|(claim, seed)| format!("{claim} ({seed})"));
            ("seen", seen.collect::<Vec<_>>().join(", "))
        }
        Expected::Valid if !report.not_held.is_empty() => (
            "BROKEN",
            format!(
                "{} in {} seeds, or not tested",
                report.not_held.join(", "),
                report.seeds
            ),
        ),
        Expected::Valid if !cell.held.is_empty() => ("held", cell.held.join(", ")),
        Expected::Observed(_) | Expected::Valid => ("valid", format!("{} seeds", report.seeds)),
    };
    let mut out = format!("{word:<9}{:<31}{what}, {:.1} s", cell.name, report.took.as_secs_f64());
    for seed in &report.false_alarms {
        let scenario = Scenario {
            plant: None,
            ..cell.scenario.clone()
        };
        let _ = write!(
            out,
            "\n  FALSE ALARM, seed {seed}: {}",
            command(&suite.name, &scenario, *seed)
        );
    }
    if !(report.unbroken.is_empty() && report.not_held.is_empty()) {
        let _ = write!(out, "\n  {}", command(&suite.name, &cell.scenario, 1));
    }
    out
}

/// How long the run was in which a bug was caught first, and what had to be broken.
fn caught(report: &CellReport) -> String {
    let Some(catch) = &report.catch else {
        return String::new();
    };
    let (simulated, wall) = (catch.simulated.as_secs_f64(), catch.wall.as_secs_f64());
    let faults = match catch.faults.as_slice() {
        [] => "no fault at all".to_owned(),
        faults => faults.join(", "),
    };
    format!(
        " (seed {}, {simulated:.1} s simulated in {wall:.2} s, by {faults})",
        catch.seed
    )
}

fn text(suite: &Suite, report: &SuiteReport, took: Duration) -> String {
    let mut out = format!("suite    {}: {}\n\n", suite.name, suite.about);
    for cell in &report.cells {
        let _ = writeln!(out, "{}", line(suite, cell));
    }
    for name in &report.left {
        let _ = writeln!(out, "left     {name:<31}no time was left for it");
    }
    let failed = report.cells.iter().filter(|cell| !cell.has_passed()).count();
    let alarms: usize = report.cells.iter().map(|cell| cell.false_alarms.len()).sum();
    let seeds: u64 = report.cells.iter().map(|cell| cell.seeds).sum();
    let _ = writeln!(
        out,
        "\n{} of {} cells as they have to be, {failed} not, {} left; {alarms} false alarms; {seeds} seeds in {:.0} s; exit code {}",
        report.cells.len() - failed,
        suite.cells.len(),
        report.left.len(),
        took.as_secs_f64(),
        report.exit().code(),
    );
    out
}

fn json_of(suite: &Suite, report: &SuiteReport) -> Value {
    let cells: Vec<_> = report.cells.iter().map(|cell| cell_json(suite, cell)).collect();
    let mut object = json!({
        "format": 1,
        "suite": suite.name,
        "exit": report.exit().code(),
        "cells": cells,
        "left": report.left,
        "false_alarms": report.cells.iter().map(|cell| cell.false_alarms.len()).sum::<usize>(),
    });
    let of_bugs = |is_caught: bool| {
        let is_one = move |cell: &&CellReport| {
            matches!(cell.cell.expected, Expected::Caught { .. }) && cell.unbroken.is_empty() == is_caught
        };
        report
            .cells
            .iter()
            .filter(is_one)
            .map(|cell| &cell.cell.name)
            .collect::<Vec<_>>()
    };
    if suite
        .cells
        .iter()
        .any(|cell| matches!(cell.expected, Expected::Caught { .. }))
    {
        object["caught"] = json!(of_bugs(true));
        object["escaped"] = json!(of_bugs(false));
    }
    object
}

fn cell_json(suite: &Suite, report: &CellReport) -> Value {
    let (cell, first) = (&report.cell, report.broken.first());
    let seed = first.map_or(1, |(_, seed)| *seed);
    json!({
        "name": cell.name,
        "why": cell.why,
        "verdict": if report.has_passed() { "passed" } else { "failed" },
        "claim": first.map(|(claim, _)| claim),
        "broken": report.broken.iter().map(|(claim, seed)| json!({ "claim": claim, "seed": seed })).collect::<Vec<_>>(),
        "unbroken": report.unbroken,
        "not_held": report.not_held,
        "caught_in": report.caught_in,
        "simulated_seconds": report.catch.as_ref().map(|catch| catch.simulated.as_secs_f64()),
        "wall_seconds": report.catch.as_ref().map(|catch| catch.wall.as_secs_f64()),
        "least_faults": report.catch.as_ref().map(|catch| &catch.faults),
        "false_alarms": report.false_alarms,
        "seeds": report.seeds,
        "seconds": report.took.as_secs_f64(),
        "seed": seed,
        "command": command(&suite.name, &cell.scenario, seed),
    })
}

/// The command that shows one seed of a cell, ready for a shell: by the name of a cell that comes with the program, else with
/// all settings of its own.
fn command(suite: &str, scenario: &Scenario, seed: u64) -> String {
    let name = format!("{suite}/{}", scenario.name);
    let known = Suite::scenario(&name);
    let mut command = match known {
        Some(_) => format!("quorate sim {name} --seed {seed}"),
        None => format!("quorate sim --seed {seed}"),
    };
    if known.is_some_and(|known| known.plant != scenario.plant) {
        command.push_str(" --plant none");
    }
    let base: Table = known.map_or_else(|| to_table(&Scenario::quickstart()), to_table);
    for (name, value) in to_table(scenario) {
        if base.get(&name) == Some(&value) {
            continue;
        }
        let value = match value {
            toml::Value::String(text) => text,
            other => other.to_string(),
        };
        let _ = write!(command, " --set {}", quoted(&format!("{name}={value}")));
    }
    command
}
