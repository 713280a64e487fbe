//! `quorate shrink`.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use quorate_workloads::{ClaimReport, ClaimVerdict, Consistency, Verdict};
use serde_json::json;

use super::{
    Format,
    judge::{BudgetArg, JudgeArgs, budget},
    progress::{Display, Style},
    shrink_run::RunShrink,
};
use crate::{
    amount::counted,
    checking::{Asked, Checker, Opened, SearchBudget},
    exit::{Exit, ExitError},
    replay::Saved,
    run_folder::RunFolder,
    shrink::{Again, ShrinkBudget, Shrunk, ShrunkFolder, Smaller, shrink_history},
    tape::{self, Tape},
};

/// Leaves out of a run or a history that breaks a claim all that it does not take to break it.
///
/// A simulated run is run again and again with less: its end, faults, clients, keys, operations, nodes, then weaker faults and
/// less time, as long as the same anomaly of the same claim shows. What is left is a run of its own, with a tape to keep.
///
/// A history is any that `quorate check` calls invalid, and judged as there; of a run's folder it is its history.jsonl. What is
/// left are whole operations, as they were: no value, time or outcome is changed. They break the same claim by themselves, and
/// not for want of what was left out. The best so far is always on disk: Ctrl-C keeps it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder of a run, its archive, a tape, or a history file.
    path: PathBuf,
    /// Of a simulated run, shrink the history that it left, and don't run it again.
    #[arg(long)]
    history: bool,
    /// Which claim, of those that are broken: as `quorate check` names it. Without it, the first that is violated.
    #[arg(long, value_name = "NAME")]
    claim: Option<String>,
    #[command(flatten)]
    judge: JudgeArgs,
    /// How long to look for a smaller one, or how many candidates to try.
    #[arg(long, value_name = "DURATION|COUNT", default_value = "60s", value_parser = budget)]
    budget: BudgetArg,
    /// Where the result goes, over what is there; without it beside the history, in a folder of its name that ends in .shrunk,
    /// as beside an archive, or of a run in its folder's `shrunk`.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How to show progress.
    #[arg(long, value_enum, default_value = "auto")]
    progress: Style,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
    /// How to answer.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

const EXAMPLES: &str = "\
Of a run it leaves a run's folder with explain.md, graph.svg, minimal.jsonl (the history of the anomaly) and \
ANOMALY-SEED.invalid.tape.jsonl: a regression to keep, which `quorate replay` makes again. \
Of a history it leaves minimal.jsonl (the history that is left), explain.md, graph.svg and ops.jsonl as `quorate check --evidence` does, and \
NAME.invalid.jsonl with NAME.invalid.toml: a regression to keep, with how it has to be judged.

Exit codes: 0 shrunk, 64 usage, also where nothing is broken (quorate check says valid, vacuous or unknown) or not the claim that \
was asked for, 65 the history can't be read, 5 a run does not show it any more, 70 anything else.

Models and levels are those of `quorate check --help`.

Examples:
  quorate shrink results/runs/quickstart/latest
  quorate shrink results/runs/quickstart/latest --history
  quorate shrink bug.tape.jsonl --budget 30s
  quorate shrink history.edn --model cas-register --budget 10s
  quorate shrink history.jsonl --r 1 --claim monotonic-reads --out why
  zcat history.edn.gz | quorate shrink - --model bank --budget 1000";

/// A history of any store, or that of a run's folder.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    if let Some(saved) = args.simulated_run()? {
        return args.shrink_run(saved);
    }
    let began = Instant::now();
    let checker = Checker::new(args.judge.options(SearchBudget::default())?)?;
    let opened = checker.open(&args.path, &|base| args.judge.settings.over(base))?;
    let judgement = checker.judge(&opened.asked, &opened.record, checker.workers(), None);
    let (broken, others) = args.choose(judgement.claims, judgement.verdict)?;
    let judge = args.judge_of(&opened, &broken);
    let again = Again {
        arguments: judge.again(&opened)?,
        claim: broken.claim.clone(),
    };
    let folder = ShrunkFolder::create(&args.out(&opened), &name_of(&args.path, &opened), again)?;
    let shrunk = args.shrink(&judge, &opened, &broken, &folder, began)?;
    let verdict = judge_again(&folder, &broken)?;
    folder.keep_regression(&shrunk.best, verdict)?;
    let answer = Answer {
        folder: &folder,
        shrunk: &shrunk,
        others: &others,
        seconds: began.elapsed().as_secs_f64(),
    };
    args.format.answer(|| answer.text(), || answer.json());
    Ok(Exit::Valid)
}

impl Args {
    /// The run that is to be run again: a simulated one, unless a history is asked for, or how to judge one.
    fn simulated_run(&self) -> anyhow::Result<Option<Saved>> {
        let is_tape = Tape::is_one(&self.path);
        let folder = RunFolder::is_one(&self.path).then(|| RunFolder::open(&self.path));
        let folder = folder.transpose()?;
        let has_tape = folder.as_ref().is_some_and(|folder| folder.file(tape::FILE).is_file());
        if !is_tape && (!has_tape || self.history || self.judge.is_given()) {
            return Ok(None);
        }
        let saved = folder.map_or_else(|| Saved::open(&self.path), Saved::of)?;
        let (path, is_simulated) = (self.path.display(), saved.is_simulated());
        match (is_tape, is_simulated) {
            (true, _) if self.history || self.judge.is_given() => {
                let message = format!("shrink {path}: it is a tape, which has no history to be judged");
                Err(ExitError::usage(message).into())
            }
            (true, false) => {
                let message = format!(
                    "shrink {path}: it is of real processes: `quorate replay --tape {path} --simulated` looks for the same in \
                     the simulator, where it can be shrunk"
                );
                Err(ExitError::usage(message).into())
            }
            (_, true) => Ok(Some(saved)),
            (false, false) => Ok(None),
        }
    }

    fn shrink_run(&self, saved: Saved) -> anyhow::Result<Exit> {
        let beside = match &saved.folder {
            Some(folder) => folder.later_file("shrunk"),
            None => self.path.with_extension("shrunk"),
        };
        let shrink = RunShrink {
            path: &self.path,
            saved,
            claim: self.claim.as_deref(),
            budget: self.budget(Instant::now()),
            jobs: self.judge.jobs(),
            out: self.out.clone().unwrap_or(beside),
            format: self.format,
        };
        shrink.run(self.display())
    }

    fn display(&self) -> Display {
        Display::new(if self.quiet { Style::None } else { self.progress })
    }

    /// The claim that is shrunk, and the names of the others that are broken.
    fn choose(&self, claims: Vec<ClaimReport>, verdict: Verdict) -> anyhow::Result<(ClaimReport, Vec<String>)> {
        let path = self.path.display();
        let mut broken: Vec<ClaimReport> = claims
            .into_iter()
            .filter(|it| it.count > 0 && it.witness.is_some())
            .collect();
        let names = |broken: &[ClaimReport]| broken.iter().map(|it| it.claim.name.to_string()).collect::<Vec<_>>();
        let place = match &self.claim {
            Some(name) => broken.iter().position(|it| it.claim.name == **name).ok_or_else(|| {
                let known = match names(&broken).join(", ") {
                    none if none.is_empty() => "nothing is".to_owned(),
                    known => known,
                };
                format!("shrink {path}: {name} is not broken in it: {known}")
            }),
            None if verdict == Verdict::Invalid => Ok(broken.iter().position(is_violated).unwrap_or(0)),
            None => Err(format!(
                "shrink {path}: it is {}: there is nothing that an operation could be left out of",
                verdict.name()
            )),
        };
        let claim = broken.remove(place.map_err(ExitError::usage)?);
        Ok((claim, names(&broken)))
    }

    /// As the history was judged, at the level that is shrunk where there are several.
    fn judge_of(&self, opened: &Opened, broken: &ClaimReport) -> JudgeArgs {
        let mut judge = self.judge.clone();
        if let Asked::Model { model, .. } = &opened.asked {
            judge.model = Some(*model);
            let level = broken.claim.name.parse::<Consistency>().ok();
            let level = level.filter(|level| model.require_level(*level).is_ok());
            judge.consistency = level.or(judge.consistency);
        }
        judge
    }

    /// Shrinks, and keeps and shows the best so far.
    fn shrink(
        &self,
        judge: &JudgeArgs,
        opened: &Opened,
        broken: &ClaimReport,
        folder: &ShrunkFolder,
        began: Instant,
    ) -> anyhow::Result<Shrunk> {
        let checker = Checker::new(judge.options(SearchBudget::default())?)?;
        let mut display = self.display();
        let mut keep = |best: &Smaller| {
            folder.keep(best)?;
            display.show_work(began.elapsed(), || {
                format!("{} operations left, {} candidates tried", best.ops, best.tried)
            });
            Ok(())
        };
        let budget = self.budget(began);
        shrink_history(&checker, &opened.asked, &opened.record, broken, budget, &mut keep)
    }

    fn budget(&self, began: Instant) -> ShrinkBudget {
        let (tries, time) = match self.budget {
            BudgetArg::Steps(tries) => (tries, None),
            BudgetArg::Time(time) => (u64::MAX, Some(time)),
        };
        ShrinkBudget {
            tries,
            until: time.and_then(|time: Duration| began.checked_add(time)),
        }
    }

    fn out(&self, opened: &Opened) -> PathBuf {
        if let Some(out) = &self.out {
            return out.clone();
        }
        if let Some(run) = opened.run.as_ref().filter(|_| RunFolder::is_one(&self.path)) {
            return run.later_file("shrunk");
        }
        let name = format!("{}.shrunk", name_of(&self.path, opened));
        self.path
            .parent()
            .map_or_else(|| PathBuf::from(&name), |parent| parent.join(&name))
    }
}

fn is_violated(claim: &ClaimReport) -> bool {
    claim.verdict == ClaimVerdict::Violated
}

/// What the result is named after: the history, or the run.
fn name_of(path: &Path, opened: &Opened) -> String {
    let run = opened.run.as_ref().filter(|_| RunFolder::is_one(path));
    let path = run.map_or(path, |run| run.path());
    let stem = path.file_stem().filter(|_| path != Path::new("-"));
    let name = stem.map_or_else(|| "history".to_owned(), |stem| stem.to_string_lossy().into_owned());
    name.strip_suffix(".invalid").map_or(name.clone(), str::to_owned)
}

/// Judges what was kept by its own arguments, as anybody may: the claim has to be broken there too.
fn judge_again(folder: &ShrunkFolder, broken: &ClaimReport) -> anyhow::Result<Verdict> {
    let alone = JudgeArgs::parse(&folder.again().arguments)?;
    let checker = Checker::new(alone.options(SearchBudget::default())?)?;
    let minimal = folder.file("minimal.jsonl");
    let judgement = checker
        .check(&minimal, &|base| alone.settings.over(base))?
        .report
        .judgement;
    let mut claims = judgement.claims.iter();
    if claims.any(|claim| claim.claim == broken.claim && claim.count > 0) {
        return Ok(judgement.verdict);
    }
    let (claim, minimal) = (&broken.claim.name, minimal.display());
    anyhow::bail!(
        "shrink it: {claim} is not broken in {minimal}: the record breaks it only with what else its run recorded"
    )
}

/// What came of it.
struct Answer<'a> {
    folder: &'a ShrunkFolder,
    shrunk: &'a Shrunk,
    others: &'a [String],
    seconds: f64,
}

impl Answer<'_> {
    /// Whether nothing can be left out, or the budget came first.
    fn end(&self) -> &'static str {
        match (self.shrunk.is_one_minimal, self.shrunk.is_stopped) {
            (true, false) => "no operation can be left out alone, and no smaller history was found",
            (true, true) => "no operation can be left out alone; the budget ended the search for a smaller history",
            (false, true) => "the budget ended it: more may be left out",
            (false, false) => "nothing could be left out",
        }
    }

    fn text(&self) -> String {
        let Shrunk { best, tried, .. } = self.shrunk;
        let claim = &best.claim.claim;
        let mut out = String::new();
        let mut line = |label: &str, text: &str| out += &format!("{label:<9}{text}\n");
        line("claim", &format!("{} ({})", claim.name, claim.anomaly));
        let keys = counted(best.keys as u64, "key");
        line(
            "shrunk",
            &format!("{} operations to {}, of {keys}", self.shrunk.before, best.ops),
        );
        line(
            "tried",
            &format!("{tried} candidates in {:.1} s: {}", self.seconds, self.end()),
        );
        if !self.others.is_empty() {
            line(
                "besides",
                &format!("{} broken in the whole: --claim asks for them", self.others.join(", ")),
            );
        }
        line("result", &self.folder.path().display().to_string());
        line("again", &self.folder.command());
        if let Some(witness) = &best.claim.witness {
            out += &format!("\n{}\n", witness.text);
        }
        out
    }

    fn json(&self) -> serde_json::Value {
        let Shrunk { best, .. } = self.shrunk;
        json!({
            "format": 1,
            "claim": best.claim.claim.name,
            "anomaly": best.claim.claim.anomaly,
            "ops_before": self.shrunk.before,
            "ops": best.ops,
            "keys": best.keys,
            "tried": self.shrunk.tried,
            "one_minimal": self.shrunk.is_one_minimal,
            "stopped": self.shrunk.is_stopped,
            "seconds": self.seconds,
            "out": self.folder.path(),
            "minimal": self.folder.file("minimal.jsonl"),
            "again": self.folder.command(),
            "arguments": self.folder.again().arguments,
            "besides": self.others,
            "witness": best.claim.witness,
        })
    }
}
