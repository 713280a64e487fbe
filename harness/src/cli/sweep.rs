//! `quorate sim` over many seeds: what is told of them, and the corpus that they feed.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{again::command_of_seed, sim::Args};
use crate::{
    ci::{Case, End, Outcome, Suite},
    exit::{Exit, exit_of},
    scenario::Scenario,
    sweep::{Corpus, Limits, SeedRun, Seeds, Swarm, Swept, Totals, sweep},
    workers::{Workers, jobs},
};

/// How often the corpus is written while a sweep goes on: a sweep that is cut short loses no more.
const SAVE_INTERVAL: Duration = Duration::from_secs(30);

/// Of so many seeds that are asked for, one at most is from the corpus: the others are new.
const AGAIN_ONE_IN: u64 = 2;

/// How many new features are named in a text.
const NAMED_MAX: usize = 20;

pub(super) fn run(args: &Args, scenario: &Scenario) -> anyhow::Result<Exit> {
    let began = Instant::now();
    let mut explorer = Explorer::open(args, scenario)?;
    let seeds = explorer.seeds(args);
    let limits = Limits {
        jobs: jobs(args.sweep.jobs),
        failed_max: args.sweep.stop_at,
        deadline: args.sweep.budget.map(|budget| began + budget),
    };
    // One thread judges each: the others have seeds of their own.
    let judge = Workers::new(1)?;
    let simulate = |seed| SeedRun::of_trial(args.trial(scenario, seed), &judge);
    let title = format!("{} over many seeds", scenario.name);
    args.ci.begin(&title)?;
    let mut display = args.output.telling.display();
    let mut saved = Ok(());
    let swept = sweep(&seeds, limits, &simulate, &mut |run, totals| {
        if run.is_failed() {
            display.say(&format!(
                "seed {}: {}\n  {}",
                run.seed,
                run.words(),
                command_of_seed(run.seed)
            ));
        }
        let written = explorer.take(run);
        if saved.is_ok() {
            saved = written;
        }
        display.show_work(began.elapsed(), || progress(totals, &seeds, began));
    });
    drop(display);
    let saved = saved.and_then(|()| explorer.save());
    let told = Told {
        swept,
        seeds,
        explorer,
        wall_time: began.elapsed(),
    };
    args.output.telling.format.answer(|| told.text(), || told.json());
    // What was found is worth more than the file that could not be written: it is told first.
    let exit = args.ci.end(told.swept.exit(), &Outcome::of(told.suite(title)));
    Ok(saved.map_or_else(
        |error| {
            eprintln!("quorate: failed to {error:#}");
            Exit::gravest([exit, exit_of(&error)])
        },
        |()| exit,
    ))
}

fn progress(totals: Totals, seeds: &Seeds, began: Instant) -> String {
    let speed = totals.virtual_time.as_secs_f64() / began.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
    let of = match seeds.count() {
        count if count < ENDLESS => format!(" of {count}"),
        _ => String::new(),
    };
    format!(
        "{}{of} seeds, {} failed, {speed:.0} simulated s/s",
        totals.seeds, totals.failed
    )
}

/// More seeds than anybody asks for: as many as there are.
const ENDLESS: u64 = u64::MAX / 2;

/// The corpus of a sweep, if it has one, and what the sweep has added to it.
struct Explorer<'a> {
    corpus: Option<Corpus>,
    scenario: &'a Scenario,
    swarm: Swarm,
    saved: Instant,
    /// The features that no seed had reached before, with the seed that did.
    unseen: Vec<(String, u64)>,
}

impl<'a> Explorer<'a> {
    /// Reads the corpus and writes it back: better now than when the sweep is over is it told that it can't be.
    fn open(args: &Args, scenario: &'a Scenario) -> anyhow::Result<Explorer<'a>> {
        let corpus = args.sweep.corpus.as_deref().map(Corpus::open).transpose()?;
        let mut explorer = Explorer {
            corpus,
            scenario,
            swarm: args.swarm(),
            saved: Instant::now(),
            unseen: Vec::new(),
        };
        explorer.save()?;
        Ok(explorer)
    }

    /// The seeds to run: those of rare features first.
    fn seeds(&mut self, args: &Args) -> Seeds {
        let count = args.sweep.seeds.unwrap_or(u64::MAX);
        let (again, next) = match &mut self.corpus {
            Some(corpus) => {
                let explored = corpus.of(self.scenario, self.swarm);
                let most = usize::try_from(count / AGAIN_ONE_IN).unwrap_or(usize::MAX);
                (explored.rare_seeds(most), explored.next_seed())
            }
            None => (Vec::new(), 1),
        };
        Seeds::new(again, args.output.seed.unwrap_or(next), count)
    }

    fn take(&mut self, run: &SeedRun) -> anyhow::Result<()> {
        let Some(corpus) = &mut self.corpus else {
            return Ok(());
        };
        let unseen = corpus.of(self.scenario, self.swarm).take(run);
        self.unseen
            .extend(unseen.into_iter().map(|feature| (feature, run.seed)));
        if self.saved.elapsed() < SAVE_INTERVAL {
            return Ok(());
        }
        self.save()
    }

    fn save(&mut self) -> anyhow::Result<()> {
        self.saved = Instant::now();
        self.corpus.as_ref().map_or(Ok(()), Corpus::save)
    }
}

/// What is told of a sweep.
struct Told<'a> {
    swept: Swept,
    seeds: Seeds,
    explorer: Explorer<'a>,
    wall_time: Duration,
}

impl Told<'_> {
    fn per_second(&self, amount: f64) -> f64 {
        amount / self.wall_time.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    fn sim_seconds(&self) -> f64 {
        self.swept.totals.virtual_time.as_secs_f64()
    }

    fn seeds_per_hour(&self) -> f64 {
        self.per_second(self.swept.totals.seeds as f64) * 3600.0
    }

    fn text(&self) -> String {
        let Totals {
            seeds,
            valid,
            vacuous,
            failed,
            ops,
            ..
        } = self.swept.totals;
        let mut text = format!(
            "{valid} of {seeds} seeds valid, {vacuous} vacuous, {failed} failed; exit code {}\n\
             {:.0} simulated seconds in {:.1} ({:.0} a second), {ops} operations, {:.0} seeds an hour\n",
            self.swept.exit().code(),
            self.sim_seconds(),
            self.wall_time.as_secs_f64(),
            self.per_second(self.sim_seconds()),
            self.seeds_per_hour(),
        );
        for run in &self.swept.failed {
            let again = command_of_seed(run.seed);
            text += &format!("  seed {}: {}\n    {again}\n", run.seed, run.words());
        }
        text + &self.corpus_text()
    }

    fn corpus_text(&self) -> String {
        let Some(corpus) = &self.explorer.corpus else {
            return String::new();
        };
        let unseen = &self.explorer.unseen;
        let mut text = format!(
            "corpus {}: {} seeds of rare features run again, {} features are new\n",
            corpus.path().display(),
            self.seeds.told_count().min(self.swept.totals.seeds),
            unseen.len()
        );
        for (feature, seed) in unseen.iter().take(NAMED_MAX) {
            text += &format!("  {feature} (seed {seed})\n");
        }
        if unseen.len() > NAMED_MAX {
            text += &format!("  and {} more, in the file\n", unseen.len() - NAMED_MAX);
        }
        text
    }

    /// A case for each seed that failed, and one for all others: a long night has too many to list.
    fn suite(&self, name: String) -> Suite {
        let Totals {
            seeds, valid, vacuous, ..
        } = self.swept.totals;
        let failed = self.swept.failed.iter().map(|run| {
            let name = format!("seed {}", run.seed);
            let (words, again) = (run.words(), command_of_seed(run.seed));
            let text = format!("{words}\n{again}");
            match run.violated.is_empty() && run.missed.is_empty() {
                true => Case::new(name, End::error("not-judged", words, text)),
                false => Case::new(
                    name,
                    End::failed(run.anomalies.first().map_or("threshold", |it| it), words, text),
                ),
            }
        });
        let words = format!("{valid} of {seeds} seeds valid, {vacuous} vacuous");
        let others = match (valid, vacuous) {
            (0, 0) => None,
            (0, _) => Some(End::error(
                "vacuous",
                format!("nothing was put to the test: {words}"),
                "",
            )),
            _ => Some(End::Passed(words.clone())),
        };
        Suite {
            name,
            words: format!("{words}; exit code {}", self.swept.exit().code()),
            seconds: self.wall_time.as_secs_f64(),
            cases: failed
                .chain(others.map(|end| Case::new("all other seeds", end)))
                .collect(),
            again: Vec::new(),
        }
    }

    fn json(&self) -> Value {
        let totals = &self.swept.totals;
        let mut object = json!({
            "format": 1,
            "exit": self.swept.exit().code(),
            "seeds": totals.seeds,
            "first_seed": self.seeds.from(),
            "valid": totals.valid,
            "vacuous": totals.vacuous,
            "failed": self.swept.failed.iter().map(failed_json).collect::<Vec<_>>(),
            "ops": totals.ops,
            "sim_seconds": self.sim_seconds(),
            "wall_seconds": self.wall_time.as_secs_f64(),
            "seeds_per_hour": self.seeds_per_hour(),
        });
        if let Some(corpus) = &self.explorer.corpus {
            let unseen = self.explorer.unseen.iter();
            object["corpus"] = json!({
                "file": corpus.path(),
                "run_again": self.seeds.told_count().min(totals.seeds),
                "new_features": unseen.map(|(feature, seed)| json!({ "feature": feature, "seed": seed })).collect::<Vec<_>>(),
            });
        }
        object
    }
}

fn failed_json(run: &SeedRun) -> Value {
    let mut object = json!({
        "seed": run.seed,
        "exit": run.exit.code(),
        "claims": run.claims(),
        "anomalies": run.anomalies,
        "violated": run.violated,
        "not_judged": run.not_judged,
        "missed": run.missed,
        "command": command_of_seed(run.seed),
    });
    if let Some(error) = &run.error {
        object["error"] = error.as_str().into();
    }
    object
}
