//! `quorate check`.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use quorate_checker::Context;
use quorate_workloads::{RunFacts, judge_by};

use super::{Format, answer, answer_json, settings::SettingsArgs};
use crate::{
    exit::Exit,
    history_file,
    jobs::Jobs,
    judging::run_facts,
    report::{self, Report},
    run_folder::RunFolder,
    scenario::Scenario,
};

/// Judges saved runs and history files.
///
/// A run's folder is judged by its own settings. A history file is judged by those of the run that it lies in, if it
/// lies in one, else by the quickstart scenario's; flags are over both.
///
/// Examples: quorate check results/runs/quickstart/latest; quorate check history.jsonl --r 1 --w 1
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folders of runs, or history files (JSON lines).
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    settings: SettingsArgs,
    /// How to answer. With several paths, a line each.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut exits = Vec::new();
    for path in &args.paths {
        let report = check(path, args)?;
        match args.format {
            Format::Json => answer_json(&report::json(&report)),
            Format::Text if args.paths.len() > 1 => answer(&report::path_line(path, report.judgement.verdict)),
            Format::Text => answer(&report::text(&report)),
        }
        exits.push(report.exit);
    }
    Ok(Exit::gravest(exits))
}

fn check(path: &Path, args: &Args) -> anyhow::Result<Report> {
    let began = Instant::now();
    let input = Input::find(path)?;
    let scenario = args.settings.over(&input.scenario_or_default())?;
    let settings = scenario.settings();
    let facts = match &input.folder {
        Some(folder) if path.is_dir() => run_facts(&scenario, &folder.faults()?),
        _ => RunFacts {
            context: Context {
                replica_count: Some(scenario.replicas()),
                ..Context::default()
            },
            faults_took_effect: None,
        },
    };
    let jobs = Jobs::default();
    let history = history_file::read_with(&input.history, jobs)?;
    let judgement = judge_by(&jobs, scenario.workload, &history, settings, &facts);
    Ok(Report {
        scenario,
        seed: input.seed()?,
        exit: judgement.verdict.into(),
        judgement,
        seconds: began.elapsed().as_secs_f64(),
        run: input.folder.map(|folder| folder.path().to_owned()),
        measured: None,
    })
}

/// What there is to check, and the run that it belongs to.
struct Input {
    history: PathBuf,
    folder: Option<RunFolder>,
    scenario: Option<Scenario>,
}

impl Input {
    fn find(path: &Path) -> anyhow::Result<Input> {
        if path.is_dir() {
            let folder = RunFolder::open(path)?;
            return Ok(Input {
                history: folder.file("history.jsonl"),
                scenario: Some(folder.scenario()?),
                folder: Some(folder),
            });
        }
        let folder = path.ancestors().skip(1).find(|ancestor| RunFolder::is_one(ancestor));
        let folder = folder.map(RunFolder::open).transpose()?;
        Ok(Input {
            history: path.to_owned(),
            scenario: folder.as_ref().map(RunFolder::scenario).transpose()?,
            folder,
        })
    }

    fn scenario_or_default(&self) -> Scenario {
        self.scenario.clone().unwrap_or_else(Scenario::quickstart)
    }

    fn seed(&self) -> anyhow::Result<Option<u64>> {
        let manifest = self.folder.as_ref().map(RunFolder::manifest).transpose()?;
        Ok(manifest.map(|manifest| manifest.seed))
    }
}
